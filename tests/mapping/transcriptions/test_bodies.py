"""How transcriptions are shown: the recording by type and size, and who said what when."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from mapping import dialects
from mapping.inspect.transcript import Transcript

FILE = {"filename": "talk.wav", "content_type": "audio/x-wav", "data": base64.b64encode(bytes(3000)).decode()}
SEGMENT = {"type": "transcript.text.segment", "id": "seg_0", "start": 0.5, "end": 1.0, "speaker": "A", "text": "Hi."}
DELTA = {"type": "transcript.text.delta", "delta": "Hi."}
DONE = {"type": "transcript.text.done", "text": "Hi.", "usage": {"type": "tokens", "total_tokens": 7}}


def rendered(out: Transcript) -> str:
    return out.render().replace("\N{NO-BREAK SPACE}", "")


def shown(value: Any) -> str:
    out = Transcript()
    dialects.bodies("transcriptions", value).show(out, value)
    return rendered(out)


def test_request() -> None:
    assert shown({"model": "whisper-1", "file": FILE, "prompt": "Hm."}) == (
        "model: whisper-1\n\n── recording ──\n[talk.wav audio/wav, 3.0 kB]\n\n── prompt ──\nHm."
    )


def test_answers() -> None:
    assert shown({"text": "Hi.", "usage": {"type": "tokens"}}).startswith("── transcript ──\nHi.")
    verbose = {"task": "transcribe", "duration": 2.0, "text": "Hi.", "segments": [SEGMENT], "words": [{}, {}]}
    text = shown(verbose)
    assert "[0.5 - 1.0 s] A: Hi.\n(2 words with their times)" in text
    assert "duration: 2.0" in text
    assert "segments" not in text


def test_events() -> None:
    out, bodies = Transcript(), dialects.bodies("transcriptions", DELTA)
    bodies.show_stream(out, [DELTA, DONE])
    assert rendered(out).startswith("── transcript ──\nHi.")
    assert [bodies.described(event) for event in (DELTA, SEGMENT, DONE)] == [("delta", 3), ("segment", 0), ("done", 0)]
    assert [bodies.is_last(event) for event in (DELTA, DONE, {"type": "error", "error": {}})] == [False, True, True]
    out = Transcript()
    bodies.show_stream(out, [DELTA, SEGMENT, DONE])
    assert "[0.5 - 1.0 s] A: Hi." in rendered(out)


@pytest.mark.parametrize(
    "value", [{"file": 1}, {"file": {}}, {"text": 1, "task": 2}, {"text": "", "usage": 1, "segments": [1], "words": 3}]
)
def test_anything_is_shown(value: Any) -> None:
    assert isinstance(shown(value), str)
