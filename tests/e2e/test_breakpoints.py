"""Breakpoints in a real mitmweb: the client's request, each attempt and the answer."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.conftest import TWO_ACCOUNTS, wait_until
from tests.e2e.mitmweb import CommandFailed, Web, start_web

if TYPE_CHECKING:
    from tests.e2e.conftest import Gateway, Upstream

KEEP_ALIVE = b": keep-alive\n\n"
SETTINGS = '[proxy]\nkeep_alive = "100ms"\n[limits]\ndeadline = "2s"\n[retry]\ncooldown = false\n' + TWO_ACCOUNTS


class Client(threading.Thread):
    """One call, and what has come of it so far."""

    def __init__(self, web: Web, body: Any, path: str = "/v1/chat/completions") -> None:
        super().__init__(daemon=True)
        self._connection = http.client.HTTPConnection("127.0.0.1", web.gateway.port, timeout=60)
        self._path, self._body = path, json.dumps(body)
        self.status = 0
        self.received = b""
        self.broke = False
        self.start()

    def run(self) -> None:
        try:
            self._connection.request("POST", self._path, self._body, {"Content-Type": "application/json"})
            response = self._connection.getresponse()
            self.status = response.status
            while piece := response.read1(65536):
                self.received += piece
        except (http.client.HTTPException, OSError):
            self.broke = True
        finally:
            self._connection.close()

    def leave(self) -> None:
        self._connection.sock.shutdown(socket.SHUT_RDWR)

    def ended(self) -> bytes:
        """What came, when all has."""
        self.join(30)
        assert not self.is_alive()
        return self.received

    @property
    def events(self) -> list[bytes]:
        return [event for event in self.received.split(b"\n\n") if event and not event.startswith(b":")]


def chat(web: Web, text: str = "as it was", model: str = "gpt-4o", **more: Any) -> Client:
    return Client(web, {"model": model, "messages": [{"role": "user", "content": text}], **more})


class Stopper:
    """What a person does in mitmweb."""

    def __init__(self, web: Web, upstream: Upstream, wire: str) -> None:
        self.web, self.upstream, self.wire = web, upstream, wire

    def intercept(self, what: str | None) -> None:
        self.web.fetch("/options", "PUT", {"intercept": what})

    def stopped(self) -> dict[str, Any]:
        """The flow that is stopped, once one is."""
        found: list[dict[str, Any]] = []

        def there() -> bool:
            found[:] = [flow for flow in json.loads(self.web.fetch("/flows")) if flow["intercepted"]]
            return bool(found)

        wait_until(there)
        assert len(found) == 1
        return found[0]

    def text(self, flow: dict[str, Any], message: str = "request") -> str:
        return self.web.fetch(f"/flows/{flow['id']}/{message}/content.data").decode()

    def edit(self, flow: dict[str, Any], old: str, new: str, message: str = "request") -> None:
        text = self.text(flow, message)
        assert old in text
        self.web.fetch(f"/flows/{flow['id']}", "PUT", {message: {"content": text.replace(old, new)}})

    def resume(self, flow: dict[str, Any]) -> None:
        self.web.fetch(f"/flows/{flow['id']}/resume", "POST")

    def kill(self, flow: dict[str, Any]) -> None:
        self.web.fetch(f"/flows/{flow['id']}/kill", "POST")

    def running(self) -> list[dict[str, Any]]:
        """The requests that are under way, but for the one that asks."""
        listed = self.web.gateway.call("GET", "/status.json").json["running"]
        return [one for one in listed if one["path"] != "/status.json"]


@pytest.fixture(scope="module")
def shared_web(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    from tests.e2e.conftest import start_gateway

    started: list[Gateway] = []

    def start(settings: str, *arguments: str, **more: Any) -> Gateway:
        text = settings.replace("UPSTREAM", upstream.url)
        started.append(start_gateway(tmp_path_factory.mktemp("stops"), text, *arguments, **more))
        return started[0]

    yield start_web(start, SETTINGS)
    started[0].stop()


@pytest.fixture(params=["auto", "layers"])
def stopper(request: pytest.FixtureRequest, shared_web: Web, upstream: Upstream) -> Iterator[Stopper]:
    shared_web.fetch("/options", "PUT", {"antigravity_wire": request.param})
    shared_web.reset()
    upstream.forget()
    made = Stopper(shared_web, upstream, request.param)
    yield made
    made.intercept(None)
    shared_web.fetch("/flows/resume", "POST")
    for one in made.running():
        with contextlib.suppress(CommandFailed):  # it is not held, or has just ended
            shared_web.command("antigravity.letgo", one["id"])
    wait_until(lambda: not made.running())


def test_the_clients_request_is_edited_and_translated_anew(stopper: Stopper) -> None:
    stopper.intercept("~q & ~u chat/completions")
    client = chat(stopper.web)
    flow = stopper.stopped()
    assert flow["request"]["path"] == "/v1/chat/completions"
    assert json.loads(stopper.text(flow))["messages"] == [{"role": "user", "content": "as it was"}]
    assert not stopper.upstream.requests
    stopper.edit(flow, "as it was", "as it is now")
    stopper.resume(flow)
    assert b"as it is now" in client.ended()
    assert client.status == 200
    (asked,) = stopper.upstream.requests
    assert "as it was" not in str(asked.body)
    (shown,) = [one for one in stopper.web.flows() if one.request.path == "/v1/chat/completions"]
    assert b"as it is now" in (shown.request.content or b"")


def test_each_attempt_is_stopped(stopper: Stopper) -> None:
    stopper.intercept("~u generateContent & ~q")
    client = chat(stopper.web, model=f"demo-429-first-{stopper.wire}")
    first = stopper.stopped()
    assert first["request"]["path"].endswith(":generateContent")
    stopper.resume(first)
    wait_until(lambda: len(stopper.upstream.requests) == 1)
    second = stopper.stopped()
    stopper.edit(second, "as it was", "as it is now")
    stopper.resume(second)
    assert b"as it is now" in client.ended()
    assert ["as it is now" in str(one.body) for one in stopper.upstream.requests] == [False, True]


def test_the_answer_is_edited(stopper: Stopper) -> None:
    stopper.intercept("~s")
    client = chat(stopper.web)
    flow = stopper.stopped()
    assert flow["request"]["path"] == "/v1/chat/completions"
    assert client.status == 0
    stopper.edit(flow, "as it was", "as a person likes it", "response")
    stopper.resume(flow)
    assert "as a person likes it" in json.loads(client.ended())["choices"][0]["message"]["content"]


@pytest.mark.parametrize("where", ["~q & ~u chat/completions", "~q & ~u generateContent", "~s"])
def test_what_is_killed_ends_at_once(stopper: Stopper, where: str) -> None:
    stopper.intercept(where)
    client = chat(stopper.web)
    stopper.kill(stopper.stopped())
    assert client.ended() == b""
    assert client.broke
    wait_until(lambda: not stopper.running())


def test_a_client_that_leaves_is_not_held(stopper: Stopper) -> None:
    stopper.intercept("~q & ~u chat/completions")
    client = chat(stopper.web)
    stopper.stopped()
    client.leave()
    wait_until(lambda: not [flow for flow in json.loads(stopper.web.fetch("/flows")) if flow["intercepted"]])
    assert not stopper.upstream.requests


@pytest.mark.parametrize("where", ["~u chat/completions", "~u GenerateContent"])
def test_signs_of_life_go_on_and_the_deadline_waits(stopper: Stopper, where: str) -> None:
    stopper.intercept(f"~q & {where}")
    client = chat(stopper.web, stream=True)
    flow = stopper.stopped()
    wait_until(lambda: client.received.count(KEEP_ALIVE) > 22)  # 2.2 s, and the deadline are 2
    assert client.status == 200
    stopper.resume(flow)
    assert client.ended().replace(KEEP_ALIVE, b"").endswith(b"data: [DONE]\n\n")
    deltas = [json.loads(event[6:])["choices"][0]["delta"] for event in client.events[:-1]]
    assert "as it was" in "".join(delta.get("content") or "" for delta in deltas)
    assert len(stopper.upstream.requests) == 1


@pytest.mark.parametrize(
    ("path", "body", "ends"),
    [
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": "x"}]}, b"data: [DONE]"),
        ("/v1/responses", {"input": "x"}, b"response.completed"),
        ("/v1/messages", {"messages": [{"role": "user", "content": "x"}], "max_tokens": 99}, b"message_stop"),
    ],
    ids=["chat", "responses", "messages"],
)
def test_a_dialects_stream_after_signs_of_life(stopper: Stopper, path: str, body: Any, ends: bytes) -> None:
    stopper.intercept(f"~q & ~u {path}")
    client = Client(stopper.web, {"model": "gpt-4o", "stream": True, **body}, path)
    flow = stopper.stopped()
    wait_until(lambda: KEEP_ALIVE in client.received)
    stopper.resume(flow)
    assert ends in client.ended()


def test_an_error_after_signs_of_life(stopper: Stopper) -> None:
    stopper.intercept("~q & ~u chat/completions")
    client = chat(stopper.web, stream=True)
    flow = stopper.stopped()
    wait_until(lambda: KEEP_ALIVE in client.received)
    stopper.edit(flow, "gpt-4o", "no-such-model")
    stopper.resume(flow)
    client.ended()
    (event,) = client.events
    name, data = event.split(b"\n")
    assert name == b"event: error"
    assert json.loads(data.removeprefix(b"data: "))["error"]["code"] == "model_not_found"


def held_stream(stopper: Stopper) -> tuple[Client, str]:
    """A stream that is held before anything of the answer has come; the client has its opening event."""
    stopper.intercept("~q & ~u GenerateContent")
    client = chat(stopper.web, stream=True)
    flow = stopper.stopped()
    wait_until(lambda: KEEP_ALIVE in client.received)
    (one,) = stopper.running()
    id = one["id"]
    assert stopper.web.command("antigravity.hold", id[:20]) == f"{id} is held."
    stopper.intercept(None)
    stopper.resume(flow)
    wait_until(lambda: waiting(stopper, id) > 0)
    return client, id


def step(stopper: Stopper, id: str, *count: int) -> str:
    return str(stopper.web.command("antigravity.step", id, *map(str, count)))


def waiting(stopper: Stopper, id: str) -> int:
    """How many events wait for a step: what Gemini has sent so far comes one after the other."""
    return int(step(stopper, id, 0).removesuffix(" wait.").rpartition(" ")[2])


def test_a_stream_goes_event_by_event(stopper: Stopper) -> None:
    client, id = held_stream(stopper)
    assert len(client.events) == 1
    assert step(stopper, id).startswith("1 sent")
    wait_until(lambda: len(client.events) == 2)
    wait_until(lambda: waiting(stopper, id) >= 2)
    assert step(stopper, id, 2).startswith("2 sent")
    wait_until(lambda: len(client.events) == 4)
    wait_until(lambda: "held, " in json.dumps(stopper.running()))
    seen = client.received.count(KEEP_ALIVE)
    wait_until(lambda: client.received.count(KEEP_ALIVE) > seen + 22)  # the deadline is over by now
    assert len(client.events) == 4
    assert "sent" in stopper.web.command("antigravity.letgo", id)
    assert client.ended().replace(KEEP_ALIVE, b"").endswith(b"data: [DONE]\n\n")
    (shown,) = [one for one in stopper.web.flows() if one.request.path == "/v1/chat/completions"]
    assert (shown.response.content or b"").replace(KEEP_ALIVE, b"") == client.received.replace(KEEP_ALIVE, b"")


def test_the_last_event_ends_the_stream(stopper: Stopper) -> None:
    client, id = held_stream(stopper)
    wait_until(lambda: stopper.web.command("antigravity.step", id, "0").startswith("0 sent"))
    while client.is_alive() and stopper.running():
        with contextlib.suppress(CommandFailed):  # it has just ended
            step(stopper, id, 100)
    assert client.ended().replace(KEEP_ALIVE, b"").endswith(b"data: [DONE]\n\n")


def test_who_holds_a_stream_may_leave_it(stopper: Stopper) -> None:
    client, id = held_stream(stopper)
    step(stopper, id)
    wait_until(lambda: len(client.events) == 2)
    client.leave()
    wait_until(lambda: not stopper.running())


def test_what_can_not_be_held(stopper: Stopper) -> None:
    with pytest.raises(CommandFailed, match="under way"):
        stopper.web.command("antigravity.hold", "req_0000")
    stopper.intercept("~q & ~u generateContent")
    client = chat(stopper.web)
    flow = stopper.stopped()
    (one,) = stopper.running()
    id = one["id"]
    with pytest.raises(CommandFailed, match="Only streams"):
        stopper.web.command("antigravity.hold", id)
    with pytest.raises(CommandFailed, match="is not held"):
        stopper.web.command("antigravity.step", id)
    stopper.resume(flow)
    assert client.ended()
