"""What the clients of a soak run ask, and what makes an answer a good one: both know the dialects."""

from __future__ import annotations

import random
from typing import Any, NamedTuple

from addons.gateway.http.routes import ENDPOINTS
from mapping import dialects
from mapping.trial import Ask, Wrong
from scripts.soaking.upstream import NOTED

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


class Request(NamedTuple):
    """What a client sends."""

    path: str
    body: dict[str, Any]
    leaves: bool


def make_request(choose: random.Random) -> Request:
    """The next request of a client."""
    name = choose.choice(list(paths()))
    model = choose.choice(FAULTY if choose.random() < FAULTS else GOOD)
    text, stream, tool = choose.choice(WORDS), choose.random() < 0.5, None
    choices = 2 if choose.random() < 0.15 else 1
    if choose.random() < 0.1:
        text, tool = CALL, TOOL
    body = dialects.trials()[name].request(Ask(model, text, stream=stream, choices=choices, tool=tool))
    # A gateway whose client leaves early does not hear that the account is out of quota, and may ask it again.
    leaves = choose.random() < LEAVES and model != NOTED
    return Request(path_of(name, body), body, leaves)


def check(request: Request, status: int, content_type: str, content: bytes) -> str:
    """What kind of end an answer has, in a word. Raises Wrong, ValueError, LookupError or TypeError."""
    name = name_of(request)
    trial = dialects.trials()[name]
    if content_type.startswith("text/event-stream"):
        if status != 200:
            raise Wrong("a stream with an error status")
        return "stream" if trial.check_stream(request.body, content) else "broken stream"
    if status < 400:
        trial.check_whole(request.body, content)
        return "answer"
    check_error(name, status, content)
    return str(status)


def check_error(name: str, status: int, content: bytes) -> None:
    """Whether an error is one of a dialect, and says something. Raises as `check` does."""
    dialects.trials()[name].check_error(content)
    told = dialects.spoken(name).read_error(status, content)
    if told is None or not told.message:
        raise Wrong("an error that says nothing")
    if told.code == "gateway_error":
        raise Wrong("a fault of the gateway itself")


def paths() -> dict[str, str]:
    """The path of each dialect that says how it is tried: the first that leads to it."""
    found: dict[str, str] = {}
    for one in ENDPOINTS:
        if one.name in dialects.trials():
            found.setdefault(one.name, one.path)
    return found


def path_of(name: str, body: dict[str, Any]) -> str:
    """Where a request of a dialect goes to; some name the model there."""
    return paths()[name].replace("{name}", str(body.get("model")))


def name_of(request: Request) -> str:
    """The dialect of a request."""
    return next(name for name in paths() if path_of(name, request.body) == request.path)
