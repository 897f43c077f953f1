"""Which language a page speaks, and its catalogue.

English is the language of the source texts; Chinese comes from `locales/zh/LC_MESSAGES/messages.po`. The catalogue is
compiled in memory when the process starts, so that a fresh clone needs no build step and a stale binary cannot exist.
"""

from __future__ import annotations

import io
from functools import cache
from gettext import NullTranslations
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

from app.core.records import Text

LOCALES = Path(__file__).resolve().parents[2] / "locales"
LANGUAGES = ("en", "zh")
HTML_LANGUAGES = {"en": "en", "zh": "zh-CN"}


def N_(message: str) -> str:  # noqa: N802  # the name that message extraction knows
    """Mark a text for the catalogue where it stands in a constant; it is translated when it is shown."""
    return message


@cache
def translations(language: str) -> NullTranslations:
    """The catalogue of one of LANGUAGES."""
    path = LOCALES / language / "LC_MESSAGES" / "messages.po"
    if not path.exists():
        return NullTranslations()
    with path.open("rb") as file:
        catalogue = read_po(file, locale=language)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)


def negotiate(accept_language: str) -> str:
    """The first of LANGUAGES by the quality values of an Accept-Language header; English if none fits.

    Every Chinese tag (zh, zh-Hans-CN, zh-TW …) is served by the one Chinese catalogue.
    """
    wanted: list[tuple[float, int, str]] = []
    for position, part in enumerate(accept_language.split(",")):
        tag, _, parameters = part.strip().partition(";")
        quality = 1.0
        if parameters.strip().startswith("q="):
            try:
                quality = float(parameters.strip()[2:])
            except ValueError:
                continue
        primary = tag.strip().lower().partition("-")[0]
        if primary in LANGUAGES and quality > 0:
            wanted.append((-quality, position, primary))
    return min(wanted)[2] if wanted else "en"


def say(text: Text, language: str) -> str:
    """The one of the two sentences that fits the page's language."""
    return text.zh if language == "zh" else text.en
