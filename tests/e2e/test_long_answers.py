"""Answers that take long: silence, continued answers ("long decode"), several upstream calls for one answer."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import ROOT, ScriptedUpstream, http_answer
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from tests.e2e.conftest import Gateway, Starter, Upstream

MODEL = "gemini-3.8-flash"
"""The `modelVersion` of the recorded answers."""
WIRE = ROOT / "tests" / "data" / "wire"


def over(upstream: ScriptedUpstream) -> str:
    return f'[[accounts]]\nemail = "a"\napi_key = "k"\nbase_url = "{upstream.url}"\n'


def sse(name: str) -> bytes:
    return http_answer((WIRE / name).read_bytes(), "text/event-stream")


def test_a_continued_stream_is_one_stream(starter: Starter) -> None:
    scripted = ScriptedUpstream(sse("stream_long_decode_hop1.sse"), sse("stream_long_decode_hop2.sse"))
    answer = starter(over(scripted)).chat("gemini-4-argon", stream=True, stream_options={"include_usage": True})
    assert [body.get("continuationToken") for body in scripted.bodies] == [None, "Y2twdC0y"]
    assert scripted.bodies[0]["contents"] == scripted.bodies[1]["contents"]
    assert answer.events[-1] == "[DONE]"
    assert len({event["id"] for event in answer.events[:-1]}) == 1
    reasons = [c["finish_reason"] for event in answer.events[:-1] for c in event["choices"] if c["finish_reason"]]
    assert reasons == ["stop"]
    roles = [c["delta"].get("role") for event in answer.events[:-1] for c in event["choices"]]
    assert roles.count("assistant") == 1


def test_a_continued_whole_answer(starter: Starter) -> None:
    last = json.dumps(
        {"candidates": [{"content": {"parts": [{"text": " the end."}]}, "finishReason": "STOP"}]}
    ).encode()
    scripted = ScriptedUpstream(http_answer((WIRE / "long_decode_continuation.json").read_bytes()), http_answer(last))
    answer = starter(over(scripted)).chat("gemini-4-argon")
    assert answer.status == 200
    assert answer.text.endswith(" the end.")
    assert answer.json["choices"][0]["finish_reason"] == "stop"
    assert "continuationToken" in scripted.bodies[1]


def test_the_beginning_stays_when_a_later_part_is_asked_for_again(starter: Starter) -> None:
    """What is no answer in the place of the second part: that part is asked for once more."""
    first = json.loads((WIRE / "long_decode_continuation.json").read_bytes())
    last = {"candidates": [{"content": {"parts": [{"text": " the end."}]}, "finishReason": "STOP"}]}
    scripted = ScriptedUpstream(*(http_answer(json.dumps(body).encode()) for body in (first, {}, last)))
    answer = starter(over(scripted)).chat("gemini-4-argon")
    assert answer.status == 200, answer.body
    beginning = "".join(part["text"] for part in first["candidates"][0]["content"]["parts"])
    assert answer.text == beginning + " the end."
    assert [body.get("continuationToken") for body in scripted.bodies] == [None, *["Y29udGludWF0aW9uL2hvcC0x"] * 2]


def test_a_model_that_never_ends_is_stopped(starter: Starter) -> None:
    def hop(n: int) -> bytes:
        candidate = {
            "content": {"parts": [{"text": f"{n} "}]},
            "finishReason": "CONTINUATION",
            "continuationToken": f"t{n}",
        }
        return http_answer(json.dumps({"candidates": [candidate]}).encode())

    scripted = ScriptedUpstream(*(hop(n) for n in range(60)))
    answer = starter(over(scripted)).chat("gemini-4-argon")
    assert answer.json["choices"][0]["finish_reason"] == "length"
    assert len(scripted.bodies) == 33


def test_signs_of_life(starter: Starter) -> None:
    gateway = starter(
        '[proxy]\nkeep_alive = "200ms"\n[[accounts]]\nemail = "a"\napi_key = "k"\nbase_url = "UPSTREAM"\n'
    )
    for model in ("demo-silent-1", "demo-slow-1"):
        answer = gateway.chat(model, stream=True)
        start = answer.body.index(b": keep-alive\n\n")
        assert answer.body.count(b": keep-alive\n\n") >= 2
        assert start < answer.body.index(b'"content":"This')
        assert answer.body.count(b'"role":"assistant"') == 1
        assert answer.events[-1] == "[DONE]"


def test_an_error_after_a_sign_of_life_is_an_event(starter: Starter) -> None:
    gateway = starter(
        '[proxy]\nkeep_alive = "100ms"\n[[accounts]]\nemail = "a"\napi_key = "k"\nbase_url = "http://127.0.0.1:9"\n'
        '[[accounts]]\nemail = "b"\napi_key = "k"\nbase_url = "http://127.0.0.1:9"\n'
    )
    answer = gateway.chat("gpt-4o", stream=True)
    assert answer.status == 200  # the pause between the attempts is longer than the silence allowed
    assert b": keep-alive" in answer.body
    assert answer.events[-1]["error"]["code"] == "upstream_unreachable"


def test_another_attempt_after_a_sign_of_life(starter: Starter) -> None:
    """What the client got so far is only its role; the second account goes on from there."""
    gateway = starter(
        '[proxy]\nkeep_alive = "100ms"\n[[accounts]]\nemail = "a"\napi_key = "k"\nbase_url = "UPSTREAM"\n'
        '[[accounts]]\nemail = "b"\napi_key = "k2"\nbase_url = "UPSTREAM"\n'
    )
    answer = gateway.chat("demo-503-first-life", stream=True)
    assert answer.status == 200
    assert b": keep-alive" in answer.body
    assert answer.body.count(b'"role":"assistant"') == 1
    assert answer.events[-1] == "[DONE]"


@pytest.mark.parametrize("model", ["gemini-2.5-flash", "gemini-3-flash"], ids=["candidateCount", "parallel calls"])
def test_several_choices(gateway: Gateway, upstream: Upstream, model: str) -> None:
    whole = gateway.chat(model, n=3)
    assert [choice["index"] for choice in whole.json["choices"]] == [0, 1, 2]
    assert len(upstream.requests) == (1 if model == "gemini-2.5-flash" else 3)
    stream = gateway.chat(model, n=3, stream=True)
    first = {}
    for position, event in enumerate(stream.events[:-1]):
        for choice in event["choices"]:
            first.setdefault(choice["index"], position)
    assert sorted(first, key=lambda index: first[index]) == [0, 1, 2]
    finished = [c["index"] for e in stream.events[:-1] for c in e["choices"] if c["finish_reason"]]
    assert sorted(finished) == [0, 1, 2]


def test_a_parallel_call_that_fails_has_a_second_account(gateway: Gateway, upstream: Upstream) -> None:
    answer = gateway.chat("demo-503-first-copies-n1", n=3)
    assert answer.status == 200, answer.body
    assert len(answer.json["choices"]) == 3
    failed = gateway.chat("demo-503-all-copies-n1", n=2)
    assert failed.status == 503


def test_an_idle_connection_that_was_closed_is_no_failed_attempt(starter: Starter) -> None:
    good = http_answer((WIRE / "text_stop.json").read_bytes())
    scripted = ScriptedUpstream(good, None, good)
    gateway = starter(over(scripted))
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=PATIENCE)
    body = json.dumps({"model": MODEL, "messages": [{"role": "user", "content": "hi"}]})
    for _ in range(2):
        connection.request("POST", "/v1/chat/completions", body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        assert response.status == 200, response.read()
        assert "x-antigravity-notes" not in response.headers
        response.read()
    connection.close()
    assert scripted.connections == 2
