"""Whether anything of those who were replaced is left."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from app.core.anonymise.names import NameMap
from app.core.anonymise.octets import OctetMap
from app.evidence.log_texts import octets_in

SHORTEST = 5  # bytes; shorter ones stand in any file by chance
CODECS = ("utf-8", "gb18030", "utf-16-le", "utf-16-be")
NO_LOGS = (".pcapng", ".pdf")


class Leaks:
    def __init__(self, names: NameMap, octets: OctetMap) -> None:
        self._octets = octets
        patterns = set()
        for name, new in (names.users | names.ids | names.words).items():
            if len(name.encode()) >= SHORTEST and new != name and not name.isdigit():
                patterns |= {name.encode(codec, "ignore") for codec in CODECS}
        for mac, new in names.macs.items():
            if mac != new:
                patterns |= {form.encode() for form in _written(mac)}
        self._search = re.compile(b"|".join(map(re.escape, sorted(patterns))), re.IGNORECASE) if patterns else None

    def among(self, files: Mapping[str, bytes]) -> Iterator[str]:
        """Paths of files with an original name, as bytes or as the digits of bytes; there also addresses and MACs."""
        for path, content in files.items():
            shown = () if path.endswith(NO_LOGS) else octets_in(content)
            if self._is_in(content) or any(self._is_in(one) or self._octets.raw(one) != one for one in shown):
                yield path

    def _is_in(self, octets: bytes) -> bool:
        return self._search is not None and self._search.search(octets) is not None


def _written(mac: str) -> tuple[str, ...]:
    bare = mac.replace(":", "")
    quads = [bare[at : at + 4] for at in range(0, 12, 4)]
    return mac, mac.replace(":", "-"), bare, "-".join(quads), ".".join(quads)
