"""Speech requests: what becomes of each parameter, and what is refused. A row: members, what comes of them."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

from mapping.faults import Fault
from mapping.notes import Notes
from mapping.request.plan import Translated
from mapping.speech.request import translate
from mapping.speech.settings import SpeechPlan
from mapping.values import Options

NEW = "gemini-3.8-flash-tts"
OLD = "gemini-3.1-flash-tts-preview"


def asked(members: dict[str, Any], model: str = NEW, notes: Notes | None = None, **options: Any) -> Translated:
    return translate(
        {"model": "tts-1", "input": "Hello.", "voice": "Puck", **members},
        model=model,
        client_model="tts-1",
        options=Options(**options),
        notes=Notes() if notes is None else notes,
    )


def voice(name: str) -> dict[str, Any]:
    return {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": name}}}


ROWS: dict[str, tuple[dict[str, Any], str, dict[str, Any], str | None, list[tuple[str, str]]]] = {
    "Gemini's voice": ({}, NEW, {"text": "Hello."}, "Puck", []),
    "OpenAI's voice": ({"voice": "Alloy"}, NEW, {"text": "Hello."}, "Kore", [("emulated", "voice")]),
    "a voice of samples": ({"voice": {"id": "voice_1"}}, NEW, {"text": "Hello."}, None, [("ignored", "voice")]),
    "instructions": (
        {"instructions": "Whisper."},
        NEW,
        {"text": "Hello.", "speechMetadata": {"style": "Whisper."}},
        "Puck",
        [],
    ),
    "speed": (
        {"speed": 1.5},
        NEW,
        {"text": "Hello.", "speechMetadata": {"style": "Speak fast, at 1.5 times the usual pace"}},
        "Puck",
        [("emulated", "speed")],
    ),
    "both": (
        {"instructions": "Whisper.", "speed": 0.5},
        NEW,
        {"text": "Hello.", "speechMetadata": {"style": "Whisper. Speak slowly, at 0.5 times the usual pace"}},
        "Puck",
        [("emulated", "speed")],
    ),
    "the usual speed": ({"speed": 1.0}, NEW, {"text": "Hello."}, "Puck", []),
    "instructions of older models": (
        {"instructions": "Say cheerfully:"},
        OLD,
        {"text": "Say cheerfully:\nHello."},
        "Puck",
        [("emulated", "instructions")],
    ),
    "unknown": ({"nonsense": 1}, NEW, {"text": "Hello."}, "Puck", [("ignored", "nonsense")]),
}


@pytest.mark.parametrize("row", ROWS)
def test_what_is_asked(row: str) -> None:
    members, model, part, name, noted = ROWS[row]
    notes = Notes()
    translated = asked(members, model, notes)
    assert translated.body["contents"] == [{"role": "user", "parts": [part]}]
    config = {"responseModalities": ["AUDIO"], **({"speechConfig": voice(name)} if name else {})}
    assert translated.body["generationConfig"] == config
    assert list(notes) == noted


@pytest.mark.parametrize("name", ["alloy", "ALLOY", "narrator"])
def test_voices_of_the_settings(name: str) -> None:
    translated = asked({"voice": name}, voices={"Alloy": "Leda", "narrator": "Charon"})
    wanted = "Charon" if name == "narrator" else "Leda"
    assert translated.body["generationConfig"]["speechConfig"] == voice(wanted)


STREAMS: list[tuple[dict[str, Any], bool, bool]] = [
    ({}, True, False),
    ({"response_format": "pcm"}, True, False),
    ({"response_format": "wav"}, False, False),
    ({"response_format": "flac"}, False, False),
    ({"response_format": "wav", "stream_format": "audio"}, True, False),
    ({"response_format": "wav", "stream_format": "sse"}, True, True),
    ({"stream_format": "sse"}, True, True),
]


@pytest.mark.parametrize(("members", "stream", "events"), STREAMS, ids=lambda value: str(value))
def test_what_is_streamed(members: dict[str, Any], stream: bool, events: bool) -> None:
    translated = asked(members)
    assert isinstance(translated.plan, SpeechPlan)
    assert (translated.plan.stream, translated.plan.events) == (stream, events)
    assert translated.method == ("streamGenerateContent" if stream else "generateContent")


REFUSED: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "no input": ({"input": None}, NEW, "input", "Missing"),
    "empty": ({"input": " \n"}, NEW, "input", "nothing to say"),
    "type of input": ({"input": ["Hello"]}, NEW, "input", "a string"),
    "no voice": ({"voice": None}, NEW, "voice", "Missing"),
    "type of voice": ({"voice": 7}, NEW, "voice", "a string"),
    "format": ({"response_format": "ogg"}, NEW, "response_format", "'opus'"),
    "stream format": ({"stream_format": "chunks"}, NEW, "stream_format", "'sse'"),
    "too slow": ({"speed": 0.1}, NEW, "speed", ">= 0.25"),
    "too fast": ({"speed": 5}, NEW, "speed", "<= 4"),
    "type of speed": ({"speed": "fast"}, NEW, "speed", "a number"),
    "type of instructions": ({"instructions": 1}, NEW, "instructions", "a string"),
    "a model that writes": ({}, "gemini-3.8-flash", "model", "does not speak"),
    "a model that embeds": ({}, "gemini-embedding-2", "model", ""),
}


@pytest.mark.parametrize("row", REFUSED)
def test_refused(row: str) -> None:
    members, model, param, said = REFUSED[row]
    with pytest.raises(Fault) as e:
        asked(members, model)
    assert (e.value.status, e.value.param) == (400, param)
    assert said in e.value.message


@pytest.mark.parametrize("members", [{"nonsense": 1}, {"voice": {"id": "x"}}])
def test_strict(members: dict[str, Any]) -> None:
    with pytest.raises(Fault):
        asked(members, strict=True)


@pytest.mark.parametrize("given", [None, "mp3", "opus", "aac", "flac"])
def test_without_an_encoder(monkeypatch: pytest.MonkeyPatch, given: str | None) -> None:
    """Nothing is called what it is not, also where the client did not say what it wants."""
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "av" else found(name))
    with pytest.raises(Fault) as e:
        asked({"response_format": given})
    assert (e.value.code, e.value.param) == ("unsupported_value", "response_format")
    assert "pip install av" in e.value.message
    assert "'wav' and 'pcm'" in e.value.message
    assert ("not given" in e.value.message) == (given is None)
    for form in ("wav", "pcm"):
        asked({"response_format": form})
