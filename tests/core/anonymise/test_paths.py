"""File names without names."""

from __future__ import annotations

import pytest

from app.core.anonymise.names import NameMap
from app.core.anonymise.paths import masked_path
from app.core.network.naming import role_of


@pytest.mark.parametrize(
    "path",
    [
        "terminal-01/client.pcap", "mirror/fw-outside.pcap", "server/policyserver.log", "iNode.log", "终端/客户端.pcap",
        "防火墙-内侧.pcapng", "uplink_2.pcap.gz",
    ],
)  # fmt: skip
def test_words_of_networking_stay(path: str) -> None:
    assert masked_path(path, NameMap().word) == path


def test_every_other_word_goes_and_lengths_stay() -> None:
    path = "Contoso-Shenzhen/zhangsan/fw2-inside 20261123.pcap"
    masked = masked_path(path, NameMap().word)
    assert len(masked) == len(path)
    for word in ("Contoso", "Shenzhen", "zhangsan", "20261123"):
        assert word not in masked
    assert masked.endswith(".pcap")
    assert "fw2-inside" in masked


@pytest.mark.parametrize("path", ["acme-client.pcap", "Contoso/server/x.log", "contoso-fwout.pcap", "联想终端/a.pcap"])
def test_what_a_path_hints_at_stays(path: str) -> None:
    assert role_of(masked_path(path, NameMap().word)) == role_of(path)


def test_the_same_word_becomes_the_same_and_another_another() -> None:
    names = NameMap()
    first, second = masked_path("alpha/beta.pcap", names.word), masked_path("beta/alpha.pcap", names.word)
    assert first.split("/")[0] == second.split("/")[1].split(".")[0]
    assert first != second
