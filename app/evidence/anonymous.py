"""A gathered packet with everything replaced that names somebody; the map of it stays with whoever made it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from ipaddress import ip_address

from app.core.analysis import CaseAnalysis, Finding, Terminal
from app.core.anonymise.addresses import AddressMap
from app.core.anonymise.bodies import BodyMap
from app.core.anonymise.dumps import DumpMap
from app.core.anonymise.frames import FrameMap, Place, Plan, innermost, pieces_of
from app.core.anonymise.identifiers import event_ids_in, names_in
from app.core.anonymise.names import NameMap
from app.core.anonymise.octets import OctetMap
from app.core.anonymise.paths import masked_path
from app.core.anonymise.text import BREAK, TextMap
from app.core.evidence.manifest import Extract
from app.core.parsers.capture_formats import LINK_ETHERNET
from app.core.parsers.log_text import wide_codec
from app.core.records import Text
from app.evidence.captures import CaptureExtract, ExtractFrame
from app.evidence.kept import Kept
from app.evidence.leaks import Leaks
from app.evidence.log_texts import body_reader, chunks, shown_in, texts_of, v4_in
from app.evidence.secrets import Secrets

TRIES = 200


class Mask:
    """Everything about one packet that is replaced."""

    def __init__(self, known: Secrets, analysis: CaseAnalysis, kept: Kept) -> None:
        self._secrets, self._kept = known, kept
        users = {terminal.user for terminal in analysis.terminals if terminal.user}
        macs = {terminal.mac for terminal in analysis.terminals if terminal.mac} | set(_frame_macs(kept))
        ids = {one.event_id for terminal in analysis.terminals for one in terminal.sessions if one.event_id}
        self._names = NameMap(known.users, known.macs, known.words, known.ids)
        texts = [text for content in kept.files.values() for text in texts_of(content)]
        texts += [shown for text in texts for shown in shown_in(text)]
        texts += self._messages()
        words = {name for text in texts for name in names_in(BREAK.sub("", text))}
        ids |= {found for text in texts for found in event_ids_in(BREAK.sub("", text))}
        self._names.learn(users, macs, words, ids)
        found = {*_addresses(analysis, kept), *(one for text in texts for one in v4_in(text))}
        self._addresses = _address_map(known, found)
        for address in (*found, *known.addresses):
            self._addresses.text(address)  # so that it is known before its bytes are looked for
        self._texts = TextMap(self._names, self._addresses)
        self._texts.learn_numbers(found)
        for text in texts:
            self._texts.learn_from(text)
        self._octets = OctetMap(self._texts)
        self._bodies = BodyMap(self._octets, known.key)
        self._dumps = DumpMap(self._texts, self._octets, known.key)
        self._paths = {path: masked_path(path, self._names.word) for path in _paths(kept)}

    def _messages(self) -> list[str]:
        """What can be read in the datagrams that were taken along."""
        bodies = body_reader()
        groups = self._datagrams()
        whole = (pieces_of((frame.octets, place) for _, frame, place in members) for members in groups.values())
        return [bodies.readable(old[8:]) for old in whole]

    def text(self, text: str) -> str:
        """A sentence of ours, which may quote a path."""
        for path, new in self._paths.items():
            text = text.replace(path, new)
        return self._texts.replace(text)

    def path(self, path: str) -> str:
        """A file's or a capture point's name."""
        return self._paths[path] if path in self._paths else masked_path(path, self._names.word)

    def kept(self) -> Kept:
        """The packet's parts with everything replaced; what could not be is told among its problems."""
        plans = self._plans()
        old = self._kept
        masked = Kept(
            captures={self.path(path): self._capture(extract, plans) for path, extract in old.captures.items()},
            files={self.path(path): self._file(content) for path, content in old.files.items()},
            extracts={self.path(path): self._extract(extract) for path, extract in old.extracts.items()},
            formats={path: self._file(content) for path, content in old.formats.items()},
            # A digest of an original says whose it is to everybody who has it.
            originals=[
                replace(one, path=self.path(one.path), source=self.path(one.source), sha256="") for one in old.originals
            ],
            problems=[Text(self.text(one.en), self.text(one.zh)) for one in old.problems],
        )
        names = self._names
        self._secrets.users, self._secrets.macs = names.users, names.macs
        self._secrets.words, self._secrets.ids = names.words, names.ids
        self._secrets.files |= {one.sha256: self.path(one.source) for one in old.originals}
        self._secrets.addresses |= self._addresses.known
        return replace(masked, problems=[*masked.problems, *self._losses()])

    def _losses(self) -> Iterator[Text]:
        if self._bodies.sealed:
            yield Text(
                "Datagrams whose contents were encrypted, incomplete, or could not be packed again to the same size: "
                f"{self._bodies.sealed}. Their contents were replaced by bytes that say nothing; headers and sizes are "
                "as they were.",
                f"有 {self._bodies.sealed} 个报文的内容已加密、不完整或无法重新压缩到相同大小，已用无意义的字节替换；"
                "首部和大小不变。",
            )
        if self._dumps.bodies.sealed:
            yield Text(
                f"Contents shown in logs as hexadecimal digits that were encrypted, incomplete, or could not be packed "
                f"again to the same size: {self._dumps.bodies.sealed}. They were replaced by bytes that say nothing.",
                f"日志中以十六进制显示的内容有 {self._dumps.bodies.sealed} 处已加密、不完整或无法重新压缩到相同大小，"
                "已用无意义的字节替换。",
            )
        if self._texts.blanked:
            yield Text(
                "Addresses within messages that were filled with zeros, since their replacements are longer: "
                f"{self._texts.blanked}.",
                f"报文内容中有 {self._texts.blanked} 处地址因替换值更长而置零。",
            )

    def terminals(self, terminals: Sequence[Terminal]) -> tuple[Terminal, ...]:
        """As they are called in the packet: identities, and the points that findings name."""
        return tuple(
            replace(
                terminal,
                user=self._names.users.get(terminal.user, terminal.user) if terminal.user else None,
                mac=self._names.mac(terminal.mac) if terminal.mac else None,
                ip=tuple(sorted(self._addresses.text(ip) for ip in terminal.ip)),
                findings=tuple(self._finding(finding) for finding in terminal.findings),
            )
            for terminal in terminals
        )

    def _finding(self, finding: Finding) -> Finding:
        between = finding.between
        return replace(finding, between=(self.path(between[0]), self.path(between[1])) if between else None)

    def leaks(self, files: Mapping[str, bytes]) -> list[Text]:
        """Files in which an original name still stands, as bytes or as the digits of bytes. There should be none."""
        found = Leaks(self._names, self._octets).among(files)
        return [Text(f"{path}: an original name is still in it.", f"{path}：仍含有原始标识。") for path in found]

    # ------------------------------------------------------------ captures

    def _plans(self) -> dict[tuple[str, int], Plan]:
        """What becomes of each frame's datagram: (source, frame) → plan. One plan serves every point that saw it."""
        groups = self._datagrams()
        plans: dict[tuple[str, int], Plan] = {}
        self._quotes: dict[tuple[bytes, bytes, int], Plan] = {}
        for members in groups.values():
            old = pieces_of((frame.octets, place) for _, frame, place in members)
            plan = Plan(old, old[:8] + self._bodies.payload(old[8:]))
            for source, frame, place in members:
                plans[source, frame.number] = plan
                self._quotes[place.source, place.destination, place.identification] = plan
        return plans

    def _datagrams(self) -> dict[object, list[tuple[str, ExtractFrame, Place]]]:
        """All frames of each datagram, at whatever point, with their sources."""
        groups: dict[object, list[tuple[str, ExtractFrame, Place]]] = {}
        for extract in self._kept.captures.values():
            for frame in extract.frames:
                place = innermost(frame.octets, extract.interfaces[frame.interface].link_type)
                if place is None or place.protocol not in (6, 17):
                    continue
                ends = (extract.source, place.source, place.destination, place.protocol, place.identification)
                key = frame.datagram if frame.datagram is not None else ends
                groups.setdefault(key, []).append((extract.source, frame, place))
        return groups

    def _capture(self, extract: CaptureExtract, plans: Mapping[tuple[str, int], Plan]) -> CaptureExtract:
        frames = FrameMap(self._addresses, self._names, lambda *quoted: self._quotes.get(quoted))
        rewritten = []
        for frame in extract.frames:
            link_type = extract.interfaces[frame.interface].link_type
            plan = plans.get((extract.source, frame.number))
            octets = frames.rewrite(frame.octets, link_type, plan, frame.addresses)
            if plan is None:
                # No datagram to plan for: a name in it is replaced where it stands.
                octets = self._octets.text(octets)
            rewritten.append(replace(frame, octets=octets, comment=self.text(frame.comment)))
        interfaces = tuple(
            replace(
                facts,
                name=self.text(facts.name),
                description=self.text(facts.description),
                recorded_filter=self.text(facts.recorded_filter) if facts.recorded_filter else None,
            )
            for facts in extract.interfaces
        )
        return replace(
            extract,
            source=self.path(extract.source),
            point=self.path(extract.point),
            interfaces=interfaces,
            frames=tuple(rewritten),
        )

    def _extract(self, extract: Extract) -> Extract:
        return replace(extract, point=self.path(extract.point)) if extract.point else extract

    # ------------------------------------------------------------ texts

    def _file(self, content: bytes) -> bytes:
        wide = wide_codec(content[:4096])
        if wide is not None:
            return self._decoded(content, (wide,))
        return b"".join(self._decoded(chunk, ("utf-8", "gb18030", "latin-1")) for chunk in chunks(content))

    def _decoded(self, content: bytes, codecs: Sequence[str]) -> bytes:
        for codec in codecs:
            try:
                return self._dumps.replace(content.decode(codec)).encode(codec)
            except UnicodeError:
                continue
        return self._dumps.replace(content.decode("latin-1")).encode("latin-1", "replace")


