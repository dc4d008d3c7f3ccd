"""The events of a stream of Gemini's -> the one answer that they make."""

from __future__ import annotations

from mapping.inspect.transcript import elements, members, string
from mapping.values import JSON


def folded(answers: list[JSON]) -> JSON:
    """The one answer that the events make: the last value of each member, and the parts of the candidates joined."""
    if any("event_type" in answer for answer in answers):
        return _interaction(answers)
    whole: JSON = {}
    candidates: dict[str, JSON] = {}
    for answer in answers:
        whole.update((name, value) for name, value in answer.items() if name != "candidates")
        for candidate in map(members, elements(answer.get("candidates"))):
            kept = candidates.setdefault(string(candidate.get("index")) or "0", {"parts": []})
            kept.update((name, value) for name, value in candidate.items() if name != "content")
            for part in elements(members(candidate.get("content")).get("parts")):
                _join(kept["parts"], members(part))
    return {"candidates": [_candidate(kept) for kept in candidates.values()], **whole}


def _interaction(events: list[JSON]) -> JSON:
    """The interaction as its events have told of it last; where they have not told its steps as a whole, put together
    of what they brought."""
    whole: JSON = {}
    steps: dict[str, JSON] = {}
    for event in events:
        whole.update(members(event.get("interaction")))
        if "error" in event:
            whole["error"] = event["error"]
        if "index" in event:
            step = steps.setdefault(string(event["index"]), {"pieces": []})
            step.update((name, value) for name, value in members(event.get("step")).items() if name != "pieces")
            _join(step["pieces"], members(event.get("delta")))
    if steps and not whole.get("steps"):
        whole["steps"] = [_step(step) for step in steps.values()]
    return whole


def _step(step: JSON) -> JSON:
    pieces = [_part(piece) for piece in step.pop("pieces")]
    return {**step, "content": [*elements(step.get("content")), *pieces]}


def _join(parts: list[JSON], part: JSON) -> None:
    """Adds a part, or what goes on with the last one to that."""
    last = parts[-1] if parts else {}
    call = part.get("functionCall")
    if isinstance(part.get("text"), str):
        if "pieces" in last and last.get("thought") == part.get("thought"):
            last["pieces"].append(part["text"])
            last.update((name, value) for name, value in part.items() if name != "text")
        else:
            parts.append({**part, "pieces": [part["text"]]})
    elif isinstance(call, dict) and not call.get("name") and isinstance(last.get("functionCall"), dict):
        before = last["functionCall"]
        pieces = elements(before.get("partialArgs")) + elements(call.get("partialArgs"))
        last["functionCall"] = {**before, **call, "name": before.get("name"), "partialArgs": pieces}
    elif part:
        parts.append({**part})


def _candidate(kept: JSON) -> JSON:
    parts = [_part(part) for part in kept.pop("parts")]
    return {**kept, "content": {"parts": parts}}


def _part(part: JSON) -> JSON:
    pieces = part.pop("pieces", None)
    return part if pieces is None else {**part, "text": "".join(pieces)}


def unwrapped(value: JSON) -> JSON:
    """The answer within the wrapper of the Cloud Code API."""
    inner = value.get("response")
    return inner if isinstance(inner, dict) else value
