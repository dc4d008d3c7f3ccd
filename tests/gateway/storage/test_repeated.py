"""addons.gateway.storage.repeated: what large bodies began with, within bounds."""

from __future__ import annotations

import asyncio
import json

import pytest

from addons.gateway.storage import repeated
from addons.gateway.storage.repeated import RepeatedBodies
from mapping import jsonio

LONG = "long" * 300


def said(*texts: str, first: str = "Hello!") -> bytes:
    return json.dumps({"messages": [{"role": "user", "content": text} for text in (first, *texts)]}).encode()


def turns(count: int) -> list[str]:
    return [f"{i} {LONG}" for i in range(count)]


class Made:
    """Bodies of any size are kept; `shared` says whether two of them have objects in common."""

    def __init__(self) -> None:
        self.forgotten = 0
        self.now = 0.0
        self.bodies = RepeatedBodies(self.forget, least=0, clock=lambda: self.now)

    def forget(self) -> None:
        self.forgotten += 1

    def shared(self, one: bytes, other: bytes, *, tenant: str = "a", others: str = "a") -> bool:
        first, second = self.bodies.loads(tenant, one), self.bodies.loads(others, other)
        assert first == jsonio.loads(one)
        assert second == jsonio.loads(other)
        return first["messages"][0] is second["messages"][0]


def test_a_conversation_that_goes_on_is_parsed_from_where_it_does() -> None:
    async def run() -> None:
        made = Made()
        made.bodies.loads("a", said(*turns(20)))
        assert made.shared(said(*turns(21)), said(*turns(22)))
        assert made.shared(said(*turns(22)), said(*turns(400)))
        assert made.shared(said(*turns(400)), said(*turns(401)))
        assert len(made.bodies) == 1

    asyncio.run(run())


def test_tenants_share_nothing() -> None:
    async def run() -> None:
        made = Made()
        for tenant in "aab":
            made.bodies.loads(tenant, said(*turns(20)))
        assert not made.shared(said(*turns(20)), said(*turns(20)), others="b")
        assert made.shared(said(*turns(20)), said(*turns(20)))

    asyncio.run(run())


def test_small_and_very_large_bodies_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        small = RepeatedBodies(lambda: None)
        small.loads("a", said(*turns(20)))
        assert len(small) == 0
        monkeypatch.setattr(repeated, "MOST", 1000)
        made = Made()
        assert not made.shared(said(*turns(20)), said(*turns(20)))
        assert len(made.bodies) == 0

    asyncio.run(run())


def test_there_are_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        made = Made()
        for i in range(repeated.MOST_PARTS + 10):
            made.bodies.loads("a", said(*turns(20), first=str(i)))
        assert len(made.bodies) == repeated.MOST_PARTS
        monkeypatch.setattr(repeated, "MOST_BYTES", 60_000)
        made = Made()
        for i in range(10):
            made.bodies.loads("a", said(*turns(20), first=str(i)))
        assert len(made.bodies) == 3

    asyncio.run(run())


def test_what_is_not_used_for_long_is_forgotten() -> None:
    async def run() -> None:
        made = Made()
        for first in "ab":
            made.bodies.loads("a", said(*turns(20), first=first))
        timer = made.bodies._timer
        assert timer is not None
        made.now += repeated.IDLE - 1
        made.bodies.loads("a", said(*turns(20), first="a"))
        made.now += 1
        for now, held, forgotten in ((0, 1, 1), (0, 1, 1), (repeated.IDLE, 0, 2)):
            made.now += now
            made.bodies._forget()
            assert (len(made.bodies), made.forgotten) == (held, forgotten)
        assert made.bodies._timer is None
        assert not made.shared(said(*turns(20)), said(*turns(20)))
        assert made.bodies._timer is not None

    asyncio.run(run())


def test_a_text_that_is_no_json_is_refused_as_ever() -> None:
    async def run() -> None:
        made = Made()
        text = said(*turns(20))
        made.bodies.loads("a", text)
        for broken in (text[:-1], text[:-2], text + b"}"):
            with pytest.raises(ValueError) as told:
                jsonio.loads(broken)
            with pytest.raises(ValueError) as here:
                made.bodies.loads("a", broken)
            assert str(here.value) == str(told.value)
        assert made.shared(text, text)

    asyncio.run(run())


def test_what_only_the_standard_parser_reads_is_read_by_it() -> None:
    """Half an emoji and a large number: the parsers read the number otherwise, and one of them has to read it all."""

    async def run() -> None:
        made = Made()
        for end in (
            b',{"role":"user","content":"\\ud83d","n":18446744073709551616}]}',
            b',{"n":18446744073709551616}]}',
        ):
            text = said(*turns(20))[:-2] + end
            for _ in range(3):
                assert repr(made.bodies.loads("a", text)) == repr(jsonio.loads(text))

    asyncio.run(run())


def test_what_ends_elsewhere_is_let_go() -> None:
    """Texts in which a border of messages only seems to be one."""

    async def run() -> None:
        made = Made()
        inside = ',{"role":"user"}]}'
        text = b'{"messages":[' + b",".join([b'"x"'] * 9) + b'],"x":"' + b"y" * 99
        text += b'","z":[' + ",".join(json.dumps(inside) for _ in range(9)).encode() + b"]}"
        for _ in range(4):
            assert made.bodies.loads("a", text) == jsonio.loads(text)

    asyncio.run(run())
