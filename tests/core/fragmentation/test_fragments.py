from __future__ import annotations

from app.core.fragmentation import fragments
from app.core.fragmentation.fragments import FragmentBook, FragmentedDatagram, list_fragments
from app.core.records import NS, Packet


def piece(
    frame: int,
    offset: int = 0,
    more: bool = True,
    ident: int = 7,
    vlan: int | None = None,
    source: str = "10.1.1.1",
    second: int = 0,
    captured: int = 800,
) -> Packet:
    return Packet(
        source="a.pcap", frame=frame, time_ns=second * NS, ip_version=4, source_ip=source, destination_ip="9.9.9.9",
        protocol=17, identification=ident, offset_bytes=offset, length_bytes=800, more=more, ttl=64,
        payload=bytes(captured), captured_bytes=captured, vlans=() if vlan is None else (vlan,),
    )  # fmt: skip


def frames(datagram: FragmentedDatagram) -> list[int]:
    return [one.frame for one in datagram.fragments]


def test_the_piece_that_completes_a_datagram_closes_it() -> None:
    found = list_fragments([piece(1), piece(2, 800, False), piece(3, 800, False)])
    assert [(frames(one), one.reassembled_in) for one in found] == [([1, 2], 2), ([3], None)]
    assert found[1].anomalies[0] == "duplicate"


def test_private_addresses_are_told_apart_by_vlan_public_ones_are_not() -> None:
    private = list_fragments([piece(1, vlan=5), piece(2, 800, False, vlan=6)])
    assert [one.complete for one in private] == [False, False]
    public = list_fragments([piece(1, vlan=5, source="8.8.8.8"), piece(2, 800, False, vlan=6, source="8.8.8.8")])
    assert [one.complete for one in public] == [True]


def test_a_cut_piece_is_listed_and_does_not_complete() -> None:
    (found,) = list_fragments([piece(1), piece(2, 800, False, captured=40)])
    assert (frames(found), found.complete, found.anomalies) == ([1, 2], False, ("cut",))


def test_pieces_that_wait_for_long_lose_their_bytes_not_their_place(monkeypatch) -> None:
    monkeypatch.setattr(fragments, "OPEN_WITH_PAYLOAD", 3)
    book = FragmentBook()
    for ident in range(10):
        book.add(piece(ident + 1, ident=ident))
    for ident in range(10):
        book.add(piece(ident + 11, 800, False, ident=ident))
    assert all(one.complete for one in book.finish())
