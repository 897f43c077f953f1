from __future__ import annotations

import pytest

from app.core.analysis import FragmentFate, Seen, Sighting
from app.core.network.fates import find_leg

STATES = {"s": Seen.SEEN, "m": Seen.MISSING, "u": Seen.UNKNOWN}


def fragments(*rows: str) -> list[FragmentFate]:
    """One word a fragment, one letter a point."""
    return [
        FragmentFate(number * 1480, 1480, {str(at): Sighting(STATES[letter]) for at, letter in enumerate(row)})
        for number, row in enumerate(rows)
    ]


@pytest.mark.parametrize(
    ("rows", "leg"),
    [
        (("sssss", "sssss"), None),
        (("sssss", "sssmm"), ("2", "3")),
        (("ssmmm", "sssmm"), ("1", "2")),  # the first loss on the way is told
        (("sssss", "ssuum"), ("1", "4")),  # where nothing can be said, the leg is longer
        (("sssss", "uuumm"), None),  # nobody had it: no leg
        (("mssss", "sssss"), None),
        (("ssmmm", "ssmmm"), ("1", "2")),
        (("usmmm", "sumsm"), None),  # no one point had both
        (("suuuu", "suuuu"), None),
    ],
)
def test_the_leg_ends_at_the_first_point_that_lacks_a_fragment(
    rows: tuple[str, ...], leg: tuple[str, str] | None
) -> None:
    assert find_leg(fragments(*rows), "01234") == leg
