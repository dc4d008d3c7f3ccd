"""Gemini's answer, changed before it is translated: so each dialect says in its own words what went wrong.

A change takes one `GenerateContentResponse`, whole or of a stream, and gives another one; None: there is nothing in it
to be changed. Nothing is changed in place, and the record has what Gemini said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from addons.gateway.fault_injection.grammar import CALLS, FaultTurn
from addons.gateway.fault_injection.marks import CallMark
from mapping import jsonio
from mapping.answer.usage import Usage
from mapping.values import JSON, RawTurn

type Change = Callable[[JSON], JSON | None]


class Changes:
    """What the faults of one exchange make of Gemini's answer."""

    def __init__(self, turn: FaultTurn) -> None:
        self.found = False
        """Something was changed."""
        self.mark: CallMark | None = None
        """Of the tool calls, where they are to be broken."""
        self.broken: dict[str, None] = {}
        """The ids of these calls, as the client knows them, once they are remembered."""
        self.spent: Usage | None = None
        """What Gemini has counted, where the client is told something else."""
        self._changes: list[Change] = []
        for fault in turn:
            if fault.kind in CALLS:
                self.mark = self.mark or CallMark()
                self._changes.append(self._marked)
            elif fault.kind == "usage":
                self.spent = Usage()
                self._changes.append(partial(self._counted, fault.numbers["times"]))
            elif fault.kind in _OF_CANDIDATES:
                self._changes.append(_each_candidate(_OF_CANDIDATES[fault.kind]))

    def __bool__(self) -> bool:
        return bool(self._changes)

    def remembered(self, turns: Mapping[str, RawTurn]) -> Mapping[str, RawTurn]:
        """Turns as Gemini gave them."""
        mark = self.mark
        if mark is None:
            return turns
        for turn in turns.values():
            self.broken |= dict.fromkeys(turn.call_ids)
        return {key: mark.turn(turn) for key, turn in turns.items()}

    def of(self, payload: bytes) -> bytes:
        """A whole answer, or the payload of one event. What is no such JSON is left as it is."""
        try:
            value = jsonio.loads(payload)
        except ValueError:
            return payload
        return jsonio.dumps(self._of(value))

    def _of(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._of(item) for item in value]
        if not isinstance(value, dict):
            return value
        if isinstance(inner := value.get("response"), dict):  # the Cloud Code API's wrapper
            return {**value, "response": self._of(inner)}
        for change in self._changes:
            if (changed := change(value)) is not None:
                self.found = True
                value = changed
        return value

    def _marked(self, response: JSON) -> JSON | None:
        mark = self.mark
        assert mark is not None

        def part(part: Any) -> Any:
            call = part.get("functionCall") if isinstance(part, dict) else None
            if not isinstance(call, dict) or "partialArgs" in call:
                return part
            args = call.get("args")
            return {**part, "functionCall": {**call, "args": mark.put(args if isinstance(args, dict) else {})}}

        def candidate(candidate: JSON) -> JSON | None:
            content = candidate.get("content")
            parts = content.get("parts") if isinstance(content, dict) else None
            if not isinstance(content, dict) or not isinstance(parts, list):
                return None
            marked = [part(one) for one in parts]
            return None if marked == parts else {**candidate, "content": {**content, "parts": marked}}

        return _each_candidate(candidate)(response)

    def _counted(self, times: float, response: JSON) -> JSON | None:
        usage = response.get("usageMetadata")
        if not isinstance(usage, dict):
            return None
        assert self.spent is not None
        self.spent.merge(usage)
        return {**response, "usageMetadata": _multiplied(usage, times)}


def _multiplied(value: Any, times: float) -> Any:
    if isinstance(value, dict):
        return {name: _multiplied(item, times) for name, item in value.items()}
    if isinstance(value, list):
        return [_multiplied(item, times) for item in value]
    return round(value * times) if isinstance(value, int) and not isinstance(value, bool) else value


def _each_candidate(change: Callable[[JSON], JSON | None]) -> Change:
    def made(response: JSON) -> JSON | None:
        candidates = response.get("candidates")
        if not isinstance(candidates, list):
            return None
        changed = [change(one) if isinstance(one, dict) else None for one in candidates]
        if not any(one is not None for one in changed):
            return None
        return {
            **response,
            "candidates": [old if new is None else new for new, old in zip(changed, candidates, strict=True)],
        }

    return made


_TELLS_HOW = ("index", "finishReason")
"""Members of a candidate that stay where it has no content."""


def _empty(candidate: JSON) -> JSON | None:
    kept = {name: candidate[name] for name in _TELLS_HOW if name in candidate}
    return {"content": {"role": "model", "parts": []}, **kept}


def _filtered(candidate: JSON) -> JSON | None:
    """It ends where Gemini's answer ends, and has nothing until then."""
    kept = {name: candidate[name] for name in _TELLS_HOW if name in candidate}
    if "finishReason" in kept:
        rating = {"category": "HARM_CATEGORY_DANGEROUS_CONTENT", "probability": "HIGH", "blocked": True}
        kept |= {"finishReason": "SAFETY", "safetyRatings": [rating]}
    return kept


_OF_CANDIDATES: Mapping[str, Callable[[JSON], JSON | None]] = {"empty": _empty, "filter": _filtered}
