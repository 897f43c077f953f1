from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po

from app.web.i18n import LANGUAGES, LOCALES, negotiate, translations
from app.web.templating import environment

ROOT = LOCALES.parent


def texts_in_source() -> Catalog:
    with (LOCALES / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)
    keywords = {"_": None, "gettext": None, "ngettext": (1, 2), "N_": None}
    catalog = Catalog()
    for folder in ("app/web", "templates"):
        found = extract_from_dir(
            ROOT / folder,
            [(pattern.removeprefix(f"{folder}/"), method) for pattern, method in methods],
            {pattern.removeprefix(f"{folder}/"): values for pattern, values in options.items()},
            keywords=keywords,
        )
        for _name, _line, message, _comments, context in found:
            catalog.add(message, context=context)
    return catalog


@pytest.fixture(scope="module")
def chinese() -> Catalog:
    with Path(LOCALES, "zh", "LC_MESSAGES", "messages.po").open("rb") as file:
        return read_po(file, locale="zh")


def test_every_text_of_the_pages_has_a_chinese_one_that_is_not_fuzzy(chinese: Catalog) -> None:
    source = texts_in_source()
    assert len(source) > 200
    missing = [
        m.id for m in source if m.id and ((own := chinese.get(m.id)) is None or not own.string or not all(own.string))
    ]
    assert missing == []
    assert [m.id for m in chinese if m.id and m.fuzzy] == []


def test_no_chinese_text_is_left_without_its_use(chinese: Catalog) -> None:
    source = texts_in_source()
    assert [m.id for m in chinese if m.id and source.get(m.id) is None] == []


def test_placeholders_are_the_same_in_both_languages(chinese: Catalog) -> None:
    assert [(m.id, [str(e) for e in errors]) for m, errors in chinese.check()] == []


def test_the_catalogue_works_without_a_compiled_file() -> None:
    assert not list(LOCALES.rglob("*.mo"))
    assert translations("zh").gettext("Cases") == "案例"
    assert translations("zh").ngettext("%(num)d case", "%(num)d cases", 2) == "%(num)d 个案例"
    assert translations("en").gettext("Cases") == "Cases"


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("zh-Hant-TW", "zh"),
        ("en-GB,en;q=0.9,zh;q=0.1", "en"),
        ("de-DE,de;q=0.9,zh;q=0.3,en;q=0.2", "zh"),
        ("de", "en"),
        ("", "en"),
        ("zh;q=0, en;q=0.1", "en"),
        ("zh;q=x", "en"),
        (";;,,", "en"),
    ],
)
def test_the_browser_chooses_the_language(header: str, language: str) -> None:
    assert negotiate(header) == language
    assert language in LANGUAGES


def test_what_is_filled_into_a_translated_text_is_escaped() -> None:
    for text in (
        "{{ _('Fragments at %(point)s', point=name) }}",
        "{% trans point=name %}Fragments at {{ point }}{% endtrans %}",
    ):
        shown = environment("zh").from_string(text).render(name="<b>&")
        assert shown == translations("zh").gettext("Fragments at %(point)s") % {"point": "&lt;b&gt;&amp;"}
