"""Where a webhook may go."""

from __future__ import annotations

import socket
from ipaddress import ip_network
from typing import Any

import pytest

from app.errors import Rejected
from app.jobs.outbound import check_url, may_reach, post


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/", "file:///etc/passwd", "gopher://example.com/", "http://", "https:///x", "example.com",
        "http://user:secret@example.com/", "http://user@example.com/", "http://example.com:0/", "http://example.com:99999/",
        "http://example.com/\r\nHost: other", "http://exa mple.com/", "http://例子.example/", "http://[::1",
    ],
)  # fmt: skip
def test_an_address_that_is_no_plain_web_address_is_refused(url: str) -> None:
    with pytest.raises(Rejected):
        check_url(url)


@pytest.mark.parametrize("url", ["http://example.com", "https://example.com:8443/hook?x=1", "http://[2001:db8::1]/a"])
def test_web_addresses_are_taken(url: str) -> None:
    assert check_url(url) == url


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254",
        "224.0.0.1", "255.255.255.255", "198.18.0.1", "192.0.2.1", "240.0.0.1", "::", "::1", "fe80::1", "fe80::1%eth0",
        "fc00::1", "fd12::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::",
        "2002:a00:1::", "2001:db8::1",
    ],
)  # fmt: skip
def test_private_and_special_addresses_are_not_reached(address: str) -> None:
    assert not may_reach(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public_addresses_are_reached(address: str) -> None:
    assert may_reach(address)


def test_an_allowed_network_opens_itself_and_nothing_else() -> None:
    allowed = (ip_network("10.1.0.0/16"), ip_network("fd12::/16"))
    assert may_reach("10.1.2.3", allowed)
    assert may_reach("fd12::5", allowed)
    assert may_reach("::ffff:10.1.2.3", allowed)
    assert not may_reach("10.2.0.1", allowed)
    assert not may_reach("127.0.0.1", allowed)


def test_one_private_address_of_a_name_is_enough_to_refuse_it(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80)) for address in ("8.8.8.8", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_told, **_named: answers)
    with pytest.raises(Rejected, match=r"10\.0\.0\.1"):
        post("http://two-faced.example/", b"", {})


def test_a_name_that_changes_its_address_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was judged is what is connected to, though the name means this machine a moment later."""
    asked: list[str] = []
    connected: list[Any] = []

    def resolve(host: str, *_told: Any, **_named: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8" if len(asked) == 1 else "127.0.0.1", 80))]

    def connect(address: Any, timeout: float) -> socket.socket:
        connected.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(ConnectionRefusedError):
        post("http://rebinding.example/", b"", {})
    assert asked == ["rebinding.example"]
    assert connected == [("8.8.8.8", 80)]
