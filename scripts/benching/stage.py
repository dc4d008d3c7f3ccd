"""The processes of a benchmark: the stub, the clients, and what is measured."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace

from scripts import bootstrap, serve
from scripts.benching import bodies, machine
from scripts.benching.load import LoadJob, Result
from scripts.benching.stub import CONTROL, LOOPBACK, Orders

SETTINGS = """
[[accounts]]
email = "bench@example.com"
api_key = "bench-key"
base_url = "{upstream}"
"""
START = 60.0
"""Seconds that a program may take to start."""

DIRECT, MITMDUMP, STREAMING, GATEWAY = "direct", "mitmdump", "mitmdump, streaming", "gateway"
"""What is always measured: the stub without anything between, a bare mitmdump, the same with
`stream_large_bodies=1` (without it mitmdump holds streams back to their end), and the gateway."""


class Child:
    """A process that was started, with a log, on a CPU."""

    def __init__(self, command: list[str], log: str, cpu: int | None, *, piped: bool = False) -> None:
        self._log = log
        self._name = os.path.basename(command[0])
        with open(log, "ab") as file:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE if piped else subprocess.DEVNULL,
                stdout=subprocess.PIPE if piped else file,
                stderr=file,
                text=True,
                cwd=bootstrap.ROOT,
                env=bootstrap.child_environ(),
            )
        machine.pin(self.process.pid, cpu)

    def read_line(self) -> str:
        """A line of what a piped one prints. Raises SetupError when it has ended."""
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            raise self.failure("has ended")
        return line

    def write_line(self, line: str) -> None:
        """Give a piped one a line. Raises SetupError when it has ended."""
        assert self.process.stdin
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        except OSError:
            raise self.failure("has ended") from None

    def failure(self, what: str) -> bootstrap.SetupError:
        with open(self._log, encoding="utf-8", errors="replace") as file:
            return bootstrap.SetupError(f"{self._name} {what}:\n{file.read()[-2000:]}".rstrip())

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()


@dataclass
class Target:
    """Something that is measured."""

    name: str
    dialect: str
    host: str = LOOPBACK
    port: int = 0
    path: str = "/v1"
    """What comes before `/chat/completions`."""
    key: str = "any"
    model: str = bodies.MODEL
    program: Callable[[int], list[str]] | None = None
    """How it is started, to listen on a port; None for what runs already."""
    child: Child | None = None
    """The process, where the benchmark has started one."""
    requests: dict[tuple[str, bool], str] = field(default_factory=dict)
    """(kind, streamed) -> the file with the request."""

    def cpu_seconds(self) -> float | None:
        """What its process has used up to now; None where that is not known."""
        return machine.cpu_seconds(self.child.process.pid) if self.child else None

    def memory(self) -> float | None:
        """What its process has in memory, in MiB; None where that is not known."""
        return machine.memory(self.child.process.pid) if self.child else None

    def head(self, length: int, *, stream: bool) -> bytes:
        """The head of a request with a body of so many bytes."""
        path = f"{self.path}/chat/completions"
        if self.dialect == bodies.GEMINI:
            path = f"/v1beta/models/{bodies.MODEL}:" + (
                "streamGenerateContent?alt=sse" if stream else "generateContent"
            )
        fields = ["Content-Type: application/json", f"Content-Length: {length}", f"Host: {self.host}:{self.port}"]
        fields += ["Accept: */*", "User-Agent: bench", f"Authorization: Bearer {self.key}"]
        return "\r\n".join([f"POST {path} HTTP/1.1", *fields, "", ""]).encode()


class Stage:
    """All processes of a benchmark, in a folder that goes with them."""

    def __init__(self, folder: str, stub_port: int) -> None:
        self.cpus = machine.cpus()
        self._folder = folder
        self._children: list[Child] = []
        self._environment = bootstrap.Environment()
        self._log = os.path.join(folder, "log.txt")
        try:
            python = [sys.executable, "-m"]
            stub = Child([*python, "scripts.benching.stub", str(stub_port)], self._log, self.cpus.stub, piped=True)
            self._children.append(stub)
            self.stub_port = int(stub.read_line())
            self.upstream = f"http://{LOOPBACK}:{self.stub_port}"
            self._load = Child([*python, "scripts.benching.load"], self._log, self.cpus.clients, piped=True)
            self._children.append(self._load)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        for child in reversed(self._children):
            child.stop()
        self._children.clear()

    # --- what is measured

    def targets(self) -> list[Target]:
        """What is always measured."""
        return [
            Target(DIRECT, bodies.GEMINI, port=self.stub_port),
            Target(MITMDUMP, bodies.GEMINI, program=self._mitmdump),
            Target(STREAMING, bodies.GEMINI, program=self._streaming),
            Target(GATEWAY, bodies.OPENAI, program=self._gateway),
        ]

    def _mitmdump(self, port: int) -> list[str]:
        mode = f"reverse:{self.upstream}@{LOOPBACK}:{port}"
        return [self._environment.script("mitmdump"), "--mode", mode, "--set", f"confdir={self._folder}"]

    def _streaming(self, port: int) -> list[str]:
        return [*self._mitmdump(port), "--set", "stream_large_bodies=1"]

    def _gateway(self, port: int) -> list[str]:
        """The gateway as scripts/serve.py starts it, with one account whose address is the stub's."""
        settings = os.path.join(self._folder, serve.SETTINGS)
        with open(settings, "w", encoding="utf-8") as file:
            file.write(SETTINGS.format(upstream=self.upstream))
        further = ["--set", "antigravity_trace=off", "--set", f"confdir={self._folder}"]
        options, extra = serve.parse(["--port", str(port), "--upstream", self.upstream, "--", *further])
        command = serve.command(options, extra, settings=settings, demo=False, lan=False)
        return serve.program(self._environment, command)

    def start(self, target: Target) -> float:
        """Start a target, if it does not run already; returns the seconds until it answers the first `/healthz`."""
        if not target.program:
            return 0.0
        target.port = free_port()
        command = target.program(target.port)
        begun = time.monotonic()
        child = target.child = Child(command, self._log, self.cpus.gateway)
        self._children.append(child)
        while not _healthy(target.port):
            if child.process.poll() is not None:
                raise child.failure(f"({target.name}) has ended")
            if time.monotonic() > begun + START:
                raise child.failure(f"({target.name}) did not answer in {START:.0f} s")
            time.sleep(0.005)
        return time.monotonic() - begun

    @contextlib.contextmanager
    def fresh(self, target: Target) -> Iterator[tuple[Target, float]]:
        """Another process of a target, and the seconds that it took to start."""
        other = replace(target, requests={})
        seconds = self.start(other)
        assert other.child
        try:
            yield other, seconds
        finally:
            other.child.stop()
            self._children.remove(other.child)

    # --- asking

    def order(self, orders: Orders) -> float:
        """Tell the stub what to answer; returns the CPU seconds that it has used."""
        query = "&".join(f"{name}={value}" for name, value in asdict(orders).items())
        connection = http.client.HTTPConnection(LOOPBACK, self.stub_port, timeout=10)
        try:
            connection.request("PUT", f"{CONTROL}?{query}")
            return float(json.loads(connection.getresponse().read())["cpu"])
        finally:
            connection.close()

    def ask(self, job: LoadJob) -> Result:
        """Let the clients do a job."""
        self._load.write_line(json.dumps(asdict(job)))
        return Result(**json.loads(self._load.read_line()))

    def request(self, target: Target, kind: str, *, stream: bool) -> str:
        """The file with a request."""
        found = target.requests.get((kind, stream))
        if found is None:
            body = bodies.request(target.dialect, kind, stream=stream, model=target.model)
            name = f"{len(os.listdir(self._folder))}.http"
            found = target.requests[kind, stream] = os.path.join(self._folder, name)
            with open(found, "wb") as file:
                file.write(target.head(len(body), stream=stream) + body)
        return found


def _healthy(port: int) -> bool:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=START)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def free_port() -> int:
    with socket.socket() as s:
        s.bind((LOOPBACK, 0))
        return int(s.getsockname()[1])
