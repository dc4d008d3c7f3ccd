"""The Responses API on a WebSocket, with OpenAI's own SDK and with frames made by hand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import openai
import pytest
from websockets.sync.client import ClientConnection, connect

from tests.e2e.conftest import TWO_ACCOUNTS
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.conftest import Gateway, Starter, Upstream

MODEL = "gemini-2.5-flash"


def socket_to(gateway: Gateway, **more: Any) -> ClientConnection:
    return connect(f"ws://127.0.0.1:{gateway.port}/v1/responses", **more)


def answered(socket: ClientConnection, **body: Any) -> list[dict[str, Any]]:
    """The events of one request, in their order."""
    socket.send(json.dumps({"type": "response.create", **body}))
    return until_end(socket)


def until_end(socket: ClientConnection) -> list[dict[str, Any]]:
    events = []
    while not events or events[-1]["type"] not in ("response.completed", "response.failed", "error"):
        events.append(json.loads(socket.recv(timeout=PATIENCE)))
    return events


@pytest.fixture
def socket(gateway: Gateway) -> Iterator[ClientConnection]:
    with socket_to(gateway) as connection:
        yield connection


def test_the_sdk_has_several_turns_on_one_connection(gateway: Gateway) -> None:
    client = openai.OpenAI(base_url=f"http://127.0.0.1:{gateway.port}/v1", api_key="any", max_retries=0)
    previous: str | None = None
    with client.responses.connect() as connection:
        for text in ("My name is Ada.", "What did I say?"):
            connection.response.create(
                model=MODEL, input=text, store=False, **({"previous_response_id": previous} if previous else {})
            )
            kinds = []
            for event in connection:
                kinds.append(event.type)
                if event.type == "response.completed":
                    previous = event.response.id
                    assert event.response.output_text
                    break
            assert kinds[0] == "response.created"
            assert "response.output_text.delta" in kinds


def test_a_conversation_goes_on_though_nothing_is_stored(gateway: Gateway, upstream: Upstream) -> None:
    with socket_to(gateway) as socket:
        first = answered(socket, model=MODEL, input="My name is Ada.", store=False)
        upstream.forget()
        again = answered(
            socket, model=MODEL, input="And now?", store=False, previous_response_id=first[-1]["response"]["id"]
        )
        assert again[-1]["type"] == "response.completed"
        (asked,) = upstream.requests
        texts = [part.get("text") for content in asked.body["contents"] for part in content["parts"]]
        assert texts[0] == "My name is Ada."
        assert texts[-1] == "And now?"
    stored = gateway.call("GET", f"/v1/responses/{first[-1]['response']['id']}")
    assert stored.status == 404
    with socket_to(gateway) as other:
        (failed,) = answered(other, model=MODEL, input="x", previous_response_id=first[-1]["response"]["id"])
        assert (failed["type"], failed["status"]) == ("error", 400)


def test_what_is_stored_is_found_by_everybody(gateway: Gateway, socket: ClientConnection) -> None:
    events = answered(socket, model=MODEL, input="hi")
    assert gateway.call("GET", f"/v1/responses/{events[-1]['response']['id']}").status == 200


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("{", "not valid JSON"),
        ("[]", "must be a JSON object"),
        ('{"type": "response.steer"}', "response.create"),
        ("{}", "no type"),
        ('{"type": "response.create", "stream_id": 1}', "stream_id"),
        ('{"type": "response.create", "input": "hi"}', "model"),
        ('{"type": "response.create", "model": "gemini-2.5-flash", "input": 7}', "input"),
    ],
)
def test_bad_messages_are_told_and_the_connection_goes_on(socket: ClientConnection, message: str, said: str) -> None:
    socket.send(message)
    (error,) = until_end(socket)
    assert error["status"] == 400
    assert said in error["error"]["message"]
    assert answered(socket, model=MODEL, input="hi")[-1]["type"] == "response.completed"


def test_a_failure_is_an_error_with_its_status(socket: ClientConnection) -> None:
    (error,) = answered(socket, model="demo-503-all", input="hi")
    assert (error["type"], error["status"]) == ("error", 503)
    assert error["error"]["message"]


def test_a_failure_in_mid_stream_is_an_event(socket: ClientConnection) -> None:
    events = answered(socket, model="demo-cut-mid-stream", input="hi")
    assert events[0]["type"] == "response.created"
    assert events[-1]["type"] in ("response.failed", "error")


def test_the_second_account_saves_the_request(socket: ClientConnection) -> None:
    assert answered(socket, model="demo-429-first-socket", input="hi")[-1]["type"] == "response.completed"


def test_lanes_run_side_by_side_and_name_themselves(socket: ClientConnection) -> None:
    for lane in ("a", "b", "a"):
        socket.send(json.dumps({"type": "response.create", "model": MODEL, "input": lane, "stream_id": lane}))
    ended: list[str] = []
    while len(ended) < 3:
        event = json.loads(socket.recv(timeout=PATIENCE))
        assert event["stream_id"] in ("a", "b")
        if event["type"] == "response.completed":
            ended.append(event["stream_id"])
    assert sorted(ended) == ["a", "a", "b"]


def test_requests_in_fragments_and_pings(socket: ClientConnection) -> None:
    body = json.dumps({"type": "response.create", "model": MODEL, "input": "hi"})
    assert socket.ping().wait(PATIENCE)
    socket.send([body[:5], body[5:20], body[20:]])
    assert until_end(socket)[-1]["type"] == "response.completed"


def test_without_a_socket_it_is_refused(gateway: Gateway) -> None:
    answer = gateway.call("GET", "/v1/responses")
    assert answer.status == 426
    assert "POST" in answer.error["message"]


def test_a_key_is_needed_where_one_is(starter: Starter) -> None:
    gateway = starter(TWO_ACCOUNTS + '\n[proxy]\nauth_mode = "strict"\napi_key = "sk-own"\n')
    with pytest.raises(Exception, match="401"):
        socket_to(gateway)
    with socket_to(gateway, additional_headers={"Authorization": "Bearer sk-own"}) as socket:
        assert answered(socket, model=MODEL, input="hi")[-1]["type"] == "response.completed"
    assert "sk-own" not in gateway.log


def test_a_client_that_leaves_ends_the_call(gateway: Gateway, upstream: Upstream) -> None:
    with socket_to(gateway) as socket:
        socket.send(json.dumps({"type": "response.create", "model": "demo-slow", "input": "hi"}))
        socket.recv(timeout=PATIENCE)
    assert gateway.call("GET", "/healthz").status == 200


def test_by_mitmproxys_layers_there_is_none(starter: Starter) -> None:
    gateway = starter(TWO_ACCOUNTS, "--set", "antigravity_wire=layers")
    with pytest.raises(Exception, match="426"):
        socket_to(gateway)
