"""A gathered packet with every address, MAC and user replaced; the map of them stays with whoever made it."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from app.core.analysis import CaseAnalysis, Finding, Terminal
from app.core.anonymise.addresses import AddressMap
from app.core.anonymise.bodies import BodyMap
from app.core.anonymise.frames import FrameMap, Place, Plan, innermost, pieces_of
from app.core.anonymise.names import NameMap
from app.core.anonymise.text import TextMap
from app.core.evidence.manifest import Extract
from app.core.parsers.log_text import wide_codec
from app.core.parsers.sieve import LINK_ETHERNET
from app.core.records import Text
from app.evidence.captures import CaptureExtract, ExtractFrame
from app.evidence.kept import Kept

VERSION = 1
TRIES = 200
CHUNK_BYTES = 256 << 10
RECORD_START = re.compile(rb"\n(?=[\[%])")
V4 = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?!\d|\.\d)")


@dataclass(slots=True)
class Secrets:
    """What stands for what, original → replacement, and the key that addresses are turned with."""

    key: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    users: dict[str, str] = field(default_factory=dict)
    macs: dict[str, str] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)

    def to_document(self) -> dict[str, Any]:
        return {
            "eadscope_map": VERSION,
            "key": self.key.hex(),
            "users": self.users,
            "macs": self.macs,
            "addresses": dict(sorted(self.addresses.items())),
        }

    @classmethod
    def from_document(cls, document: Any) -> Secrets:
        """Raises ValueError where it is something else."""
        try:
            if document["eadscope_map"] != VERSION:
                raise ValueError("another version")
            maps = {name: dict(document[name]) for name in ("users", "macs", "addresses")}
            return cls(bytes.fromhex(document["key"]), **maps)
        except (KeyError, TypeError) as error:
            raise ValueError("no map") from error


def read_secrets(path: Path) -> Secrets:
    """The map of an earlier packet, so that a further one says the same; a new one where there is no such file.

    Raises ValueError where the file is something else, OSError.
    """
    if not path.exists():
        return Secrets()
    try:
        return Secrets.from_document(json.loads(path.read_bytes()))
    except ValueError as error:
        raise ValueError(f"{path.name} is no map written by EADScope") from error


def write_secrets(path: Path, kept: Secrets) -> None:
    """Readable by its owner only. Raises OSError."""
    path.touch(mode=0o600)
    path.write_text(json.dumps(kept.to_document(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


class Mask:
    """Everything about one packet that is replaced."""

    def __init__(self, known: Secrets, analysis: CaseAnalysis, kept: Kept) -> None:
        self._secrets, self._kept = known, kept
        users = {terminal.user for terminal in analysis.terminals if terminal.user}
        macs = {terminal.mac for terminal in analysis.terminals if terminal.mac} | set(_frame_macs(kept))
        names = NameMap(known.users, known.macs)
        names.learn(users, macs)
        found = set(_addresses(analysis, kept))
        self._addresses = _address_map(known, found)
        self._texts = TextMap(names, self._addresses)
        self._texts.learn_numbers(found)
        for content in kept.files.values():
            self._texts.learn_from(content.decode("latin-1"))
        self._names = names
        self._bodies = BodyMap(self._texts, known.key)

    def text(self, text: str) -> str:
        return self._texts.replace(text)

    def kept(self) -> Kept:
        """The packet's parts with everything replaced; what could not be is told among its problems."""
        plans = self._plans()
        old = self._kept
        masked = Kept(
            captures={self.text(path): self._capture(extract, plans) for path, extract in old.captures.items()},
            files={self.text(path): self._file(content) for path, content in old.files.items()},
            extracts={self.text(path): self._extract(extract) for path, extract in old.extracts.items()},
            originals=[
                replace(one, path=self.text(one.path), source=self.text(one.source)) for one in old.originals
            ],
            problems=[Text(self.text(one.en), self.text(one.zh)) for one in old.problems],
        )
        self._secrets.users, self._secrets.macs = self._names.users, self._names.macs
        self._secrets.addresses |= self._addresses.known
        return replace(masked, problems=[*masked.problems, *self._losses()])

    def _losses(self) -> Iterator[Text]:
        if self._bodies.sealed:
            yield Text(
                f"Contents that were encrypted, incomplete, or could not be packed again to the same size: "
                f"{self._bodies.sealed} datagrams. They were replaced by bytes that say nothing; headers and sizes "
                "are as they were.",
                f"有 {self._bodies.sealed} 个报文的内容已加密、不完整或无法重新压缩到相同大小，已用无意义的字节替换；"
                "首部和大小不变。",
            )
        if self._texts.blanked:
            yield Text(
                f"{self._texts.blanked} addresses within messages were blanked, since their replacements are longer.",
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
        return replace(finding, between=(self.text(between[0]), self.text(between[1])) if between else None)

    def leaks(self, files: Mapping[str, bytes]) -> list[Text]:
        """Files in which an original user or MAC still stands, as bytes. There should be none."""
        patterns = set()
        for user in self._names.users:
            if len(user) > 3 and self._names.users[user] != user:
                patterns |= {user.encode(codec, "ignore") for codec in ("utf-8", "gb18030", "utf-16-le")}
        for mac, new in self._names.macs.items():
            if mac != new:
                patterns |= {form.encode() for form in _written(mac)}
        search = re.compile(b"|".join(map(re.escape, sorted(patterns))), re.IGNORECASE) if patterns else None
        return [
            Text(f"{path}: an original name is still in it.", f"{path}：仍含有原始标识。")
            for path, content in files.items()
            if search is not None and search.search(content)
        ]

    # ------------------------------------------------------------ captures

    def _plans(self) -> dict[tuple[str, int], Plan]:
        """What becomes of each frame's datagram: (source, frame) → plan. One plan serves every point that saw it."""
        groups: dict[object, list[tuple[str, ExtractFrame, Place]]] = {}
        for extract in self._kept.captures.values():
            for frame in extract.frames:
                place = innermost(frame.octets, extract.interfaces[frame.interface].link_type)
                if place is None or place.protocol not in (6, 17):
                    continue
                ends = (extract.source, place.source, place.destination, place.protocol, place.identification)
                key = frame.datagram if frame.datagram is not None else ends
                groups.setdefault(key, []).append((extract.source, frame, place))
        plans: dict[tuple[str, int], Plan] = {}
        self._quotes: dict[tuple[bytes, bytes, int], Plan] = {}
        for members in groups.values():
            old = pieces_of((frame.octets, place) for _, frame, place in members)
            plan = Plan(old, old[:8] + self._bodies.payload(old[8:]))
            for source, frame, place in members:
                plans[source, frame.number] = plan
                self._quotes[place.source, place.destination, place.identification] = plan
        return plans

    def _capture(self, extract: CaptureExtract, plans: Mapping[tuple[str, int], Plan]) -> CaptureExtract:
        frames = FrameMap(
            self._addresses, self._names, lambda *quoted: self._quotes.get(quoted)
        )
        rewritten = []
        for frame in extract.frames:
            link_type = extract.interfaces[frame.interface].link_type
            plan = plans.get((extract.source, frame.number))
            octets = frames.rewrite(frame.octets, link_type, plan, frame.addresses)
            if plan is None:
                # No datagram to plan for: a name in it is replaced where it stands.
                octets = self._bodies.text(octets)
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
            source=self.text(extract.source),
            point=self.text(extract.point),
            interfaces=interfaces,
            frames=tuple(rewritten),
        )

    def _extract(self, extract: Extract) -> Extract:
        return replace(extract, point=self.text(extract.point)) if extract.point else extract

    # ------------------------------------------------------------ texts

    def _file(self, content: bytes) -> bytes:
        wide = wide_codec(content[:4096])
        if wide is not None:
            return self._decoded(content, (wide,))
        return b"".join(self._decoded(chunk, ("utf-8", "gb18030", "latin-1")) for chunk in _chunks(content))

    def _decoded(self, content: bytes, codecs: Sequence[str]) -> bytes:
        for codec in codecs:
            try:
                return self._texts.replace(content.decode(codec)).encode(codec)
            except UnicodeError:
                continue
        return self._texts.replace(content.decode("latin-1")).encode("latin-1", "replace")


def _chunks(content: bytes) -> Iterator[bytes]:
    """Pieces that end where a record begins, so that no name is cut."""
    at = 0
    while at < len(content):
        found = RECORD_START.search(content, at + CHUNK_BYTES)
        end = found.end() if found is not None else len(content)
        yield content[at:end]
        at = end


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
        for found in V4.finditer(content.decode("latin-1")):
            try:
                yield str(ip_address(found[0]))
            except ValueError:
                continue


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


def _written(mac: str) -> tuple[str, ...]:
    bare = mac.replace(":", "")
    quads = [bare[at : at + 4] for at in range(0, 12, 4)]
    return mac, mac.replace(":", "-"), bare, "-".join(quads), ".".join(quads)
