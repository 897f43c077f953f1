"""One POST to an address that a person gave, with nothing to be gained by a person who means harm.

The address is resolved once, every address that it has is judged, and the connection goes to the judged one: a name
that points elsewhere a moment later changes nothing. Redirects are not followed, proxies of the environment not asked.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from app.core.records import Text
from app.errors import Rejected

Network = IPv4Network | IPv6Network
TIMEOUT_S = 10.0
LONGEST_URL = 2_000
ANSWER_BYTES = 4_096  # read so that the connection ends well; what stands there is not used
# Addresses of IPv4 wrapped in IPv6: the inner one is what is reached.
NAT64 = ip_network("64:ff9b::/96")

NOT_HTTP = Text(
    "A webhook is an http or https address with a host name.", "Webhook 须为带主机名的 http 或 https 地址。"
)
NO_SECRETS = Text("A webhook's address carries no user and no password.", "Webhook 地址不能包含用户名或密码。")


def check_url(url: str) -> str:
    """The address as it will be used. Raises Rejected; whether the host may be reached is judged at each delivery."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise Rejected(NOT_HTTP) from error
    printable = url.isascii() and url.isprintable() and " " not in url
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0 or not printable:
        raise Rejected(NOT_HTTP)
    if parts.username is not None or parts.password is not None:
        raise Rejected(NO_SECRETS)
    return url


def post(url: str, body: bytes, headers: Mapping[str, str], allowed: Sequence[Network] = ()) -> int:
    """The status of the answer. Raises Rejected (the address may not be reached), OSError, HTTPException."""
    parts = urlsplit(check_url(url))
    assert parts.hostname is not None
    is_secure = parts.scheme == "https"
    port = parts.port or (443 if is_secure else 80)
    address = _judged(parts.hostname, port, allowed)
    make = http.client.HTTPSConnection if is_secure else http.client.HTTPConnection
    connection = make(parts.hostname, port, timeout=TIMEOUT_S)
    plain = socket.create_connection((address, port), timeout=TIMEOUT_S)
    try:
        # The name is still what the certificate must be for.
        connection.sock = (
            ssl.create_default_context().wrap_socket(plain, server_hostname=parts.hostname) if is_secure else plain
        )
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", path, body, {**headers, "Connection": "close"})
        answer = connection.getresponse()
        answer.read(ANSWER_BYTES)
        return answer.status
    finally:
        connection.close()
        plain.close()


def _judged(host: str, port: int, allowed: Sequence[Network]) -> str:
    """The first address of the host, if all that it has may be reached."""
    found = [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    for text in found:
        if not may_reach(text, allowed):
            raise Rejected(
                Text(
                    f"{host} is {text}, an address of a private or special network. An administrator can allow it with "
                    "EADSCOPE_WEBHOOK_NETWORKS.",
                    f"{host} 的地址 {text} 属于私有或特殊网段。管理员可通过 EADSCOPE_WEBHOOK_NETWORKS 放行。",
                )
            )
    return found[0]


def may_reach(text: str, allowed: Sequence[Network] = ()) -> bool:
    """Whether an address is public, or in a network that the operator allowed."""
    address = _inner(ip_address(text.partition("%")[0]))
    if any(address.version == network.version and address in network for network in allowed):
        return True
    return address.is_global and not address.is_multicast and not address.is_reserved


def _inner(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    if isinstance(address, IPv6Address):
        if address in NAT64:
            return IPv4Address(int(address) & 0xFFFFFFFF)
        return address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1] or address
    return address
