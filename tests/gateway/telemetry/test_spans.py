"""Spans, read with OpenTelemetry's own definitions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans, Span

from addons.gateway.exchange.summary import CLIENT_LEFT, Tokens
from addons.gateway.http.trace_context import ClientSpan
from addons.gateway.telemetry import protobuf
from addons.gateway.telemetry.ended import Ended
from addons.gateway.telemetry.spans import encoded
from tests.gateway.telemetry.made import ATTEMPT, made
from tests.gateway.telemetry.receiver import values

PARENT = ClientSpan(b"\x0a" * 16, b"\x0b" * 8, "vendor=1", True)
FAILED = replace(ATTEMPT, outcome="503 overloaded", status=503, seconds=0.1, began=0.05)


def read(ended: Ended, contents: dict[str, str] | None = None) -> list[Any]:
    return list(ScopeSpans.FromString(encoded(ended).whole(contents or {})).spans)


def test_the_exchange_and_its_attempt() -> None:
    exchange, attempt = read(made())
    assert (exchange.name, exchange.kind) == ("chat gpt-4o", exchange.SPAN_KIND_SERVER)
    assert (attempt.name, attempt.kind) == ("chat gemini-3.8-flash", attempt.SPAN_KIND_CLIENT)
    assert exchange.start_time_unix_nano == 1_800_000_000 * 10**9
    assert exchange.end_time_unix_nano - exchange.start_time_unix_nano == 10**9
    assert attempt.start_time_unix_nano - exchange.start_time_unix_nano == 250_000_000
    assert attempt.end_time_unix_nano - attempt.start_time_unix_nano == 500_000_000
    assert attempt.trace_id == exchange.trace_id
    assert attempt.parent_span_id == exchange.span_id
    assert (len(exchange.trace_id), len(exchange.span_id), exchange.parent_span_id) == (16, 8, b"")
    assert exchange.status.code == attempt.status.code == 0
    assert values(exchange.attributes) == {
        "http.request.method": "POST",
        "url.path": "/v1/chat/completions",
        "antigravity.endpoint": "chat",
        "antigravity.request.id": "req_1",
        "http.response.status_code": 200,
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "gcp.gemini",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gemini-3.8-flash",
        "gen_ai.response.id": "chatcmpl-1",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 20,
    }
    assert values(attempt.attributes) == {
        "antigravity.account": "alpha@example.com",
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "gcp.gemini",
        "gen_ai.request.model": "gemini-3.8-flash",
        "server.address": "generativelanguage.googleapis.com",
        "server.port": 443,
        "http.response.status_code": 200,
    }


def test_further_calls_have_their_attempts() -> None:
    parts = (replace(FAILED, part=1), replace(ATTEMPT, part=1), replace(ATTEMPT, part=2))
    exchange, *calls = read(made(further=parts))
    told = [values(call.attributes) for call in calls]
    assert [one.get("antigravity.part") for one in told] == [None, 1, 1, 2]
    assert [one.get("http.request.resend_count") for one in told] == [None, None, 1, None]
    assert {call.parent_span_id for call in calls} == {exchange.span_id}
    assert len({call.span_id for call in calls}) == 4


def test_a_turn_of_a_conversation() -> None:
    exchange, attempt = read(made(conversation="k3f9qa"))
    assert values(exchange.attributes)["gen_ai.conversation.id"] == "k3f9qa"
    assert "gen_ai.conversation.id" not in values(attempt.attributes)


def test_the_clients_span_is_the_parent() -> None:
    ended = made()
    ended.parent = PARENT
    exchange, attempt = read(ended)
    assert exchange.trace_id == attempt.trace_id == PARENT.trace
    assert exchange.parent_span_id == PARENT.span
    assert exchange.trace_state == attempt.trace_state == "vendor=1"
    assert exchange.flags == 0x301
    assert attempt.flags == 0x101


def test_an_attempt_that_failed_before_a_good_one() -> None:
    exchange, first, second = read(made(attempts=(FAILED, replace(ATTEMPT, waited=0.5))))
    assert exchange.status.code == second.status.code == 0
    assert first.status.code == first.status.STATUS_CODE_ERROR
    assert values(first.attributes)["error.type"] == "503 overloaded"
    assert values(first.attributes)["http.response.status_code"] == 503
    assert values(second.attributes)["http.request.resend_count"] == 1
    assert values(second.attributes)["antigravity.attempt.waited"] == 0.5


@pytest.mark.parametrize(
    ("members", "error", "message"),
    [
        ({"status": 429, "error": "rate_limit_exceeded", "outcome": "rate_limit_exceeded", "message": "m"},
         "rate_limit_exceeded", "m"),
        ({"status": 404, "outcome": "404"}, "404", ""),
        ({"status": None, "outcome": CLIENT_LEFT}, "client_left", ""),
    ],
    ids=["a code", "a status", "the client left"],
)  # fmt: skip
def test_an_exchange_that_failed(members: dict[str, Any], error: str, message: str) -> None:
    exchange, *_ = read(made(**members))
    assert exchange.status.code == exchange.status.STATUS_CODE_ERROR
    assert exchange.status.message == message
    assert values(exchange.attributes)["error.type"] == error


def test_a_stream_with_thoughts_from_a_cache() -> None:
    ended = made(streamed=True, first=0.75, tokens=Tokens(10, 20, 4, 6), notes=(("a", "b"), ("a", "c")))
    exchange, _ = read(ended)
    told = values(exchange.attributes)
    assert told["gen_ai.request.stream"] is True
    assert told["gen_ai.response.time_to_first_chunk"] == 0.75
    assert told["gen_ai.usage.cache_read.input_tokens"] == 4
    assert told["gen_ai.usage.reasoning.output_tokens"] == 6
    assert told["antigravity.notes"] == ["a"]


@pytest.mark.parametrize(
    ("endpoint", "operation", "kind"),
    [
        ("responses", "chat", None),
        ("messages", "chat", None),
        ("completions", "text_completion", None),
        ("embeddings", "embeddings", None),
        ("streamGenerateContent", "generate_content", None),
        ("images", "generate_content", "image"),
        ("speech", "generate_content", "speech"),
    ],
)
def test_what_is_asked(endpoint: str, operation: str, kind: str | None) -> None:
    told = values(read(made(endpoint=endpoint))[0].attributes)
    assert told["gen_ai.operation.name"] == operation
    assert told.get("gen_ai.output.type") == kind


@pytest.mark.parametrize(
    ("upstream", "provider"),
    [("gemini", "gcp.gemini"), ("vertex", "gcp.vertex_ai"), ("code-assist", "gcp.gen_ai")],
)
def test_whose_model_it_is(upstream: str, provider: str) -> None:
    for span in read(made(attempts=(replace(ATTEMPT, upstream=upstream),))):
        assert values(span.attributes)["gen_ai.provider.name"] == provider


def test_what_others_know_of_it() -> None:
    told = values(read(made(conversation="conv_1", cost=0.25, fault="429"))[0].attributes)
    assert told["gen_ai.conversation.id"] == "conv_1"
    assert told["antigravity.cost"] == 0.25
    assert told["antigravity.fault"] == "429"


def test_parameters() -> None:
    ended = made()
    ended.parameters = {
        "temperature": 1, "topK": 3.0, "maxOutputTokens": 5, "stopSequences": ["x"], "responseMimeType":
        "application/json", "seed": True, "topP": None,
    }  # fmt: skip
    told = values(read(ended)[0].attributes)
    assert told["gen_ai.request.temperature"] == 1.0
    assert told["gen_ai.request.top_k"] == 3
    assert told["gen_ai.request.max_tokens"] == 5
    assert told["gen_ai.request.stop_sequences"] == ["x"]
    assert told["gen_ai.output.type"] == "json"
    assert not {"gen_ai.request.seed", "gen_ai.request.top_p"} & set(told)


def test_no_model_is_asked() -> None:
    (span,) = read(made(method="GET", endpoint="models", client_model=None, model=None, tokens=None, attempts=()))
    assert span.name == "GET models"
    assert not [name for name in values(span.attributes) if name.startswith("gen_ai")]


def test_texts_that_are_no_utf_8_and_long_ones() -> None:
    exchange, _ = read(made(client_model="\ud800" + "x" * 1000), {"gen_ai.input.messages": "é" * 300})
    told = values(exchange.attributes)
    assert told["gen_ai.request.model"] == "?" + "x" * 199
    assert told["gen_ai.input.messages"] == "é" * 300


def test_what_is_remembered_of_an_attribute_is_of_its_type_and_text() -> None:
    values: dict[str, protobuf.Value] = {"a": True, "b": 1, "c": 1.0, "d": "1", "e": "x" * 33, "f": ("1", "2")}
    others: dict[str, protobuf.Value] = {"a": 1, "b": True, "c": 1, "d": "2", "e": "x" * 34, "f": ("1",)}
    for told in (values, others, values):
        span = Span.FromString(protobuf.attributes(9, told))
        got = {one.key: one.value for one in span.attributes}
        assert {key: value.WhichOneof("value") for key, value in got.items()} == {
            key: {bool: "bool_value", int: "int_value", float: "double_value", str: "string_value"}.get(
                type(value), "array_value"
            )
            for key, value in told.items()
        }
        assert got["d"].string_value == told["d"]
        assert got["e"].string_value == told["e"]
        assert tuple(one.string_value for one in got["f"].array_value.values) == told["f"]
