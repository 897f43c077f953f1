"""What ICMP errors of a terminal's datagrams say; shared by `reassembly-timeout` and `too-big`."""

from __future__ import annotations

from app.core.analysis import Attempt, Evidence
from app.core.diagnosis.case_view import CaseView
from app.core.diagnosis.terminal_view import TerminalView
from app.core.network.traces import IcmpTie
from app.core.records import Packet

Tied = tuple[Attempt, int, IcmpTie]  # (the send that is quoted, its message number, the error)


def errors_of(case: CaseView, terminal: TerminalView) -> list[Tied]:
    if not case.icmp_of:
        return []
    return [
        (attempt, message.number, tie)
        for _, message, attempt in terminal.sends()
        for tie in case.icmp_of.get(id(attempt.datagram), ())
    ]


def is_reassembly_timeout(packet: Packet) -> bool:
    quote = packet.quote
    if quote is None:
        return False
    wanted = (11, 1) if packet.ip_version == 4 else (3, 1)
    return (quote.icmp_type, quote.icmp_code) == wanted


def icmp_evidence(tie: IcmpTie) -> Evidence:
    packet, quote = tie.packet, tie.packet.quote
    kind = f"ICMP {quote.icmp_type}/{quote.icmp_code}" if quote else "ICMP"
    about = "" if quote is None or quote.identification is None else f" · id 0x{quote.identification:04x}"
    mtu = f" · MTU {quote.mtu}" if quote and quote.mtu else ""
    return Evidence(
        packet.source, frame=packet.frame, text=f"{packet.source_ip} > {packet.destination_ip} {kind}{about}{mtu}"
    )
