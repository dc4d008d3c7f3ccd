"""Connections: clients that leave, kept and closed ones, requests that are no requests, and sizes."""

from __future__ import annotations

import base64
import json
import socket
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import TWO_ACCOUNTS, Answer, StallingUpstream, wait_until
from tests.e2e.faults.faulty_upstream import CHUNKED, KEEP, LAST_CHUNK, SSE, SSE_TYPE, TEXT, FaultyUpstream, chunk, head
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from tests.e2e.conftest import Gateway, Starter, Upstream


def raw(gateway: Gateway, data: bytes) -> bytes:
    """Send bytes, and read until the gateway hangs up."""
    with socket.create_connection(("127.0.0.1", gateway.port), PATIENCE) as s:
        s.sendall(data)
        received = b""
        while chunk := s.recv(65536):
            received += chunk
    return received


def post(body: object, *headers: str, version: str = "1.1") -> bytes:
    data = json.dumps(body).encode()
    head = [f"POST /v1/chat/completions HTTP/{version}", "Host: localhost", f"Content-Length: {len(data)}", *headers]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + data


def chat(model: str, *, stream: bool = False) -> dict[str, object]:
    return {"model": model, "stream": stream, "messages": [{"role": "user", "content": "hi"}]}


STREAM_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
FIRST_EVENT = b'data: {"candidates": [{"content": {"role": "model", "parts": [{"text": "One. "}]}}]}\r\n\r\n'


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(
    "reply", [b"", STREAM_HEAD, STREAM_HEAD + FIRST_EVENT], ids=["no head", "no event", "in mid stream"]
)
def test_a_client_that_leaves_ends_the_upstream_call_at_once(starter: Starter, reply: bytes, stream: bool) -> None:
    stalling = StallingUpstream(reply)
    gateway = starter(f'[[accounts]]\nemail = "a"\napi_key = "k"\nbase_url = "{stalling.url}"\n')
    with socket.create_connection(("127.0.0.1", gateway.port), PATIENCE) as s:
        s.sendall(post(chat("gpt-4o", stream=stream)))
        wait_until(lambda: stalling.accepted == 1)
        if stream and FIRST_EVENT in reply:
            received = b""
            while b"One. " not in received:
                received += s.recv(65536)
        assert stalling.hung_up == 0
    wait_until(lambda: stalling.hung_up == 1)
    stalling.close()
    assert gateway.call("GET", "/healthz").status == 200
    assert "Traceback" not in gateway.log


def test_bytes_come_as_soon_as_they_arrive(starter: Starter) -> None:
    """The upstream goes on only when what came before has reached the client."""
    seen = threading.Event()
    upstream = FaultyUpstream()
    first = head(SSE_TYPE, CHUNKED) + chunk(SSE[0])
    upstream.play(first, lambda _: seen.wait(PATIENCE), *map(chunk, SSE[1:]), LAST_CHUNK, KEEP)
    gateway = starter(TWO_ACCOUNTS.replace("UPSTREAM", upstream.url))
    with socket.create_connection(("127.0.0.1", gateway.port), PATIENCE) as s:
        s.sendall(post(chat("gemini-2.5-flash", stream=True)))
        data = b""
        while TEXT.split()[0].encode() not in data:
            data += s.recv(65536)
        seen.set()
        while b'finish_reason":"stop' not in data:
            data += s.recv(65536)
    upstream.close()


