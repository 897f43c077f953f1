"""Which frames and which log lines of a case belong to the chosen terminals, and what each frame is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from app.core.analysis import Attempt, CaseAnalysis, DatagramFate, FragmentFate, Message, Seen, Terminal
from app.core.records import Packet


@dataclass(frozen=True, slots=True)
class Choice:
    """Keys are source paths. `addresses` are the chosen terminals' own: frames of them are taken although no message
    was tied to them, unless another terminal shares the address. `datagrams` gives all frames of one datagram, at every
    point, the same number."""

    terminals: tuple[Terminal, ...]
    frames: dict[str, dict[int, str]] = field(default_factory=dict)  # frame number → what it is
    datagrams: dict[str, dict[int, int]] = field(default_factory=dict)
    lines: dict[str, frozenset[int]] = field(default_factory=dict)
    foreign_lines: dict[str, frozenset[int]] = field(default_factory=dict)  # of terminals that are not chosen
    addresses: frozenset[str] = frozenset()
    translated: frozenset[str] = frozenset()  # address:port of the chosen behind a translation

    @property
    def identities(self) -> frozenset[str]:
        return _identities(self.terminals)


class NoSuchTerminal(Exception):
    """No terminal answers to this name."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def find_terminals(analysis: CaseAnalysis, names: Sequence[str]) -> tuple[Terminal, ...]:
    """Terminals by key, user, MAC (any writing) or address, in the order of the analysis; all of them for no names.

    Raises NoSuchTerminal.
    """
    if not names:
        return analysis.terminals
    found: set[str] = set()
    for name in names:
        keys = {terminal.key for terminal in analysis.terminals if _answers_to(terminal, name)}
        if not keys:
            raise NoSuchTerminal(name)
        found |= keys
    return tuple(terminal for terminal in analysis.terminals if terminal.key in found)


def _answers_to(terminal: Terminal, name: str) -> bool:
    wanted = name.strip().lower()
    mac = "".join(char for char in wanted if char not in ":-.")
    return (
        wanted in (terminal.key.lower(), (terminal.user or "").lower())
        or wanted in {ip.lower() for ip in terminal.ip}
        or (len(mac) == 12 and terminal.mac is not None and mac == terminal.mac.replace(":", "").lower())
    )


def choose(analysis: CaseAnalysis, terminals: Sequence[Terminal]) -> Choice:
    """Everything of the case that belongs to `terminals`, which are some of its own."""
    keys = {terminal.key for terminal in terminals}
    others = [terminal for terminal in analysis.terminals if terminal.key not in keys]
    frames: dict[str, dict[int, str]] = {}
    datagrams: dict[str, dict[int, int]] = {}
    sent = (one for terminal in terminals for one in _sent(terminal))
    for number, (message, attempt) in enumerate(sent):
        if attempt.datagram is not None:
            for source, frame, text in _frames(message, attempt, attempt.datagram):
                frames.setdefault(source, {}).setdefault(frame, text)
                datagrams.setdefault(source, {}).setdefault(frame, number)
    foreign = {ip for terminal in others for ip in terminal.ip}
    return Choice(
        terminals=tuple(terminals),
        frames=frames,
        datagrams=datagrams,
        lines=_lines(terminals),
        foreign_lines=_lines(others),
        addresses=frozenset(ip for terminal in terminals for ip in terminal.ip) - foreign,
        translated=frozenset(_translated(terminals)),
    )


def _sent(terminal: Terminal) -> Iterator[tuple[Message, Attempt]]:
    for session in terminal.sessions:
        for message in session.messages:
            for attempt in message.attempts:
                yield message, attempt


def _frames(message: Message, attempt: Attempt, fate: DatagramFate) -> Iterator[tuple[str, int, str]]:
    for fragment in fate.fragments:
        for point, sighting in fragment.sightings.items():
            if sighting.source is None:
                continue
            for number, frame in enumerate(sighting.frames):
                again = number > 0 and point not in fate.split_at
                yield sighting.source, frame, describe(message, attempt, fate, fragment, point, again=again)


