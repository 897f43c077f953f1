"""What is kept of an analysis is never shown for another one, and holds nothing of whoever asked first."""

from __future__ import annotations

import re

import httpx
import pytest
from jinja2 import UndefinedError

from app.access import Role
from app.db.models import Case
from app.db.save import prune, save_analysis
from app.web.templating import environment, render_part
from app.web.terminals import nearest
from tests.people import sign_in
from tests.web.conftest import Site
from tests.web.sample_case import sample_analysis, told_by_a_device
from tests.web.test_guard import guest
from tests.web.test_view import view


def new_case(site: Site, users: int, user: str) -> int:
    with site.sessions() as db, db.begin():
        db.add(case := Case(title=f"case of {user}"))
        db.flush()
        save_analysis(db, case.id, sample_analysis(users, user))
        return case.id


def remove(site: Site, case: int) -> None:
    with site.sessions() as db, db.begin():
        db.delete(db.get_one(Case, case))


def test_a_page_shows_the_newest_analysis_however_often_it_was_asked_for(site: Site) -> None:
    case = new_case(site, 4, "before{n:02d}")
    places = ("", "/terminals/t1", "/terminals/t1/ladder.json", "/compare?t=t1&t=t3", "/charts/size", "?sort=user")

    def everything() -> list[str]:
        return [site.client.get(f"/cases/{case}{place}").raise_for_status().text for place in places]

    first, again = everything(), everything()
    assert first == again
    assert sum("before01" in text for text in first) >= 4
    with site.sessions() as db, db.begin():
        save_analysis(db, case, told_by_a_device(sample_analysis(3, "after{n:02d}"), b"told"))
        prune(db, case)
    now = everything()
    assert not any("before0" in text for text in now)
    assert "3 terminals" in now[0] and "after01" in now[0] and "after01" in now[1]
    assert now[2] != first[2]
    remove(site, case)


def test_what_one_person_was_shown_tells_the_next_nothing_of_that_person(site: Site) -> None:
    case = new_case(site, 4, "user{n:02d}")
    admin = sign_in(site.app, Role.ADMIN)
    support = sign_in(site.app, Role.SUPPORT)
    shown = {}
    with admin.client(site.url) as one, support.client(site.url) as other:
        link = httpx.Client(base_url=site.url, headers=guest(site.app, case)(), trust_env=False)
        for name, client in (("admin", one), ("support", other), ("guest", link), ("admin again", one)):
            pages = [client.get(f"/cases/{case}{place}").raise_for_status().text for place in ("", "/terminals/t1")]
            shown[name] = "\n".join(pages)
        link.close()
    assert "user01" in shown["guest"]
    assert admin.csrf in shown["admin"] and support.csrf in shown["support"]
    assert admin.csrf not in shown["support"] + shown["guest"] and admin.name not in shown["support"] + shown["guest"]
    assert support.csrf not in shown["admin again"] + shown["guest"]
    assert 'method="post"' not in shown["guest"] and "hold-case" not in shown["support"]
    assert shown["admin again"] == shown["admin"]
    remove(site, case)


def test_a_piece_that_is_kept_cannot_ask_who_reads_it() -> None:
    with pytest.raises(UndefinedError, match="principal"):
        render_part(view(), "points.html", points=[1])


@pytest.mark.parametrize(("language", "word", "number"), [("en", "Cases", "message"), ("zh", "案例", "号报文")])
def test_texts_are_translated_when_a_template_is_compiled_and_variables_still_escaped(
    language: str, word: str, number: str
) -> None:
    env = environment(language)
    source = (
        "{% trans %}Cases{% endtrans %}|{{ _('Cases') }}|{{ _('message %(number)s', number=x) }}|"
        "{% for a in 'ab' %}{% trans %}Cases{% endtrans %}{{ a }}{% else %}{% trans %}Cases{% endtrans %}{% endfor %}"
    )
    made = env.from_string(source).render(x="<i>")
    assert made.startswith(f"{word}|{word}|") and made.endswith(f"{word}a{word}b")
    assert number in made and "&lt;i&gt;" in made and "<i>" not in made
    assert len(re.findall(word, env.compile(source, raw=True))) == 4, "the compiled template has the words in it"


def test_a_failed_terminal_is_compared_with_the_passed_one_that_is_nearest_in_size() -> None:
    passed = [(-1, "unknown"), (640, "a"), (640, "b"), (3_310, "c")]
    assert nearest(passed, 700) in ("a", "b")
    assert nearest(passed, 2_641) == "c"
    assert nearest(passed, 99_999) == "c"
    assert nearest([], 5) is None
    assert nearest(passed, None) in ("unknown", "a")


def test_a_figure_is_not_sent_again_until_it_would_be_another(site: Site) -> None:
    address = f"/cases/{site.case}/terminals/t1/ladder.json"
    first = site.client.get(address)
    again = {"If-None-Match": first.headers["etag"]}
    kept = site.client.get(address, headers=again)
    assert (kept.status_code, kept.content) == (304, b"")
    for change in ("lang=zh", "theme=dark", "zone=utc", "corrected=0", "session=s1"):
        assert site.client.get(f"{address}?{change}", headers=again).status_code == 200, change
