"""What paths say about captures."""

import pytest

from app.core.analysis import Role
from app.core.network.naming import name_points, role_of, stem


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("mirror/uplink.pcapng", "uplink"),
        ("server.pcap.gz", "server"),
        ("server.pcap3", "server"),
        ("fw_00002_20261123091500.pcapng", "fw"),
        ("核心交换机.pcap", "核心交换机"),
        ("plain", "plain"),
        (".pcap", ".pcap"),
    ],
)
def test_a_point_takes_the_name_of_its_file(path: str, name: str) -> None:
    assert stem(path) == name


@pytest.mark.parametrize(
    ("path", "role"),
    [
        ("terminal-1/client.pcap", Role.CLIENT),
        ("server/server.pcap", Role.SERVER),
        ("server/capture.pcap", Role.SERVER),
        ("mirror/fwin.pcap", Role.MIDDLE),
        ("terminal-1/uplink.pcap", Role.MIDDLE),
        ("mirror/server-side.pcap", Role.MIDDLE),
        ("终端1/抓包.pcap", Role.CLIENT),
        ("策略服务器.pcap", Role.SERVER),
        ("PC-07.pcap", Role.CLIENT),
        ("a.pcap", None),
        ("upcoming.pcap", None),
    ],
)
def test_names_hint_at_the_end_of_the_way(path: str, role: Role | None) -> None:
    assert role_of(path) is role


def test_captures_of_all_terminals_are_one_point() -> None:
    names = name_points(["t1/client.pcap", "t2/client.pcap", "server.pcap"], {}, {})
    assert [names[p][0] for p in ("t1/client.pcap", "t2/client.pcap", "server.pcap")] == ["client", "client", "server"]


def test_equal_names_in_different_folders_are_different_places() -> None:
    names = name_points(["inside/capture.pcap", "outside/capture.pcap"], {}, {})
    assert names["inside/capture.pcap"][0] == "inside/capture"
    assert names["outside/capture.pcap"][0] == "outside/capture"


def test_a_capture_alone_beside_a_client_log_was_taken_on_the_terminal() -> None:
    names = name_points(["a/1.pcap", "b/2.pcap"], {"a": "inode_log", "b": "server_log"}, {})
    assert names["a/1.pcap"] == ("client", Role.CLIENT)
    assert names["b/2.pcap"] == ("2", Role.SERVER)


def test_one_flat_folder_gives_no_hint() -> None:
    names = name_points(["1.pcap", "2.pcap"], {".": "inode_log"}, {})
    assert names["1.pcap"] == ("1", None)


def test_the_user_has_the_last_word() -> None:
    assert name_points(["a/client.pcap"], {}, {"a/client.pcap": "laptop"})["a/client.pcap"][0] == "laptop"
