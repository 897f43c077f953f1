from dataclasses import replace

from app.core.parsers.devices import parse_device_output
from app.device_formats import load_device_formats
from tests.core.diagnosis.build import (
    case,
    datagram,
    diagnose,
    hello,
    message,
    points,
    report,
    result,
    send,
    session,
    terminal,
)

PATH = ("client", "server")
READING = """<FW9> display ip statistics
  Input:   sum            {sum}             local             112
  Fragment:input          {input}           output            4
           dropped        {dropped}
  Reassembling:sum        0                timeouts          0
"""


def facts(text, *, lost=True):
    made = session([*hello(PATH), report([{"client": "xx", "server": "x." if lost else "xx"}] * 4)], marks=[result(4)])
    devices = parse_device_output([text.encode()], "fw9.txt", load_device_formats())
    return replace(case(terminal(made), at_points=points(*PATH)), devices=devices)


def counters(found):
    return [f for f in diagnose(found).findings if f.code == "device-counters"]


def test_a_counter_that_grows_by_the_fragments_lost_is_a_witness():
    two = READING.format(sum=100, input=8, dropped=10) + READING.format(sum=140, input=16, dropped=14)
    (finding,) = counters(facts(two))
    assert (finding.severity, finding.counts) == ("warning", {"growth": 4, "fragments_lost": 4})
    assert "agree exactly" in finding.summary.en
    assert [e.line for e in finding.evidence] == [4, 9]


def test_a_counter_that_stands_still_says_nothing():
    assert counters(facts(READING.format(sum=100, input=8, dropped=10) * 2)) == []


def test_a_single_reading_says_nothing():
    assert counters(facts(READING.format(sum=100, input=8, dropped=10))) == []


def test_a_deny_rule_on_fragments_that_was_met_is_named():
    text = "Interface: GigabitEthernet1/0/1\n In-bound policy:\n  ACL 3999\n   rule 0 deny ip fragment (4 packets)\n"
    (finding,) = counters(facts(text))
    assert "rule 0 deny ip fragment" in finding.summary.en


def test_a_firewall_that_waits_for_fragments_is_a_capture_point():
    text = (
        "*Mar  2 10:00:01:000 2026 FW9 VFR/7/IPVFR_DEBUG_COMMON:\n"
        "vfr_rcv: fragment, target_ip_addr: 198.51.100.7, sender_ip_addr: 192.0.2.17, id: 12288, "
        "offset: 0, len: 1500.\n"
        "*Mar  2 10:00:01:001 2026 FW9 VFR/7/IPVFR_DEBUG_COMMON:\n"
        "vfr_operation: dgrm incomplete offset: 1480, waiting...\n"
    )
    (finding,) = counters(facts(text))
    assert finding.details["identifications"] == [12288]


def test_a_loss_behind_a_device_rests_on_the_devices_own_lines():
    sights, codes = {"client": "xx", "FW9": "xx", "server": "x."}, {"FW9": "device"}
    sends = [replace_seen(datagram(sights, ident=0x3000 + i, seconds=5 * i + 5), codes) for i in range(4)]
    attempts = [send(one, 3, 5 * i + 5, attempt=i + 1) for i, one in enumerate(sends)]
    names = ("client", "FW9", "server")
    made = case(
        terminal(session([*hello(names), message(3, attempts)], marks=[result(4)])),
        at_points=points(*names),
    )
    text = (
        "*Mar  2 10:00:01:000 2026 FW9 VFR/7/IPVFR_DEBUG_COMMON:\n"
        "vfr_rcv: fragment, target_ip_addr: 198.51.100.7, sender_ip_addr: 192.0.2.17, id: 12288, "
        "offset: 1480, len: 1203.\n"
    )
    devices = parse_device_output([text.encode()], "fw9.txt", load_device_formats())
    finding = next(t.findings[0] for t in diagnose(replace(made, devices=devices)).terminals)
    assert (finding.code, finding.between) == ("later-fragments-lost", ("FW9", "server"))
    assert "FW9 itself tells" in finding.summary.en
    assert [e.line for e in finding.evidence if e.source == "fw9.txt"] == [2]


def replace_seen(fate, codes):
    """Sightings at these points are told by a device: no frame, and the code that says so."""
    return fate._replace(
        fragments=tuple(
            piece._replace(
                sightings={
                    name: s._replace(frames=(), reason_code=codes[name]) if name in codes else s
                    for name, s in piece.sightings.items()
                },
            )
            for piece in fate.fragments
        ),
    )
