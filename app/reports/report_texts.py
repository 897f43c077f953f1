"""The fixed words of the PDF report, in both languages."""

from __future__ import annotations

from app.core.records import Text

WORDS: dict[str, Text] = {
    "report": Text("EAD security check: case summary", "EAD 安全认证问题分析报告"),
    "case": Text("Case", "案例"),
    "site": Text("Site", "局点"),
    "author": Text("Author", "编写人"),
    "period": Text("Period", "时间范围"),
    "tool": Text("Made with", "工具版本"),
    "bundle": Text("Hash of the bundle (SHA-256)", "数据包哈希（SHA-256）"),
    "zone": Text("Times are in", "时间所用时区"),
    "contents": Text("Contents", "目录"),
    "verdict": Text("Verdict", "结论"),
    "path": Text("Where it was lost", "丢失位置"),
    "path_whole": Text("The path", "报文路径"),
    "ladder": Text("One terminal, step by step", "典型终端的交互过程"),
    "typical": Text("A typical terminal that failed", "典型的失败终端"),
    "healthy": Text("A healthy terminal, for comparison", "正常终端（对比）"),
    "healthy_alone": Text("A terminal that passed", "通过的终端"),
    "fragments": Text("Fragment by fragment", "分片明细"),
    "fragments_of": Text("Datagrams of terminal", "数据报所属终端"),
    "sizes": Text("Size against outcome", "大小与结果"),
    "findings": Text("Findings and evidence", "结论依据"),
    "excluded": Text("What was excluded, and why", "已排除的可能"),
    "not_run": Text("What could not be examined", "未能检查的项目"),
    "steps": Text("Next steps", "后续步骤"),
    "terminals": Text("Terminals", "终端列表"),
    "sources": Text("Sources", "数据来源"),
    "method": Text("Method", "方法说明"),
    "message": Text("Message", "报文"),
    "attempt": Text("Send", "次数"),
    "identification": Text("IP id", "IP 标识"),
    "size": Text("Bytes", "字节"),
    "time": Text("Time", "时间"),
    "source": Text("Source", "来源"),
    "place": Text("Line or frame", "行号或帧号"),
    "content": Text("What stands there", "内容"),
    "user": Text("User", "用户"),
    "mac": Text("MAC", "MAC"),
    "ip": Text("Address", "地址"),
    "outcome": Text("Outcome", "结果"),
    "sends": Text("Sends of 3", "3 号次数"),
    "plain": Text("Plaintext of 3", "3 号明文"),
    "finding": Text("Finding", "结论"),
    "file": Text("File", "文件"),
    "kind": Text("Kind", "类型"),
    "point": Text("Capture point", "抓包点"),
    "records": Text("Records", "记录数"),
    "rejected": Text("Not readable", "无法解析"),
    "clock": Text("Clock offset", "时钟偏差"),
    "order": Text("Order by", "排序依据"),
    "how": Text("How it is known", "依据"),
    "page": Text("Page", "第"),
    "of": Text("of", "页 / 共"),
    "page_end": Text("", "页"),
    "line": Text("line", "行"),
    "frame": Text("frame", "帧"),
    "more": Text("more", "条以上未列出"),
    "colon": Text(": ", "："),
    "comma": Text(", ", "、"),
    "nothing": Text("Nothing.", "无。"),
    "none_typical": Text("No terminal to be drawn.", "没有可绘制的终端。"),
    "lacked": Text("lacked", "缺少"),
    "affected": Text("Terminals", "涉及终端"),
    "counts": Text("Counts", "计数"),
    "reference": Text("reference", "基准"),
}

CONFIDENCES = {
    "certain": Text("certain", "确定"),
    "likely": Text("likely", "很可能"),
    "possible": Text("possible", "可能"),
}
SEVERITIES = {"error": Text("fault", "故障"), "warning": Text("warning", "警告"), "info": Text("note", "提示")}
KINDS = {
    "inode_log": Text("iNode log", "iNode 日志"),
    "server_log": Text("server log", "服务器日志"),
    "capture": Text("capture", "抓包"),
    "device": Text("device output", "设备输出"),
    "other": Text("not used", "未使用"),
}
ORDERS = {
    "named": Text("name", "名称"),
    "ttl": Text("hop count (TTL)", "跳数（TTL）"),
    "clock": Text("time", "时间"),
    "given": Text("as given by the user", "用户指定"),
}

