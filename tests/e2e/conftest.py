"""A real mitmdump with the addon, over a demo upstream that runs in this process, where tests can look into it."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from mapping.gemini.model_classes import fallback
from scripts import demo_upstream
from tests.e2e import forking
from tests.e2e.forking import Forked
from tests.patience import PATIENCE, wait_until
from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
KEYS = ("upstream-key-alpha-3f9c", "upstream-key-bravo-71d2")
"""The upstream keys of the two accounts; tests look for their bytes where they must not be."""

TODAY = "2026-10-01"
"""The day of the tests: none of the models that they name is near its end."""
FLASH = fallback("flash", date.fromisoformat(TODAY))
"""What `gpt-4o` stands for in the tests."""
PRO = fallback("pro", date.fromisoformat(TODAY))
"""What `gpt-5` stands for in the tests."""

TWO_ACCOUNTS = f"""
[[accounts]]
email = "alpha@example.com"
api_key = "{KEYS[0]}"
base_url = "UPSTREAM"

[[accounts]]
email = "bravo@example.com"
api_key = "{KEYS[1]}"
base_url = "UPSTREAM"
"""
PATIENT = '\n[state]\nanswer_within = "2s"\n'
"""On a busy machine what gateways share may come late, and each then goes on without. Tests of what they share wait."""

CONTROLLED = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""
"""A program that becomes another one, whose terminal is its standard input."""


class Upstream:
    """The demo upstream in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self.demo: Any = self._run(demo_upstream.start(pause=0.001))

    @property
    def url(self) -> str:
        return str(self.demo.url)

    @property
    def requests(self) -> list[Any]:
        return list(self.demo.requests)

    def forget(self) -> None:
        """Drop what was recorded."""
        self.demo.requests.clear()

    def stop(self) -> None:
        self._run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)

    async def _stop(self) -> None:
        await self.demo.stop()

    def _run(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(PATIENCE)


class StallingUpstream:
    """Takes each request whole, answers with the bytes of `reply`, and then waits for the other side to hang up."""

    def __init__(self, reply: bytes) -> None:
        self._reply = reply
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self.accepted = 0
        self.hung_up = 0
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._stall, args=(connection,), daemon=True).start()

    def _stall(self, connection: socket.socket) -> None:
        with connection:
            received = b""
            while b"\r\n\r\n" not in received:
                if not (data := connection.recv(65536)):
                    return
                received += data
            with self._lock:
                self.accepted += 1
            connection.sendall(self._reply)
            try:
                while connection.recv(65536):
                    pass
            except OSError:
                pass
            with self._lock:
                self.hung_up += 1


type Reply = bytes | Callable[[bytes], bytes]


class ScriptedUpstream:
    """Answers request after request with the next of `replies`, whole HTTP answers; None hangs up instead.

    Of calls beside one another any may come first: a reply that depends on which, is made from the request's line.
    """

    def __init__(self, *replies: Reply | None) -> None:
        self._replies = list(replies)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.bodies: list[Any] = []
        self.connections = 0
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as file:
            while head := file.readline():
                length = 0
                while (line := file.readline()) not in (b"\r\n", b""):
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                body = file.read(length)
                self.bodies.append(json.loads(body) if body else head)
                reply = self._replies.pop(0)
                if reply is None:
                    return
                connection.sendall(reply if isinstance(reply, bytes) else reply(head))


def http_answer(body: bytes, content_type: str = "application/json") -> bytes:
    """A whole HTTP answer."""
    return f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@dataclass
class Answer:
    """An HTTP answer, read to its end."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        error = self.json["error"]
        assert set(error) == {"message", "type", "param", "code"}
        return dict(error)

    @property
    def text(self) -> str:
        return str(self.json["choices"][0]["message"]["content"])

    @property
    def events(self) -> list[Any]:
        """The events of a stream; `[DONE]` as that text."""
        lines = [line[6:] for line in self.body.decode().split("\n\n") if line.startswith("data: ")]
        return [line if line == "[DONE]" else json.loads(line) for line in lines]


CRASHES = {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL}


@dataclass
class Gateway:
    """A running mitmdump."""

    process: subprocess.Popen[bytes] | Forked
    port: int
    log_file: Path
    folder: Path
    extra: dict[str, Any] = field(default_factory=dict)
    host: str = "127.0.0.1"

    @property
    def base_url(self) -> str:
        return f"http://{self.host}:{self.port}/v1"

    @property
    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: dict[str, str] | None = None,
        timeout: float = PATIENCE,
        may_break: bool = False,
    ) -> Answer:
        """`may_break`: the answer may break off, and is then what has come of it."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout)
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        try:
            connection.request(method, path, data, {"Content-Type": "application/json", **(headers or {})})
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            try:
                content = response.read()
            except http.client.IncompleteRead as e:
                if not may_break:
                    raise
                content = e.partial
            return Answer(response.status, found, content)
        finally:
            connection.close()

    def chat(self, model: str, text: str = "Hello!", *, headers: dict[str, str] | None = None, **more: Any) -> Answer:
        body = {"model": model, "messages": [{"role": "user", "content": text}], **more}
        return self.call("POST", "/v1/chat/completions", body, headers=headers)

    def is_asked(self, path: str) -> bool:
        """Whether a request for what begins like this is under way."""
        return any(one["path"].startswith(path) for one in self.call("GET", "/status.json").json["running"])

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            else:
                assert -self.process.returncode not in CRASHES


