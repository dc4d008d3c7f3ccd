"""The record: both sides of every exchange, truthful, each on its own, and good for a replay."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from mitmproxy import http, io

from addons.gateway.record.flow_record import record_of
from tests.e2e.conftest import TWO_ACCOUNTS

if TYPE_CHECKING:
    from tests.e2e.conftest import Gateway, Starter, Upstream


def saved(gateway: Gateway) -> list[http.HTTPFlow]:
    gateway.stop()
    with (gateway.folder / "saved.flow").open("rb") as file:
        flows = [flow for flow in io.FlowReader(file).stream() if isinstance(flow, http.HTTPFlow)]
    return sorted(flows, key=lambda flow: flow.request.timestamp_start)


def exchange_id(flow: http.HTTPFlow) -> str:
    found = re.search(r"\[(req_\w+)\]$", flow.comment)
    assert found, flow.comment
    return found[1]


def test_a_retried_stream_is_three_flows(starter: Starter) -> None:
    gateway = starter(None, "-w", "saved.flow", "--set", "antigravity_demo=true")
    answer = gateway.chat("demo-503-first-trace", "trace me", stream=True)
    flows = saved(gateway)
    client, failed, good = flows
    assert {exchange_id(flow) for flow in flows} == {answer.headers["x-request-id"]}

    assert client.request.path == "/v1/chat/completions"
    assert json.loads(client.request.content or b"")["messages"][0]["content"] == "trace me"
    assert client.request.host_header == f"127.0.0.1:{gateway.port}"
    assert client.response
    assert client.response.content == answer.body
    assert client.response.headers["x-request-id"] == answer.headers["x-request-id"]

    for attempt in (failed, good):
        assert attempt.request.path == "/v1beta/models/demo-503-first-trace:streamGenerateContent?alt=sse"
        assert json.loads(attempt.request.content or b"")["contents"][0]["parts"] == [{"text": "trace me"}]
    assert failed.response
    assert failed.response.status_code == 503
    assert failed.response.json()["error"]["status"] == "UNAVAILABLE"
    assert failed.comment.startswith("↳ ✖ 503 demo-")
    assert "attempt 1/2 · UNAVAILABLE · demo-" in failed.comment
    assert good.response
    assert b"candidates" in (good.response.content or b"")
    assert good.comment.startswith("↳ 200 demo-")
    assert re.search(r"attempt 2/2 · waited \d+\.\d", good.comment)
    assert not any(flow.marked for flow in flows), "marks are the person's own"
    assert client.comment[2:].startswith("demo-503-first-trace · demo-"), "behind the mark of its conversation"
    assert re.search(r" · 2 attempts · 200 · first \d+\.\d\d s · ", client.comment)


def test_when_the_parts_of_a_stream_came(starter: Starter, upstream: Upstream) -> None:
    gateway = starter(TWO_ACCOUNTS, "-w", "saved.flow")
    gateway.chat("demo-thinking-all", stream=True)
    for flow in saved(gateway):
        assert flow.response
        assert flow.response.raw_content
        arrived = record_of(flow)["arrived"]
        assert arrived[-1][0] == len(flow.response.raw_content)
        assert arrived == sorted(arrived)
        assert 0 <= arrived[0][1] <= arrived[-1][1] < 10


def test_broken_and_refused_exchanges(starter: Starter) -> None:
    gateway = starter(None, "-w", "saved.flow", "--set", "antigravity_demo=true")
    broken = gateway.chat("demo-error-mid-stream", stream=True)
    refused = gateway.chat("no-such-model")
    flows = saved(gateway)
    assert [flow.response and flow.response.content for flow in flows if "/v1/chat" in flow.request.path] == [
        broken.body,
        refused.body,
    ]
    assert len(flows) == 3


def test_each_flow_is_saved_once(starter: Starter) -> None:
    gateway = starter(None, "-w", "saved.flow", "--set", "antigravity_demo=true")
    for model in ("demo-garbage", "demo-html", "demo-cut-first", "demo-refuse", "demo-error-first-event", "demo-empty"):
        for stream in (False, True):
            gateway.chat(model, stream=stream)
    ids = [flow.id for flow in saved(gateway)]
    assert len(set(ids)) == len(ids) > 20


def test_without_a_watcher_nothing_is_kept(gateway: Gateway) -> None:
    """Plain mitmdump records nothing; the option switches it on."""
    assert gateway.chat("gpt-4o").status == 200
    assert "attempt 1/" not in gateway.log


USER = [{"role": "user", "content": "Hello!"}]
MESSAGE = {"model": "gemini-3-flash", "max_tokens": 2000, "messages": USER}
REPLAYED: dict[str, tuple[str, dict[str, Any]]] = {
    "retried stream": ("chat/completions", {"model": "demo-429-first-r", "stream": True, "messages": USER}),
    "used up": ("chat/completions", {"model": "demo-429-all", "messages": USER}),
    "several choices": ("chat/completions", {"model": "gemini-3-flash", "n": 3, "messages": USER}),
    "blocked": ("chat/completions", {"model": "demo-blocked-all", "messages": USER}),
    "refused": ("chat/completions", {"model": "gemini-3-flash", "temperature": "hot", "messages": USER}),
    "unknown model": ("chat/completions", {"model": "no-such-model", "messages": USER}),
    "response": (
        "responses",
        {"model": "gemini-3-flash", "stream": True, "input": "Hi", "reasoning": {"effort": "low"}},
    ),
    "sealed": ("responses", {"model": "gemini-3-flash", "input": "Hi", "include": ["reasoning.encrypted_content"]}),
    "not found": ("responses", {"model": "gemini-3-flash", "input": "Hi", "previous_response_id": "resp_none"}),
    "completions": ("completions", {"model": "gemini-3-flash", "prompt": ["a", "b"]}),
    "message": ("messages", {**MESSAGE, "tools": [{"name": "look", "input_schema": {"type": "object"}}]}),
    "message with thoughts": ("messages", {**MESSAGE, "thinking": {"type": "adaptive"}, "stream": True}),
    "message with a search": (
        "messages",
        {**MESSAGE, "tools": [{"type": "web_search_20250305", "name": "web_search"}], "stream": True},
    ),
    "message of a model with too much to do": ("messages", {**MESSAGE, "model": "demo-503-all"}),
    "message that broke off": ("messages", {**MESSAGE, "model": "demo-error-mid-stream", "stream": True}),
    "message with a thread": ("messages", {**MESSAGE, "thread": {"type": "create"}}),
}


def test_a_saved_file_replayed_gives_the_same_bytes(starter: Starter, upstream: Upstream) -> None:
    """Whatever the exchanges were; and also where somebody without the key asked the same before.

    Only Anthropic's errors name the request, which is another one.
    """
    settings = "[proxy]\nauth_mode = 'strict'\napi_key = 'a-key'\n[retry]\ncooldown = false\n" + TWO_ACCOUNTS

    def ask(gateway: Gateway) -> dict[str, bytes]:
        answers = {}
        for name, (path, body) in REPLAYED.items():
            assert gateway.call("POST", f"/v1/{path}", body).status == 401
            answer = gateway.call("POST", f"/v1/{path}", body, headers={"x-api-key": "a-key"}, may_break=True)
            answers[name] = answer.body.replace(answer.headers["x-request-id"].encode(), b"<id>")
        return answers

    recording = starter(settings, "-w", "saved.flow")
    recorded = ask(recording)
    recording.stop()
    upstream.forget()
    replaying = starter(settings, "-S", str(recording.folder / "saved.flow"), "--set", "server_replay_extra=404")
    assert ask(replaying) == recorded
    assert not upstream.requests


def test_server_replay_reruns_the_translation(starter: Starter, upstream: Upstream, tmp_path: Path) -> None:
    settings = '[[accounts]]\nemail = "a"\napi_key = "k"\nbase_url = "UPSTREAM"\n'
    recording = starter(settings, "-w", "saved.flow")
    text = "to be replayed"
    bodies = {stream: recording.chat("gemini-2.5-flash", text, stream=stream).body for stream in (False, True)}
    recording.stop()
    upstream.forget()
    replaying = starter(settings, "-S", str(recording.folder / "saved.flow"), "--set", "server_replay_extra=404")
    for stream, body in bodies.items():
        answer = replaying.chat("gemini-2.5-flash", text, stream=stream)
        assert answer.status == 200
        assert answer.body == body
    assert not upstream.requests


@pytest.mark.parametrize(
    "options",
    [(), ("stream_large_bodies=1",), ("stream_large_bodies=1", "store_streamed_bodies=true")],
    ids=["default", "streamed", "streamed and stored"],
)
def test_saved_bodies_are_what_went_over_the_wire(
    starter: Starter, upstream: Upstream, options: tuple[str, ...]
) -> None:
    """Whatever mitmproxy itself keeps of bodies; in a HAR too."""
    upstream.forget()
    sets = [argument for option in ("hardump=saved.har", *options) for argument in ("--set", option)]
    gateway = starter(TWO_ACCOUNTS, "-w", "saved.flow", *sets)
    sent = [gateway.chat("gpt-4o", "to be kept", stream=stream) for stream in (False, True)]
    sent.append(gateway.chat("demo-429-first-kept", "to be kept", stream=True))
    sent.append(gateway.chat("gemini-3-flash", "to be kept", n=2))
    flows = saved(gateway)
    clients = [flow for flow in flows if flow.request.path.startswith("/v1/")]
    attempts = [flow for flow in flows if flow.request.path.startswith("/v1beta/")]
    assert [flow.response and flow.response.content for flow in clients] == [answer.body for answer in sent]
    assert all(json.loads(flow.request.content or b"")["messages"][0]["content"] == "to be kept" for flow in clients)
    assert len(attempts) == 6
    order = [json.dumps(call.body, sort_keys=True) for call in upstream.requests]
    assert [json.dumps(json.loads(flow.request.content or b""), sort_keys=True) for flow in attempts] == order
    for flow in attempts:
        assert flow.response
        assert b"candidates" in (flow.response.content or b"") or flow.response.status_code == 429
    entries = json.loads((gateway.folder / "saved.har").read_text())["log"]["entries"]
    assert len(entries) == len(flows)
    texts = {entry["response"]["content"].get("text", "").encode() for entry in entries}
    assert texts >= {answer.body for answer in sent}
    assert all(len(entry["request"]["postData"]["text"]) > 10 for entry in entries)
