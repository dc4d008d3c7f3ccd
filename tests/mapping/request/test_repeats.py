"""mapping.request.repeats: a text that begins as an earlier one did gives the value that it gives by itself."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapping.request import repeats
from mapping.request.repeats import KEPT_OUT, KnownPart, known_part


def parsed(text: bytes) -> Any:
    """The value as it is written with the order of its names; None: it is no JSON."""
    try:
        return json.dumps(orjson.loads(text))
    except orjson.JSONDecodeError:
        return None


def check(part: KnownPart, text: bytes) -> bool:
    """Whether the part was of use; what it gives is right in any case."""
    value = part.loads(text)
    if value is None:
        return False
    assert json.dumps(value) == parsed(text)
    return True


def said(*texts: str, **more: Any) -> bytes:
    return json.dumps(
        {"model": "m", "messages": [{"role": "user", "content": text} for text in texts], "stream": True, **more},
        ensure_ascii=False,
    ).encode()


NAMES = st.sampled_from(["", "a", "b", "messages", "role"])
BLANK = st.sampled_from(["", "", "", " ", "\n"])
TEXTS = st.text(st.sampled_from('a{}[],:"\\ 1é😀'), max_size=5).map(lambda text: json.dumps(text, ensure_ascii=False))
SCALARS = st.one_of(TEXTS, st.sampled_from(["0", "1", "12", "-1.5e3", "null", "true", "false", "{}", "[]"]))


@st.composite
def written(draw: st.DrawFn, inner: st.SearchStrategy[str]) -> str:
    """An object or an array, with blanks, and with names that come twice."""
    between = draw(BLANK)
    items = draw(st.lists(inner, max_size=4))
    if draw(st.booleans()):
        return "[" + f"{between},{between}".join(items) + "]"
    return "{" + f"{between},".join(f"{json.dumps(draw(NAMES))}:{between}{item}" for item in items) + "}"


VALUES = st.recursive(SCALARS, written, max_leaves=12)


@st.composite
def bodies(draw: st.DrawFn) -> str:
    """The text of an object with an array among its members, mostly."""
    members = draw(st.lists(st.tuples(NAMES, st.one_of(VALUES, st.lists(VALUES, max_size=3))), max_size=4))
    return "{" + ",".join(
        f"{json.dumps(name)}:{'[' + ','.join(value) + ']' if isinstance(value, list) else value}"
        for name, value in members
    ) + "}"  # fmt: skip


@given(bodies(), st.integers(0, 80), bodies(), st.integers(0, 80))
def test_whatever_follows_whatever_part(first: str, cut: int, second: str, at: int) -> None:
    """Wherever the two are cut, in the midst of a text or a number too."""
    begin = first.encode()[:cut]
    part = KnownPart(begin)
    for text in (first.encode(), begin + second.encode()[at:], begin + b"]}", begin + b",1]}"):
        check(part, text)
        check(part, text)


@given(bodies(), st.data())
def test_an_element_more_behind_every_place_in_a_body(text: str, data: st.DataObject) -> None:
    """What could follow is put at each place where a part could end."""
    raw = text.encode()
    more = data.draw(VALUES).encode()
    for cut in range(len(raw)):
        part = KnownPart(raw[:cut])
        for rest in (raw[cut:], b"," + more + raw[cut:], more + raw[cut:], b',"a":' + more + raw[cut:]):
            check(part, raw[:cut] + rest)


@pytest.mark.parametrize(
    ("begin", "rest"),
    [
        (b'{"messages":[12', b"34]}"),
        (b'{"messages":[12', b".5]}"),
        (b'{"messages":[1', b"e3]}"),
        (b'{"messages":[', b",{}]}"),
        (b'{"messages":[', b"{}]}"),
        (b'{"messages":[{"a":"x', b'"}]}'),
        (b'{"messages":[{"a":"],', b'"}]}'),
        (b'{"a":[{"b":[1', b",2]}]}"),
        (b"[[1", b",2]]"),
        (b'{"a":{"b":[1', b",2]}}"),
        (b'{"messages":[1],"a":[5],"messages":[3', b",4]}"),
        (b'{"messages":[1', b',2],"messages":[3]}'),
        (b'{"a":1,"messages":[1', b',2],"a":2,"b":3}'),
        (b'{"":[1', b",2]}"),
        (b'\xef\xbb\xbf{"messages":[1', b",2]}"),
        (b'{"messages":["\\ud83d"', b",2]}"),
        (b'{"messages":[1', b',"\\ud83d"]}'),
        (b'{"messages":[1', b',"\xff"]}'),
        (b'{"messages":[1', b",2]}]}"),
        (b'{"messages":[1', b",]}"),
        (b'{"messages":[1', b",18446744073709551616]}"),
    ],
)
def test_places_where_it_is_not_what_it_seems(begin: bytes, rest: bytes) -> None:
    check(KnownPart(begin), begin + rest)


def test_names_that_come_again_mean_the_later_value_at_the_earlier_place() -> None:
    begin = b'{"a":1,"messages":[1'
    part = KnownPart(begin)
    assert check(part, begin + b',2],"a":2,"b":3}')
    assert check(part, begin + b',2],"messages":[3],"b":3}')
    again = KnownPart(b'{"messages":[1],"a":[5],"messages":[3')
    assert not check(again, again.text + b",4]}")
    assert again.is_none


def test_a_part_that_ends_elsewhere_says_so_when_it_is_parsed() -> None:
    inside = KnownPart(b'{"messages":[{"role":"user","content":"a')
    assert not check(inside, said("a"))
    assert inside.is_none
    right = KnownPart(b'{"messages":[{"role":"user","content":"a"}')
    assert not check(right, right.text + b"]")
    assert not right.is_none


def test_the_last_messages_are_parsed_each_time() -> None:
    texts = [f'{i} "quoted" \\ ä 😀 }},{{"role"' for i in range(20)]
    text = said(*texts)
    part = known_part(text)
    assert part is not None
    rest = json.loads(b"[{}" + text[len(part.text) :].partition(b'], "stream"')[0] + b"]")
    assert len(rest) == 1 + KEPT_OUT
    assert check(part, text)
    assert check(part, said(*texts[:-1], "other", "more"))


def test_roles_elsewhere_are_no_messages() -> None:
    text = said(*"abcdefgh", tools=[{"role": 1}, {"x": [{"a": 1}, {"role": 2}]}, {"role": 3}, {"role": 4}, {"role": 5}])
    part = known_part(text)
    assert part is not None
    assert check(part, text)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("messages", {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}),
        ("contents", {"parts": [{"text": "a"}, {"text": "b"}], "role": "user"}),
        ("input", {"type": "function_call", "call_id": "1", "name": "f", "arguments": '{"role":1}'}),
        ("input", {"type": "message", "content": [{"type": "input_text", "text": "a"}], "role": "user"}),
    ],
)
def test_messages_of_each_dialect(name: str, message: dict[str, Any]) -> None:
    def body(count: int) -> bytes:
        return orjson.dumps({"model": "m", name: [message] * count, "tools": [{"role": {"type": "x"}}]})

    part = known_part(body(20))
    assert part is not None
    assert check(part, body(20))
    assert check(part, body(22))


def test_what_is_shared_is_not_parsed_again() -> None:
    texts = [str(i) for i in range(20)]
    part = known_part(said(*texts))
    assert part is not None
    first, second = part.loads(said(*texts)), part.loads(said(*texts, "more"))
    assert first
    assert second
    assert first["messages"][3] is second["messages"][3]
    assert first["messages"] is not second["messages"]
    assert len(second["messages"]) == len(first["messages"]) + 1 == 21


def test_what_has_grown_becomes_part_of_what_is_known() -> None:
    texts = [str(i) for i in range(20)]
    part = known_part(said(*texts))
    assert part is not None
    assert part.loads(said(*texts))
    assert part.longer(said(*texts)) is None
    texts += ["long" * 2**12 + str(i) for i in range(20)]
    now = said(*texts)
    assert check(part, now)
    longer = part.longer(now)
    assert longer is not None
    assert now.startswith(longer.text)
    assert len(now) - len(longer.text) < 2**17
    shared = part.loads(now)
    assert shared
    assert check(longer, said(*texts, "more"))
    assert longer.longer(now) is None


@pytest.mark.parametrize("text", [b"", b"{}", b"[1]", b"nothing", said("a"), said("a", "b"), b'{"role"' * 30])
def test_texts_with_nothing_to_keep(text: bytes) -> None:
    part = known_part(text)
    assert part is None or not check(part, text) or parsed(text)


@given(st.lists(bodies(), min_size=1, max_size=20), st.data())
def test_conversations_that_grow(bodies: list[str], data: st.DataObject) -> None:
    """Messages with anything in them: the part that is kept of each request helps the next, or does no harm."""
    messages = [f'{{"role":"user","content":{text}}}' for text in bodies]
    part: KnownPart | None = None
    for size in range(1, len(messages) + 1):
        end = data.draw(st.sampled_from(["]}", '],"stream":true}', '],"tools":[{"role":[1]},{"role":2}]}']))
        text = ('{"messages":[' + ",".join(messages[:size]) + end).encode()
        if part is not None and text.startswith(part.text):
            check(part, text)
            part = part.longer(text) or part
        part = known_part(text) if part is None or part.is_none else part


def test_longer_parts_with_anything_in_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeats, "_FAR", 1)
    monkeypatch.setattr(repeats, "KEPT_OUT", 1)
    test_conversations_that_grow()
