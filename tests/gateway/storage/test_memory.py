"""addons.gateway.storage.memory: what is remembered of model turns."""

from __future__ import annotations

from addons.gateway.storage.memory import TurnMemory
from mapping import jsonio
from mapping.values import RawTurn, nothing_remembered


def turn(text: str = "x") -> RawTurn:
    return RawTurn("gemini-3-flash", [{"text": text}], [])


def test_bound_to_the_tenant() -> None:
    memory = TurnMemory()
    kept = turn()
    memory.remember("one", {"call_1": kept})
    assert memory.recall("one")("call_1") is kept
    assert memory.recall("two")("call_1") is None


def test_bounded_by_count_oldest_first() -> None:
    memory = TurnMemory(max_turns=2)
    for key in "abc":
        memory.remember("", {key: turn()})
    assert [memory.recall("")(key) is not None for key in "abc"] == [False, True, True]


def test_what_was_used_last_stays() -> None:
    memory = TurnMemory(max_turns=2)
    memory.remember("", {"a": turn()})
    memory.remember("", {"b": turn()})
    memory.recall("")("a")
    memory.remember("", {"c": turn()})
    assert memory.recall("")("a") is not None
    assert memory.recall("")("b") is None


def test_bounded_by_size() -> None:
    memory = TurnMemory(max_bytes=5000)
    memory.remember("", {"small": turn()})
    memory.remember("", {"large": turn("x" * 4400)})
    assert memory.recall("")("small") is None
    assert memory.recall("")("large") is not None
    memory.remember("", {"too large": turn("x" * 6000)})
    assert len(memory) == 0


def test_nested_as_deeply_as_json_is_read() -> None:
    memory = TurnMemory()
    deep = RawTurn("gemini-3-flash", jsonio.loads('[{"a":' * 500 + "1" + "}]" * 500), [])
    memory.remember("", {"a": deep})
    assert memory.recall("")("a") is deep


def test_the_same_key_again_counts_once() -> None:
    memory = TurnMemory(max_bytes=3000)
    for _ in range(100):
        memory.remember("", {"a": turn("x" * 1000)})
    assert memory.recall("")("a") is not None


def test_ends_with_age() -> None:
    now = [0.0]
    memory = TurnMemory(max_age=10, clock=lambda: now[0])
    memory.remember("", {"a": turn()})
    now[0] = 10.1
    assert memory.recall("")("a") is None
    assert len(memory) == 0


def test_who_remembers_nothing_says_so() -> None:
    memory = TurnMemory()
    assert memory.recall("") is nothing_remembered
    memory.remember("", {"a": turn()})
    assert memory.recall("") is not nothing_remembered
