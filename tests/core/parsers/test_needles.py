"""An expression is not tried where a word that it needs is missing, and nothing is lost by that."""

from __future__ import annotations

import random
import re

import pytest

from app.core.parsers.needles import Needle, Sought, finder, folded, needles_of
from app.log_formats import load_formats

WORDS = (
    "packet",
    "PKT",
    "msg",
    "ſeq",
    "mſg",
    "Message",
    "type",
    "TYPE",
    "is",
    "3",
    "=3",
    ":[3]",
    "[3]",
    "报文",
    "消息",
    "类型",
    "号",
    "3号报文",
    "EAD",
    "EAD=3",
    "SEC",
    "thread",
    "tid=7",
    "[44]",
    "[0x1f]",
    "id",
    "ıd",
    "İd=5",
    "id=0x1f",
    "user=anna",
    "login=9",
    "用户名:li",
    "帐号=a",
    "0011-2233-4455",
    "mac",
    "00:11:22:33:44:55",
    "event",
    "eventSeqID=ab12",
    "q7XwPe2d",
    "事件ID=99",
    "seq=abcdef",
    "10.2.3.4:5000",
    "10.2.3.4",
    "port",
    "77",
    "[fe80::1]:80",
    "from",
    "10.1.1.1",
    "123",
    "bytes",
    "len=44",
    "长度",
    "9",
    "dir=in",
    "方向=下发",
    "->",
    "recv",
    "out-pkt",
    "pacKet",
    ";",
    ":",
    "=",
    "#",
    "é",
    "报文3",
    "port=44",
    "[EAD-7]",
    '<i n="userName">li',
    "user li9@x",
    "hwAddr=0011-2233-4455",
    "mac addr=001122334455",
    "事件号 ab12",
)


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        (r"(?i)(?:Packet|Msg)\s?no\d+", {("packet", True), ("msg", True)}),
        (r"abc(?P<x>\d+)defg", {("defg", False)}),
        (r"(?i:Port|端口)\d", {("port", True), ("端口", True)}),
        (r"(?i)a(?-i:XyZ)", {("XyZ", False)}),
        (r"(?:ab)?c{2,3}", {("cc", False)}),
        (r"\s(?:<-{1,2}|-{1,2}>|<{2})", {("<-", False), ("->", False), ("<<", False)}),
        (r"(?<=abc)d(?=efg)", {("d", False)}),
        (r"a(?:bc|\d)", {("a", False)}),
        (r"(?:packet|pkt)", {("acket", False), ("kt", False)}),
    ],
)
def test_the_words_that_a_match_needs_are_read_off_the_expression(
    expression: str, words: set[tuple[str, bool]]
) -> None:
    wanted = needles_of(re.compile(expression))
    assert wanted is not None and wanted.needles == frozenset(Needle(*word) for word in words)


@pytest.mark.parametrize(
    ("expression", "lead"),
    [("abc", 0), (r"\d{1,3}\.x", 3), (r"(?:ab|\w{5}ab)c?", 5), ("(?<=xyz)ab+cde", 1 << 30), (r"x?\bb{2,4}c", 3)],
)
def test_as_much_of_a_match_stands_before_its_word_as_the_expression_allows(expression: str, lead: int) -> None:
    wanted = needles_of(re.compile(expression))
    assert wanted is not None and min(wanted.lead, 1 << 30) == lead


@pytest.mark.parametrize("expression", [r"\d{3}", r"(?:abc|\d)", r"(?:abc)*", r"[Aa]", r"(?i)é", r"(?=abc)\w"])
def test_an_expression_without_a_certain_word_is_always_tried(expression: str) -> None:
    assert needles_of(re.compile(expression)) is None
    assert Sought([re.compile("zzz"), re.compile(expression)]).may_match("", "")


def test_of_several_expressions_one_word_is_enough() -> None:
    sought = Sought([re.compile(r"(?i)packet (\d)"), re.compile(r"EAD(\d)")])
    for text, expected in [("PACKET ", True), ("EAD", True), ("thread, header, pocket", False)]:
        assert sought.may_match(text, folded(text)) is expected


def test_the_case_of_a_text_is_folded_as_an_expression_without_case_does() -> None:
    for letter in [*map(chr, range(0x250)), "\N{KELVIN SIGN}"]:
        for plain in "aikszAIKSZ":
            assert (plain.lower() in folded(letter)) == (re.search(plain, letter, re.IGNORECASE) is not None), letter


def test_the_match_of_every_shipped_expression_is_the_one_without_looking_for_words_first() -> None:
    chance = random.Random(11)
    formats = load_formats()
    patterns = [pattern for item in formats for field in item.fields.values() for pattern in field]
    patterns += [words for item in formats for words in (item.received, item.sent) if words is not None]
    finders = [(pattern, finder(pattern)) for pattern in patterns]
    in_ascii = {pattern: finder(pattern, is_ascii=True) for pattern in patterns}
    matched = set()
    for _ in range(6_000):
        text = chance.choice(("", " ")).join(chance.choices(WORDS, k=chance.randrange(1, 8)))
        low = folded(text)
        end = chance.randrange(len(text) + 1)
        for pattern, find in finders:
            assert find is not None
            ascii_find = in_ascii[pattern]
            if text.isascii():
                plain, found = pattern.search(text, 0, end), ascii_find and ascii_find(text, low, end)
                assert (plain and plain.span()) == (found and found.span()), (pattern.pattern, text)
            plain, found = pattern.search(text), find(text, low)
            assert (plain and plain.span()) == (found and found.span()), (pattern.pattern, text)
            if plain:
                matched.add(pattern.pattern)
            plain, found = pattern.search(text, 0, end), find(text, low, end)
            assert (plain and plain.span()) == (found and found.span()), (pattern.pattern, text, end)
    assert len(matched) == len({pattern.pattern for pattern in patterns})
