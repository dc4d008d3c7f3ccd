"""mapping.inspect.printable: what other people wrote does not steer a terminal."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapping import jsonio
from mapping.inspect import printable

LINES: dict[str, tuple[str, str]] = {
    "plain": ("Hello, Grüße, 你好", "Hello, Grüße, 你好"),
    "C0": ("a\x1b[2Jb\x00\x07", "a?[2Jb??"),
    "C1": ("a\x9b2Jb\x7f", "a?2Jb?"),
    "line ends": ("a\r\nb\nc\u2028d\x85e", "a b c d e"),
    "direction": ("a\u202eb", "a?b"),
    "half a pair": ("a\ud83db", "a?b"),
    "other spaces": ("a\u00a0\tb\n", "a b"),
}


@pytest.mark.parametrize(("text", "expected"), LINES.values(), ids=LINES)
def test_one_line(text: str, expected: str) -> None:
    assert printable.one_line(text) == expected


def test_a_line_is_cut() -> None:
    assert printable.one_line("x" * 5000, 200) == "x" * 197 + "..."
    assert printable.one_line("x" * 200, 200) == "x" * 200
    assert printable.one_line("\n" * 5000 + "y", 200) == "..."


def test_further_lines_are_indented() -> None:
    forged = "refused\n[12:00:00.000] All is well\r\x1b[1A\tx"
    assert printable.lines(forged) == "refused\n  [12:00:00.000] All is well\n  ?[1A\tx"
    assert printable.block("a\n\tb\r\x1b\n") == "a\n\tb ?\n"


@given(st.text(), st.booleans())
def test_json_stays_the_same(text: str, ascii_only: bool) -> None:
    shown = printable.json_text(jsonio.dumps([text]).decode(), ascii_only=ascii_only)
    assert json.loads(shown) == [text]
    assert shown.isprintable()
    assert shown.isascii() or not ascii_only


@given(st.text(st.characters(exclude_categories=())))
def test_nothing_steers(text: str) -> None:
    assert printable.one_line(text).isprintable()
    assert all(line.replace("\t", "").isprintable() for line in printable.block(text).split("\n"))
    assert all(line.replace("\t", "").isprintable() for line in printable.lines(text).split("\n  "))