def test_http_1_0_and_close(gateway: Gateway) -> None:
    for stream in (False, True):
        old = raw(gateway, post(chat("gpt-4o", stream=stream), version="1.0"))
        assert old.startswith(b"HTTP/1.1 200")
        assert b"chunked" not in old
        assert (b"[DONE]" if stream else b"chat.completion") in old
        closed = raw(gateway, post(chat("gpt-4o", stream=stream), "Connection: close"))
        assert closed.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"NONSENSE\r\n\r\n", b"400"),
        (b"GET /v1/models HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc", b"400"),
        (b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n", b"400"),
        (b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999\r\n\r\n", b"413"),
        (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: " + bytes(70_000).replace(b"\0", b"x"), b"431"),
    ],
    ids=["no HTTP", "bad length", "two lengths", "CONNECT", "too large", "endless head"],
)
def test_what_is_no_request_gets_json(gateway: Gateway, data: bytes, status: bytes) -> None:
    head, _, body = raw(gateway, data).partition(b"\r\n\r\n")
    assert head.split()[1] == status
    assert set(json.loads(body)["error"]) == {"message", "type", "param", "code"}
    assert ("base URL" in json.loads(body)["error"]["message"]) == data.startswith(b"CONNECT")


def test_the_log_says_where_a_request_went_that_never_came_whole(gateway: Gateway) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port), PATIENCE) as s:
        s.sendall(b"POST /v1/embeddings?a=b HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf")
    wait_until(lambda: "/v1/embeddings · client left" in gateway.log)
    raw(gateway, b"POST /v1/images/edits HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999\r\n\r\n")
    wait_until(lambda: "/v1/images/edits · 413 request_too_large" in gateway.log)


@pytest.mark.parametrize(
    ("body", "param", "said"),
    [
        (b"{not json", None, "JSON"),
        (b"", None, "no body"),
        (b"[1]", None, "object"),
        (b'{"messages": []}', "model", "model"),
        (b'{"model": 5, "messages": []}', "model", "string"),
        (b'{"model": "gpt-4o"}', "messages", "messages"),
        (b'{"model": "gpt-4o", "messages": [{"role": "user", "content": [{"type": 5}]}]}',
         "messages[0].content[0].type", "string"),
        (b'{"model": "gpt-4o", "temperature": "hot", "messages": [{"role": "user", "content": "x"}]}',
         "temperature", "number"),
        (b"[" * 5000, None, "JSON"),
        (b"\xff\xfe", None, "JSON"),
    ],
)  # fmt: skip
def test_bad_bodies_name_the_parameter(gateway: Gateway, body: bytes, param: str | None, said: str) -> None:
    answer = gateway.call("POST", "/v1/chat/completions", body)
    assert answer.status == 400
    assert answer.error["param"] == param
    assert said in answer.error["message"]


NOPE = b'{"model": "gpt-4o", "messages": [{"role": "user", "content": [{"type": "nope"}]}]}'


def test_an_unknown_part_is_left_out_with_a_note(gateway: Gateway) -> None:
    answer = gateway.call("POST", "/v1/chat/completions", NOPE)
    assert answer.status == 200, answer.body
    assert "unknown=messages[0].content[0].type nope" in answer.headers["x-antigravity-notes"]


def test_an_unknown_part_is_refused_where_settings_are_strict(strict_gateway: Gateway, upstream: Upstream) -> None:
    answer = strict_gateway.call("POST", "/v1/chat/completions", NOPE)
    assert answer.status == 400
    assert answer.error["param"] == "messages[0].content[0].type"
    assert "image_url" in answer.error["message"]  # what is supported
    assert not upstream.requests


def test_a_compressed_body_that_is_none(gateway: Gateway) -> None:
    answer = gateway.call("POST", "/v1/chat/completions", b"{}", headers={"Content-Encoding": "gzip"})
    assert answer.status == 400


def test_nothing_of_the_model_name_reaches_the_url(gateway: Gateway, upstream: Upstream) -> None:
    for name in ("gemini-2.5-flash/../../x", "gemini?key=1", "gemini-2.5-flash:countTokens", "gemini%2e%2e", "../x"):
        answer = gateway.chat(name)
        assert answer.status == 404
    assert not upstream.requests


def test_a_large_image_and_a_long_history_pass(gateway: Gateway, upstream: Upstream) -> None:
    png = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(7_900_000)).decode()
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{png}"}}
    answer = gateway.call(
        "POST",
        "/v1/chat/completions",
        {"model": "gpt-4o", "messages": [{"role": "user", "content": [{"type": "text", "text": "look"}, image]}]},
    )
    assert answer.status == 200, answer.body[:300]
    assert "1 image" in answer.text
    turns = [{"role": role, "content": "x" * 2000} for _ in range(500) for role in ("user", "assistant")]
    answer = gateway.call(
        "POST", "/v1/chat/completions", {"model": "gpt-4o", "messages": [*turns, {"role": "user", "content": "end"}]}
    )
    assert answer.status == 200, answer.body[:300]
    assert len(upstream.requests) == 2


