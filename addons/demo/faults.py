"""The models that go wrong. The name says how: `demo-503`, `demo-cut-mid-stream`, `demo-slow-0.5`.

A name is `demo-<fault>`, then optionally `-first` (only the first key that asks for this name meets the fault) or
`-all` (every key does), a number (seconds, for the slow ones), and any further text, which makes a name of its own.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from addons.demo import refusal
from addons.demo.answer.answer import DemoAnswer, DemoCandidate, cut
from addons.demo.refusal import Refusal

QUOTA_SECONDS = 30.0
"""How long `demo-429` refuses a key."""

ALL, FIRST, EXHAUSTED = "all", "first", "exhausted"
"""Whom a fault meets: every key; the first that asks; those with "exhausted" in them, or the first if there is none."""

FAULTS: dict[str, tuple[str, str]] = {
    "429": (EXHAUSTED, "429 with RetryInfo for 30 s: keys that contain `exhausted`, else the first key that asks"),
    "429-day": (EXHAUSTED, "429 of a daily quota, for the same keys"),
    "503": (FIRST, "503, the first key that asks"),
    "500": (ALL, "500"),
    "401": (ALL, "401"),
    "400": (ALL, "400"),
    "404": (ALL, "404"),
    "refuse": (ALL, "the connection is reset"),
    "html": (ALL, "502 with an HTML page"),
    "garbage": (ALL, "200 with a body that is not JSON"),
    "slow": (ALL, "the first byte comes after 3 s"),
    "silent": (ALL, "headers at once, then nothing for 20 s, then the answer"),
    "cut-first": (ALL, "the connection breaks before any event"),
    "cut-mid-stream": (ALL, "the connection breaks in the middle of a chunk"),
    "end-without-finish": (ALL, "the stream ends well, but no candidate says why it finished"),
    "error-first-event": (ALL, "200, and the first event is an error"),
    "error-mid-stream": (ALL, "an error event after some text"),
    "safety": (ALL, "finishReason SAFETY, no content"),
    "blocked": (ALL, "the prompt is blocked"),
    "malformed-call": (FIRST, "finishReason MALFORMED_FUNCTION_CALL, the first key that asks"),
    "empty": (ALL, "an answer without any text"),
    "max-tokens": (ALL, "cut off after a few tokens"),
    "recitation": (ALL, "finishReason RECITATION after some text"),
    "image": (ALL, "a picture, asked for or not"),
    "thinking": (ALL, "many thoughts"),
    "huge-chunk": (ALL, "one event of a million characters"),
}
"""The fault -> whom it meets by default, and what it is."""

_NAME = re.compile(
    rf"demo-({'|'.join(sorted(map(re.escape, FAULTS), key=len, reverse=True))})"
    r"(?:-(all|first))?(?:-(\d{1,3}(?:\.\d{1,3})?))?(?:-.*)?",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class DemoFault:
    """A fault as a model's name asks for it."""

    name: str
    """A key of `FAULTS`."""
    victims: str
    seconds: float | None = None


def parse(model: str) -> DemoFault | None:
    """The fault in a model's name, None when there is none."""
    match = _NAME.fullmatch(model)
    if not match:
        return None
    return DemoFault(match[1], match[2] or FAULTS[match[1]][0], float(match[3]) if match[3] else None)


class Victims:
    """Remembers which key asked first for a model, and since when a key is out of quota. `clock` is in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._first: dict[str, str] = {}
        self._since: dict[tuple[str, str], float] = {}
        self._exhausted = False

    def meets(self, fault: DemoFault, model: str, key: str) -> bool:
        """Whether this key meets the fault."""
        self._exhausted |= EXHAUSTED in key
        first = self._first.setdefault(model, key)
        if fault.victims == EXHAUSTED and self._exhausted:
            return EXHAUSTED in key
        return fault.victims == ALL or key == first

    def quota_left(self, fault: DemoFault, model: str, key: str) -> float:
        """Seconds until the quota of `demo-429` is back; 0 when it is. With `-all` it never is."""
        now = self._clock()
        since = now if fault.victims == ALL else self._since.setdefault((model, key), now)
        return max(0.0, since + QUOTA_SECONDS - now)


_FIXED: dict[str, Callable[[], Refusal]] = {
    "503": refusal.overloaded,
    "500": refusal.internal,
    "401": refusal.bad_token,
    "400": lambda: refusal.invalid("Request contains an invalid argument."),
}


def refuse(fault: DemoFault, model: str, method: str, key: str, victims: Victims) -> None:
    """Raise the `Refusal` of a fault that is an error answer; the others pass."""
    if fault.name == "429":
        left = victims.quota_left(fault, model, key)
        if left:
            raise refusal.quota(model, period="PerMinute", limit=10, delay=round(left, 3))
    elif fault.name == "429-day":
        raise refusal.quota(model, period="PerDay", limit=250, delay=None)
    elif fault.name == "404":
        raise refusal.no_model(model, method, "v1beta")
    elif fault.name in _FIXED:
        raise _FIXED[fault.name]()


# ---- faults of the answer


def _safety(answer: DemoAnswer) -> None:
    ratings = [{"category": "HARM_CATEGORY_DANGEROUS_CONTENT", "probability": "HIGH", "blocked": True}]
    answer.candidates = [DemoCandidate([], "SAFETY", {"safetyRatings": ratings})]
    answer.thoughts = 0


def _blocked(answer: DemoAnswer) -> None:
    ratings = [{"category": "HARM_CATEGORY_HATE_SPEECH", "probability": "HIGH", "blocked": True}]
    answer.feedback = {"blockReason": "SAFETY", "safetyRatings": ratings}
    answer.candidates, answer.thoughts, answer.tool_use = [], 0, 0


def _malformed_call(answer: DemoAnswer) -> None:
    message = "Malformed function call: print(default_api.demo(x=))"
    answer.candidates = [DemoCandidate([], "MALFORMED_FUNCTION_CALL", {"finishMessage": message})]


def _empty(answer: DemoAnswer) -> None:
    for candidate in answer.candidates:
        candidate.parts, candidate.extra = [], {}


def _max_tokens(answer: DemoAnswer) -> None:
    for candidate in answer.candidates:
        cut(candidate, 3)


def _recitation(answer: DemoAnswer) -> None:
    text = "It was a well known opening line"
    sources = [{"startIndex": 0, "endIndex": len(text), "uri": "https://example.org/book", "license": ""}]
    answer.candidates = [
        DemoCandidate([{"text": text}], "RECITATION", {"citationMetadata": {"citationSources": sources}})
    ]


def _thinking(answer: DemoAnswer) -> None:
    answer.thoughts = 400
    for candidate in answer.candidates:
        if candidate.parts and candidate.parts[0].get("thought"):
            steps = [f"**Step {i}**\n\nI think about this a little more.\n\n" for i in range(1, 9)]
            candidate.parts[:1] = [{"text": step, "thought": True} for step in steps]


def _huge_chunk(answer: DemoAnswer) -> None:
    # One word, so that the stream has it in one event.
    answer.candidates = [DemoCandidate([{"text": "huge" * 250_000}])]


def _end_without_finish(answer: DemoAnswer) -> None:
    for candidate in answer.candidates:
        candidate.finish = None


ALTER: dict[str, Callable[[DemoAnswer], None]] = {
    "safety": _safety,
    "blocked": _blocked,
    "malformed-call": _malformed_call,
    "empty": _empty,
    "max-tokens": _max_tokens,
    "recitation": _recitation,
    "thinking": _thinking,
    "huge-chunk": _huge_chunk,
    "end-without-finish": _end_without_finish,
}
"""The fault -> how it alters a good answer."""
