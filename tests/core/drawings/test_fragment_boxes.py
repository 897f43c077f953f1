import pytest

from app.core.analysis import DatagramFate, Seen
from app.core.drawings.fragment_boxes import fragment_boxes
from tests.core.build_sessions import NAMES, START_NS, datagram


@pytest.fixture
def lossy() -> DatagramFate:
    return datagram(START_NS, 2655, NAMES, lost_after="fwout")


def test_boxes_are_proportional_to_their_bytes(lossy: DatagramFate) -> None:
    boxes = fragment_boxes(lossy, "client")
    assert [(box.offset, box.length) for box in boxes] == [(0, 1480), (1480, 1183)]
    assert [round(box.share, 3) for box in boxes] == [0.556, 0.444]


def test_a_box_says_whether_its_bytes_were_seen_there(lossy: DatagramFate) -> None:
    assert [box.state for box in fragment_boxes(lossy, "fwout")] == [Seen.SEEN, Seen.SEEN]
    assert [box.state for box in fragment_boxes(lossy, "fwin")] == [Seen.SEEN, Seen.MISSING]
    assert [box.state for box in fragment_boxes(lossy, "elsewhere")] == [Seen.UNKNOWN, Seen.UNKNOWN]


def test_seen_boxes_lead_to_their_frames_and_missing_ones_give_the_reason(lossy: DatagramFate) -> None:
    seen, missing = fragment_boxes(lossy, "server")
    assert seen.refs[0].source == "server.pcap"
    assert missing.refs == ()
    assert "able to see it" in missing.text.en


def test_pieces_split_by_a_device_are_shown_as_they_were_there(lossy: DatagramFate) -> None:
    split = lossy._replace(split_at={"fwin": ((0, 1400), (1400, 80))})
    boxes = fragment_boxes(split, "fwin")
    assert [(box.offset, box.length, box.state) for box in boxes] == [
        (0, 1400, Seen.SEEN),
        (1400, 80, Seen.SEEN),
        (1480, 1183, Seen.MISSING),
    ]


def test_a_piece_that_is_missing_after_a_split_is_a_hole_of_its_own(lossy: DatagramFate) -> None:
    split = lossy._replace(split_at={"fwout": ((0, 1400), (1480, 600))})
    boxes = fragment_boxes(split, "fwout")
    assert [(box.offset, box.length, box.state) for box in boxes] == [
        (0, 1400, Seen.SEEN),
        (1400, 80, Seen.MISSING),
        (1480, 600, Seen.SEEN),
        (2080, 583, Seen.MISSING),
    ]
    assert sum(box.share for box in boxes) == pytest.approx(1)
