from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.captures.frame_details import DissectedField, dissect
from app.tools import ToolError
from tests import frames

CAPTURE = frames.pcap([frames.ethernet(frames.ipv4(frames.udp(b"<&\x01 \xff", 1000, 9029)))])


def names(fields: tuple[DissectedField, ...]) -> list[str]:
    return [name for field in fields for name in (field.name, *names(field.fields))]


def test_layers_are_nested_as_wireshark_nests_them() -> None:
    layers = dissect(CAPTURE)
    assert [layer.name for layer in layers] == ["frame", "eth", "ip", "udp", "data"]
    (flags,) = (field for field in layers[2].fields if field.name == "ip.flags")
    assert "ip.flags.mf" in names(flags.fields)
    (port,) = (field for field in layers[3].fields if field.name == "udp.dstport")
    assert (port.value, port.showname) == ("9029", "Destination Port: 9029")


def test_it_works_while_an_event_loop_runs() -> None:
    async def page() -> int:
        return len(await asyncio.to_thread(dissect, CAPTURE)) + len(dissect(CAPTURE))

    # A thread of its own: a browser's driver may keep a loop running in this one.
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: asyncio.run(page())).result() == 10


def test_what_is_no_capture_is_refused() -> None:
    with pytest.raises(ToolError):
        dissect(b"nothing of the kind")
