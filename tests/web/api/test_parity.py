"""The guide of the API says for each thing that a browser can do how a program does it, and who may."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.access import ROLES, ROUTES, Need

GUIDES = Path(__file__).resolve().parents[3] / "docs" / "guides"
ROW = re.compile(r"^\| `([A-Z]+ /[^`]*)` \| (.+) \|$", re.MULTILINE)
LANGUAGES = ("en", "zh")


def rows(language: str) -> dict[str, str]:
    """Route of a page → what the guide says of it."""
    return dict(ROW.findall((GUIDES / f"api.{language}.md").read_text(encoding="utf-8")))


def named(cell: str) -> list[str]:
    """The API's routes in a cell; none where it gives a reason."""
    return re.findall(r"`([A-Z]+ /api/v1/[^`]+)`", cell)


def who_may(need: Need) -> set[str]:
    return {role for role, needs in ROLES.items() if need in needs}


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_change_that_a_browser_can_make_has_its_route_or_a_reason(language: str) -> None:
    told = rows(language)
    changes = {route for route in ROUTES if not route.startswith("GET ") and "/api/" not in route}
    assert changes - set(told) == set()
    assert set(told) - set(ROUTES) == set()
    assert [cell for cell in told.values() if len(cell) < 5] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_whoever_may_do_it_in_a_browser_may_do_it_over_the_api(language: str) -> None:
    for page, cell in rows(language).items():
        for route in named(cell):
            assert route in ROUTES, f"{page}: {route}"
            assert who_may(ROUTES[page]) <= who_may(ROUTES[route]), f"{page}: {route}"


def test_both_languages_say_the_same() -> None:
    english, chinese = (rows(language) for language in LANGUAGES)
    assert list(english) == list(chinese)
    assert [named(cell) for cell in english.values()] == [named(cell) for cell in chinese.values()]


def test_only_what_belongs_to_a_person_alone_is_left_to_the_browser() -> None:
    left = {page for page, cell in rows("en").items() if not named(cell)}
    assert left - {"POST /login"} == {
        route for route, need in ROUTES.items() if need is Need.ACCOUNT and route.startswith("POST ")
    }
