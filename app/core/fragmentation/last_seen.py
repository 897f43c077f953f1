"""Across several captures, in the order given: in which of them each fragment was seen.

Datagrams of different captures are the same where addresses, protocol and identification agree and their pieces do not
contradict each other; the n-th of them in one capture belongs to the n-th in another. Nothing is put together across
captures, and no clock is compared.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from app.core.fragmentation.fragments import FragmentedDatagram

Key = tuple[int, str, str, int, int]


@dataclass(frozen=True, slots=True)
class SeenPiece:
    offset: int
    length: int
    more: bool
    seen: tuple[tuple[str, int], ...]  # (file, frame), in the order of the files


@dataclass(frozen=True, slots=True)
class LastSeen:
    source: str
    destination: str
    protocol: int
    identification: int
    ip_version: int
    pieces: tuple[SeenPiece, ...]


def last_seen(datagrams: Sequence[FragmentedDatagram], files: Sequence[str]) -> tuple[LastSeen, ...]:
    """One entry for each datagram, in order of the first file's times."""
    rank = {file: number for number, file in enumerate(files)}
    by_key: dict[Key, dict[str, list[FragmentedDatagram]]] = defaultdict(lambda: defaultdict(list))
    for datagram in datagrams:
        if "duplicate" not in datagram.anomalies or datagram.complete:
            by_key[_key(datagram)][datagram.file].append(datagram)
    entries: list[LastSeen] = []
    for of_files in by_key.values():
        for number in range(max(map(len, of_files.values()))):
            same = [found[number] for found in of_files.values() if number < len(found)]
            entries.append(_entry(sorted(same, key=lambda datagram: rank[datagram.file])))
    return tuple(entries)


def _key(datagram: FragmentedDatagram) -> Key:
    return (
        datagram.ip_version,
        datagram.source,
        datagram.destination,
        datagram.protocol,
        datagram.identification,
    )


def _entry(same: Sequence[FragmentedDatagram]) -> LastSeen:
    first = same[0]
    seen: dict[tuple[int, int, bool], dict[str, int]] = defaultdict(dict)
    for datagram in same:
        for piece in datagram.fragments:
            seen[(piece.offset, piece.length, piece.more)].setdefault(datagram.file, piece.frame)
    pieces = tuple(SeenPiece(*key, seen=tuple(frames.items())) for key, frames in sorted(seen.items()))
    return LastSeen(first.source, first.destination, first.protocol, first.identification, first.ip_version, pieces)
