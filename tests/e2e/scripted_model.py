"""A Gemini that plays a script, a step for each request of a task, and refuses what the demo refuses."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from addons.demo import kinds, models, signatures
from addons.demo.answer.answer import DemoAnswer, DemoCandidate
from addons.demo.refusal import Refusal, overloaded, quota


@dataclass(frozen=True)
class Say:
    """A text, streamed in pieces."""

    text: str


@dataclass(frozen=True)
class Call:
    """Calls in one answer, in this order: (name, arguments) each. Before them comes what it thinks and what it says."""

    calls: Sequence[tuple[str, dict[str, Any]]]
    thought: str = ""
    text: str = ""


@dataclass(frozen=True)
class Limit:
    """429, a limit per minute. `delay` is what Gemini says that the account has to wait, in seconds."""

    delay: float


@dataclass(frozen=True)
class Busy:
    """503, the model has too much to do."""


@dataclass(frozen=True)
class Break:
    """A text whose stream ends in its middle, without a word: the connection is closed."""

    text: str


type Step = Say | Call | Limit | Busy | Break

ASIDE = Say("An aside.")
"""What a request without tools gets, such as the one for a session's title, if nothing else is told."""


@dataclass
class Asked:
    """A request of the task. `step` is what it got."""

    body: dict[str, Any]
    key: str
    step: Step


@dataclass
class ScriptedModel:
    """The upstream, on a port of its own. Requests with tools are the task; they get `script`, step by step."""

    script: list[Step] = field(default_factory=list)
    aside: Say = ASIDE
    """What requests without tools get."""
    asked: list[Asked] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    """What must not happen: requests that Gemini would refuse, and those after the end of the script."""
    said: list[list[dict[str, Any]]] = field(default_factory=list)
    """The parts of each answer of the task that came to its end, as Gemini wants them back."""

    def __post_init__(self) -> None:
        model, self._lock, self._numbers = self, threading.Lock(), itertools.count(1)

        class Handler(_Handler):
            scripted = model

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def forget(self) -> None:
        """Begin a new task."""
        self.aside = ASIDE
        for told in (self.script, self.asked, self.faults, self.said):
            told.clear()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def next(self, name: str, body: dict[str, Any], key: str) -> tuple[Step, list[dict[str, Any]]]:
        """The step that this request gets, and the parts of its answer. Raises `Refusal`."""
        if not body.get("tools"):
            return self.aside, self._parts(self.aside)
        with self._lock:
            if not self.script:
                self.faults.append(f"a request after the end of the script: {json.dumps(body)[-2000:]}")
                return ASIDE, self._parts(ASIDE)
            step = self.script.pop(0)
            self.asked.append(Asked(body, key, step))
            if isinstance(step, Limit):
                raise quota(name, period="PerMinute", limit=5, delay=step.delay)
            if isinstance(step, Busy):
                raise overloaded()
            parts = self._parts(step)
            if not isinstance(step, Break):
                self.said.append(parts)
            return step, parts

    def _parts(self, step: Say | Call | Break) -> list[dict[str, Any]]:
        if not isinstance(step, Call):
            return [{"text": step.text}]
        calls: list[dict[str, Any]] = [
            {"functionCall": {"id": f"call{next(self._numbers)}", "name": name, "args": args}}
            for name, args in step.calls
        ]
        calls[0]["thoughtSignature"] = signatures.sign()  # of parallel calls only the first has one
        thoughts: list[dict[str, Any]] = [{"text": step.thought, "thought": True}] if step.thought else []
        texts: list[dict[str, Any]] = [{"text": step.text}] if step.text else []
        return [*thoughts, *texts, *calls]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    scripted: ScriptedModel

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        target = kinds.target(self.path.partition("?")[0])
        assert target, self.path
        try:
            model = models.find(target.model)
            assert model, self.path
            body = target.kind.read(target.method, json.loads(raw))
            target.kind.check(body, model)
            step, parts = self.scripted.next(model.name, body, self.headers["x-goog-api-key"])
        except Refusal as refused:
            if refused.status < 429:
                self.scripted.faults.append(f"refused: {refused.message} {raw[-2000:]!r}")
            self._send(refused.status, json.dumps(refused.as_json()).encode())
            return
        answer = DemoAnswer(model, {"TEXT": 100}, [DemoCandidate(parts)])
        if target.method != "streamGenerateContent":
            self._send(200, json.dumps(answer.whole()).encode())
            return
        events = [f"data: {json.dumps(event)}\r\n\r\n".encode() for event in answer.events()]
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        broken = isinstance(step, Break)
        for event in events[: len(events) // 2] if broken else events:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))
            self.wfile.flush()
        if broken:
            self.close_connection = True
        else:
            self.wfile.write(b"0\r\n\r\n")

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing is printed."""