def test_a_failing_addon_of_the_user_never_lets_the_request_through(starter: Starter, upstream: Upstream) -> None:
    """Another addon that wants to stream requests must not send OpenAI bodies upstream."""
    gateway = starter()
    other = gateway.folder / "other.py"
    other.write_text("def requestheaders(flow):\n    flow.request.stream = True\n")
    gateway.stop()
    gateway = starter(
        gateway.folder.joinpath("antigravity.toml").read_text(), "-s", str(other), "--set", "stream_large_bodies=1"
    )
    answer = gateway.chat("gpt-4o")
    assert answer.status == 200
    assert all("messages" not in json.dumps(request.body) for request in upstream.requests)


def test_keep_alive_serves_many_requests(gateway: Gateway) -> None:
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=PATIENCE)
    for n in range(20):
        body = json.dumps(chat("gemini-2.5-flash", stream=bool(n % 2)))
        connection.request("POST", "/v1/chat/completions", body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        answer = Answer(response.status, {}, response.read())
        assert answer.status == 200
    connection.close()


def test_nothing_is_left_over(starter: Starter, tmp_path: Path) -> None:
    """After exchanges of all kinds, good, bad and abandoned, none is still held."""
    counter = tmp_path / "counter.py"
    counter.write_text(
        "from mitmproxy import ctx\n"
        "def done():\n"
        "    print('open exchanges:', len(ctx.master.addons.get('antigravity').gateway.exchanges), flush=True)\n"
    )
    gateway = starter(TWO_ACCOUNTS, "-s", str(counter))
    for model in ("gpt-4o", "demo-503-all", "demo-cut-mid-stream", "demo-429-all", "no-such-model", "demo-refuse-all"):
        for stream in (False, True):
            gateway.chat(model, stream=stream)
    gateway.chat("gemini-3-flash", n=3)
    gateway.call("GET", "/v1/models")
    gateway.call("GET", "/nowhere")
    raw(gateway, b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc")
    raw(gateway, b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n\r\n")
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", gateway.port)) as s:
            s.sendall(post(chat("demo-slow", stream=True)))
            time.sleep(0.02)
        with socket.create_connection(("127.0.0.1", gateway.port)) as s:
            s.sendall(post(chat("gpt-4o"))[:-5])
    gateway.chat("gpt-4o")
    gateway.stop()
    assert "open exchanges: 0" in gateway.log
    assert "Traceback" not in gateway.log


def test_no_more_than_the_limit_at_a_time(starter: Starter, upstream: Upstream) -> None:
    gateway = starter("[limits]\nin_flight = 1\n" + TWO_ACCOUNTS)
    with socket.create_connection(("127.0.0.1", gateway.port)) as s:
        s.sendall(post(chat("demo-slow")))
        wait_until(lambda: len(upstream.requests) == 1)
        refused = gateway.chat("gpt-4o")
        assert refused.status == 503
        assert refused.headers["retry-after"] == "1"
        assert gateway.call("GET", "/healthz").status == 200
    wait_until(lambda: gateway.chat("gpt-4o").status == 200)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(
    "reply", [b"", STREAM_HEAD, STREAM_HEAD + FIRST_EVENT], ids=["no head", "no event", "in mid stream"]
)
def test_an_upstream_that_stalls_meets_the_deadline(starter: Starter, reply: bytes, stream: bool) -> None:
    stalling = StallingUpstream(reply)
    account = f'[[accounts]]\nemail = "a"\napi_key = "k"\nbase_url = "{stalling.url}"\n'
    gateway = starter('[limits]\ndeadline = "300ms"\n' + account)
    answer = gateway.chat("gpt-4o", stream=stream)
    if stream and FIRST_EVENT in reply:
        assert answer.status == 200
        assert answer.events[-1]["error"]["code"] == "upstream_timeout"
    else:
        assert answer.status == 504
        assert answer.error["code"] == "upstream_timeout"
    wait_until(lambda: stalling.hung_up == 1)
    stalling.close()
    assert "Traceback" not in gateway.log
