"""Colours and fonts of all drawings.

Every text colour has a contrast of at least 4.5 to 1 on its background (WCAG AA), every line that carries meaning at
least 3 to 1, and no two signs differ by colour alone: shape or dash differs as well.
The hues are told apart with the common kinds of colour blindness (blue, orange-red and amber; grey for the unknown).
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

# Unquoted, since not every renderer of SVG reads quotes inside an attribute. The simplified-Chinese face is named
# before any general fallback, which would take Japanese shapes.
FONTS = (
    "Noto Sans, Noto Sans CJK SC, Noto Sans SC, Source Han Sans SC, Microsoft YaHei, PingFang SC, "
    "WenQuanYi Micro Hei, DejaVu Sans, Arial, sans-serif"
)


@dataclass(frozen=True, slots=True)
class Theme:
    name: str
    background: str
    text: str
    muted: str
    lane: str
    band: str  # folded stretches
    to_server: str
    to_client: str
    lost: str
    unknown: str
    log: str
    check: str
    check_fill: str
    wait: str
    wait_fill: str
    good: str
    bad: str
    box: str  # fill of a fragment that was seen
    amber: str


LIGHT = Theme(
    name="light",
    background="#ffffff",
    text="#16202c",
    muted="#52606f",
    lane="#aab4c0",
    band="#eef1f5",
    to_server="#0b5cad",
    to_client="#5b3fa8",
    lost="#c02a0a",
    unknown="#66717f",
    log="#52606f",
    check="#0f6b4f",
    check_fill="#bfe5d6",
    wait="#7a5200",
    wait_fill="#f3dca6",
    good="#0f6b4f",
    bad="#c02a0a",
    box="#cfe2f7",
    amber="#7a5200",
)

DARK = Theme(
    name="dark",
    background="#12171f",
    text="#e8edf4",
    muted="#a4b0bf",
    lane="#4a5666",
    band="#1c232e",
    to_server="#78b4ff",
    to_client="#c3a8ff",
    lost="#ff8a6b",
    unknown="#9aa6b5",
    log="#a4b0bf",
    check="#66d1ac",
    check_fill="#1d4a3c",
    wait="#f0c060",
    wait_fill="#54431a",
    good="#66d1ac",
    bad="#ff8a6b",
    box="#20466f",
    amber="#f0c060",
)

# For a drawing inside of a page: whichever of the two the page has. Only the browser knows what "auto" came to.
PAGE = Theme("page", *(f"light-dark({a},{b})" for a, b in zip(astuple(LIGHT)[1:], astuple(DARK)[1:], strict=True)))

THEMES = {theme.name: theme for theme in (LIGHT, DARK, PAGE)}


def theme_of(name: str) -> Theme:
    """The theme of that name; an unknown name (it may come from an address) means light."""
    return THEMES.get(name, LIGHT)
