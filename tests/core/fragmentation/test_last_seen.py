from __future__ import annotations

from app.core.fragmentation.fragments import FragmentedDatagram, Piece
from app.core.fragmentation.last_seen import last_seen


def datagram(file: str, *frames: int, ident: int = 7) -> FragmentedDatagram:
    pieces = tuple(Piece(frame, 1480 * at, 1480, True) for at, frame in enumerate(frames) if frame)
    return FragmentedDatagram(file, "10.1.1.1", "10.2.2.2", 17, ident, 4, pieces, False, None, ())


def test_each_fragment_names_the_last_file_in_the_order_given() -> None:
    found = last_seen([datagram("server", 4), datagram("client", 1, 2)], ["client", "server"])
    assert [piece.seen for piece in found[0].pieces] == [(("client", 1), ("server", 4)), (("client", 2),)]


def test_an_identification_used_twice_is_matched_in_order() -> None:
    found = last_seen(
        [datagram("client", 1, 2), datagram("client", 8, 9), datagram("server", 5, 6), datagram("server", 7)],
        ["client", "server"],
    )
    assert [entry.pieces[0].seen for entry in found] == [(("client", 1), ("server", 5)), (("client", 8), ("server", 7))]


def test_other_identifications_are_other_datagrams() -> None:
    assert len(last_seen([datagram("a", 1), datagram("b", 1, ident=8)], ["a", "b"])) == 2
