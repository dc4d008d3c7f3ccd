"""A stop sequence that the gateway finds in a stream: the client has its end at once, and Gemini is hung up on."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e import message_checks
from tests.e2e.conftest import wait_until
from tests.e2e.faults.faulty_upstream import KEEP, STALL, STREAM_HEAD, FaultyUpstream, chunk, endless_trickle, whole
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from tests.e2e.conftest import Gateway, Starter

ONE_ACCOUNT = '[retry]\nmax_attempts = 1\n[[accounts]]\nemail = "a"\napi_key = "k"\nbase_url = "{url}"\n'
ASKED: dict[str, Any] = {
    "model": "gemini-2.5-flash",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "Count."}],
    "stop_sequences": ["three"],
}


def said(text: str) -> bytes:
    """An event of Gemini's, as a chunk."""
    content = {"role": "model", "parts": [{"text": text}]}
    usage = {"promptTokenCount": 7, "candidatesTokenCount": len(text), "totalTokenCount": 7 + len(text)}
    event = {"candidates": [{"content": content, "index": 0}], "usageMetadata": usage}
    return chunk(b"data: " + json.dumps(event).encode() + b"\r\n\r\n")


MORE = endless_trickle(b'data: {"candidates":[{"content":{"parts":[{"text":"more "}]}}]}\r\n\r\n')


def stopped(gateway: Gateway) -> list[Any]:
    """The events of a stream that is asked for and read to its end; its connection has served another one before."""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=PATIENCE)
    for _ in range(2):
        connection.request("POST", "/v1/messages", json.dumps({**ASKED, "stream": True}))
        response = connection.getresponse()
        assert response.status == 200
        body = response.read()
    connection.close()
    return message_checks.check_stream(body)


@pytest.mark.parametrize("wire", ["layers", "auto"])
@pytest.mark.parametrize(
    ("script", "text"),
    [
        pytest.param([said("one, two, th"), said("ree, four"), STALL], "one, two, ", id="then silence"),
        pytest.param([said("one, two, three, four"), MORE], "one, two, ", id="then more"),
        pytest.param(
            [said("three"), STALL], "[The answer began with the stop sequence 'three'.]", id="nothing before it"
        ),
    ],
)
def test_the_upstream_is_hung_up_on(starter: Starter, wire: str, script: list[Any], text: str) -> None:
    upstream = FaultyUpstream()
    upstream.play(STREAM_HEAD, *script)
    gateway = starter(ONE_ACCOUNT.format(url=upstream.url), "--set", f"antigravity_wire={wire}")
    *_, ended, last = events = stopped(gateway)
    assert last == {"type": "message_stop"}
    assert ended["delta"]["stop_sequence"] == "three"
    assert ended["usage"]["input_tokens"] == 7
    assert ended["usage"]["output_tokens"] >= len("three")
    told = [event["delta"]["text"] for event in events if event["type"] == "content_block_delta"]
    assert "".join(told) == text
    wait_until(lambda: upstream.open == 0)
    assert upstream.requests == 2
    # The account has failed nothing: it is asked at once, and nothing says that it was tried again.
    upstream.play(whole(), KEEP)
    answer = gateway.chat(ASKED["model"])
    assert answer.status == 200
    assert "retried" not in answer.headers.get("x-antigravity-notes", "")
    assert "Traceback" not in gateway.log
    upstream.close()
