"""Content parts that chat and the Responses API have in the same shape -> Gemini parts."""

from __future__ import annotations

from mapping.notes import Notes
from mapping.request import members
from mapping.request.parts import media
from mapping.values import JSON


def text(part: JSON, path: str) -> JSON | None:
    """A part with `text`; None for an empty one, which Gemini refuses."""
    return _texts(part, "text", path)


def refusal(part: JSON, path: str) -> JSON | None:
    """A part with `refusal`: what the model said, all the same."""
    return _texts(part, "refusal", path)


def audio(part: JSON, path: str, notes: Notes) -> JSON:
    """A part with `input_audio`: base64 `data` and its `format`; or, of Codex, with a data URL in `audio_url`."""
    if part.get("input_audio") is None and part.get("audio_url") is not None:
        return media.audio_part(part["audio_url"], part.get("format"), path=path, notes=notes, member="audio_url")
    given = members.json_object(part, "input_audio", path)
    return media.audio_part(given.get("data"), given.get("format"), path=f"{path}.input_audio", notes=notes)


def _texts(part: JSON, name: str, path: str) -> JSON | None:
    found = members.string(part, name, path)
    return {"text": found} if found else None
