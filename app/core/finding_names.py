"""Names for the codes of findings, as a person reads them."""

from __future__ import annotations

from app.core.records import Text

FINDING_NAMES: dict[str, Text] = {
    "later-fragments-lost": Text("Later fragments lost", "后续分片丢失"),
    "first-fragment-lost": Text("First fragments lost", "首片丢失"),
    "fragmented-datagrams-lost": Text("Fragmented datagrams lost", "分片报文全部丢失"),
    "random-loss": Text("Random loss", "随机丢包"),
    "path-down": Text("Path down", "路径不通"),
    "reply-lost": Text("Reply lost", "应答丢失"),
    "server-silent": Text("Server silent", "服务器无应答"),
    "never-sent": Text("Never sent", "未真正发出"),
    "check-failed": Text("Policy check failed", "安全检查未通过"),
    "no-fault": Text("No fault", "未见故障"),
    "size-band": Text("Size band", "尺寸区间"),
    "capture-gap": Text("Gap in a capture", "抓包中断"),
    "capture-filtered": Text("Capture filtered", "抓包过滤丢掉了分片"),
    "complete-only-merged": Text("Complete only when merged", "合并后才完整"),
    "capture-dropped": Text("Capture dropped packets", "抓包自身丢包"),
    "clocks-apart": Text("Clocks apart", "时钟不一致"),
    "address-translated": Text("Address translated", "地址转换"),
    "refragmented": Text("Fragmented again", "再次分片"),
    "mirror-duplicates": Text("Mirror duplicates", "镜像重复"),
    "reassembly-timeout": Text("Reassembly timed out", "重组超时"),
    "too-big": Text("Packet too big", "报文过大"),
    "answer-not-taken": Text("Answer not taken", "应答未被接收"),
    "answered-elsewhere": Text("Answered from another address", "从其他地址应答"),
    "band-outlier": Text("Fails for another reason", "因其他原因失败"),
    "capture-too-short": Text("Capture too short", "抓包时间过短"),
    "clock-contradiction": Text("Clocks that cannot be", "时钟互相矛盾"),
    "common-factor": Text("What the failing ones share", "失败终端的共同点"),
    "contradiction": Text("Log and capture disagree", "日志与抓包矛盾"),
    "device-counters": Text("Counters of a device", "设备计数"),
    "encryption-off": Text("Compression and encryption off", "未启用压缩加密"),
    "fragments-hidden": Text("Fragments hidden by a filter", "分片被过滤条件隐藏"),
    "large-datagrams-lost": Text("Large datagrams lost", "大报文丢失"),
    "logged-not-answered": Text("Logged, not answered", "已记录但未应答"),
    "no-answer": Text("No answer", "无应答"),
    "unfinished": Text("Exchange unfinished", "交互中断"),
    "not-delivered": Text("Arrived, not delivered", "已到达但未交付"),
    "port-blocked": Text("Port blocked", "端口被阻断"),
    "reassembly-failed": Text("Reassembly failed", "重组失败"),
    "translated-unanswerable": Text("Answer cannot come back", "应答无法返回"),
    "who-breaks-next": Text("Who breaks next", "下一批会失败的终端"),
    "wrong-place": Text("Captured in the wrong place", "抓包位置不对"),
}


def finding_name(code: str) -> Text:
    """The name of a code; a code without one names itself."""
    return FINDING_NAMES.get(code, Text(code, code))


def codes_named(word: str) -> list[str]:
    """The codes that have `word` in them or in their names, whatever its case."""
    wanted = word.casefold()
    return [
        code
        for code, name in FINDING_NAMES.items()
        if any(wanted in text.casefold() for text in (code, name.en, name.zh))
    ]
