"""Voices: OpenAI's names -> Gemini's, for chat's audio and for speech.

Gemini has none of OpenAI's voices; those here come near them. Settings can name others. What is neither OpenAI's nor in
the settings is taken for Gemini's own.

Sources: the OpenAI API reference (`VoiceIdsShared`) and the Gemini API's page on speech generation.
"""

from __future__ import annotations

from typing import Any

from mapping.notes import Notes
from mapping.request.settings import parameters
from mapping.values import Options

VOICES = {
    "alloy": "Kore",
    "ash": "Orus",
    "ballad": "Enceladus",
    "cedar": "Charon",
    "coral": "Aoede",
    "echo": "Puck",
    "fable": "Fenrir",
    "marin": "Sulafat",
    "nova": "Leda",
    "onyx": "Algenib",
    "sage": "Erinome",
    "shimmer": "Zephyr",
    "verse": "Achird",
}
"""OpenAI's voices -> Gemini's that come near them."""


def gemini_voice(value: Any, path: str, notes: Notes, options: Options) -> str | None:
    """The name of Gemini's voice; None leaves it to Gemini. Raises 400 for what is no name."""
    name = (parameters.string(value, path) or "").strip()
    if not name:
        return None
    theirs = {key.lower(): voice for key, voice in options.voices.items()}
    found = theirs.get(name.lower()) or VOICES.get(name.lower())
    if found is None:
        return name
    notes.add("emulated", path)
    return found
