"""Writes a policy server's debug log in the family style `%% time ; [level] ; [thread] ; EAD ; text`."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.demo.inode import CHINA_S, local_time


@dataclass(slots=True)
class ServerLog:
    """Collects records in the order of writing; `to_bytes` gives the file. Times are ns UTC, shown as local."""

    zone_s: int = CHINA_S
    newline: str = "\n"
    encoding: str = "utf-8"
    _lines: list[str] = field(default_factory=list)

    def note(self, time_ns: int, thread: str, text: str, level: str = "LDBG") -> None:
        shown = local_time(time_ns, self.zone_s)
        stamp = f"{shown:%Y-%m-%d %H:%M:%S}.{shown.microsecond // 1000:03d}"
        self._lines.append(f"%% {stamp} ; [{level}] ; [{thread}] ; EAD ; {text}")

    def received(
        self,
        time_ns: int,
        thread: str,
        number: int,
        message_id: int,
        peer: tuple[str, int],
        size: int,
        identity: tuple[str, str, str],
    ) -> None:
        """`identity` is (user, MAC, event id); `size` bytes of UDP payload."""
        user, mac, event_id = identity
        self.note(
            time_ns,
            thread,
            f"SecPkt recv: packet type [{number}] id [{message_id}] from [{peer[0]} : {peer[1]}] {size} bytes, "
            f"userName={user}, hwAddr={mac}, eventSeqID={event_id}",
        )

    def sent(
        self, time_ns: int, thread: str, number: int, message_id: int, peer: tuple[str, int], size: int, event_id: str
    ) -> None:
        self.note(
            time_ns,
            thread,
            f"SecPkt send: packet type [{number}] id [{message_id}] to [{peer[0]} : {peer[1]}] {size} bytes, "
            f"eventSeqID={event_id}",
        )

    def to_bytes(self) -> bytes:
        return "".join(line + self.newline for line in self._lines).encode(self.encoding)
