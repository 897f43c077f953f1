"""Every fragment is at the server, and still no host could put them together."""

from __future__ import annotations

from app.core.analysis import Finding, Severity
from app.core.diagnosis.advice import scene, server_steps
from app.core.diagnosis.arrivals import Arrival, unanswered_arrivals
from app.core.diagnosis.case_view import CaseView
from app.core.diagnosis.evidence import of_attempts
from app.core.diagnosis.facts import Hit, Judgement, TerminalRule
from app.core.diagnosis.needs import without_server_evidence
from app.core.diagnosis.terminal_view import TerminalView
from app.core.diagnosis.wording import plural
from app.core.records import Confidence, Text

CODE = "reassembly-failed"


def judge(case: CaseView, terminal: TerminalView) -> Judgement:
    broken = [a for a in unanswered_arrivals(case, terminal) if a.is_broken]
    if not broken:
        return without_server_evidence(case, terminal)
    return Hit(tuple(_finding(case, terminal, a) for a in broken))


def _finding(case: CaseView, terminal: TerminalView, arrival: Arrival) -> Finding:
    n, why = len(arrival.broken), _reason(arrival.broken[0][1])
    number = arrival.message.number
    is_sure = n > 1
    return Finding(
        code=CODE,
        severity=Severity.ERROR,
        confidence=Confidence.CERTAIN if is_sure else Confidence.LIKELY,
        summary=Text(
            f"All fragments of message {number} reached the server ({plural(n, 'datagram')}), but they cannot "
            f"be reassembled: {why.en}. "
            + (
                f"Certain: {n} of {n} in the server's own capture show it."
                if is_sure
                else "Likely, not certain: one datagram shows it."
            ),
            f"{number} 号报文的所有分片都到达了服务器（{n} 个报文），但无法重组：{why.zh}。"
            + (f"结论确定：服务器侧抓包中 {n} 个报文均如此。" if is_sure else "很可能，尚不能确定：仅一个报文为证。"),
        ),
        evidence=of_attempts([a for a, _ in arrival.broken], tuple(arrival.points)),
        message=number,
        counts={"datagrams": n},
        against=(
            Text("no fragment is missing at the server: no device dropped them", "服务器侧不缺任何分片：并非设备丢弃"),
            Text(
                "a bad checksum in a capture on the sending host itself is only offload and proves nothing",
                "在发送主机本机抓到的校验和错误只是网卡卸载所致，不能作为依据",
            ),
        ),
        next_steps=(
            Text(
                "Find what changes or delays the fragments: a load balancer, a device that re-fragments, a queue. On "
                "the "
                "server: netstat -s (reassemblies failed), and a capture on both sides of the device in question.",
                "找出修改或延迟分片的环节：负载均衡、二次分片的设备、队列。在服务器上看 netstat -s（重组失败数），"
                "并在可疑设备两侧抓包。",
            ),
            *server_steps(scene(case, terminal, arrival.message.attempts)),
        ),
        details={"anomaly": arrival.broken[0][1]},
    )


def _reason(anomaly: str) -> Text:
    if anomaly == "late":
        return Text(
            "the last fragment came more than 30 s after the first, when a host has given up",
            "最后一片比首片晚到 30 秒以上，主机已放弃重组",
        )
    if "overlap" in anomaly:
        return Text("fragments overlap with different contents", "分片互相重叠且内容不一致")
    if "checksum" in anomaly:
        return Text("the UDP checksum over the whole is wrong", "重组后的 UDP 校验和错误")
    return Text(f"the pieces contradict each other ({anomaly})", f"分片之间互相矛盾（{anomaly}）")


RULE = TerminalRule(
    CODE,
    Text("every fragment reached the server, and they cannot be reassembled", "所有分片均到达服务器，但无法重组"),
    Text("a capture on the server", "服务器侧抓包"),
    judge,
)
