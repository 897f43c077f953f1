"""Names that a text gives away by what stands before them: users, hosts, domains, ids of checks, owners of folders."""

from __future__ import annotations

import re
from collections.abc import Iterator

SHORTEST = 3
SHORTEST_NUMBER = 6
_VALUE = r"""["'\[(“]?\s*([^\s"'\[\]()<>,;:=|，；：。“”]{3,64})"""
_IS = r"""\s*["'”\])]?\s*[=:：]\s*"""

# What stands before a name. The name itself is the group.
_USERS = re.compile(
    rf"(?:\b(?:user|login|account)[ _]?(?:name|id)?|用户名?|帐号|账号|登录名){_IS}{_VALUE}"
    r"""|\buser\s+["'\[]?([\w.@\\-]{3,64})["'\]]?\s+(?:logged|logs|login|logon|went|came|is|was|has|from)\b"""
    r"""|\\(?:Users|Documents and Settings)\\([^\\/:*?"<>|\r\n]{3,64})\\"""
    r"""|/home/([^/\s"'<>]{3,64})/""",
    re.IGNORECASE,
)
_HOSTS = re.compile(
    r"(?:\b(?:host|computer|machine|pc|netbios|domain|workgroup)[ _]?(?:name)?|主机名?|计算机名?|终端名称?|域名?)"
    rf"{_IS}{_VALUE}",
    re.IGNORECASE,
)
_EVENTS = re.compile(r'eventSeqID"?\s*(?:>{1,2}|[=:])\s*([^\s<>"\',;]{3,64})')
_FIELD = re.compile(r'<i\s+n="([^"<>]{1,100})"\s*>+([^<]{3,500})')
# Fields of a message body that name somebody or something.
_NAMING = re.compile(
    r"(?:user|login|real|full|nick)_?name|account|owner|department"
    r"|(?:host|computer|machine|pc|netbios|domain|workgroup)_?(?:name)?"
    r"|e?_?mail|(?:tele)?phone|mobile|serial_?(?:no|num(?:ber)?)?|asset_?(?:no|num(?:ber)?)?"
    r"|(?:disk|cpu|board|bios|machine|client|device)_?(?:sn|id|serial|guid|uuid)|guid|uuid|ssid",
    re.IGNORECASE,
)
# Words that stand there and are nobody's name.
_NOBODY = frozenset((
    "true", "false", "null", "none", "nil", "unknown", "empty", "invalid", "failed", "error", "success",
    "yes", "not", "the", "and", "has", "with", "from", "name", "domain", "client", "server", "inode",
    "windows", "linux", "version", "timeout", "default", "local", "localhost", "offline", "online",
    "authentication",
))  # fmt: skip
_ADDRESS = re.compile(r"[\d.:]+|[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}|[0-9A-Fa-f]{4}(?:[-.][0-9A-Fa-f]{4}){2}")


def names_in(text: str) -> Iterator[str]:
    """Users, hosts, domains and what other fields name. Addresses and numbers alone are not among them."""
    for pattern in (_USERS, _HOSTS):
        for found in pattern.finditer(text):
            value = next(filter(None, found.groups()), "").strip(".")
            if _is_name(value):
                yield value
    for found in _FIELD.finditer(text):
        value = found[2].strip()
        if _NAMING.fullmatch(found[1]) and (_is_name(value) or (value.isdecimal() and len(value) >= SHORTEST_NUMBER)):
            yield value


def event_ids_in(text: str) -> Iterator[str]:
    for found in _EVENTS.finditer(text):
        yield found[1]


def _is_name(value: str) -> bool:
    return len(value) >= SHORTEST and value.lower() not in _NOBODY and not _ADDRESS.fullmatch(value)
