"""What is recorded of an exchange is enough to translate it again, to the very same bytes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from mitmproxy import http, io
from mitmproxy.contentviews import Metadata

from addons.gateway.record import retranslation
from addons.gateway.record.flow_record import CLIENT, record_of
from addons.gateway.views import siblings
from addons.gateway.views.siblings import Siblings
from addons.gateway.views.translation_view import Translation
from mapping.messages.answer.compacted import ON
from mapping.messages.answering import CompactedAnswering
from tests.e2e.conftest import ScriptedUpstream, http_answer, start_gateway

if TYPE_CHECKING:
    from tests.e2e.conftest import Gateway, Starter

USER = [{"role": "user", "content": "translate me"}]
TOOL = {"name": "get weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}
SEALED = ["reasoning.encrypted_content"]

COMPACTING = {"edits": [{"type": "compact_20260112", "trigger": {"type": "input_tokens", "value": 1}}]}
EXCHANGES: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": ("chat/completions", {"messages": USER}),
    "chat stream": ("chat/completions", {"messages": USER, "stream": True, "stream_options": {"include_usage": True}}),
    "chat tools": ("chat/completions", {"messages": USER, "tools": [{"type": "function", "function": TOOL}]}),
    "chat copies": ("chat/completions", {"model": "gemini-3.1-pro-preview", "messages": USER, "n": 3}),
    "chat copies stream": (
        "chat/completions",
        {"model": "gemini-3.1-pro-preview", "messages": USER, "n": 2, "stream": True},
    ),
    "chat retried": ("chat/completions", {"model": "demo-503-first-again", "messages": USER, "stream": True}),
    "chat with input": ("chat/completions", {"input": "translate me"}),
    "completions": ("completions", {"prompt": ["one", "two"], "n": 2}),
    "completions stream": ("completions", {"prompt": ["one", "two"], "stream": True}),
    "responses": ("responses", {"input": "translate me", "tools": [{"type": "function", **TOOL, "name": "f"}]}),
    "responses stream": (
        "responses",
        {"model": "gemini-3.1-pro-preview", "input": "hi", "stream": True, "include": SEALED, "store": False},
    ),
    "responses background": ("responses", {"input": "translate me", "background": True}),
    "compact": ("responses/compact", {"input": "translate me"}),
    "messages": ("messages", {"messages": USER, "tools": [{"name": "f", "input_schema": TOOL["parameters"]}]}),
    "messages stream": (
        "messages",
        {"model": "gemini-3.1-pro-preview", "messages": USER, "stream": True, "thinking": {"type": "adaptive"}},
    ),
    "messages stopped": ("messages", {"messages": USER, "stream": True, "stop_sequences": ["late"]}),
    "messages retried": ("messages", {"model": "demo-503-first-messages", "messages": USER, "stream": True}),
    "messages compacted": ("messages", {"messages": USER, "context_management": COMPACTING}),
    "messages compacted stream": (
        "messages",
        {"model": "gemini-3.1-pro-preview", "messages": USER, "context_management": COMPACTING, "stream": True},
    ),
    "count": ("responses/input_tokens", {"input": "translate me"}),
}


def saved(gateway: Gateway) -> list[Siblings]:
    """The exchanges of the file that a gateway has written, in order of time."""
    gateway.stop()
    with (gateway.folder / "saved.flow").open("rb") as file:
        flows = [flow for flow in io.FlowReader(file).stream() if isinstance(flow, http.HTTPFlow)]
    by_id: dict[str, list[http.HTTPFlow]] = {}
    for flow in sorted(flows, key=lambda flow: flow.request.timestamp_start):
        by_id.setdefault(record_of(flow)["id"], []).append(flow)
    return [siblings.sorted_out(group) for group in by_id.values()]


def client_of(exchange: Siblings) -> http.HTTPFlow:
    assert exchange.client is not None
    assert record_of(exchange.client)["side"] == CLIENT
    return exchange.client


def content(message: http.Message | None) -> bytes:
    assert message is not None
    assert message.content is not None
    return message.content


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Siblings]:
    gateway = start_gateway(
        tmp_path_factory.mktemp("recorded"), None, "-w", "saved.flow", "--set", "antigravity_demo=true"
    )
    for name, (path, body) in EXCHANGES.items():
        answer = gateway.call("POST", f"/v1/{path}", {"model": "gpt-4o", **body})
        assert answer.status == 200, (name, answer.body)
    found = saved(gateway)
    return dict(zip(EXCHANGES, found, strict=True))


@pytest.mark.parametrize("name", EXCHANGES)
def test_the_same_bytes(recorded: dict[str, Siblings], name: str) -> None:
    exchange = recorded[name]
    client = client_of(exchange)
    record = record_of(client)
    call, notes = retranslation.request(record, json.loads(content(client.request)))
    sent = [json.loads(content(flow.request)) for flow in (*exchange.attempts, *exchange.further)]
    answers = [content(f.response) for f in (*exchange.attempts, *exchange.further) if siblings.is_answer(f)]
    assert retranslation.answer(call, answers, notes) == content(client.response)
    bodies = [made.body for made in call.calls]
    if isinstance(call, CompactedAnswering):
        bodies.append(call.further(ON))
    assert all(body in sent for body in bodies)
    assert all(body in bodies for body in sent)
    assert [list(note) for note in notes if note[0] != "retried"] == [n for n in record["notes"] if n[0] != "retried"]


@pytest.mark.parametrize("name", EXCHANGES)
def test_each_can_be_explained(recorded: dict[str, Siblings], name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    exchange = recorded[name]
    client = client_of(exchange)
    flows = [client, *exchange.attempts, *exchange.further]
    monkeypatch.setattr(siblings, "_shown", lambda: flows)
    asked = Translation().prettify(b"", Metadata(flow=client, http_message=client.request))
    assert "each member" in asked
    assert ("sent otherwise" in asked) == name.startswith("messages compacted"), "the second call is another one"
    answered = Translation().prettify(b"", Metadata(flow=client, http_message=client.response))
    assert "Gemini's answer · each member" in answered


def test_what_was_encrypted_and_remembered(starter: Starter) -> None:
    """The second turn of a conversation is translated with what the gateway kept of the first one."""
    gateway = starter(None, "-w", "saved.flow", "--set", "antigravity_demo=true")
    model, ask = "gemini-3.1-pro-preview", {"role": "user", "content": "What is the weather?"}
    tools = [{"type": "function", "function": {**TOOL, "name": "f"}}]
    called = gateway.chat(model, "What is the weather?", tools=tools).json["choices"][0]["message"]
    for call in called["tool_calls"]:
        call.pop("extra_content", None)  # as most clients do
    result = {"role": "tool", "tool_call_id": called["tool_calls"][0]["id"], "content": "12 degrees"}
    assert (
        gateway.call(
            "POST", "/v1/chat/completions", {"model": model, "tools": tools, "messages": [ask, called, result]}
        ).status
        == 200
    )
    first = gateway.call("POST", "/v1/responses", {"model": model, "input": "hi", "include": SEALED, "store": False})
    items = [{"role": "user", "content": "hi"}, *first.json["output"], {"role": "user", "content": "and now?"}]
    assert any(item.get("encrypted_content") for item in items)
    body = {"model": model, "input": items, "include": SEALED, "store": False}
    assert gateway.call("POST", "/v1/responses", body).status == 200
    stored = gateway.call("POST", "/v1/responses", {"model": model, "input": "hi"}).json["id"]
    following = {"model": model, "input": "and now?", "previous_response_id": stored}
    assert gateway.call("POST", "/v1/responses", following).status == 200
    for exchange in saved(gateway):
        client = client_of(exchange)
        call, _ = retranslation.request(record_of(client), json.loads(content(client.request)))
        assert json.loads(content(exchange.attempts[0].request)) == call.calls[0].body
        answer = retranslation.answer(call, [content(exchange.attempts[0].response)])
        assert answer == content(client.response)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_continued_answer(starter: Starter, stream: bool) -> None:
    def hop(text: str, **more: str) -> bytes:
        candidate = {"content": {"role": "model", "parts": [{"text": text}]}, **more}
        body = json.dumps({"candidates": [candidate], "usageMetadata": {"promptTokenCount": 3}}).encode()
        if stream:
            return http_answer(b"data: " + body + b"\r\n\r\n", "text/event-stream")
        return http_answer(body)

    going_on = hop("One, ", finishReason="CONTINUATION", continuationToken="Y2twdA==")
    scripted = ScriptedUpstream(going_on, hop("two.", finishReason="STOP"))
    account = f'[[accounts]]\nemail = "a"\napi_key = "k"\nbase_url = "{scripted.url}"\n'
    gateway = starter(account, "-w", "saved.flow")
    assert gateway.chat("gemini-4-argon", stream=stream).status == 200
    (exchange,) = saved(gateway)
    client = client_of(exchange)
    call, _ = retranslation.request(record_of(client), json.loads(content(client.request)))
    answers = [content(attempt.response) for attempt in exchange.attempts if siblings.is_answer(attempt)]
    assert len(answers) == 2
    assert retranslation.answer(call, answers) == content(client.response)


def test_a_case_of_no_translation() -> None:
    with pytest.raises(retranslation.NotTranslated):
        retranslation.request({"endpoint": "models", "model": None}, {"model": "m"})


def test_without_recorded_seeds_it_is_the_same_each_time(tmp_path: Path) -> None:
    record = {"endpoint": "chat", "model": "gemini-2.5-flash", "client_model": "m"}
    body = {"model": "m", "messages": USER}
    upstream = [b'{"candidates": [{"content": {"parts": [{"text": "Hi"}]}, "finishReason": "STOP"}]}']
    first, again = (retranslation.answer(retranslation.request(record, body)[0], upstream) for _ in range(2))
    assert first == again
    assert json.loads(first)["choices"][0]["message"]["content"] == "Hi"
