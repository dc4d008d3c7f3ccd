"""What travels through clients in sealed texts: thought signatures and turns beside reasoning, and summaries.

Such a text is the `encrypted_content` of a reasoning or compaction item (Responses API), or the `signature` of a
thinking block (Anthropic's): clients that keep no other member give it back unchanged. Here are only the JSON values
that go into it. The gateway seals them into a text that clients can neither read nor forge, and opens what comes back.

Reasoning: `{"v": 1, "model", "calls"?: {call id: signature}, "text"?: signature, "parts"?, "call_ids"?}`. `parts` are
the raw parts of the model turn, for turns that signatures alone do not restore: code that Gemini ran, images, searches.
Compaction: `{"v": 1, "summary"}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mapping import jsonio
from mapping.values import JSON, RawTurn

VERSION = 1

MAX_CARRIED = 64 * 1024
"""Bytes of a turn that is carried whole. Clients send it back with every request."""

_PLAIN = frozenset({"text", "thought", "thoughtSignature", "functionCall"})
"""Members of parts that answers and signatures give back in full."""


@dataclass(frozen=True, slots=True)
class Carrier:
    """What a reasoning item or thinking block carries of its turn."""

    model: str
    """The Gemini model that made the signatures."""
    calls: dict[str, str] = field(default_factory=dict)
    """The client's call id -> the thought signature of the call."""
    text: str | None = None
    """The thought signature of the turn's text."""
    turn: RawTurn | None = None
    """The whole turn, where it is carried."""


def pack(
    model: str, *, calls: Mapping[str, str] | None = None, text: str | None = None, turn: RawTurn | None = None
) -> JSON:
    """The payload of a reasoning item or thinking block. `calls` has the signed calls only: call id -> signature.

    It may stand anywhere in its turn. Parts that are thoughts are not carried.
    """
    payload: JSON = {"v": VERSION, "model": model}
    if calls:
        payload["calls"] = dict(calls)
    if text:
        payload["text"] = text
    if turn is not None:
        payload["parts"] = [part for part in turn.parts if not part.get("thought")]
        payload["call_ids"] = turn.call_ids
    return payload


def pack_turn(turn: RawTurn) -> JSON | None:
    """The payload with a whole turn; None: signatures alone restore it, or it is too long."""
    if all(_PLAIN.issuperset(part) for part in turn.parts):
        return None
    payload = pack(turn.model, turn=turn)
    return payload if len(jsonio.dumps(payload)) <= MAX_CARRIED else None


def unpack(payload: JSON) -> Carrier | None:
    """What the payload of a reasoning item or thinking block holds; None when it is none."""
    model = payload.get("model")
    if payload.get("v") != VERSION or not isinstance(model, str):
        return None
    calls, text = payload.get("calls"), payload.get("text")
    return Carrier(
        model,
        calls=_texts(calls) if isinstance(calls, dict) else {},
        text=text if isinstance(text, str) else None,
        turn=_turn(model, payload.get("parts"), payload.get("call_ids")),
    )


def pack_compaction(summary: str) -> JSON:
    """The payload of a compaction item."""
    return {"v": VERSION, "summary": summary}


def unpack_compaction(payload: JSON) -> str | None:
    """The summary in the payload of a compaction item; None when it is none."""
    summary = payload.get("summary")
    return summary if payload.get("v") == VERSION and isinstance(summary, str) else None


def _texts(values: dict[Any, Any]) -> dict[str, str]:
    return {name: value for name, value in values.items() if isinstance(name, str) and isinstance(value, str)}


def _turn(model: str, parts: Any, call_ids: Any) -> RawTurn | None:
    if not isinstance(parts, list) or not isinstance(call_ids, list):
        return None
    if not all(isinstance(part, dict) for part in parts) or not all(isinstance(id, str) for id in call_ids):
        return None
    return RawTurn(model, parts, call_ids)
