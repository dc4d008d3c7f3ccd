"""A model turn that is remembered as Gemini gave it, beside the same turn as the client gives it back."""

from __future__ import annotations

from mapping.values import JSON, RawTurn

_SHOWN = frozenset({"executableCode", "codeExecutionResult", "fileData"})
"""Members of parts that answers show within their text."""
_PLAIN = frozenset({"text", "thought", "thoughtSignature", "functionCall"})
"""Members of parts that clients and signatures give back in full."""


def call_part(raw: RawTurn | None, call_id: str | None) -> JSON:
    """The remembered functionCall part of that id; an empty one if there is none."""
    if raw is not None and call_id in raw.call_ids:
        made = call_parts(raw)
        at = raw.call_ids.index(call_id)
        if at < len(made):
            return made[at]
    return {"functionCall": {}}


def call_parts(raw: RawTurn) -> list[JSON]:
    """The functionCall parts, in their order."""
    return [part for part in raw.parts if "functionCall" in part]


def same_call(made: JSON, told: JSON) -> bool:
    """Whether the client gave a functionCall back unchanged; its id apart."""
    return bool(made.get("name") == told["name"] and (made.get("args") or {}) == told["args"])


def same_text(raw: RawTurn, texts: list[str]) -> bool:
    """Clients may leave out the text beside calls, and trim it; anything else is a change.

    Where the answer showed other parts within the text (code that was run, say), the pieces have to be there in order.
    """
    told = "".join(texts).strip()
    made = [part["text"] for part in raw.parts if part.get("text") and not part.get("thought")]
    if not told or told == "".join(made).strip():
        return True
    if not any(not _SHOWN.isdisjoint(part) for part in raw.parts):
        return False
    at = 0
    for piece in map(str.strip, made):
        found = told.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    return True


def sendable(raw: RawTurn, *, thoughts: bool) -> list[JSON]:
    """The remembered parts, without the empty texts that end a stream; a signed one stays. `thoughts`: with those."""
    parts = raw.parts if thoughts else [part for part in raw.parts if part.get("thought") is not True]
    return [part for part in parts if part.get("text") != "" or "thoughtSignature" in part]


def bare(raw: RawTurn) -> RawTurn | None:
    """What of a turn outlives the process: signatures, with the names and ids of calls, and nothing that was said.

    None: the turn has no signature, or more to it than signatures restore. A text has one part that holds its signature
    and no text (`bare_signature`).
    """
    if not all(_PLAIN.issuperset(part) for part in raw.parts):
        return None
    calls = call_parts(raw)
    signed = [part for part in (calls or raw.parts) if part.get("thoughtSignature")]
    if not signed:
        return None
    if not calls:
        return RawTurn(raw.model, [{"thoughtSignature": signed[-1]["thoughtSignature"]}], [])
    return RawTurn(raw.model, list(map(_bare_call, calls)), raw.call_ids)


def _bare_call(part: JSON) -> JSON:
    call = part["functionCall"]
    kept = {name: call[name] for name in ("id", "name") if name in call}
    if not call.get("args"):
        kept["args"] = {}
    return {**part, "functionCall": kept}


def bare_signature(raw: RawTurn) -> str | None:
    """The signature of a text of which nothing else is known; None: the turn is there as it was."""
    (part, *others) = raw.parts or [{}]
    signature = part.get("thoughtSignature")
    return signature if not others and part.keys() == {"thoughtSignature"} and isinstance(signature, str) else None
