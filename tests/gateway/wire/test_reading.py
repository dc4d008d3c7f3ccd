"""addons.gateway.wire.direct.answers: the body of a request as it comes."""

from __future__ import annotations

import pytest

from addons.gateway.wire.direct import answers
from addons.gateway.wire.direct.answers import LARGE, ReadRequest


@pytest.mark.parametrize("size", [0, 5, LARGE - 1])
def test_a_small_body_is_kept_in_pieces(size: int) -> None:
    read = ReadRequest()
    read.expect(size)
    assert read.block is None
    read.body = [b"ab", b"cde"]
    assert read.take_body() == b"abcde"
    assert read.take_body() == b""


@pytest.mark.parametrize("reserved", [LARGE // 2, LARGE, 4 * LARGE])
@pytest.mark.parametrize("length", [LARGE, LARGE + 7])
def test_a_large_body_is_read_into_one_block(reserved: int, length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "MOST_RESERVED", reserved)
    content = bytes(range(256)) * (length // 256) + b"\xff" * (length % 256)
    read = ReadRequest()
    read.expect(length)
    assert read.block is not None
    for at in range(0, length, 10_000):
        read.block.write(content[at : at + 10_000])
    assert read.take_body() == content
    assert read.take_body() == b""


def test_what_has_not_come_is_no_part_of_the_body() -> None:
    read = ReadRequest()
    read.expect(LARGE)
    assert read.block is not None
    read.block.write(b"abc")
    assert read.take_body() == b"abc"
