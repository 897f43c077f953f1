from __future__ import annotations

import random
from struct import pack

import numpy as np
import pytest

from app.core.parsers import pcap_walker, pcapng_walker, record_lanes
from app.core.parsers.capture_file import walker_for
from app.core.parsers.record_lanes import follow, words_at
from tests import frames


def chain_of(lengths: list[int]) -> tuple[bytes, list[int]]:
    octets, positions = b"", []
    for length in lengths:
        positions.append(len(octets))
        octets += pack("<I", length) + bytes(length - 4)
    return octets, positions


def test_lanes_give_the_positions_that_link_by_link_gives() -> None:
    dice = random.Random(1)
    octets, positions = chain_of([dice.randrange(4, 90) for _ in range(800)])
    lengths = words_at(octets + bytes(16), 0, "<")
    for lanes in (1, 2, 7, 40):
        starts = sorted({0, *dice.sample(positions, lanes)})
        assert follow(np.array(starts), len(octets), lengths, 0).tolist() == positions


def test_a_lane_that_begins_in_the_wrong_place_is_left_out() -> None:
    octets, positions = chain_of([20] * 100)
    found = follow(np.array([0, 400, 803, 1200]), len(octets), words_at(octets + bytes(16), 0, "<"), 0)
    assert found.tolist() == positions[:41]


def test_lengths_that_are_damaged_end_and_do_not_stand_still() -> None:
    octets = np.frombuffer(random.Random(2).randbytes(5000) + bytes(5000), dtype=np.uint8).tobytes()
    assert follow(np.array([0, 3000, 6000]), 9000, words_at(octets, 0, "<"), 0)[0] == 0


@pytest.mark.parametrize("name", ["pcap", "pcap-big-endian", "pcapng", "pcapng-big-endian"])
def test_a_file_read_in_lanes_is_the_file_read_link_by_link(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    dice = random.Random(name)
    # Frames that hold whole captures: places that look like records and are none.
    inner = frames.pcap([bytes(40)] * 20, order=">" if "big" in name else "<")
    contents = [
        dice.randbytes(dice.randrange(60, 900)) if dice.random() < 0.9 else inner + dice.randbytes(dice.randrange(4))
        for _ in range(900)
    ]
    write = frames.pcapng if name.startswith("pcapng") else frames.pcap
    octets = write(contents, order=">" if "big" in name else "<")
    monkeypatch.setattr(record_lanes, "LANE_BYTES", 4096)
    for module in (pcap_walker, pcapng_walker):
        monkeypatch.setattr(module, "LEAST_BYTES", 8 * 4096)
    walker = walker_for(octets)
    assert walker is not None
    found = [batch.frame_bytes(at) for batch in walker.feed(octets) for at in range(len(batch))]
    assert found == contents
