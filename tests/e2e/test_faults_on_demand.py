"""Faults that are ordered by header, through a real mitmdump, on both wires."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import connect

from tests.e2e.conftest import FLASH, TWO_ACCOUNTS, Answer, Gateway, Upstream, start_gateway

if TYPE_CHECKING:
    from tests.e2e.conftest import Starter

SETTINGS = """
[faults]
enabled = true
[[faults.rules]]
fault = "503;retry-after=1"
model = "demo-rule*"
nth = 2
"""
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


@pytest.fixture(scope="module", params=["auto", "layers"])
def faulty(
    request: pytest.FixtureRequest, upstream: Upstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    running = start_gateway(
        tmp_path_factory.mktemp("faults"),
        SETTINGS + TWO_ACCOUNTS.replace("UPSTREAM", upstream.url),
        *("--set", f"antigravity_wire={request.param}"),
    )
    running.extra["wire"] = request.param
    yield running
    running.stop()


def chat(*, stream: bool, tools: bool) -> tuple[str, Any]:
    body: dict[str, Any] = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}], "stream": stream}
    if tools:
        body["tools"] = [{"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}]
    return "/v1/chat/completions", body


def responses(*, stream: bool, tools: bool) -> tuple[str, Any]:
    body: dict[str, Any] = {"model": "gpt-4o", "input": "Hello", "stream": stream}
    if tools:
        body["tools"] = [{"type": "function", "name": "weather", "parameters": SCHEMA}]
    return "/v1/responses", body


def messages(*, stream: bool, tools: bool) -> tuple[str, Any]:
    body: dict[str, Any] = {"model": "gpt-4o", "max_tokens": 4000, "stream": stream}
    body["messages"] = [{"role": "user", "content": "Hello"}]
    if tools:
        body["tools"] = [{"name": "weather", "input_schema": SCHEMA}]
    return "/v1/messages", body


def native(*, stream: bool, tools: bool) -> tuple[str, Any]:
    body: dict[str, Any] = {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}
    if tools:
        body["tools"] = [{"functionDeclarations": [{"name": "weather", "parametersJsonSchema": SCHEMA}]}]
    return f"/v1beta/models/{FLASH}:{'streamGenerateContent?alt=sse' if stream else 'generateContent'}", body


type Request = Callable[..., tuple[str, Any]]
DIALECTS = [chat, responses, messages, native]


def ask(gateway: Gateway, request: Request, fault: str, *, stream: bool = False, tools: bool = False) -> Answer:
    path, body = request(stream=stream, tools=tools)
    headers = {"X-Antigravity-Fault": fault, "X-Goog-Api-Key": "any"} if request is native else {
        "X-Antigravity-Fault": fault
    }  # fmt: skip
    return gateway.call("POST", path, body, headers=headers, may_break=True)


def deltas(answer: Answer) -> list[Any]:
    """Of a stream of chat; signatures are others each time."""
    found = [event["choices"][0]["delta"] for event in answer.events if event != "[DONE]"]
    return [list(delta) if "extra_content" in delta else delta for delta in found]


def is_whole(answer: Answer) -> bool:
    """The HTTP answer did not break off: what it has is JSON, or ends as an event does."""
    if answer.headers["content-type"].startswith("text/event-stream"):
        return answer.body.endswith(b"\n\n")
    try:
        json.loads(answer.body)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("request_", DIALECTS)
@pytest.mark.parametrize("stream", [False, True])
def test_a_status_is_told_in_the_words_of_the_dialect(
    faulty: Gateway, upstream: Upstream, request_: Request, stream: bool
) -> None:
    upstream.forget()
    answer = ask(faulty, request_, "429;retry-after=2", stream=stream)
    assert answer.status == 429
    assert answer.headers["retry-after"] == "2"
    assert answer.headers["x-antigravity-fault"] == "429;retry-after=2"
    assert "A fault on demand: 429;retry-after=2." in answer.json["error"]["message"]
    assert "fault=429;retry-after=2" in answer.headers["x-antigravity-notes"]
    assert not upstream.requests
    assert ask(faulty, request_, "529", stream=stream).status == 529


@pytest.mark.parametrize("request_", DIALECTS)
@pytest.mark.parametrize("stream", [False, True])
def test_no_account_rests_and_nothing_is_tried_again(
    faulty: Gateway, upstream: Upstream, request_: Request, stream: bool
) -> None:
    upstream.forget()
    for fault in ("cut", "cut;after=0", "error", "error;after=0;status=429", "empty", "filter"):
        answer = ask(faulty, request_, fault, stream=stream)
        assert answer.headers["x-antigravity-fault"].startswith(fault)
    assert len(upstream.requests) == 6
    told = faulty.call("GET", "/status.json").json
    assert [account["state"] for account in told["accounts"]] == ["ready", "ready"]
    assert all(account["failures"] == 0 for account in told["accounts"])
    assert all(one["fault"] for one in told["exchanges"][:6])
    assert {one["outcome"] for one in told["exchanges"][:6]} == {"ok", "fault"}


@pytest.mark.parametrize("request_", DIALECTS)
def test_a_stream_is_cut_after_so_many_events(faulty: Gateway, request_: Request) -> None:
    whole = ask(faulty, request_, "ok", stream=True)
    assert "x-antigravity-fault" not in whole.headers
    events = whole.body.split(b"\n\n")
    for after in range(3):
        answer = ask(faulty, request_, f"cut;after={after}", stream=True)
        assert answer.status == 200
        assert answer.body.count(b"\n\n") == after
        told = ask(faulty, request_, f"error;after={after}", stream=True)
        assert b"A fault on demand" in told.body
        assert told.body.count(b"\n\n") > after
    assert len(events) > 3


@pytest.mark.parametrize("request_", DIALECTS)
def test_a_whole_answer_is_torn_or_an_error(faulty: Gateway, request_: Request) -> None:
    torn = ask(faulty, request_, "cut")
    assert torn.status == 200
    assert torn.body
    assert not is_whole(torn)
    assert ask(faulty, request_, "error;status=503").status in (503, 529)


@pytest.mark.parametrize("request_", DIALECTS)
@pytest.mark.parametrize("stream", [False, True])
def test_tool_calls_are_cut(faulty: Gateway, request_: Request, stream: bool) -> None:
    good = ask(faulty, request_, "ok", stream=stream, tools=True).body
    assert b"demo city" in good
    bad = ask(faulty, request_, "arguments", stream=stream, tools=True)
    assert bad.status == 200
    assert is_whole(bad)
    assert b"demo city" not in bad.body
    assert b"demo " in bad.body
    torn = ask(faulty, request_, "cut-call", stream=stream, tools=True)
    assert torn.status == 200
    assert torn.body.rstrip(b'"}]').count(b"demo ") == 1
    assert len(torn.body) < len(bad.body)
    told = ask(faulty, request_, "error-call", stream=stream, tools=True)
    assert told.status == (200 if stream else 500)
    assert b"A fault on demand: error-call" in told.body
    assert b"<<" not in bad.body + torn.body + told.body  # no mark


def test_a_conversation_goes_on_after_a_cut_call(faulty: Gateway, upstream: Upstream) -> None:
    path, body = chat(stream=False, tools=True)
    first = faulty.call("POST", path, body, headers={"X-Antigravity-Fault": "arguments"})
    message = first.json["choices"][0]["message"]
    call = message["tool_calls"][0]
    body["messages"] += [message, {"role": "tool", "tool_call_id": call["id"], "content": "bad JSON"}]
    upstream.forget()
    assert faulty.call("POST", path, body).status == 200
    (sent,) = upstream.requests
    (part,) = sent.body["contents"][1]["parts"]
    assert part["functionCall"]["args"] == {"input": '{"city":"demo '}  # what the client says of it counts
    assert part["thoughtSignature"]


def test_what_finds_nothing_is_left_for_the_next(faulty: Gateway) -> None:
    fault = f"cut-call;id={faulty.port}, ok"
    first = ask(faulty, chat, fault)
    assert "fault=cut-call,cut-call found nothing to act on" in first.headers["x-antigravity-notes"]
    assert "x-antigravity-fault" not in first.headers
    assert not is_whole(ask(faulty, chat, fault, tools=True))
    assert is_whole(ask(faulty, chat, fault, tools=True))


def test_what_has_no_answer_to_be_changed_says_so(faulty: Gateway) -> None:
    path, body = responses(stream=False, tools=False)
    headers = {"X-Antigravity-Fault": "empty"}
    for answer in (
        faulty.call("POST", path, body | {"background": True}, headers=headers),
        faulty.call("GET", "/v1/models", headers=headers),
    ):
        assert answer.status == 200
        assert "empty found nothing to act on" in answer.headers["x-antigravity-notes"]
        assert "x-antigravity-fault" not in answer.headers
    assert faulty.call("GET", "/v1/models", headers={"X-Antigravity-Fault": "503"}).status == 503


def test_slow_streams_have_everything_in_its_order(faulty: Gateway) -> None:
    good = deltas(ask(faulty, chat, "ok", stream=True))
    for fault in ("slow;seconds=0.02", "stall;after=1;seconds=0.05", "stall;after=0;seconds=0.05", "delay;seconds=0.1"):
        answer = ask(faulty, chat, fault, stream=True)
        assert deltas(answer) == good
        assert answer.events[-1] == "[DONE]"
        assert ask(faulty, chat, fault).status == 200
    cut = ask(faulty, chat, "slow;seconds=0.02 + cut;after=4", stream=True)
    assert deltas(cut) == good[:4]


def test_counts_are_wrong_for_the_client_alone(faulty: Gateway) -> None:
    right, wrong = (ask(faulty, chat, fault).json["usage"]["total_tokens"] for fault in ("ok", "usage;times=3"))
    assert wrong == 3 * right
    last = faulty.call("GET", "/status.json").json["exchanges"]
    assert last[0]["tokens"] == last[1]["tokens"]


def test_rules_of_the_settings(faulty: Gateway) -> None:
    assert [faulty.chat("demo-rule").status for _ in range(3)] == [200, 503, 200]
    assert faulty.chat("gpt-4o").status == 200


@pytest.mark.skipif(not hasattr(os, "fork"), reason="several workers need a system that can fork")
def test_workers_count_together(starter: Starter) -> None:
    gateway = starter(SETTINGS + TWO_ACCOUNTS, workers=2)
    assert [gateway.chat("demo-rule").status for _ in range(4)] == [200, 503, 200, 200]
    assert [ask(gateway, chat, "429, 503, ok").status for _ in range(4)] == [429, 503, 200, 200]


def test_an_order_that_is_none_is_refused(faulty: Gateway) -> None:
    answer = ask(faulty, chat, "nonsense")
    assert answer.status == 400
    assert answer.error["message"].startswith("X-Antigravity-Fault: 'nonsense' is no kind of fault.")


def test_faults_are_counted_apart(faulty: Gateway) -> None:
    before = faulty.call("GET", "/metrics").body
    ask(faulty, chat, "503")
    after = faulty.call("GET", "/metrics").body.decode()
    assert before != after.encode()
    assert 'outcome="fault"' in after
    assert "fault on demand: 503" in faulty.log


def test_where_they_are_off_a_note_says_so(gateway: Gateway) -> None:
    answer = gateway.chat("gpt-4o", headers={"X-Antigravity-Fault": "429"})
    assert answer.status == 200
    assert "fault=not enabled in the settings" in answer.headers["x-antigravity-notes"]
    assert "x-antigravity-fault" not in answer.headers


def test_a_websocket_is_torn(faulty: Gateway) -> None:
    """By mitmproxy's layers there is none."""
    if faulty.extra["wire"] == "layers":
        return
    url = f"ws://127.0.0.1:{faulty.port}/v1/responses"
    message = json.dumps({"type": "response.create", "model": "gpt-4o", "input": "Hello"})
    with connect(url, additional_headers={"X-Antigravity-Fault": "error;after=2, cut;after=3"}) as socket:
        socket.send(message)
        kinds = [json.loads(socket.recv())["type"] for _ in range(4)]
        assert kinds[-1] == "response.failed"
        socket.send(message)
        assert [json.loads(socket.recv())["type"] for _ in range(3)][:2] == kinds[:2]
        with pytest.raises(ConnectionClosedError):
            socket.recv()
