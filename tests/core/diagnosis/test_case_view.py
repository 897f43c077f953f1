from app.core.diagnosis.case_view import view_case
from tests.core.diagnosis.build import case, datagram, message, points, result, send, session, terminal

PATH = ("client", "server")


def seen(version, first_bytes):
    """A case of one message 3 whose first fragment has so many bytes behind its IP headers."""
    sent = datagram({"client": "xx", "server": "xx"}, seconds=5)
    first, second = sent.fragments
    cut = (first._replace(length=first_bytes), second._replace(offset=first_bytes))
    fate = sent._replace(ip_version=version, fragments=cut)
    made = session([message(3, [send(fate, 3, 5, plain=2641)])], marks=[result(4)])
    return view_case(case(terminal(made), at_points=points(*PATH)))


def test_over_ipv4_at_an_mtu_of_1500_a_packet_has_room_for_1472_bytes():
    case_ = seen(4, 1480)
    assert (case_.mtu, case_.packet_room, case_.header_bytes, case_.lower_edge) == (1500, 1472, 14, 1458)


def test_over_ipv6_the_unfragmented_packet_has_the_longer_header_and_a_fragment_eight_bytes_more():
    case_ = seen(6, 1448)
    assert (case_.mtu, case_.packet_room, case_.lower_edge) == (1500, 1452, 1438)


def test_the_paths_own_mtu_is_reckoned_with():
    assert seen(4, 1376).packet_room == 1396 - 28
    assert seen(6, 1232).packet_room == 1280 - 48
