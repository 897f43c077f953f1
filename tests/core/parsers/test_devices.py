import pytest

from app.core.parsers.devices import DeviceFormat, DeviceRecordKind, parse_device_output, sniff_device_output
from app.device_formats import load_device_formats

FORMATS = load_device_formats()


def parse(text, name):
    return next(f for f in parse_device_output([text.encode()], "fw.txt", FORMATS) if f.format == name)


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
def test_every_format_reads_its_own_sample(form):
    facts = parse(form.sample, form.name)
    assert facts.records
    assert facts.used_lines <= facts.lines
    assert form.description["en"] and form.description["zh"]


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
def test_every_sample_is_recognised_as_device_output(form):
    assert sniff_device_output(form.sample.encode()) >= 0.5
    assert sniff_device_output(form.sample.encode(), FORMATS) >= 0.9


@pytest.mark.parametrize(
    "other",
    [
        b'[2026-03-02 10:00:00] [DtlCmn] [1a2b] SecPkt secPushInner: out-pkt [3]\r\n<data><i n="userName">x</i></data>',
        b"%% 2026-03-02 10:00:00.123 ; [LDBG] ; [4400] ; EAD ; SecPkt recv: packet type [1]",
        b"\xd4\xc3\xb2\xa1\x02\x00\x04\x00",
        b"",
        "设备已重启，请稍候。".encode("gb18030"),
    ],
)
def test_logs_captures_and_prose_are_not(other):
    assert sniff_device_output(other, FORMATS) == 0.0


def test_a_fragment_that_the_firewall_received_has_its_datagram_and_its_bytes_without_the_ip_header():
    text = (
        "*Mar  2 10:00:01:250 2026 FW9 VFR/7/IPVFR_DEBUG_COMMON:\n"
        "vfr_rcv: fragment, target_ip_addr: 198.51.100.7, sender_ip_addr: 192.0.2.17, id: 4242, offset:\n"
        "1480, len: 1203.\n"
        "*Mar  2 10:00:01:251 2026 FW9 VFR/7/IPVFR_DEBUG_COMMON:\n"
        "vfr_operation: dgrm incomplete offset: 0, waiting...\n"
    )
    received, waiting = parse(text, "comware-virtual-reassembly").records
    assert (received.source_ip, received.identification) == ("192.0.2.17", 4242)
    assert (received.offset_bytes, received.length_bytes) == (1480, 1183)
    assert (received.device, received.locator.line) == ("FW9", 2)
    assert received.time_ns == 1_772_445_601_250_000_000
    assert (waiting.kind, waiting.identification, waiting.offset_bytes) == (DeviceRecordKind.INCOMPLETE, 4242, 0)


def test_readings_of_one_counter_are_counted():
    text = " Fragment:input 8 output 4\n dropped 3\n" * 2
    dropped = [r for r in parse(text, "comware-ip-statistics").records if r.name == "dropped"]
    assert [(r.reading, r.value) for r in dropped] == [(0, 3), (1, 3)]


def test_a_counter_knows_what_it_belongs_to():
    text = (
        "<FW9> display packet-filter statistics\nInterface: Vlan-interface9\n In-bound policy:\n  ACL 3999\n"
        "   rule 5 deny ip fragment (12 times matched)\n"
    )
    (record,) = parse(text, "comware-packet-filter").records
    assert (record.scope, record.name, record.value) == (
        "Vlan-interface9 In-bound ACL 3999",
        "rule 5 deny ip fragment",
        12,
    )


def test_damage_is_read_as_far_as_it_goes():
    whole = "\n".join(form.sample for form in FORMATS).encode()
    for cut in range(0, len(whole), 37):
        parse_device_output([whole[:cut] + b"\xff\x00" + whole[cut:]], "fw.txt", FORMATS)


def test_a_very_long_line_costs_no_more_than_a_line():
    text = "vfr_rcv: fragment, target_ip_addr: 1.1.1.1, sender_ip_addr: " + "1," * 200_000
    assert parse_device_output([text.encode()], "fw.txt", FORMATS)


@pytest.mark.parametrize(
    "raw, word",
    [
        ({}, "name"),
        ({"name": "x", "signs": ["("]}, "pattern"),
        ({"name": "x", "signs": "no list"}, "signs"),
        ({"name": "x", "record": [{"kind": "counter"}]}, "pattern"),
    ],
)
def test_a_broken_format_says_what_is_wrong(raw, word):
    with pytest.raises(ValueError, match=word):
        DeviceFormat.from_mapping(raw)
