"""The packet's README: what each file is, where it came from, how to repeat the analysis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.core.records import Text


@dataclass(frozen=True, slots=True)
class Original:
    """A file of the case and the extract of it. `kept` and `of` are frames; for a log `kept` is bytes, `of` None."""

    path: str
    source: str
    sha256: str
    size_bytes: int
    kept: int
    of: int | None


@dataclass(frozen=True, slots=True)
class Packet:
    title: str
    originals: Sequence[Original]
    problems: Sequence[Text]
    command: str
    tool_version: str
    is_anonymous: bool = False


FILES: tuple[tuple[str, Text], ...] = (
    ("report.pdf", Text("the case summary", "问题分析报告")),
    (
        "statement.en.md, statement.zh.md",
        Text("what was observed, for the device's vendor", "供设备厂商参考的观测情况说明"),
    ),
    ("verdict.json", Text("the same for programs", "供程序读取的分析结果")),
    ("attempts.csv", Text("every send of every message", "每条报文的每次发送")),
    ("sightings.csv", Text("every fragment at every capture point", "每个分片在每个抓包点的情况")),
    (
        "merged.pcapng",
        Text(
            "all frames on one clock, one interface for each capture point; to be looked at, not analysed",
            "所有帧按统一时钟合并，每个抓包点一个接口；仅供查看，不用于分析",
        ),
    ),
    (
        "evidence/",
        Text("extracts of the case's files, with times as captured", "案例文件的摘录，时间为抓包时的原始时间"),
    ),
    (
        "formats/",
        Text("log formats that the logs are read with, where one was taught", "读取日志所用的自定义格式（如有）"),
    ),
    ("eadscope-evidence.json", Text("what the extracts are extracts of", "摘录来源说明")),
)


def write_readme(packet: Packet) -> str:
    """Markdown, English first, then Chinese."""
    return "\n".join([*_part(packet, zh=False), "", "---", "", *_part(packet, zh=True), ""])


def _part(packet: Packet, *, zh: bool) -> list[str]:
    def say(text: Text) -> str:
        return text.zh if zh else text.en

    lines = [f"# {say(TITLE)}{': ' + packet.title if packet.title else ''}", "", say(INTRODUCTION), ""]
    lines += [f"- `{name}`: {say(text)}" for name, text in FILES]
    if packet.is_anonymous:
        lines += ["", say(ANONYMOUS)]
    lines += ["", say(REPEAT), "", f"    {packet.command}", ""]
    if packet.problems:
        lines += [say(KNOW), "", *(f"- {say(problem)}" for problem in packet.problems), ""]
    lines += [say(ORIGINALS), "", say(HEADER), "|---|---|---|---|"]
    lines += [_row(original, zh=zh) for original in packet.originals]
    return [*lines, "", f"EADScope {packet.tool_version}"]


def _row(original: Original, *, zh: bool) -> str:
    size = f"{original.size_bytes:,}"
    if original.of is None:
        kept = f"{original.kept:,} / {size} {'字节' if zh else 'bytes'}"
    else:
        kept = f"{original.kept:,} / {original.of:,} {'帧' if zh else 'frames'}"
    cells = (original.path, original.source, original.sha256, kept)
    return "| " + " | ".join(cell.replace("|", "/").replace("\n", " ") for cell in cells) + " |"


TITLE = Text("EAD evidence packet", "EAD 证据包")
INTRODUCTION = Text(
    "The frames and log lines of the chosen terminals, and what they show. Line and frame numbers in the documents are "
    "those of the files in evidence/. Each frame has a comment that says what it is, and its number in the capture it "
    "was taken from.",
    "本包包含所选终端的帧和日志记录，以及由此得出的结果。文档中的行号和帧号对应 evidence/ 中的文件。"
    "每帧带有注释，说明其内容以及在原始抓包中的帧号。",
)
ANONYMOUS = Text(
    "Addresses, MACs, users, ids of checks, names of hosts, domains and files, and digests were replaced throughout by "
    "others; subnets, sizes and fragment boundaries are as they were.",
    "地址、MAC、用户名、检查标识、主机名、域名、文件名及摘要值已全部替换为其他值；子网关系、大小和分片边界保持不变。",
)
REPEAT = Text("Repeat the analysis with", "复现分析：")
KNOW = Text("To know:", "注意：")
ORIGINALS = Text("Where the extracts came from:", "摘录来源：")
HEADER = Text(
    "| Extract | Original | SHA-256 of the original | Kept |", "| 摘录 | 原始文件 | 原始文件 SHA-256 | 保留 |"
)
