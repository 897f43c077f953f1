import pytest

from app.core.analysis import Seen
from app.web.boxes import NARROWEST, cells_of, widths
from tests.web.sample_case import POINTS, sample_analysis


@pytest.mark.parametrize(
    "shares", [[1.0], [0.5, 0.5], [0.98, 0.02], [0.49, 0.49, 0.02], [0.99] + [0.001] * 3, [1 / 40] * 40]
)
def test_boxes_fill_the_cell_and_none_is_too_narrow(shares: list[float]) -> None:
    made = widths(shares)
    assert sum(made) == pytest.approx(100, abs=0.6)
    assert min(made) >= min(NARROWEST, 100 / len(shares)) - 1e-9


def test_larger_fragments_have_wider_boxes() -> None:
    assert widths([0.6, 0.3, 0.1]) == sorted(widths([0.6, 0.3, 0.1]), reverse=True)


def test_a_lost_fragment_is_a_missing_box_at_its_point_only() -> None:
    attempt = sample_analysis(1).terminals[0].sessions[0].message(3).attempts[0]  # type: ignore[union-attr]
    cells = cells_of(attempt.datagram, POINTS)  # type: ignore[arg-type]
    states = [[placed.box.state for placed in cell.boxes] for cell in cells]
    assert states[0] == states[1] == [Seen.SEEN] * len(states[0])
    assert states[2] == [Seen.SEEN] + [Seen.MISSING] * (len(states[0]) - 1)
