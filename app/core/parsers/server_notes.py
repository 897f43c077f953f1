"""What is said of a server log as a whole: why it tells nothing, and what was supposed."""

from __future__ import annotations

from app.core.records import Text

NO_FORMAT = Text("There is no server-log format to read it with.", "没有可用的服务器日志格式。")
NO_BEGINNING = Text("No line begins as this format says.", "没有任何一行符合该格式的记录开头。")


def no_such_format(chosen: str) -> Text:
    return Text(
        f"There is no log format {chosen!r}; the best one was taken.",
        f"不存在日志格式 {chosen!r}，已自动选择最合适的格式。",
    )


def supposed_years(count: int) -> Text:
    return Text(
        f"{count:,} of its times have no year; the last one before the file's own date was taken.",
        f"其中 {count:,} 条记录的时间没有年份，已按文件日期之前最近的年份补全。",
    )


def why_no_message(records: int, without_number: int, needs: tuple[str, ...]) -> Text:
    """A log that is read and tells nothing must say what it lacks."""
    others = records - without_number
    wanted = ", ".join(needs)
    return Text(
        f"{records:,} records with a time, but none is a message of the exchange: {without_number:,} name no message "
        f"number and {others:,} lack something else that this format asks for ({wanted}). If the exchange is in it, "
        f"teach its format.",
        f"共 {records:,} 条带时间的记录，但没有一条能识别为 EAD 报文：{without_number:,} 条没有报文编号，"
        f"{others:,} 条缺少该格式要求的其他内容（{wanted}）。若其中确有 EAD 交互，请为它定义日志格式。",
    )
