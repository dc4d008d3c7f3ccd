"""How transcriptions are tried. See `mapping.trial`."""

from __future__ import annotations

import base64
import struct
from collections.abc import Sequence

from mapping import jsonio
from mapping.openai.trial import OpenAITrial, check_error, no_stream_wanted, payloads
from mapping.transcriptions.settings import JSON_FORMATS
from mapping.trial import ANY_MODEL, Ask, Wrong
from mapping.values import JSON

_MODEL = "gemini-3.5-transcribe"
_HEAD = b"RIFF\x34\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x40\x1f\0\0\x80\x3e\0\0\2\0\x10\0data"


class TranscriptionsTrial(OpenAITrial):
    """A recording that differs by what is to be said, in several forms."""

    def samples(self) -> Sequence[JSON]:
        """One of each form, and streams."""
        file = _file("hum")
        return [
            {
                "model": _MODEL,
                "file": file,
                "response_format": "verbose_json",
                "language": "en",
                "prompt": "a, b",
                "timestamp_granularities": ["word", "segment"],
                "temperature": 0.5,
                "keywords": ["c"],
            },
            {"model": _MODEL, "file": file, "response_format": "srt", "chunking_strategy": {"type": "server_vad"}},
            {"model": _MODEL, "file": file, "response_format": "diarized_json", "include": ["logprobs"]},
            {"model": _MODEL, "file": file},
            {"model": _MODEL, "file": file, "stream": True, "languages": ["de"]},
            {"model": _MODEL, "file": file, "response_format": "diarized_json", "stream": True},
        ]

    def request(self, ask: Ask) -> JSON:
        """As a JSON body."""
        return {"model": ask.model, "file": _file(ask.text), "stream": ask.stream}

    def check_whole(self, request: JSON, answer: bytes) -> None:
        """A text, alone or in an object."""
        no_stream_wanted(request)
        if request.get("response_format", "json") not in JSON_FORMATS:
            answer.decode()
        elif not isinstance(jsonio.loads(answer)["text"], str):
            raise Wrong("no text")

    def check_stream(self, request: JSON, answer: bytes) -> bool:
        """What came in pieces is the whole text, or an error is the last event."""
        *events, last = map(jsonio.loads, payloads(answer))
        said = "".join(event["delta"] for event in events if event["type"] == "transcript.text.delta")
        if last["type"] == "error":
            check_error(last["error"])
            return False
        if last["type"] != "transcript.text.done" or last["text"] != said.rstrip():
            raise Wrong("a stream whose end is not what came before")
        return True


class TranslationsTrial(TranscriptionsTrial):
    """The same in English, by a model that is no transcriber."""

    def samples(self) -> Sequence[JSON]:
        """Whole, and as a stream."""
        file = _file("hum")
        return [
            {"model": ANY_MODEL, "file": file, "response_format": "text", "prompt": "a"},
            {"model": ANY_MODEL, "file": file, "stream": True, "temperature": 0},
        ]


def _file(text: str) -> JSON:
    """A short WAV file that is another one for another text."""
    sound = text.encode("utf-8", "replace")[:1000]
    sound += bytes(len(sound) % 2)
    data = _HEAD + struct.pack("<I", len(sound)) + sound
    return {"filename": "hum.wav", "content_type": "audio/wav", "data": base64.b64encode(data).decode()}


TRIALS = {"transcriptions": TranscriptionsTrial(), "translations": TranslationsTrial()}