def describe(
    message: Message, attempt: Attempt, fate: DatagramFate, fragment: FragmentFate, point: str, *, again: bool = False
) -> str:
    """ "EAD 3, attempt 2 of 4, fragment 1480+1183 of id 0x2d86: last seen here"."""
    text = f"EAD {message.number}"
    if len(message.attempts) > 1:
        text += f", attempt {attempt.attempt} of {len(message.attempts)}"
    identification = "" if fate.identification is None else f" id 0x{fate.identification:04x}"
    if len(fate.fragments) > 1 or fragment.offset:
        text += f", fragment {fragment.offset}+{fragment.length}" + (f" of{identification}" if identification else "")
    else:
        text += ", whole datagram" + (f",{identification}" if identification else "")
    if point in fate.split_at:
        text += ", fragmented otherwise here"
    if again:
        text += ", the same again"
    if _is_last_seen(fate, fragment, point):
        text += ": last seen here"
    return text


def _is_last_seen(fate: DatagramFate, fragment: FragmentFate, point: str) -> bool:
    if fate.lost_between is None or fate.lost_between[0] != point:
        return False
    beyond = fragment.sightings.get(fate.lost_between[1])
    return beyond is not None and beyond.state is Seen.MISSING


def _lines(terminals: Iterable[Terminal]) -> dict[str, frozenset[int]]:
    found: dict[str, set[int]] = {}
    for terminal in terminals:
        for session in terminal.sessions:
            shown = [item for message in session.messages for attempt in message.attempts for item in attempt.evidence]
            for item in [*shown, *(mark.evidence for mark in session.marks)]:
                if item.line is not None:
                    found.setdefault(item.source, set()).add(item.line)
    return {source: frozenset(lines) for source, lines in found.items()}


def _identities(terminals: Iterable[Terminal]) -> frozenset[str]:
    """Users, MACs and event ids: what a log record names its terminal by."""
    names: set[str | None] = set()
    for terminal in terminals:
        names |= {terminal.user, terminal.mac, *(session.event_id for session in terminal.sessions)}
    return frozenset(name for name in names if name)


def identities_of_others(analysis: CaseAnalysis, choice: Choice) -> frozenset[str]:
    keys = {terminal.key for terminal in choice.terminals}
    return _identities(t for t in analysis.terminals if t.key not in keys) - choice.identities


def _translated(terminals: Iterable[Terminal]) -> Iterator[str]:
    for terminal in terminals:
        for _, attempt in _sent(terminal):
            if attempt.datagram is not None:
                yield attempt.datagram.source
                yield attempt.datagram.destination
                for pair in attempt.datagram.translations.values():
                    yield from pair


def describe_other(packet: Packet, choice: Choice) -> str | None:
    """What a packet is that no message was tied to: an ICMP error about the chosen, or other traffic of theirs that the
    analysis looks at. None: it is none of theirs."""
    quote = packet.quote
    if quote is not None:
        ends = {quote.source_ip, quote.destination_ip}
        ports = {
            f"{ip}:{port}"
            for ip, port in ((quote.source_ip, quote.source_port), (quote.destination_ip, quote.destination_port))
        }
        client_ports = ports & choice.translated
        if ends & choice.addresses or len(client_ports) == 2:
            number = "" if quote.identification is None else f", quotes id 0x{quote.identification:04x}"
            return f"ICMP type {quote.icmp_type} code {quote.icmp_code}{number}"
        return None
    if not {packet.source_ip, packet.destination_ip} & choice.addresses:
        return None
    if packet.is_fragment:
        number = "" if packet.identification is None else f" of id 0x{packet.identification:04x}"
        return f"fragment {packet.offset_bytes}+{packet.length_bytes}{number}, tied to no message"
    return "EAD port, tied to no message"
