from dataclasses import replace

from app.core.parsers.devices import DeviceFacts
from tests.core.diagnosis.build import case, hello, named, points, report, result, session, terminal

PATH = ("client", "server")


def facts(seconds):
    made = session([*hello(PATH), report([{"client": "xx", "server": "x."}] * 4)], marks=[result(4)])
    return case(terminal(made), at_points=points(*PATH, seconds=seconds))


def test_captures_that_stop_with_the_failure_could_not_show_an_icmp_11_1():
    assert named(facts(25), "capture-too-short").severity == "info"


def test_captures_that_run_on_could():
    assert named(facts(120), "capture-too-short") is None


def test_the_last_line_of_a_device_is_no_end_of_a_capture():
    found = facts(25)
    device = DeviceFacts("server.pcap", "comware-virtual-reassembly", 0, 0, ())
    summary = named(replace(found, devices=(device,)), "capture-too-short").summary.en
    assert "frames at client come" in summary