def start_gateway(
    folder: Path,
    settings: str | None,
    *arguments: str,
    upstream: str = "https://gateway.invalid",
    environ: dict[str, str] | None = None,
    tool: str = "mitmdump",
    wait: bool = True,
    script: Path = ROOT / "addons" / "antigravity.py",
    workers: int = 1,
    host: str = "127.0.0.1",
    port: int = 0,
    terminal: int | None = None,
) -> Gateway:
    """Start mitmproxy with the addon. `settings` is the text of a settings file; `workers` are several mitmdumps, which
    a `terminal`, as a file descriptor, controls."""
    folder.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    command = [str(Path(sys.executable).parent / tool), "-s", str(script)]
    if workers > 1:
        python = Path(command[0]).with_name("python")
        launcher = [str(python), str(script.parents[1] / "scripts" / "workers"), "--workers", str(workers)]
        command[:1] = [*launcher, "--host", host, "--port", str(port), "--"]
    if terminal is not None:
        command[:0] = [sys.executable, "-c", CONTROLLED]
    # No call that the test did not make, and no note of a model that retires while the test exists.
    command += ["--set", "antigravity_list_models=false"]
    command += ["--set", f"confdir={folder}", "--mode", f"reverse:{upstream}@{host}:{port}"]
    if settings is not None:
        if workers > 1 and "[state]" not in settings:
            settings += PATIENT
        file = folder / "antigravity.toml"
        file.write_text(settings)
        command += ["--set", f"antigravity_config={file}"]
    mine = ("_api_key", "gemini_api_keys", "_proxy")
    clean = {k: v for k, v in os.environ.items() if not k.lower().endswith(mine)}
    clean["ANTIGRAVITY_TODAY"] = TODAY
    environ = environ or {}
    log = folder / "log.txt"
    process: subprocess.Popen[bytes] | Forked
    if forking.fits(command, environ):
        process = forking.forks().start([*command, *arguments], clean | environ, folder, log)
    else:
        with log.open("wb") as out:
            process = subprocess.Popen(
                [*command, *arguments], stdout=out, stderr=subprocess.STDOUT, env=clean | environ, cwd=folder,
                stdin=terminal, start_new_session=terminal is not None,
            )  # fmt: skip
    gateway = Gateway(process, port, log, folder, host=host)
    if wait:
        said = f"{workers} workers are ready" if workers > 1 else "OpenAI-compatible gateway"
        wait_until(lambda: process.poll() is not None or said in gateway.log)
        assert process.poll() is None, gateway.log
    return gateway


type Starter = Callable[..., Gateway]


@pytest.fixture(scope="session")
def upstream() -> Iterator[Upstream]:
    server = Upstream()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def shared_gateway(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    settings = TWO_ACCOUNTS.replace("UPSTREAM", upstream.url)
    running = start_gateway(tmp_path_factory.mktemp("gateway"), "[retry]\ncooldown = false\n" + settings)
    yield running
    running.stop()


@pytest.fixture
def gateway(shared_gateway: Gateway, upstream: Upstream) -> Gateway:
    """Two accounts, no cooldown between tests, no key needed."""
    upstream.forget()
    return shared_gateway


@pytest.fixture(scope="session")
def shared_strict_gateway(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    settings = TWO_ACCOUNTS.replace("UPSTREAM", upstream.url)
    strict = "[retry]\ncooldown = false\n[translation]\nstrict = true\n"
    running = start_gateway(tmp_path_factory.mktemp("strict"), strict + settings)
    yield running
    running.stop()


@pytest.fixture
def strict_gateway(shared_strict_gateway: Gateway, upstream: Upstream) -> Gateway:
    """The same as `gateway`, but what can't be honoured is refused."""
    upstream.forget()
    return shared_strict_gateway


@pytest.fixture
def starter(tmp_path: Path, upstream: Upstream) -> Iterator[Starter]:
    """Starts gateways of a test's own; UPSTREAM in the settings is the demo upstream."""
    upstream.forget()
    started: list[Gateway] = []

    def start(settings: str | None = TWO_ACCOUNTS, *arguments: str, **more: Any) -> Gateway:
        text = settings.replace("UPSTREAM", upstream.url) if settings is not None else None
        gateway = start_gateway(tmp_path / str(len(started)), text, *arguments, **more)
        started.append(gateway)
        return gateway

    yield start
    for gateway in started:
        gateway.stop()
