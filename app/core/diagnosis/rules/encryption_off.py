"""Over 3000 bytes the client compresses and encrypts where the server asks for it: found plain, it did not ask."""

from __future__ import annotations

from app.core.analysis import Attempt, Finding, Severity
from app.core.diagnosis.case_view import COMPRESSION_BYTES, CaseView, Report
from app.core.diagnosis.evidence import of_attempts
from app.core.diagnosis.facts import MISS, CaseRule, Judgement, NotRun, found
from app.core.records import Confidence, Text

CODE = "encryption-off"

LARGE_REPORT = Text(
    f"a capture of a message 3 of more than {COMPRESSION_BYTES} bytes of plaintext",
    f"明文超过 {COMPRESSION_BYTES} 字节的 3 号报文的抓包",
)


def judge(case: CaseView) -> Judgement:
    large = [r for r in case.reports if r.plain_bytes > COMPRESSION_BYTES]
    seen = [(r, a) for r in large for a in r.message.attempts if a.datagram is not None and a.datagram.wire_bytes]
    if not seen:
        return NotRun((LARGE_REPORT,))
    plain = [(r, a) for r, a in seen if _is_plain(r, a)]
    if not plain:
        return MISS
    return found(_finding(case, plain, len(seen)))


def _is_plain(report: Report, attempt: Attempt) -> bool:
    datagram = attempt.datagram
    if datagram is None or datagram.coding in ("encrypted", "zlib"):
        return False
    return datagram.coding == "plain" or (datagram.wire_bytes or 0) >= report.plain_bytes


def _finding(case: CaseView, plain: list[tuple[Report, Attempt]], seen: int) -> Finding:
    by_head = [a for _, a in plain if a.datagram is not None and a.datagram.coding == "plain"]
    report = plain[0][0]
    hurts = any(r.is_network_failure for r, _ in plain)
    is_sure = bool(by_head)
    deflated = report.message.deflated_bytes
    would = (
        Text(
            f" Compressed it would be about {deflated + case.header_bytes} bytes.",
            f"若压缩，约为 {deflated + case.header_bytes} 字节。",
        )
        if deflated
        else Text("", "")
    )
    return Finding(
        code=CODE,
        severity=Severity.WARNING if hurts else Severity.INFO,
        confidence=Confidence.CERTAIN if is_sure else Confidence.LIKELY,
        summary=Text(
            f"Packet compression and encryption is off: a message 3 of {report.plain_bytes} bytes of plaintext went "
            f"out plain and "
            f"in fragments ({len(plain)} of {seen} datagrams of that size).{would.en} "
            + (
                "Certain: the head id on the wire says plain."
                if is_sure
                else "Likely: the size on the wire is that of the plaintext."
            ),
            f"报文加密压缩未开启：明文 {report.plain_bytes} 字节的 3 号报文以明文分片发出（该长度的 {seen} "
            f"个报文中有 {len(plain)} 个）。{would.zh}"
            + ("结论确定：报文头标识为明文。" if is_sure else "很可能：线上长度与明文长度一致。"),
        ),
        evidence=of_attempts(a for _, a in plain),
        message=3,
        counts={"datagrams": len(plain), "seen": seen},
        against=(
            Text(
                "a head id of compressed or encrypted messages at this size would disprove it",
                "若该长度报文的头标识为压缩或加密，则本结论不成立",
            ),
        ),
        next_steps=(
            Text(
                "In UAM's service parameters turn on packet compression and encryption (the vendor says keep it on). "
                "It helps "
                f"terminals over {COMPRESSION_BYTES} bytes only; below that nothing changes.",
                f"在 UAM 业务参数中开启“报文加密压缩”（厂商建议保持开启）。仅对超过 {COMPRESSION_BYTES} "
                f"字节的终端有效，以下不变。",
            ),
        ),
    )


RULE = CaseRule(
    CODE,
    Text(
        "message 3 over 3000 bytes goes out plain: encryption is off", "超过 3000 字节的 3 号报文以明文发出：加密未开启"
    ),
    LARGE_REPORT,
    judge,
)