def _paths(kept: Kept) -> list[str]:
    """Paths of the packet and of the case, longest first, so that none is taken for the end of another."""
    paths = {*kept.captures, *kept.files, *(one.source for one in kept.originals)}
    paths |= {extract.source for extract in kept.captures.values()}
    return sorted(paths, key=lambda path: (-len(path), path))


def _frame_macs(kept: Kept) -> Iterator[str]:
    for extract in kept.captures.values():
        for frame in extract.frames:
            if extract.interfaces[frame.interface].link_type == LINK_ETHERNET and len(frame.octets) >= 12:
                for start in (0, 6):
                    mac = frame.octets[start : start + 6].hex(":").upper()
                    if not int(mac[:2], 16) & 1 and mac != "00:00:00:00:00:00":
                        yield mac


def _addresses(analysis: CaseAnalysis, kept: Kept) -> Iterator[str]:
    for terminal in analysis.terminals:
        yield from terminal.ip
        for session in terminal.sessions:
            yield from session.server_ip
    for extract in kept.captures.values():
        for frame in extract.frames:
            yield from frame.addresses
    for content in kept.files.values():
        yield from v4_in(content.decode("latin-1"))


def _address_map(known: Secrets, addresses: set[str]) -> AddressMap:
    """The map of an earlier packet, or one in which no replacement is an address of somebody here."""
    if known.addresses:
        return AddressMap(known.key)
    for number in range(TRIES):
        key = hashlib.blake2b(number.to_bytes(4, "big"), key=known.key, digest_size=32).digest()
        mapping = AddressMap(key)
        new = {mapping.text(address) for address in addresses}
        moved = {address for address in addresses if mapping.text(address) != address}
        if not new & moved and all(address in moved or _is_public_thing(address) for address in addresses):
            break
    known.key = key
    return AddressMap(key)


def _is_public_thing(address: str) -> bool:
    """Addresses that are nobody's and stay."""
    value = ip_address(address)
    return (
        value.is_loopback or value.is_multicast or value.is_unspecified or value.is_reserved
        or (value.version == 4 and int(value) < 1 << 24)
    )  # fmt: skip
