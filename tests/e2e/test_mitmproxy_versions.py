"""The gateway under each mitmproxy that it is tested with: what must work, once.

The older one has an environment of its own, which `scripts/test.py --all` makes. Only the gateway runs in it.
"""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from addons.gateway.wire import compat
from scripts import bootstrap
from tests.e2e.conftest import TWO_ACCOUNTS, Gateway, Upstream, start_gateway, wait_until
from tests.e2e.faults.faulty_upstream import CHUNKED, KEEP, LAST_CHUNK, SSE, SSE_TYPE, FaultyUpstream, chunk, head
from tests.patience import PATIENCE

OLDEST, PINNED = compat.TESTED
CHAT = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello!"}]}


@pytest.fixture(scope="module", params=[PINNED, pytest.param(OLDEST, marks=pytest.mark.oldest)])
def mitmdump(request: pytest.FixtureRequest) -> str:
    """The program of a version."""
    if request.param == PINNED:
        return "mitmdump"
    environment = bootstrap.oldest()
    if not Path(environment.script("mitmdump")).exists():
        pytest.fail("`python3 scripts/test.py --all` makes the environment with the oldest mitmproxy.", pytrace=False)
    return environment.script("mitmdump")


@pytest.fixture(scope="module")
def faulty() -> Iterator[FaultyUpstream]:
    server = FaultyUpstream()
    yield server
    server.close()


@pytest.fixture(scope="module")
def running(
    mitmdump: str, upstream: Upstream, faulty: FaultyUpstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """Two accounts on the demo upstream, one for the model `gemini-faulty` on one that breaks; flows are saved."""
    settings = TWO_ACCOUNTS.replace("UPSTREAM", upstream.url).replace("\nbase_url", '\nmodels = ["demo-*"]\nbase_url')
    settings = settings.replace('models = ["demo-*"]', 'models = ["demo-*", "gemini-2*", "gemini-3*"]')
    settings += f"""
[[accounts]]
email = "charlie@example.com"
api_key = "key"
models = ["gemini-faulty"]
base_url = "{faulty.url}"
[models.mapping]
"gpt-4o" = "gemini-2.5-flash"
"""
    folder = tmp_path_factory.mktemp("versions")
    gateway = start_gateway(folder, "[retry]\ncooldown = false\n" + settings, "-w", "saved.flow", tool=mitmdump)
    yield gateway
    gateway.stop()
    assert "Traceback" not in gateway.log


def test_it_is_this_version(mitmdump: str, running: Gateway) -> None:
    program = Path(sys.executable).parent / mitmdump
    told = subprocess.run(
        [str(program), "--version"], capture_output=True, text=True, check=True, timeout=2 * PATIENCE
    ).stdout
    assert re.search(r"Mitmproxy: (\S+)", told)[1] == (PINNED if mitmdump == "mitmdump" else OLDEST)  # type: ignore[index]
    assert "without" not in running.log  # nothing that compat looks for is missing


def test_several_workers(mitmdump: str, upstream: Upstream, tmp_path: Path) -> None:
    gateway = start_gateway(tmp_path, TWO_ACCOUNTS.replace("UPSTREAM", upstream.url), tool=mitmdump, workers=2)
    try:
        assert gateway.chat("gemini-2.5-flash").status == 200
        gateway.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "All workers have been replaced." in gateway.log)
        assert gateway.chat("gemini-2.5-flash").status == 200
        assert "Traceback" not in gateway.log
    finally:
        gateway.stop()


def test_healthz(running: Gateway) -> None:
    assert running.call("GET", "/healthz").json == {"status": "ok"}


def test_a_chat(running: Gateway) -> None:
    answer = running.call("POST", "/v1/chat/completions", CHAT)
    assert (answer.status, answer.headers["x-mapped-model"]) == (200, "gemini-2.5-flash")
    assert answer.text


def test_a_stream(running: Gateway) -> None:
    events = running.call("POST", "/v1/chat/completions", {**CHAT, "stream": True}).events
    assert events[-1] == "[DONE]"
    assert len(events) > 2


@pytest.mark.parametrize("stream", [False, True])
def test_a_retry(running: Gateway, upstream: Upstream, stream: bool) -> None:
    upstream.forget()
    answer = running.chat(f"demo-429-first-{stream}".lower(), stream=stream)
    assert answer.status == 200
    assert len({request.headers["x-goog-api-key"] for request in upstream.requests}) == 2


def test_a_responses_call(running: Gateway) -> None:
    answer = running.call("POST", "/v1/responses", {"model": "gpt-4o", "input": "Hello!"})
    assert (answer.status, answer.json["status"]) == (200, "completed")


def test_a_stream_that_breaks(running: Gateway, faulty: FaultyUpstream) -> None:
    faulty.play(head(SSE_TYPE, CHUNKED) + chunk(SSE[0]))
    events = running.chat("gemini-faulty", stream=True).events
    assert events[-1]["error"]["code"] == "upstream_broke_off"


def test_trailers_and_interim_answers_are_passed_over(running: Gateway, faulty: FaultyUpstream) -> None:
    """The reader of chunks and the upstream's side are the gateway's own."""
    trailers = LAST_CHUNK[:-2] + b"X-Trailer: 1\r\n\r\n"
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </>\r\n\r\n"
    faulty.play(early + head(SSE_TYPE, CHUNKED) + b"".join(map(chunk, SSE)) + trailers, KEEP)
    assert running.chat("gemini-faulty", stream=True).events[-1] == "[DONE]"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /healthz HTTP/1.1\r\nX: " + b"x" * 70_000, b"431"),
        (b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999\r\n\r\n", b"413"),
        (b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n", b"400"),
    ],
    ids=["head", "body", "framing"],
)
def test_limits(running: Gateway, sent: bytes, status: bytes) -> None:
    with socket.create_connection(("127.0.0.1", running.port), PATIENCE) as s:
        s.sendall(sent)
        received = b""
        while data := s.recv(65536):
            received += data
    assert received.startswith(b"HTTP/1.1 " + status)
    assert b'"error"' in received


def test_saved_flows_are_replayed(
    mitmdump: str, running: Gateway, upstream: Upstream, tmp_path: Path, faulty: FaultyUpstream
) -> None:
    """The last one: what was saved is read when the gateway that has written it is gone."""
    wanted = {"model": "gpt-4o", "messages": [{"role": "user", "content": "for the replay"}]}
    answers = [running.call("POST", "/v1/chat/completions", {**wanted, "stream": s}).body for s in (False, True)]
    running.stop()
    settings = (running.folder / "antigravity.toml").read_text()
    saved = str(running.folder / "saved.flow")
    upstream.forget()
    replay = start_gateway(tmp_path, settings, "-S", saved, "--set", "server_replay_extra=404", tool=mitmdump)
    try:
        again = [replay.call("POST", "/v1/chat/completions", {**wanted, "stream": s}).body for s in (False, True)]
    finally:
        replay.stop()
    assert again == answers
    assert not upstream.requests
