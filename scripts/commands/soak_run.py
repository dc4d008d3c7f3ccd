"""What scripts/soak.py does: a demo upstream, a gateway, and clients that ask whatever the dialects know to ask.

What grows and may: remembered turns, up to their bound of 64 MB (the prompts here are few, so that it is far from
reached). Responses are stored on disk, within 8 MB.
"""

from __future__ import annotations

import collections
import contextlib
import http.client
import json
import os
import random
import re
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from addons.gateway.http.routes import ENDPOINTS
from mapping import dialects
from mapping.trial import Ask, Wrong
from scripts import bootstrap

SETTINGS = """
[limits]
deadline = "10s"

[proxy]
keep_alive = "200ms"

[retry]
cooldown = false

[responses]
store = "responses.db"
max_size = "8MiB"
"""
ACCOUNT = '\n[[accounts]]\nemail = "soak-{name}"\napi_key = "soak-key-{name}"\nbase_url = "{upstream}"\n'

GOOD = ("gpt-4o", "gemini-2.5-flash-lite", "gemini-flash", "gpt-5-mini")
FAULTY = (
    *("demo-429-first", "demo-429-all", "demo-503", "demo-503-all", "demo-500-first", "demo-500-all", "demo-400"),
    *("demo-404", "demo-refuse-first", "demo-refuse-all", "demo-html-first", "demo-html-all", "demo-garbage-first"),
    *("demo-garbage-all", "demo-slow-0.3", "demo-silent-0.5", "demo-cut-first-first", "demo-cut-first-all"),
    *("demo-cut-mid-stream", "demo-end-without-finish", "demo-error-first-event-first", "demo-error-mid-stream"),
    *("demo-safety", "demo-blocked", "demo-malformed-call", "demo-malformed-call-all", "demo-empty"),
    *("demo-max-tokens", "demo-recitation", "demo-thinking", "demo-image", "no-such-model"),
)
"""Few names, because each is a label in the gateway's metrics. See demo/faults.py for what they do."""

FAULTS, LEAVES = 0.5, 0.1
"""The shares of requests that meet a fault, and of clients that leave before the end."""

WORDS = ("Hello!", "Count to ten.", "Tell me of the sea. " * 20, "Grüße aus 東京 🗼", "x" * 3000)
TOOL = {"name": "run", "parameters": {"type": "object", "properties": {"cmd": {"type": "string"}}}}
CALL = 'call run {"cmd": "ls"}'

GATEWAY_TASKS, IN_FLIGHT = "gateway_tasks", "gateway_requests_in_flight"
MEMORY, FILES = "process_resident_memory_bytes", "process_open_fds"
SHORT = 60.0
"""Seconds of a run that is too short to judge memory by."""
MAX_GROWTH = 0.05
"""How much larger memory may be in the last third of a run than in the middle third."""
MAX_SHOWN = 10
"""How many wrong answers are kept to be shown."""


class Request(NamedTuple):
    """What a client sends."""

    path: str
    body: dict[str, Any]
    leaves: bool


# --- requests and answers: what they are, each dialect knows


def make_request(choose: random.Random) -> Request:
    """The next request of a client."""
    name = choose.choice(list(paths()))
    model = choose.choice(FAULTY if choose.random() < FAULTS else GOOD)
    text, stream, tool = choose.choice(WORDS), choose.random() < 0.5, None
    choices = 2 if choose.random() < 0.15 else 1
    if choose.random() < 0.1:
        text, tool = CALL, TOOL
    body = dialects.trials()[name].request(Ask(model, text, stream=stream, choices=choices, tool=tool))
    return Request(_path(name, body), body, choose.random() < LEAVES)


def check(request: Request, status: int, content_type: str, content: bytes) -> str:
    """What kind of end an answer has, in a word. Raises Wrong, ValueError, LookupError or TypeError."""
    name = _name(request)
    trial = dialects.trials()[name]
    if content_type.startswith("text/event-stream"):
        if status != 200:
            raise Wrong("a stream with an error status")
        return "stream" if trial.check_stream(request.body, content) else "broken stream"
    if status < 400:
        trial.check_whole(request.body, content)
        return "answer"
    trial.check_error(content)
    told = dialects.spoken(name).read_error(status, content)
    if told is None or not told.message:
        raise Wrong("an error that says nothing")
    if told.code == "gateway_error":
        raise Wrong("a fault of the gateway itself")
    return str(status)


def paths() -> dict[str, str]:
    """The path of each dialect that says how it is tried."""
    return {one.name: one.path for one in ENDPOINTS if one.name in dialects.trials()}


def _path(name: str, body: dict[str, Any]) -> str:
    """Where a request of a dialect goes to; some name the model there."""
    return paths()[name].replace("{name}", str(body.get("model")))


