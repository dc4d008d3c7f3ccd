"""A Gemini call as one JSON value, so that two of them can be compared; and the words for the places in it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mapping.dialect import Answering
from mapping.inspect.explain_diff import Path, Step, dotted
from mapping.values import GENERATING, JSON

BODY = "body"
_CALL, _FURTHER, _ANSWER = "call", "further", "answer"

_WORDS: dict[Path, str] = {
    (_CALL, "model"): "the model",
    (_CALL, "method"): "the method",
    (_CALL, "copies"): "how many calls make up the answer",
}
"""Beginning of a path -> what it means."""


def call_json(answering: Answering, body: JSON | None = None) -> JSON:
    """What a request decides: the call, and how its answer is made. `body`: in the form in which it is sent."""
    first, *others = answering.calls
    copies = sum(call.body is first.body for call in others)
    return {
        _CALL: {"model": first.model, "method": first.method, "copies": 1 + copies},
        BODY: first.body if body is None else body,
        _FURTHER: [call.body for call in others[copies:]],
        _ANSWER: answering.facts(),
    }


def generates(value: JSON) -> bool:
    """Whether a model is to answer the call (of `call_json`)."""
    return value[_CALL]["method"] in GENERATING


def with_model(value: JSON, model: str) -> JSON:
    """The same call (of `call_json`) for another model."""
    return {**value, _CALL: {**value[_CALL], "model": model}}


def is_sent(path: Path) -> bool:
    """Whether it is something that Gemini gets."""
    return path[:1] != (_ANSWER,)


def said(path: Path, facts: Mapping[str, str] = MappingProxyType({})) -> str:
    """A place in the call: the path in Gemini's request, or words. `facts`: those of the dialect (`Bodies.facts`)."""
    words = _WORDS.get(path[:2])
    if words is not None:
        return words
    if path[:1] == (_ANSWER,) and len(path) > 1 and str(path[1]) in facts:
        return facts[str(path[1])]
    if path[:1] == (BODY,):
        return dotted(path[1:]) or "the whole request"
    if path[:1] == (_FURTHER,) and len(path) > 1:
        calls = _further(path[1])
        return f"{calls}: {dotted(path[2:])}" if len(path) > 2 else calls
    return dotted(path) or "the whole call"


def _further(step: Step) -> str:
    """Which of the calls that make up an answer; the first is the call itself."""
    return f"calls {step.start + 2} to {step.stop + 1}" if isinstance(step, range) else f"call {int(step) + 2}"
