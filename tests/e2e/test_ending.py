"""The end of the gateway: by a signal, while requests are under way."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.conftest import TWO_ACCOUNTS, StallingUpstream, free_port, wait_until
from tests.e2e.test_commands import Console
from tests.e2e.workers import GatedUpstream, Stream
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from tests.e2e.conftest import Starter

EVENT = b'data: {"candidates": [{"content": {"role": "model", "parts": [{"text": "Once upon"}]}}]}\r\n\r\n'
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (
    len(EVENT),
    EVENT,
)
CHAT = {"model": "gemini-2.5-flash", "messages": [{"role": "user", "content": "Hello!"}]}
RESPONSES = {"model": "gemini-2.5-flash", "input": "Hello!"}
COMPLETIONS = {"model": "gemini-2.5-flash", "prompt": "Hello!"}


@pytest.fixture
def stalling() -> Iterator[StallingUpstream]:
    """Begins a stream, and then says nothing more."""
    upstream = StallingUpstream(STREAM)
    yield upstream
    upstream.close()


class Request(threading.Thread):
    """A request on a thread of its own, and what came of it so far."""

    def __init__(self, port: int, path: str, body: Any) -> None:
        super().__init__(daemon=True)
        self._port, self._path, self._body = port, path, body
        self.status = 0
        self.received = b""
        self.whole = False
        self.start()

    def run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)
        method = "GET" if self._body is None else "POST"
        connection.request(method, self._path, self._body and json.dumps(self._body))
        response = connection.getresponse()
        self.status = response.status
        while data := response.read1():  # raises where the answer is torn
            self.received += data
        self.whole = True


def settings(upstream: StallingUpstream) -> str:
    return TWO_ACCOUNTS.replace("UPSTREAM", upstream.url)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
@pytest.mark.parametrize("tool", ["mitmdump", "mitmweb"])
def test_what_is_under_way_ends_with_its_error(
    starter: Starter, stalling: StallingUpstream, number: int, tool: str
) -> None:
    web = ["--no-web-open-browser", "--web-port", str(free_port())] if tool == "mitmweb" else []
    gateway = starter(settings(stalling), *web, tool=tool)
    streams = [
        Request(gateway.port, "/v1/chat/completions", {**CHAT, "stream": True}),
        Request(gateway.port, "/v1/responses", {**RESPONSES, "stream": True}),
        Request(gateway.port, "/v1/completions", {**COMPLETIONS, "stream": True}),
    ]
    whole = Request(gateway.port, "/v1/chat/completions", CHAT)
    wait_until(lambda: all(b"Once upon" in stream.received for stream in streams) and stalling.accepted == 4)
    gateway.process.send_signal(number)
    gateway.process.wait(PATIENCE)
    for request in (*streams, whole):
        request.join(PATIENCE)
        assert request.whole
    chat, responses, completions = (stream.received.decode() for stream in streams)
    for stream in (chat, completions):
        assert '"code":"gateway_stopping"' in stream
    assert "response.failed" in responses
    assert "gateway_stopping" in responses
    assert whole.status == 503
    assert json.loads(whole.received)["error"]["code"] == "gateway_stopping"
    assert gateway.log.count("gateway_stopping") == 4
    assert "Traceback" not in gateway.log
    assert "Task was destroyed" not in gateway.log


@pytest.mark.parametrize("workers", [1, 2], ids=["alone", "workers"])
def test_with_a_drain_what_is_under_way_and_what_comes_is_served(starter: Starter, workers: int) -> None:
    """Also on new connections: a load balancer sends them until it has noticed."""
    gated = GatedUpstream()
    drain = "[limits]\ndrain = '5m'\n"
    gateway = starter(drain + TWO_ACCOUNTS.replace("UPSTREAM", gated.url), workers=workers)
    first = Stream(gateway.port)
    wait_until(lambda: b"Once upon" in first.received)
    gateway.process.terminate()
    wait_until(lambda: gateway.call("GET", "/healthz").status == 503)
    second = Stream(gateway.port)
    wait_until(lambda: b"Once upon" in second.received)
    assert gateway.call("GET", "/healthz").error["code"] == "gateway_stopping"
    gated.gate.set()
    assert gateway.process.wait(PATIENCE) == 0
    for stream in (first, second):
        stream.join(PATIENCE)
        assert stream.whole
    assert "Traceback" not in gateway.log
    gated.close()


@pytest.mark.parametrize(
    ("drain", "again"), [("1ms", False), ("5m", True)], ids=["until it is over", "until a second signal"]
)
@pytest.mark.parametrize("workers", [1, 2], ids=["alone", "workers"])
def test_a_drain_ends(starter: Starter, workers: int, drain: str, again: bool) -> None:
    gated = GatedUpstream()
    settings = f"[limits]\ndrain = '{drain}'\n" + TWO_ACCOUNTS.replace("UPSTREAM", gated.url)
    gateway = starter(settings, workers=workers)
    stream = Stream(gateway.port)
    wait_until(lambda: b"Once upon" in stream.received)
    gateway.process.terminate()
    if again:
        wait_until(lambda: gateway.call("GET", "/healthz").status == 503)
        gateway.process.terminate()
    assert gateway.process.wait(PATIENCE) == 0
    stream.join(PATIENCE)
    assert b'"code":"gateway_stopping"' in stream.received
    gated.close()


def test_a_second_signal_is_heard_by_a_worker_that_was_busy_with_the_first(starter: Starter) -> None:
    """Of two signals that wait for a process the system keeps one."""
    gated = GatedUpstream()
    gateway = starter("[limits]\ndrain = '5m'\n" + TWO_ACCOUNTS.replace("UPSTREAM", gated.url), workers=2)
    stream = Stream(gateway.port)
    wait_until(lambda: b"Once upon" in stream.received)
    told = gateway.call("GET", "/status.json").json["workers"]
    [busy] = [one["pid"] for one in told if one["in_flight"] == 1]
    os.kill(busy, signal.SIGSTOP)
    gateway.process.terminate()
    wait_until(lambda: gateway.call("GET", "/healthz").status == 503)
    gateway.process.terminate()
    os.kill(busy, signal.SIGCONT)
    assert gateway.process.wait(PATIENCE) == 0
    stream.join(PATIENCE)
    assert b'"code":"gateway_stopping"' in stream.received
    gated.close()


def test_a_response_of_the_background_has_failed_and_who_waits_for_it_is_told(
    starter: Starter, stalling: StallingUpstream
) -> None:
    store = "[responses]\nstore = 'kept.db'\n"
    gateway = starter(store + settings(stalling))
    made = gateway.call("POST", "/v1/responses", {**RESPONSES, "background": True}).json
    path = f"/v1/responses/{made['id']}"
    waiting = Request(gateway.port, f"{path}?stream=true", None)
    wait_until(lambda: stalling.accepted == 1 and gateway.is_asked(path))
    gateway.process.terminate()
    gateway.process.wait(PATIENCE)
    waiting.join(PATIENCE)
    assert waiting.whole
    again = starter(
        f"[responses]\nstore = '{gateway.folder / 'kept.db'}'\n{settings(stalling)}",
    )
    response = again.call("GET", path).json
    assert response["status"] == "failed"


def test_in_mitmproxys_console(stalling: StallingUpstream, tmp_path: Any) -> None:
    file = tmp_path / "antigravity.toml"
    file.write_text(settings(stalling))
    console = Console(tmp_path, "--set", f"antigravity_config={file}")
    try:
        wait_until(lambda: connects(console.port))
        stream = Request(console.port, "/v1/chat/completions", {**CHAT, "stream": True})
        wait_until(lambda: b"Once upon" in stream.received)
        console.process.terminate()
        console.process.wait(PATIENCE)
        stream.join(PATIENCE)
        assert stream.whole
        assert b"gateway_stopping" in stream.received
    finally:
        console.process.kill()


def connects(port: int) -> bool:
    with socket.socket() as trial:
        return trial.connect_ex(("127.0.0.1", port)) == 0
