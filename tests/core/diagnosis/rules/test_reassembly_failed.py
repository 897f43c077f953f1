from dataclasses import replace

from app.core import anomalies
from app.core.records import NS
from tests.core.diagnosis.build import case, codes, first, hello, message, points, report, result, session, terminal

PATH = ("client", "server")


def facts(change):
    made = report([dict.fromkeys(PATH, "xx")] * 4)
    sends = [replace(a, datagram=change(a.datagram)) for a in made.attempts]
    return case(
        terminal(session([*hello(PATH), message(3, sends, plain=2641)], marks=[result(4)])), at_points=points(*PATH)
    )


def odd(name):
    return lambda d: d._replace(anomalies={"server": (name,)})


def late(seconds):
    def change(d):
        first, last = d.fragments
        seen = last.sightings["server"]
        moved = seen._replace(raw_time_ns=seen.raw_time_ns + round(seconds * NS))
        return d._replace(fragments=(first, last._replace(sightings={**last.sightings, "server": moved})))

    return change


def test_a_bad_checksum_is_why_the_server_did_not_read_it():
    found = facts(odd(anomalies.BAD_UDP_CHECKSUM))
    assert first(found).code == "reassembly-failed"
    assert "server-silent" not in codes(found)


def test_a_fragment_later_than_any_host_waits_fires():
    assert first(facts(late(35))).code == "reassembly-failed"


def test_a_short_gap_does_not():
    assert first(facts(late(2))).code == "server-silent"


def test_harmless_oddities_do_not():
    assert first(facts(odd(anomalies.OUT_OF_ORDER))).code == "server-silent"
