from collections.abc import Iterator

import pytest

from app.web.log_window import LONGEST, read_window


def in_pieces(content: bytes, size: int) -> Iterator[bytes]:
    return (content[at : at + size] for at in range(0, len(content), size))


LINES = [f"line {n} 认证" for n in range(1, 201)]


@pytest.mark.parametrize("piece", [1 << 20, 64, 7])
@pytest.mark.parametrize("line", [1, 2, 77, 199, 200])
def test_a_window_holds_the_lines_around_one_whatever_the_blocks(piece: int, line: int) -> None:
    shown, _ = read_window(in_pieces("\n".join(LINES).encode(), piece), line, 3)
    wanted = range(max(1, line - 3), min(200, line + 3) + 1)
    assert [(item.number, item.text) for item in shown] == [(n, LINES[n - 1]) for n in wanted]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_any_encoding_of_a_log_is_read(encoding: str) -> None:
    shown, told = read_window([("\r\n".join(LINES)).encode(encoding)], 100, 0)
    assert [item.text for item in shown] == ["line 100 认证"]
    assert told.startswith(encoding[:5])


def test_a_line_of_a_megabyte_is_cut_and_says_how_much_is_hidden() -> None:
    content = b"before\n" + b"x" * 1_000_000 + b"\nafter\n"
    shown, _ = read_window(in_pieces(content, 4096), 2, 1)
    assert [item.number for item in shown] == [1, 2, 3]
    assert len(shown[1].text) == LONGEST and shown[1].hidden_bytes == 1_000_000 - LONGEST
    assert shown[2].text == "after"


def test_a_line_that_is_not_there_is_not_invented() -> None:
    assert read_window([b"one\ntwo"], 9, 2)[0] == []
    assert read_window([], 1, 2)[0] == []


def test_reading_stops_behind_the_window() -> None:
    def blocks() -> Iterator[bytes]:
        yield b"one\ntwo\nthree\n" * 1000
        yield b"x\n" * 3_000_000
        raise AssertionError("read on")

    assert len(read_window(blocks(), 2, 1)[0]) == 3