def _name(request: Request) -> str:
    """The dialect of a request."""
    return next(name for name in paths() if _path(name, request.body) == request.path)


# --- clients


class Clients:
    """Threads that send requests until they are told to stop, and what they have met."""

    def __init__(self, port: int, count: int, seed: int) -> None:
        self.ends: collections.Counter[str] = collections.Counter()
        self.wrong: list[str] = []
        self.wrong_count = 0
        self._port = port
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._work, args=(random.Random(f"{seed} {number}"),), daemon=True)  # noqa: S311
            for number in range(count)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let the requests under way end. A client that does not end is wrong, too."""
        self._stop.set()
        for thread in self._threads:
            thread.join(30)
            if thread.is_alive():
                self._note_wrong("a request does not end")

    def _work(self, choose: random.Random) -> None:
        connection: http.client.HTTPConnection | None = None
        while not self._stop.is_set():
            request = make_request(choose)
            if connection is None:
                connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
            try:
                end = self._send(connection, request, choose)
            except (Wrong, OSError, http.client.HTTPException, ValueError, LookupError, TypeError) as e:
                self._note_wrong(f"{request.path} {json.dumps(request.body)[:200]}: {e!r:.500}")
                end = "WRONG"
            with self._lock:
                self.ends[end] += 1
            if end in ("left", "WRONG") or choose.random() < 0.05:
                connection.close()
                connection = None

    def _send(self, connection: http.client.HTTPConnection, request: Request, choose: random.Random) -> str:
        connection.request("POST", request.path, json.dumps(request.body), {"Content-Type": "application/json"})
        if request.leaves:
            self._leave(connection, choose)
            return "left"
        response = connection.getresponse()
        try:
            content = response.read()
        except http.client.IncompleteRead as e:
            if not dialects.spoken(_name(request)).breaks_off:
                raise
            content = e.partial
            connection.close()  # it is opened anew for the next request
        return check(request, response.status, response.headers.get("Content-Type", ""), content)

    def _leave(self, connection: http.client.HTTPConnection, choose: random.Random) -> None:
        """Hang up at some time or other, now and then with a reset."""
        if choose.random() < 0.5:
            with contextlib.suppress(http.client.IncompleteRead):  # where a failed stream breaks its connection off
                connection.getresponse().read(choose.randrange(1, 500))
        else:
            self._stop.wait(choose.random() * 0.05)
        if connection.sock and choose.random() < 0.5:
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    def _note_wrong(self, what: str) -> None:
        with self._lock:
            self.wrong_count += 1
            if len(self.wrong) < MAX_SHOWN:
                self.wrong.append(what)


# --- the gateway


class SoakStage:
    """A demo upstream and a gateway, each a process of its own, in a folder that goes with them."""

    def __init__(self, programs: str, folder: str) -> None:
        self._processes: list[subprocess.Popen[bytes]] = []
        self._log = os.path.join(folder, "log.txt")
        demo = [sys.executable, os.path.join(bootstrap.ROOT, "scripts", "demo_upstream.py"), "--port", "0"]
        upstream = self._start([*demo, "--pause", "0.002"], os.path.join(folder, "demo.txt"), r"listens on (\S+)")
        settings = os.path.join(folder, "antigravity.toml")
        with open(settings, "w", encoding="utf-8") as file:
            text = SETTINGS.replace("responses.db", os.path.join(folder, "responses.db").replace("\\", "/"))
            file.write(text + "".join(ACCOUNT.format(name=name, upstream=upstream) for name in ("one", "two")))
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port: int = s.getsockname()[1]
        gateway = [os.path.join(programs, "mitmdump"), "-s", os.path.join(bootstrap.ROOT, "addons", "antigravity.py")]
        gateway += ["--mode", f"reverse:https://gateway.invalid@127.0.0.1:{self.port}"]
        for option in (f"confdir={folder}", f"antigravity_config={settings}", "flow_detail=0"):
            gateway += ["--set", option]
        self._start(gateway, self._log, r"OpenAI-compatible (gateway)")

    def _start(self, command: list[str], output: str, ready: str) -> str:
        """Start a program, and wait for what it prints when it is ready."""
        with open(output, "wb") as file:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                cwd=os.path.dirname(output),
                env={**bootstrap.child_environ(), "PYTHONUNBUFFERED": "1"},
            )
        self._processes.append(process)
        end = time.monotonic() + 30
        while time.monotonic() < end and process.poll() is None:
            with open(output, encoding="utf-8", errors="replace") as text:
                found = re.search(ready, text.read())
            if found:
                return found[1]
            time.sleep(0.05)
        with open(output, encoding="utf-8", errors="replace") as text:
            raise bootstrap.SetupError(f"{os.path.basename(command[0])} did not start:\n{text.read()[-3000:]}")

    def call(self, method: str, path: str, body: Any = None) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body and json.dumps(body), {"Content-Type": "application/json"})
            return connection.getresponse().read()
        finally:
            connection.close()

    def numbers(self) -> dict[str, float]:
        """The gateway's metrics that have no labels."""
        page = self.call("GET", "/metrics").decode()
        return {name: float(value) for name, value in re.findall(r"(?m)^(\w+) (\S+)$", page)}

    def faults_in_log(self) -> list[str]:
        """Lines of the gateway's log that tell of a bug."""
        with open(self._log, encoding="utf-8", errors="replace") as file:
            return [line.rstrip() for line in file if re.search(r"Traceback|has crashed|Unexpected error", line)]

    def stop_upstream(self) -> None:
        """So that no connection to it is kept for later calls, which is no fault."""
        _end(self._processes[:1])

    def stop(self) -> None:
        _end(self._processes)


