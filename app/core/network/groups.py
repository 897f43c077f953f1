"""A group: the observations judged to be one datagram, at most one per capture, and why."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from app.core.network.observations import Flow, Observation
from app.core.records import Confidence, Text


class Level(IntEnum):
    """By what the observations were found equal, surest first."""

    NAMED = 0  # addresses, ports, identification, payload
    CONTENT = 1  # no identification to go by: addresses, ports and payload, the only such datagram at each capture
    TRANSLATED = 2  # addresses or ports differ, identification, size and payload are equal
    TIMED = 3  # several alike: the corrected times decide
    REWRITTEN = 4  # identification differs or is missing on one side: size, payload and time or order
    ALTERED = 5  # everything but some bytes of the payload is equal, and the times agree


NAMED, CONTENT, TIMED = Level.NAMED, Level.CONTENT, Level.TIMED
CERTAIN, LIKELY = Confidence.CERTAIN, Confidence.LIKELY
SURE_BYTES = 32  # of payload found equal: more than any constant header, so no accident

REASONS = {
    Level.NAMED: Text(
        "same addresses, identification and size, and every byte captured at both is equal",
        "地址、IP 标识、长度相同，两处都抓到的字节全部一致",
    ),
    Level.CONTENT: Text(
        "no identification to compare; same addresses, ports and payload, and no other datagram like it",
        "没有可比较的 IP 标识；地址、端口和载荷相同，且没有其他相同的报文",
    ),
    Level.TRANSLATED: Text(
        "addresses or ports differ (translated), while identification, size and payload are equal",
        "地址或端口不同（经过地址转换），但 IP 标识、长度和载荷相同",
    ),
    Level.TIMED: Text(
        "several datagrams are alike; told apart by their clock-corrected times",
        "有多个相同的报文，按校正后的时间区分",
    ),
    Level.REWRITTEN: Text(
        "identification differs (rewritten on the way) while size and payload are equal, and the times or order agree",
        "IP 标识不同（途中被改写），但长度和载荷相同，且时间或次序吻合",
    ),
    Level.ALTERED: Text(
        "same addresses, ports, identification, size and time, but bytes of the payload differ: changed on the way",
        "地址、端口、IP 标识、长度和时间相同，但载荷有字节不同：在途中被改动",
    ),
}
NO_COMMON_BYTE = Text(
    "same addresses and identification; no byte was captured at both places, so only the times speak for it",
    "地址和 IP 标识相同；两处没有共同抓到的字节，只能以时间佐证",
)
ONLY_ONE = Text("seen at one capture only", "只在一个抓包中出现")
ORPHAN = Text(
    "only fragments without ports were seen: that they are EAD is a guess by their addresses",
    "只看到不带端口的后续分片：仅按地址推测属于 EAD",
)


class Group:
    """`agreed` is the smallest number of payload bytes that a member shares with the others; `votes` which way it
    travels, above 0 to the server, as far as it was asked (`directions`); `is_timed` unless no clock speaks for it.
    `is_alike` where all members have the same name, ports, sizes and pieces, each piece once: any speaks for all."""

    __slots__ = ("agreed", "is_alike", "is_timed", "level", "members", "rivals", "votes")

    def __init__(self, members: Iterable[Observation], level: Level = Level.NAMED, agreed: int = 0) -> None:
        self.members: dict[int, Observation] = {seen.capture: seen for seen in members}
        self.level = level
        self.agreed = agreed
        self.rivals: list[Observation] = []
        self.votes: int | None = None
        self.is_timed = True
        self.is_alike = False

    @property
    def flows(self) -> set[Flow]:
        """The addresses and ports under which captures saw it; later fragments alone do not say them."""
        return {seen.flow for seen in self.members.values() if seen.head is not None}

    @property
    def lead(self) -> Observation:
        """The member that says most: one with ports if any."""
        if self.is_alike:
            return self.members[min(self.members)]
        return max(self.members.values(), key=lambda seen: (seen.head is not None, len(seen.packets), -seen.capture))

    @property
    def any_member(self) -> Observation:
        return next(iter(self.members.values()))

    @property
    def is_ead(self) -> bool:
        return True in [seen.is_ead for seen in self.members.values()]

    @property
    def has_head(self) -> bool:
        if self.is_alike:
            return next(iter(self.members.values())).head is not None
        return any(seen.head is not None for seen in self.members.values())

    @property
    def is_fragmented(self) -> bool:
        """Whether any member shows it in fragments."""
        if self.is_alike:
            return next(iter(self.members.values())).is_fragmented
        return True in [seen.is_fragmented for seen in self.members.values()]

    def take(self, other: Group, level: Level, agreed: int) -> None:
        """Join another group; where one capture is in both, it saw the datagram on both sides of a device."""
        known = [agreed, *(group.agreed for group in (self, other) if len(group.members) > 1)]
        for capture, seen in other.members.items():
            if capture in self.members:
                first, second = sorted((self.members[capture], seen), key=lambda item: item.time_ns)
                first.absorb(second)
                self.members[capture] = first
            else:
                self.members[capture] = seen
        self.level = max(self.level, other.level, level)
        self.agreed = min(known)
        self.rivals.extend(other.rivals)
        self.votes = None
        self.is_alike = False

    def confidence(self) -> Confidence | None:
        if self.rivals:
            return Confidence.POSSIBLE
        if len(self.members) < 2:
            return None
        if self.level >= TIMED or self.agreed == 0:
            return LIKELY
        if self.level == NAMED:
            return CERTAIN
        if self.level == CONTENT and not self.is_timed:
            return LIKELY
        return CERTAIN if self.agreed >= SURE_BYTES else LIKELY

    def reason(self) -> Text:
        if len(self.members) < 2:
            return ONLY_ONE
        if self.agreed == 0 and self.level == NAMED:
            return NO_COMMON_BYTE
        return REASONS[self.level]
