"""What a capture would have let in: the filter it was taken through, recorded or guessed from what is absent."""

from __future__ import annotations

import re
from dataclasses import dataclass

from app.core.records import CaptureFacts, Text

# More different services than this in one file, and nobody chose them by a filter.
FEW_PORTS = 4
# So few frames have few ports whatever they were taken through.
FEW_FRAMES = 2

_NEGATED_PORT = re.compile(
    r"(?:\bnot\b|!)\s*\(?\s*(?:(?:tcp|udp|sctp|src|dst|or|and)\s+)*port(?:range)?\s+[\w-]+", re.I
)
_PORTS = re.compile(
    r"\bport(?:range)?\s+((?:\(?\s*\d+(?:-\d+)?\s*\)?(?:\s+or\s+)?)+)"
    r"|\b(?:udp|tcp)(?:\.(?:src|dst)?port)\s*==\s*(\d+)",
    re.I,
)
_NEEDS_PORTS = re.compile(r"\bport(?:range)?\b|\b(?:udp|tcp)\s*\[|\b(?:udp|tcp)\.(?:src|dst)?port\b", re.I)
_KEEPS_FRAGMENTS = re.compile(r"ip6?\s*\[\s*[67]|\bfrag|ip6?\s+proto(?:chain)?\s+44|ip6\s+44", re.I)
_ADDRESS = re.compile(r"\bhost\s+\(?\s*([0-9a-f:.]+)", re.I)
_ADDRESS_ONLY = re.compile(r"\b(?:net|ether|vlan|gateway|broadcast|multicast)\b", re.I)


HAS_LATER = Text(
    "it holds fragments with an offset, so its filter lets them in", "其中有带偏移的分片，过滤条件允许分片"
)
MANY_SERVICES = Text("it holds many services, so nothing was filtered by port", "其中有多种业务，未按端口过滤")


TOO_LITTLE = Text(
    "there is too little in it to say whether it was filtered", "其中的帧太少，无法判断抓包时是否使用了过滤条件"
)


@dataclass(frozen=True, slots=True)
class FilterView:
    """`hides_later`: fragments with an offset (which have no ports) do not get in. `ports`: what it lets in, None for
    all. `hosts`: the addresses it is limited to, None for all. `is_open`: nobody can say whether it was filtered."""

    hides_later: bool = False
    ports: frozenset[int] | None = None
    hosts: frozenset[str] | None = None
    reason: Text | None = None
    is_open: bool = False


def view_filter(facts: CaptureFacts) -> FilterView:
    recorded = [interface.recorded_filter for interface in facts.interfaces if interface.recorded_filter]
    if recorded:
        return _read_recorded(facts, " or ".join(recorded))
    if facts.later_fragments:
        return FilterView(reason=HAS_LATER)
    if facts.non_ip_frames or facts.tcp_frames or facts.other_frames:
        return FilterView(
            reason=Text(
                "it holds other traffic (ARP, TCP …), so it was not taken through a port filter",
                "其中有其他流量（ARP、TCP 等），不是按端口过滤抓取的",
            )
        )
    if len(facts.udp_ports) > FEW_PORTS:
        return FilterView(reason=MANY_SERVICES)
    if facts.frames <= FEW_FRAMES:
        return FilterView(ports=frozenset(facts.udp_ports), reason=TOO_LITTLE, is_open=True)
    ports = ", ".join(map(str, sorted(facts.udp_ports))) or "-"
    return FilterView(
        hides_later=True,
        ports=frozenset(facts.udp_ports),
        reason=Text(
            f"it holds nothing but UDP of few ports ({ports}) and no fragment with an offset of anybody:"
            " it looks taken through a port filter, which hides such fragments",
            f"其中只有少数 UDP 端口（{ports}）的报文，且没有任何带偏移的分片：看来是按端口过滤抓取的，这会隐藏后续分片",
        ),
    )


def _read_recorded(facts: CaptureFacts, expression: str) -> FilterView:
    positive = _NEGATED_PORT.sub(" ", expression)
    shown = expression[:120]
    needs_ports = bool(_NEEDS_PORTS.search(positive)) and not _KEEPS_FRAGMENTS.search(expression)
    hosts = frozenset(_ADDRESS.findall(positive)) if not _ADDRESS_ONLY.search(positive) else frozenset()
    numbers: set[int] = set()
    for plain, display in _PORTS.findall(positive):
        numbers.update(_expand(plain or display))
    if needs_ports and not facts.later_fragments:
        return FilterView(
            hides_later=True,
            ports=frozenset(numbers) or None,
            hosts=hosts or None,
            reason=Text(
                f"its recorded filter ({shown}) asks for ports, which fragments with an offset do not have",
                f"其记录的过滤条件（{shown}）要求端口，而后续分片没有端口",
            ),
        )
    return FilterView(
        hosts=hosts or None,
        reason=Text(f"its recorded filter ({shown}) lets fragments in", f"其记录的过滤条件（{shown}）允许分片"),
    )


def _expand(text: str) -> set[int]:
    found: set[int] = set()
    for low, high in re.findall(r"(\d+)(?:-(\d+))?", text):
        first, last = int(low), int(high or low)
        found.update(range(first, min(last, first + 65_535) + 1))
    return found
