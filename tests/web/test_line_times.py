"""What lies between two related lines is a zone and an error."""

import pytest

from app.web.line_times import PairedClock, split_difference

HOUR = 3600


@pytest.mark.parametrize(
    ("difference_s", "zone_s", "is_utc", "expected"),
    [
        (8 * HOUR + 37, None, True, PairedClock(8 * HOUR, 37)),
        (8 * HOUR + 37, 8 * HOUR, True, PairedClock(8 * HOUR, 37)),
        (11 * HOUR, 8 * HOUR, True, PairedClock(8 * HOUR, 3 * HOUR)),  # three hours fast, not another zone
        (-400 * 86_400.5, None, True, PairedClock(0, -400 * 86_400.5)),  # no zone is that far
        (5.75 * HOUR - 1, None, True, PairedClock(20_700, -1)),
        (8 * HOUR + 37, None, False, PairedClock(None, 8 * HOUR + 37)),  # which of it is zone nobody knows
    ],
)
def test_a_difference_is_split(difference_s: float, zone_s: int | None, is_utc: bool, expected: PairedClock) -> None:
    assert split_difference(difference_s, zone_s, is_utc) == expected
