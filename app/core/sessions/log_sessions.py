"""Log events → the sessions that logs tell of.

A session is one security check of one terminal: it is named by `eventSeqID`, else by the terminal and the time.
Each log is read in file order (its clock may be set back in the middle); sessions of several logs (rotation, the
server's side) are joined afterwards, and records that two overlapping files share count once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from app.core.records import NS, Direction, EventKind, LogEvent, LogFacts, Side
from app.core.sessions.split_logs import join_split_logs

# A give-up comes 20 s after the first send and 23 s of local checking are normal: a longer silence than this ends a
# session that never said how it ended.
SILENCE_NS = 10 * 60 * NS
# The result may be written by another thread some time after the last send.
RESULT_DELAY_NS = 120 * NS
START = 1
NO_ANSWER = 4  # of pushSecRslt: the policy server did not answer
# Records of one received message lie this near, and no more than so many others between them.
CUT_NS = 3 * NS
CUT_REACH = 4


@dataclass(slots=True)
class LogSession:
    """What the logs of one side tell of one security check. Grows while logs are read, then is only read."""

    user: str | None = None
    mac: str | None = None
    event_id: str | None = None
    client: list[LogEvent] = field(default_factory=list)
    server: list[LogEvent] = field(default_factory=list)

    @property
    def identity(self) -> tuple[str | None, str | None]:
        return (self.user, self.mac)

    @property
    def events(self) -> list[LogEvent]:
        return self.client or self.server

    @property
    def has_result(self) -> bool:
        return any(event.kind is EventKind.RESULT for event in self.client)

    @property
    def last_ns(self) -> int:
        return self.events[-1].time_ns

    @property
    def first_ns(self) -> int:
        return self.events[0].time_ns

    def learn(self, event: LogEvent) -> None:
        self.user = self.user or event.user
        self.mac = self.mac or event.mac
        self.event_id = self.event_id or event.event_id
        (self.client if event.side is Side.CLIENT else self.server).append(event)


def build_log_sessions(logs: Iterable[LogFacts]) -> tuple[LogSession, ...]:
    """All sessions of all logs: each log by itself, then joined by event id and terminal.

    Client sessions come first, in the order of their logs; a server session that no client log knows stands alone.
    """
    client: list[LogSession] = []
    server: list[LogSession] = []
    orphans: list[LogEvent] = []
    listed = list(logs)
    for log, events in zip(listed, join_split_logs(listed), strict=True):
        reader = _Reader()
        for event in events:
            reader.take(event)
        (client if log.side is Side.CLIENT else server).extend(reader.sessions)
        orphans.extend(reader.orphans)
    client = _join_rotated(client)
    _place_orphans(client, orphans)
    server = _join_rotated(server)
    return tuple(_join_sides(client, server))


class _Reader:
    """Reads one log in order and keeps the sessions that are still open."""

    def __init__(self) -> None:
        self.sessions: list[LogSession] = []
        self.orphans: list[LogEvent] = []
        self.by_event_id: dict[str, LogSession] = {}
        self.by_terminal: dict[tuple[str | None, str | None], LogSession] = {}
        self.by_peer: dict[str, LogSession] = {}
        self.recent: LogSession | None = None
        self.awaiting: dict[int, LogSession] = {}  # sessions with a message 3 and no result yet, by identity

    def take(self, event: LogEvent) -> None:
        if event.kind is EventKind.OTHER:
            return
        session = self._message_session(event) if event.kind is EventKind.MESSAGE else self._mark_session(event)
        if session is None:
            self.orphans.append(event)
            return
        session.learn(event)
        self._remember(session, event)

    def _message_session(self, event: LogEvent) -> LogSession | None:
        known = self._find(event)
        if known is not None and not self._is_over(known, event):
            return known
        if known is None and not (event.event_id or event.user or event.mac or event.peer):
            return self._nearest(event)
        session = LogSession()
        self.sessions.append(session)
        return session

    def _find(self, event: LogEvent) -> LogSession | None:
        if event.event_id:
            return self.by_event_id.get(event.event_id) or self._unnamed(event)
        if event.user or event.mac:
            return self.by_terminal.get((event.user, event.mac))
        if event.side is Side.SERVER and event.peer is not None:
            return self.by_peer.get(str(event.peer))
        return self._nearest(event)

    def _unnamed(self, event: LogEvent) -> LogSession | None:
        """The open session of the same terminal that has not named its event id yet."""
        session = self.by_terminal.get((event.user, event.mac)) if event.user or event.mac else None
        return session if session is not None and session.event_id is None else None

    def _is_over(self, session: LogSession, event: LogEvent) -> bool:
        """A new start after a result or after long silence begins a new session, also under an old event id."""
        if abs(event.time_ns - session.last_ns) > SILENCE_NS and (event.number == START or not event.event_id):
            return True
        return event.number == START and event.direction is Direction.TO_SERVER and session.has_result

    def _mark_session(self, event: LogEvent) -> LogSession | None:
        if event.event_id or event.user or event.mac:
            found = self._find(event)
            if found is not None:
                return found
        return self._nearest(event)

    def _nearest(self, event: LogEvent) -> LogSession | None:
        """A record that names nobody belongs to the session that waits for it, else to the one last heard of."""
        waiting = [s for s in self.awaiting.values() if abs(event.time_ns - s.last_ns) <= RESULT_DELAY_NS]
        if event.kind is EventKind.RESULT and waiting:
            return min(waiting, key=lambda s: (*_unlike(s, event), s.last_ns))  # who sent last has waited least
        recent = self.recent
        if recent is not None and abs(event.time_ns - recent.last_ns) <= RESULT_DELAY_NS:
            return recent
        return None

    def _remember(self, session: LogSession, event: LogEvent) -> None:
        self.recent = session
        if session.event_id:
            self.by_event_id[session.event_id] = session
        for identity in ((session.user, session.mac), (session.user, None), (None, session.mac)):
            if identity != (None, None):
                self.by_terminal[identity] = session
        if event.side is Side.SERVER and event.peer is not None:
            self.by_peer[str(event.peer)] = session
        if event.kind is EventKind.RESULT:
            self.awaiting.pop(id(session), None)
        elif event.direction is Direction.TO_SERVER and event.side is Side.CLIENT:
            self.awaiting[id(session)] = session
            self._forget_old(event.time_ns)

    def _forget_old(self, now_ns: int) -> None:
        """Sessions that nobody ended must not pile up in a log of many terminals."""
        if len(self.awaiting) > 64:
            self.awaiting = {k: s for k, s in self.awaiting.items() if abs(now_ns - s.last_ns) <= RESULT_DELAY_NS}


def _unlike(session: LogSession, result: LogEvent) -> tuple[bool, bool]:
    """How little a result fits a session, in a log of several terminals: it speaks of another message than the one
    sent last; it says that no answer came though one did, or the other way round."""
    sent = next((e.number for e in reversed(session.client) if e.direction is Direction.TO_SERVER), None)
    is_answered = session.client[-1].direction is Direction.TO_CLIENT
    return sent != result.number, is_answered is (result.result_code == NO_ANSWER)


def _same_event(event: LogEvent) -> tuple[object, ...]:
    """What two copies of one record share; the source is left out on purpose."""
    digest = event.body.digest if event.body else ""
    return (
        event.time_ns,
        event.kind,
        event.direction,
        event.number,
        event.message_id,
        digest,
        event.result_code,
        event.thread,
        event.text,
    )


def _join_rotated(sessions: list[LogSession]) -> list[LogSession]:
    """Joins parts of one session that rotation spread over several files, and drops records that both hold."""
    joined: list[LogSession] = []
    by_key: dict[tuple[str | None, ...], list[LogSession]] = {}
    for session in sessions:
        key = (session.event_id,) if session.event_id else (None, session.user, session.mac)
        home = next((other for other in by_key.get(key, ()) if _belong_together(other, session)), None)
        if home is None:
            by_key.setdefault(key, []).append(session)
            joined.append(session)
        else:
            _merge(home, session)
    return joined


def _healed(events: list[LogEvent]) -> list[LogEvent]:
    """A received message is told by several records: where rotation cut between them, each file has a part of it."""
    whole: list[LogEvent] = []
    for event in events:
        near = (at for at in range(len(whole) - 1, max(len(whole) - 1 - CUT_REACH, -1), -1))
        at = next((at for at in near if _is_rest(whole[at], event)), None)
        if at is None:
            whole.append(event)
        else:
            whole[at] = _both(whole[at], event)
    return whole


def _is_rest(part: LogEvent, rest: LogEvent) -> bool:
    if part.locator.source == rest.locator.source or part.kind is not EventKind.MESSAGE or part.kind is not rest.kind:
        return False
    if part.direction is not rest.direction or part.thread != rest.thread or rest.time_ns - part.time_ns > CUT_NS:
        return False
    pairs = ((part.number, rest.number), (part.message_id, rest.message_id), (part.event_id, rest.event_id))
    if any(one is not None and other is not None and one != other for one, other in pairs):
        return False
    # Two whole ones are two sends; a part lacks its number, its body or its peer.
    is_received = part.direction is Direction.TO_CLIENT
    lacks = [e.number is None or e.body is None or (is_received and e.peer is None) for e in (part, rest)]
    return any(lacks)


def _both(part: LogEvent, rest: LogEvent) -> LogEvent:
    """The fuller record with what only the other one knows."""
    full, other = (rest, part) if rest.body is not None and part.body is None else (part, rest)
    names = ("number", "message_id", "head_id", "user", "mac", "event_id", "peer", "wire_bytes", "body")
    known = {name: getattr(full, name) if getattr(full, name) is not None else getattr(other, name) for name in names}
    return replace(full, **known)


def _belong_together(home: LogSession, other: LogSession) -> bool:
    """Parts from different files, near in time; inside one file the reader has already decided."""
    if not _may_be_same(home, other):
        return False
    sources = {event.locator.source for event in home.events}
    if any(event.locator.source in sources for event in other.events):
        return False
    return other.first_ns <= home.last_ns + SILENCE_NS and home.first_ns <= other.last_ns + SILENCE_NS


def _merge(home: LogSession, other: LogSession) -> None:
    for mine, theirs in ((home.client, other.client), (home.server, other.server)):
        known = {_same_event(event): at for at, event in enumerate(mine)}
        for event in theirs:
            at = known.get(_same_event(event))
            if at is None:
                mine.append(event)
            else:
                mine[at] = _both(mine[at], event)
        mine[:] = _healed(sorted(mine, key=lambda event: event.time_ns))
    home.user = home.user or other.user
    home.mac = home.mac or other.mac


def _place_orphans(sessions: list[LogSession], orphans: list[LogEvent]) -> None:
    """Records at the head of a rotated file belong to the session that the file before left open."""
    if not orphans:
        return
    by_folder: dict[str, list[LogSession]] = {}
    for session in sessions:
        for folder in {_folder(event.locator.source) for event in session.events}:
            by_folder.setdefault(folder, []).append(session)
    for event in orphans:
        told = _same_event(event)
        around = [
            s
            for s in by_folder.get(_folder(event.locator.source), ())
            if s.first_ns <= event.time_ns <= s.last_ns + RESULT_DELAY_NS
        ]
        if any(told == _same_event(own) for s in around for own in s.client):
            continue  # two files overlap, and the other one has it in its place
        cut = [s for s in around if any(_is_rest(own, event) for own in s.client if own.time_ns <= event.time_ns)]
        near = cut or [s for s in around if event.time_ns >= s.last_ns]
        if near:
            home = max(near, key=lambda s: s.last_ns)
            home.learn(event)
            home.client[:] = _healed(sorted(home.client, key=lambda own: own.time_ns))


def _folder(source: str) -> str:
    return str(PurePosixPath(source).parent)


def _join_sides(client: list[LogSession], server: list[LogSession]) -> list[LogSession]:
    """Adds what the server logged to the client's session of the same event id and terminal.

    Server and client clocks are not yet comparable, so an event id used more than once is told apart by order.
    """
    by_event_id: dict[str, list[LogSession]] = {}
    for session in client:
        if session.event_id:
            by_event_id.setdefault(session.event_id, []).append(session)
    alone: list[LogSession] = []
    for session in server:
        homes = [
            home
            for home in by_event_id.get(session.event_id or "", ())
            if not home.server and _may_be_same(home, session)
        ]
        if homes:
            homes[0].server = session.server
            homes[0].user = homes[0].user or session.user
            homes[0].mac = homes[0].mac or session.mac
        else:
            alone.append(session)
    return client + alone


def _may_be_same(one: LogSession, other: LogSession) -> bool:
    pairs = ((one.mac, other.mac), (one.user, other.user))
    return all(a is None or b is None or a == b for a, b in pairs)
