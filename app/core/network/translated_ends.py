"""Which address and port is known to be translated to which, by datagrams that were found equal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations, product

from app.core.network.groups import Group, Level
from app.core.network.observations import Flow

End = tuple[str, int | None]


class TranslatedEnds:
    def __init__(self, groups: Iterable[Group]) -> None:
        self._pairs: set[frozenset[End]] = set()
        for group in groups:
            if group.level in (Level.TRANSLATED, Level.REWRITTEN):
                for one, other in combinations(group.flows, 2):
                    self._pairs.update(_differing(one, other))

    def join(self, one: Group, other: Group) -> bool:
        """Whether the addresses and ports of one are those of the other, as they are or translated."""
        return any(all(pair in self._pairs for pair in _differing(*flows)) for flows in product(one.flows, other.flows))


def _differing(one: Flow, other: Flow) -> Iterator[frozenset[End]]:
    """Pairs of the sources and of the destinations, where they are not the same."""
    for mine, theirs in zip(_ends(one), _ends(other), strict=True):
        if mine != theirs:
            yield frozenset((mine, theirs))


def _ends(flow: Flow) -> tuple[End, End]:
    source, destination, ports = flow
    return (source, ports and ports[0]), (destination, ports and ports[1])