def _end(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


# --- the run


def growth(memory: list[float]) -> float:
    """How much larger memory is in the last third of the samples than in the middle third: 0.02 is 2 %."""
    third = len(memory) // 3
    middle, last = memory[third : 2 * third], memory[2 * third :]
    return (sum(last) / len(last)) / (sum(middle) / len(middle)) - 1


def left_over(stage: SoakStage, idle: dict[str, float], seconds: float = 15.0) -> dict[str, tuple[float, float]]:
    """What does not go back to what it was before: before and after."""
    end = time.monotonic() + seconds
    while True:
        now = stage.numbers()
        names = [name for name in (IN_FLIGHT, GATEWAY_TASKS, FILES) if name in idle]
        found = {name: (idle[name], now[name]) for name in names if now[name] > idle[name]}
        if not found or time.monotonic() > end:
            return found
        time.sleep(0.2)


def soak(
    seconds: float, clients: int, seed: int, *, programs: str, tell: Callable[[str], None] = bootstrap.say
) -> list[str]:
    """Run for so many seconds; returns what is wrong. `programs` is the folder with mitmdump."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        stage = SoakStage(programs, folder)
        try:
            return _run(stage, Clients(stage.port, clients, seed), seconds, tell)
        finally:
            stage.stop()


def _run(stage: SoakStage, clients: Clients, seconds: float, tell: Callable[[str], None]) -> list[str]:
    for name in paths():
        body = dialects.trials()[name].request(Ask(GOOD[0], "hi"))
        stage.call("POST", _path(name, body), body)
    idle = stage.numbers()
    memory: list[float] = []
    clients.start()
    begun = shown = time.monotonic()
    while time.monotonic() < begun + seconds:
        time.sleep(min(1.0, seconds / 10))
        now = stage.numbers()
        memory.append(now.get(MEMORY, 0.0))
        if time.monotonic() > shown + 10:
            shown = time.monotonic()
            tell(_progress(shown - begun, clients, now))
    clients.stop()
    stage.stop_upstream()
    left = left_over(stage, idle)
    return _judge(stage, clients, memory, left, seconds, tell)


def _progress(elapsed: float, clients: Clients, now: dict[str, float]) -> str:
    count = sum(clients.ends.values())
    return (
        f"{elapsed:4.0f} s  {count:7} requests  {count / elapsed:4.0f}/s  {now.get(MEMORY, 0) / 2**20:5.0f} MB  "
        f"{now[IN_FLIGHT] - 1:3.0f} in flight  {now[GATEWAY_TASKS]:3.0f} tasks  {clients.wrong_count} wrong"
    )


def _judge(
    stage: SoakStage,
    clients: Clients,
    memory: list[float],
    left: dict[str, tuple[float, float]],
    seconds: float,
    tell: Callable[[str], None],
) -> list[str]:
    wrong = [f"{clients.wrong_count} requests ended badly, for instance:", *clients.wrong] if clients.wrong else []
    tell(f"{sum(clients.ends.values())} requests:")
    for end, count in sorted(clients.ends.items()):
        tell(f"  {end:<14} {count:7}")
    curve = memory[:: max(1, len(memory) // 12)]
    tell("memory in MB: " + " ".join(f"{size / 2**20:.0f}" for size in curve))
    if seconds < SHORT or not all(memory):
        tell("memory is not judged: the run is too short, or the system does not tell")
    else:
        grown = growth(memory)
        tell(f"memory: the last third is {grown:+.1%} against the middle third")
        if grown > MAX_GROWTH:
            wrong.append(f"memory grows: {grown:+.1%}")
    wrong += [f"{name} was {before:.0f} and is {after:.0f}" for name, (before, after) in left.items()]
    wrong += stage.faults_in_log()[:MAX_SHOWN]
    tell("left over: " + (", ".join(left) or "nothing"))
    return wrong
