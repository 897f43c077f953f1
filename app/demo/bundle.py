"""Runs a scenario and writes what a user would upload, with the truth beside it. Same scenario, same bytes."""

from __future__ import annotations

import random
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path as FilePath

from app.core.records import Text
from app.demo.background import add_background
from app.demo.hosts import PolicyServer, ServerPlan, Terminal, TerminalPlan
from app.demo.network import BEGIN_NS, NS, Network, Path
from app.demo.taps import Recorder, Tap

FIXED_ZIP_TIME = (2026, 3, 9, 9, 30, 0)


@dataclass(frozen=True, slots=True)
class Expected:
    """What an analysis should find first for a terminal; `code` None: more than one answer is right."""

    code: str | None
    between: tuple[str, str] | None = None
    message: int | None = None


NO_FAULT = Expected("no-fault")
UNSAID = Expected(None)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A network, its terminals, and what happens there.

    `failing` is expected for terminals that fail, `passing` for those that pass, `special` by user before both.
    `also` are codes that must stand somewhere in the analysis. `unlogged` are users whose client log is not in the
    bundle.
    """

    name: str
    summary: Text
    path: Path
    taps: tuple[Tap, ...]
    terminals: tuple[TerminalPlan, ...]
    server: ServerPlan
    failing: Expected = UNSAID
    passing: Expected = NO_FAULT
    special: Mapping[str, Expected] = field(default_factory=dict)
    also: frozenset[str] = frozenset()
    seconds: float = 60.0
    report_bytes: int = 0
    has_server_log: bool = True
    unlogged: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class TerminalTruth:
    """What really happened to one terminal. Sizes are of message 3, None where it was never made."""

    user: str
    mac: str
    ip: str
    event_id: str
    outcome: str
    patches: int
    plain_bytes: int | None
    wire_bytes: int | None
    sends: dict[int, int]  # message → how often it was sent
    code: str | None
    between: tuple[str, str] | None
    message: int | None
    has_log: bool


@dataclass(frozen=True, slots=True)
class Truth:
    scenario: str
    points: tuple[str, ...]  # in path order
    terminals: tuple[TerminalTruth, ...]
    also: frozenset[str]
    offsets_s: dict[str, float]  # capture file → its clock minus true time at the beginning
    files: tuple[str, ...]

    def terminal(self, user: str) -> TerminalTruth:
        return next(each for each in self.terminals if each.user == user)

    def to_document(self) -> dict[str, object]:
        """The truth as JSON knows it."""
        return {**asdict(self), "also": sorted(self.also)}


def simulate(scenario: Scenario) -> tuple[dict[str, bytes], Truth]:
    """The files of the bundle by their paths, and the truth about them. Pure: no clock, no disk."""
    network = Network(scenario.path, random.Random(f"{scenario.name} network"))
    macs = {terminal.ip: terminal.mac for terminal in scenario.terminals}
    recorders = [
        Recorder(tap, scenario.path, macs, random.Random(f"{scenario.name} {tap.file}")) for tap in scenario.taps
    ]
    for recorder in recorders:
        recorder.attach(network)
    rng = random.Random(f"{scenario.name} hosts")
    server = PolicyServer(scenario.server, scenario.terminals, network, rng)
    terminals = [Terminal(plan, scenario.server, network, rng) for plan in scenario.terminals]
    add_background(
        network,
        scenario.terminals,
        scenario.server,
        recorders,
        scenario.seconds,
        random.Random(f"{scenario.name} background"),
        scenario.report_bytes,
    )
    network.run(BEGIN_NS + round(scenario.seconds * NS))

    files = {recorder.tap.file: recorder.to_bytes() for recorder in recorders}
    for number, terminal in enumerate(terminals, 1):
        if terminal.plan.user not in scenario.unlogged:
            files[f"{terminal_folder(number)}/iNode.log"] = terminal.log.to_bytes()
    if scenario.has_server_log:
        files["server/policyserver.log"] = server.log.to_bytes()
    return dict(sorted(files.items())), _truth(scenario, terminals, tuple(sorted(files)))


def write_scenario(scenario: Scenario, folder: FilePath, archive: bool = False) -> Truth:
    """Write the bundle into `folder` (made if need be), or as `folder/<scenario name>.zip`; returns the truth."""
    files, truth = simulate(scenario)
    folder.mkdir(parents=True, exist_ok=True)
    if archive:
        with zipfile.ZipFile(folder / f"{scenario.name}.zip", "w") as packed:
            for name, content in files.items():
                entry = zipfile.ZipInfo(name, FIXED_ZIP_TIME)
                entry.compress_type = zipfile.ZIP_DEFLATED
                packed.writestr(entry, content)
        return truth
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return truth


def terminal_folder(number: int) -> str:
    return f"terminal-{number:02d}"


def _truth(scenario: Scenario, terminals: list[Terminal], files: tuple[str, ...]) -> Truth:
    places = [place for place in scenario.path if isinstance(place, str)]
    taps = sorted(scenario.taps, key=lambda tap: places.index(tap.place))
    return Truth(
        scenario=scenario.name,
        points=tuple(dict.fromkeys(tap.point for tap in taps)),
        terminals=tuple(_terminal_truth(scenario, terminal) for terminal in terminals),
        also=scenario.also,
        offsets_s={tap.file: tap.clock.offset_s for tap in scenario.taps},
        files=files,
    )


def _terminal_truth(scenario: Scenario, terminal: Terminal) -> TerminalTruth:
    plan = terminal.plan
    usual = scenario.passing if terminal.outcome == "passed" else scenario.failing
    expected = scenario.special.get(plan.user, usual)
    plain_bytes, wire_bytes = terminal.sizes.get(3, (None, None))
    return TerminalTruth(
        user=plan.user,
        mac=plan.mac,
        ip=plan.ip,
        event_id=plan.event_id,
        outcome=terminal.outcome,
        patches=plan.patches,
        plain_bytes=plain_bytes,
        wire_bytes=wire_bytes,
        sends=dict(terminal.sends),
        code=expected.code,
        between=expected.between,
        message=expected.message,
        has_log=plan.user not in scenario.unlogged,
    )
