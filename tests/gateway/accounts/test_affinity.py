"""addons.gateway.accounts.affinity: which requests belong to the same conversation."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.gateway.accounts.affinity import SESSION_HEADERS, Affinity, Conversation


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def turn(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"text": text}]}


def gemini(*texts: str, system: str = "Be brief.") -> dict[str, Any]:
    contents = [turn("model" if n % 2 else "user", text) for n, text in enumerate(texts)]
    return {"systemInstruction": {"parts": [{"text": system}]}, "contents": contents}


def find(
    affinity: Affinity,
    body: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
    call: dict[str, Any] | None = None,
    tenant: str = "t",
) -> Conversation | None:
    """As the gateway looks."""
    return affinity.named(tenant, body or {}, headers or {}) or affinity.begun_like(tenant, call or gemini("Hello!"))


def test_what_names_a_conversation_in_its_order() -> None:
    affinity = Affinity()
    made = find(affinity, {"prompt_cache_key": "made"})
    assert made
    affinity.made("t", "resp_1", made)
    body: dict[str, Any] = {"prompt_cache_key": "k", "previous_response_id": "resp_1"}
    headers = {header: f"value of {header}" for header in SESSION_HEADERS}
    found = [find(affinity, body, headers)]
    del body["prompt_cache_key"]
    found.append(find(affinity, body, headers))
    del body["previous_response_id"]
    while headers:
        found.append(find(affinity, body, headers))
        del headers[next(iter(headers))]
    found.append(find(affinity, body, headers))
    assert found[1] is made
    assert len({id(one) for one in found}) == len(found)


def of_user(user: Any) -> dict[str, Any]:
    return {"metadata": {"user_id": user}}


SAME = [
    ({"prompt_cache_key": "k"}, {"prompt_cache_key": "k", "previous_response_id": "unknown"}, True),
    ({"prompt_cache_key": "k"}, {"prompt_cache_key": "other"}, False),
    ({"prompt_cache_key": ""}, {}, True),
    ({"prompt_cache_key": 5}, {"prompt_cache_key": None}, True),
    ({"previous_response_id": "unknown"}, {}, True),
    ({"previous_response_id": ["x"]}, {}, True),
    (of_user('{"device_id":"d","session_id":"s"}'), of_user('{"session_id":"s"}'), True),
    (of_user('{"session_id":"s"}'), of_user('{"session_id":"other"}'), False),
    (of_user('{"session_id":"s"}'), {"prompt_cache_key": "s"}, False),
    *((of_user(user), {}, True) for user in ("somebody", "{", "{}", '{"session_id":5}', "[]", 5, None)),
    ({"metadata": "m"}, {}, True),
    ({"prompt_cache_key": "\ud800"}, {"prompt_cache_key": "\ud800"}, True),
]


@pytest.mark.parametrize(("one", "other", "same"), SAME)
def test_bodies(one: dict[str, Any], other: dict[str, Any], same: bool) -> None:
    affinity = Affinity()
    assert (find(affinity, one) is find(affinity, other)) is same


BEGINNINGS = [
    (gemini("Hello!"), gemini("Hello!", "Hi.", "Go on."), True),
    (gemini("Hello!"), gemini("Good morning!"), False),
    (gemini("Hello!"), gemini("Hello!", system="Be long."), False),
    (gemini("Hello!"), {**gemini("Hello!"), "tools": [{}], "generationConfig": {"temperature": 1}}, True),
]


@pytest.mark.parametrize(("one", "other", "same"), BEGINNINGS)
def test_beginnings(one: dict[str, Any], other: dict[str, Any], same: bool) -> None:
    affinity = Affinity()
    assert (find(affinity, call=one) is find(affinity, call=other)) is same


@pytest.mark.parametrize("call", [{}, {"contents": []}, {"generateContentRequest": gemini("Hello!")}])
def test_what_is_no_conversation(call: dict[str, Any]) -> None:
    assert Affinity().begun_like("t", call) is None


def test_tenants_share_nothing() -> None:
    affinity = Affinity()
    made = find(affinity, {"prompt_cache_key": "k"})
    assert made
    affinity.made("t", "resp_1", made)
    for body in ({"prompt_cache_key": "k"}, {"previous_response_id": "resp_1"}, {}):
        assert find(affinity, body, tenant="other") is not find(affinity, body)


def test_a_chain_of_responses_is_one_conversation() -> None:
    affinity = Affinity()
    first = find(affinity, {}, call=gemini("Hello!"))
    assert first
    affinity.made("t", "resp_1", first)
    # The instructions are another request's: only the id ties it to the first.
    second = find(affinity, {"previous_response_id": "resp_1"}, call=gemini("Hello!", system="Else."))
    assert second is first
    affinity.made("t", "resp_2", second)
    second.account = "b"
    assert find(affinity, {"previous_response_id": "resp_2"}) is first
    assert find(affinity, {"previous_response_id": "resp_1"}) is first


def test_the_longest_unused_goes_first() -> None:
    affinity = Affinity(max_keys=2)
    a, b = find(affinity, {"prompt_cache_key": "a"}), find(affinity, {"prompt_cache_key": "b"})
    assert find(affinity, {"prompt_cache_key": "a"}) is a
    find(affinity, {"prompt_cache_key": "c"})
    assert len(affinity) == 2
    assert find(affinity, {"prompt_cache_key": "a"}) is a
    assert find(affinity, {"prompt_cache_key": "b"}) is not b


def test_what_is_not_used_is_forgotten() -> None:
    clock = Clock()
    affinity = Affinity(max_idle=100, clock=clock)
    a, b = find(affinity, {"prompt_cache_key": "a"}), find(affinity, {"prompt_cache_key": "b"})
    clock.now = 80
    assert find(affinity, {"prompt_cache_key": "a"}) is a
    clock.now = 150
    assert find(affinity, {"prompt_cache_key": "a"}) is a
    assert len(affinity) == 1
    assert find(affinity, {"prompt_cache_key": "b"}) is not b


@given(st.lists(st.tuples(st.integers(0, 30), st.floats(0, 60)), max_size=60))
def test_bounded(events: list[tuple[int, float]]) -> None:
    clock = Clock()
    affinity = Affinity(max_keys=8, max_idle=100, clock=clock)
    for number, pause in events:
        clock.now += pause
        found = find(affinity, {"prompt_cache_key": str(number)})
        assert found is find(affinity, {"prompt_cache_key": str(number)})
        assert 1 <= len(affinity) <= 8
