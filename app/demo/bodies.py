"""The `<data>` bodies of EAD messages as lists of names and values, and Windows patch lists to fill them with."""

from __future__ import annotations

import random
from dataclasses import dataclass

Fields = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Identity:
    """Who speaks: the three values that every message of a session shares."""

    user: str
    mac: str
    event_id: str

    @property
    def fields(self) -> Fields:
        return (("userName", self.user), ("hwAddr", self.mac), ("eventSeqID", self.event_id))


def one_line(fields: Fields) -> str:
    """The body as it travels: one line, nothing between the elements."""
    return "<data>" + "".join(f'<i n="{name}">{value}</i>' for name, value in fields) + "</data>"


def patch_list(count: int, rng: random.Random, repeated: int = 0) -> tuple[str, ...]:
    """`count` KB names, newest first as Windows lists them, `repeated` of them entries that stand there twice."""
    distinct = count - repeated
    numbers = rng.sample(range(2_400_000, 4_060_000), distinct)
    numbers.sort(reverse=True)
    twice = rng.sample(numbers, repeated)
    return tuple(f"KB{number}" for number in numbers + twice)


def start(identity: Identity) -> Fields:
    """Message 1."""
    return identity.fields


def policy(event_id: str, proxy_ip: str | None, proxy_port: int, padding: int = 0) -> Fields:
    """Message 2. `proxy_ip` and `proxy_port` tell where message 3 shall go, the address as a decimal integer; None
    (IPv6) leaves both out. `padding` adds that many software names to check, to make the policy as long as large
    sites have it.
    """
    proxy: Fields = ()
    if proxy_ip is not None:
        octets = [int(octet) for octet in proxy_ip.split(".")]
        proxy = (("damProxyIp", str(int.from_bytes(bytes(octets), "big"))), ("damProxyPort", str(proxy_port)))
    flags = (
        "antiIPchange",
        "antiAgent",
        "antiProxy",
        "antiDualNetcard",
        "macCheck",
        "sameMacCheck",
        "antiMultiOS",
        "antiMultiip",
        "iSupVMCheck",
        "iSetWanControl",
    )
    rng = random.Random(f"policy {event_id}")
    software = ";".join(f"Office-Agent-{rng.randrange(16**8):08x}" for _ in range(padding))
    return (
        ("strategyMode", "autoAdapt"),
        ("userMessage", ""),
        *((flag, "false") for flag in flags),
        ("ipSetMode", "unlimit"),
        ("iSetACL", "true"),
        *proxy,
        ("heartBeatInterval", "720"),
        ("heartBeatOutTimes", "3"),
        ("forceChangePassword", "2"),
        ("AVMode", "PluginForbidden"),
        ("forcedAVs", "Kaspersky"),
        ("AVConfigNames", "Kaspersky;Kaspersky Endpoint Security"),
        ("patchCheckMode", "Upcast"),
        ("checkList", "Virus-Engine-Version;Virus-Def-Version;Windows"),
        *((("whiteSoftsInstall", software),) if software else ()),
        ("checkWeakPwdMoment", "afterCheck"),
        ("patchLevel", "Critical,monitor;Important,remind;Moderate,monitor;Low,monitor"),
        ("eventSeqID", event_id),
        ("serverVersion", "iMCV700R005B04D023"),
    )


def check_result(identity: Identity, patches: tuple[str, ...], system: str = "10 Enterprise") -> Fields:
    """Message 3."""
    empty = (
        "AScheckResult",
        "APcheckResult",
        "FWcheckResult",
        "HDcheckResult",
        "blackSoftsInstall",
        "blackSoftsRun",
        "whiteSoftsInstall",
        "whiteSoftsRun",
    )
    return (
        ("userName", identity.user),
        ("hwAddr", identity.mac),
        ("dictionaryDigest", ""),
        ("eventSeqID", identity.event_id),
        ("supNetScan", "true"),
        ("checkResult", f"Windows|{system}|0x0804|{';'.join(patches)}"),
        ("checkResult", "Virus-Engine-Version|21.3.10"),
        ("checkResult", "Virus-Def-Version|2026-03-08"),
        ("checkResult", "AV-Software|Kaspersky"),
        *((name, "") for name in empty),
    )


def verdict(event_id: str, is_passed: bool) -> Fields:
    """Message 4 (passed) or 6 (isolate and repair)."""
    if is_passed:
        return (("eventSeqID", event_id), ("result", "0"))
    return (
        ("eventSeqID", event_id),
        ("result", "1"),
        ("errInfo", "缺少操作系统补丁，已被隔离"),
    )
