"""`eadscope fragments FILE…`: every fragmented datagram of any capture, with its pieces and what is odd about them."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from app.captures.capture import CaptureError, CaptureReading
from app.core.anomalies import ANOMALIES
from app.core.fragmentation.fragments import FragmentBook, FragmentedDatagram
from app.core.fragmentation.last_seen import LastSeen, last_seen

PIPE_WIDTH = 160


def register(app: typer.Typer) -> None:
    app.command("fragments", short_help="Every fragmented datagram of any capture.")(fragments)


def fragments(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Captures: pcap or pcapng, plain or compressed.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """List every fragmented datagram: its pieces, anomalies, and whether it can be reassembled.

    \b
    Examples:
      eadscope fragments client.pcap
      eadscope fragments client.pcap server.pcap        where each was seen last
      eadscope fragments client.pcap --json | jq '.datagrams[] | select(.anomalies != [])'

    Exit status: 0 all files read; 1 some could not be read; 2 none could.
    """
    datagrams: list[FragmentedDatagram] = []
    read: list[str] = []
    for path in files:
        try:
            datagrams += fragments_of(path)
            read.append(str(path))
        except CaptureError as error:
            print(f"eadscope: {error.text.en} / {error.text.zh}", file=sys.stderr)
    ties = last_seen(datagrams, read) if len(read) > 1 else ()
    if as_json:
        print(json.dumps(to_document(datagrams, ties), ensure_ascii=False))
    else:
        _print_tables(datagrams, ties, len(read))
    if len(read) < len(files):
        raise typer.Exit(1 if read else 2)


def fragments_of(path: Path) -> tuple[FragmentedDatagram, ...]:
    """The fragmented datagrams of one file. Raises CaptureError; what is odd about the file goes to standard error."""
    reading = CaptureReading(path, str(path), frozenset())
    book = FragmentBook()
    for packet in reading.packets():
        if packet.is_fragment:
            book.add(packet)
    for note in reading.facts([]).notes:
        print(f"eadscope: {path}: {note.en} / {note.zh}", file=sys.stderr)
    return book.finish()


def to_document(datagrams: Sequence[FragmentedDatagram], ties: Sequence[LastSeen] = ()) -> dict[str, object]:
    """The JSON document; `last_seen` is there where several files were read."""
    document: dict[str, object] = {"datagrams": [_datagram(datagram) for datagram in datagrams]}
    if ties:
        document["last_seen"] = [_tie(tie) for tie in ties]
    return document


def _datagram(datagram: FragmentedDatagram) -> dict[str, object]:
    return {
        "file": datagram.file,
        "source": datagram.source,
        "destination": datagram.destination,
        "protocol": datagram.protocol,
        "id": datagram.identification,
        "ip_version": datagram.ip_version,
        "fragments": [
            {"frame": piece.frame, "offset": piece.offset, "length": piece.length, "more": piece.more}
            for piece in datagram.fragments
        ],
        "complete": datagram.complete,
        "reassembled_in": datagram.reassembled_in,
        "anomalies": list(datagram.anomalies),
    }


def _tie(tie: LastSeen) -> dict[str, object]:
    return {
        "source": tie.source,
        "destination": tie.destination,
        "protocol": tie.protocol,
        "id": tie.identification,
        "ip_version": tie.ip_version,
        "fragments": [
            {
                "offset": piece.offset,
                "length": piece.length,
                "more": piece.more,
                "seen": [{"file": file, "frame": frame} for file, frame in piece.seen],
                "last_seen": piece.seen[-1][0],
            }
            for piece in tie.pieces
        ],
    }


def _print_tables(datagrams: Sequence[FragmentedDatagram], ties: Sequence[LastSeen], files: int) -> None:
    console = Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False)
    if not datagrams:
        if files:
            console.print("no fragmented datagram / 没有分片报文")
        return
    console.print(_datagram_table(datagrams))
    if ties:
        console.print(_tie_table(ties))
    for name in sorted({name for datagram in datagrams for name in datagram.anomalies}):
        console.print(f"{name}: {ANOMALIES[name].en} / {ANOMALIES[name].zh}", soft_wrap=True)


def _datagram_table(datagrams: Sequence[FragmentedDatagram]) -> Table:
    table = Table(title="fragmented datagrams / 分片报文", title_justify="left")
    for heading in ("file", "from", "to", "proto", "id", "fragments (frame: offset+length)", "whole in", "anomalies"):
        table.add_column(heading, overflow="fold")
    for datagram in datagrams:
        table.add_row(
            datagram.file,
            datagram.source,
            datagram.destination,
            str(datagram.protocol),
            _hex_id(datagram.identification, datagram.ip_version),
            "  ".join(f"{p.frame}: {p.offset}+{p.length}{'…' if p.more else ''}" for p in datagram.fragments),
            "incomplete" if datagram.reassembled_in is None else str(datagram.reassembled_in),
            " ".join(datagram.anomalies),
        )
    return table


def _tie_table(ties: Sequence[LastSeen]) -> Table:
    table = Table(title="where each fragment was last seen / 各分片最后出现的位置", title_justify="left")
    for heading in ("from", "to", "proto", "id", "fragment", "files", "last seen in"):
        table.add_column(heading, overflow="fold")
    for tie in ties:
        for piece in tie.pieces:
            table.add_row(
                tie.source,
                tie.destination,
                str(tie.protocol),
                _hex_id(tie.identification, tie.ip_version),
                f"{piece.offset}+{piece.length}{'…' if piece.more else ''}",
                str(len(piece.seen)),
                f"{piece.seen[-1][0]} frame {piece.seen[-1][1]}",
            )
    return table


def _hex_id(identification: int, ip_version: int) -> str:
    return f"0x{identification:04x}" if ip_version == 4 else f"0x{identification:08x}"
