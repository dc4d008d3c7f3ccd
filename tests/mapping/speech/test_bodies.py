"""How speech is shown: what is said, and how much sound there is."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from mapping import dialects
from mapping.inspect.transcript import Transcript

SOUND = base64.b64encode(bytes(3000)).decode()
DELTA = {"type": "speech.audio.delta", "audio": SOUND}
DONE = {"type": "speech.audio.done", "usage": {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}}


def rendered(out: Transcript) -> str:
    return out.render().replace("\N{NO-BREAK SPACE}", "")


def shown(value: Any) -> str:
    out = Transcript()
    dialects.bodies("speech", value).show(out, value)
    return rendered(out)


def test_request() -> None:
    request = {"model": "tts-1", "voice": "alloy", "input": "Hello!", "instructions": "Softly."}
    assert shown(request) == ("model: tts-1\nvoice: alloy\n\n── input ──\nHello!\n\n── instructions ──\nSoftly.")


def test_events() -> None:
    out, bodies = Transcript(), dialects.bodies("speech", DELTA)
    bodies.show_stream(out, [DELTA, DELTA, DONE])
    assert "── speech ──\n[sound 6.0 kB]" in rendered(out)
    assert "input_tokens 3" in rendered(out)
    assert [bodies.described(event) for event in (DELTA, DONE, b"x")] == [("delta", 0), ("done", 0), None]
    assert [bodies.is_last(event) for event in (DELTA, DONE, {"type": "error", "error": {}})] == [False, True, True]


@pytest.mark.parametrize(
    "value", [{"voice": {}}, {"voice": 1, "input": []}, {"type": "speech.audio.delta", "audio": 1}]
)
def test_anything_is_shown(value: Any) -> None:
    assert isinstance(shown(value), str)
