"""An evidence packet that is analysed again: its manifest tells what an extract cannot show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from app.core.evidence.manifest import (
    IS_GENERATED,
    IS_MANIFEST,
    LONGEST_BYTES,
    Extract,
    is_manifest,
    read_manifest,
    with_counts,
    with_span,
)
from app.core.pipeline import ParsedSource
from app.core.records import Text
from app.sources import BundleFile

if TYPE_CHECKING:
    from app.intake import AnalysisSettings


@dataclass(frozen=True, slots=True)
class Packets:
    """What the manifests among a bundle's files say; keys are the files' names in the bundle."""

    extracts: dict[str, Extract]
    unused: dict[str, Text]
    ports: frozenset[int] = frozenset()
    order: tuple[str, ...] = ()

    def settings(self, given: AnalysisSettings) -> AnalysisSettings:
        """What a person says now outweighs what was said when the packet was made."""
        pairs = self.extracts.items()
        return replace(
            given,
            ports=given.ports | self.ports,
            order=given.order or self.order,
            point_names={n: e.point for n, e in pairs if e.point is not None} | given.point_names,
            zones={n: e.zone_offset_s for n, e in pairs if e.zone_offset_s is not None} | given.zones,
            manual_offset_s={n: e.manual_offset_s for n, e in pairs if e.manual_offset_s is not None}
            | given.manual_offset_s,
            encodings={n: e.encoding for n, e in pairs if e.encoding is not None} | given.encodings,
            log_formats={n: e.log_format for n, e in pairs if e.log_format is not None} | given.log_formats,
        )

    def completed(self, parsed: ParsedSource) -> ParsedSource:
        """The source with the counts and spans of the file that it is an extract of."""
        source, extract = parsed.source, self.extracts.get(parsed.source.path)
        if extract is None:
            return parsed
        if source.capture is not None:
            facts = with_counts(source.capture, extract)
            notes = source.notes + facts.notes[len(source.capture.notes) :]
            source = replace(source, capture=facts, first_ns=facts.first_ns, last_ns=facts.last_ns, notes=notes)
        elif source.log is not None:
            log = with_span(source.log, extract)
            notes = source.notes + log.notes[len(source.log.notes) :]
            source = replace(source, log=log, first_ns=log.first_ns, last_ns=log.last_ns, notes=notes)
        return replace(parsed, source=source)


def find_packets(files: Sequence[BundleFile]) -> Packets | None:
    """The manifests among the files, taken together; None where there is none. An extract that was changed since its
    manifest was written is analysed as any file."""
    extracts: dict[str, Extract] = {}
    unused: dict[str, Text] = {}
    ports: set[int] = set()
    order: tuple[str, ...] = ()
    hashes = {file.name: file.sha256 for file in files}
    for file in files:
        content = _content(file)
        manifest = read_manifest(content) if content is not None else None
        if manifest is None:
            continue
        folder = PurePosixPath(file.name).parent
        unused[file.name] = IS_MANIFEST
        unused |= {name: IS_GENERATED for path in manifest.generated if (name := str(folder / path)) in hashes}
        for path, extract in manifest.extracts.items():
            name = str(folder / path)
            if hashes.get(name) == extract.sha256:
                extracts[name] = extract
        ports |= set(manifest.ports)
        order = order or manifest.order
    return Packets(extracts, unused, frozenset(ports), order) if unused else None


def _content(file: BundleFile) -> bytes | None:
    if not file.is_readable or not 0 < file.size_bytes <= LONGEST_BYTES or not file.name.endswith(".json"):
        return None
    try:
        with file.path.open("rb") as opened:
            head = opened.read(64)
            return head + opened.read() if is_manifest(head) else None
    except OSError:
        return None