COUNTS = {
    "answers_lost": Text("answers lost", "丢失的应答"),
    "arrived": Text("arrived", "已到达"),
    "attempts": Text("sends", "发送次数"),
    "datagrams": Text("datagrams", "数据报"),
    "datagrams_lost": Text("datagrams lost", "丢失的数据报"),
    "dropped": Text("frames dropped by the capture", "抓包丢弃的帧"),
    "failing_in": Text("failing in the band", "区间内失败"),
    "failing_out": Text("failing outside it", "区间外失败"),
    "first_fragments": Text("first fragments", "首片"),
    "fragments_lost": Text("fragments lost", "丢失的分片"),
    "fragments_sent": Text("fragments sent", "发出的分片"),
    "frames": Text("frames", "帧"),
    "growth": Text("counter grew by", "计数增长"),
    "healing": Text("healing", "将自行恢复"),
    "icmp": Text("ICMP errors", "ICMP 差错"),
    "later_fragments": Text("later fragments", "后续分片"),
    "logged": Text("logged", "有日志记录"),
    "matched": Text("matched", "已匹配"),
    "others": Text("others", "其他"),
    "passing_in": Text("passing in the band", "区间内通过"),
    "passing_out": Text("passing outside it", "区间外通过"),
    "retransmissions": Text("retransmissions", "重传"),
    "seen": Text("seen", "见到"),
    "sessions": Text("sessions", "会话"),
    "soon": Text("soon", "即将"),
    "terminals": Text("terminals", "终端"),
    "terminals_failing": Text("failing terminals", "失败终端"),
    "terminals_passing": Text("passing terminals", "通过终端"),
    "twice": Text("seen twice", "重复见到"),
    "when_checked": Text("at the next check", "下次检查时"),
    "whole_lost": Text("whole datagrams lost", "整个丢失的数据报"),
    "whole_sent": Text("whole datagrams sent", "发出的未分片数据报"),
}
METHOD: tuple[tuple[Text, Text], ...] = (
    (
        Text("Clocks", "时钟"),
        Text(
            "Every capture and every log has its own clock. Datagrams seen at two capture points in both directions "
            "bound the "
            "difference of their clocks; in one direction only, delay and difference cannot be told apart. All "
            "times here are "
            "on the reference clock. Corrected time says only whether a point was capturing: no loss is concluded "
            "from time.",
            "每个抓包和日志都有各自的时钟。两个抓包点在两个方向上都见到的数据报可以限定它们的时钟差；只有单方向时，"
            "无法区分时延与时钟差。"
            "本报告的时间均以基准时钟为准。校正后的时间只用于判断抓包点当时是否在抓包，从不据此判定丢包。",
        ),
    ),
    (
        Text("Matching", "匹配"),
        Text(
            "The same datagram is recognised at several points by what routers leave alone: protocol, "
            "identification, byte "
            "ranges, ports and payload; addresses only where nothing translates them; never time to live or "
            "checksums of "
            "the header. Reassembly is done for each point by itself: fragments of different points are never put "
            "together.",
            "同一数据报在各抓包点之间按路由器不会改变的内容识别：协议、标识、字节范围、端口和载荷；"
            "仅在没有地址转换时才比较地址；"
            "从不比较 TTL 和首部校验和。重组只在单个抓包点内进行，不同抓包点的分片从不拼在一起。",
        ),
    ),
    (
        Text("Seen, missing, unknown", "见到、缺失与未知"),
        Text(
            "Missing means: the point was capturing, could have seen the fragment, and did not. Unknown means that "
            "nothing can "
            "be said: it was not capturing then, dropped packets, its filter hides fragments, it sees only one of "
            "several "
            "paths, or the frame was cut too short. Unknown is never counted as lost.",
            "“缺失”表示该点当时在抓包、能够看到该分片而没有看到。“未知”表示无法判断：当时未抓包、抓包丢包、"
            "过滤条件看不到分片、"
            "只能看到多条等价路径之一，或帧被截断过短。“未知”从不计为丢失。",
        ),
    ),
    (
        Text("Sizes", "大小"),
        Text(
            "The size of message 3 is that of its text before compression, as the client's log shows it. At an MTU "
            "of 1,500 "
            "a UDP payload over 1,472 bytes is fragmented; the client compresses and encrypts from 3,000 bytes on "
            "if the "
            "server says so.",
            "3 号报文的大小是压缩前的正文大小，取自客户端日志。MTU 为 1500 时，UDP 载荷超过 1472 字节即分片；"
            "服务器启用后，客户端对超过 3000 字节的内容进行压缩加密。",
        ),
    ),
    (
        Text("Confidence", "置信度"),
        Text(
            "Certain: seen at both ends of a leg, nothing speaks against it. Likely: one step rests on an inference "
            "that is "
            "named. Possible: it fits, and other causes fit as well; the next steps say what would decide.",
            "“确定”：在一段路径的两端都有观测，且没有相反证据。“很可能”：其中一步依靠推断，已注明。"
            "“可能”：与现象相符，但其他原因也相符，"
            "后续步骤说明如何判定。",
        ),
    ),
)
