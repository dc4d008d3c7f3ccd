"""How programs make requests for speech: they write the sound into a file. See `mapping.inspect.code.calls`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import override

from mapping.inspect.code.calls import AnswerUse
from mapping.openai.sdk import OpenAISdk, words
from mapping.values import JSON

_KNOWN = words("input model voice instructions response_format speed stream_format")
_FORMATS = ("mp3", "opus", "aac", "flac", "wav", "pcm")


@dataclass(frozen=True, slots=True)
class SpeechSdk(OpenAISdk):
    """The answer is sound, or events with sound."""

    @override
    def result_of(self, request: JSON) -> AnswerUse:
        told = request.get("response_format")
        form = told if told in _FORMATS else _FORMATS[0]
        name = f"speech.{'txt' if request.get('stream_format') == 'sse' else form}"
        return AnswerUse(
            (f'answer.write_to_file("{name}")',),
            (f'await writeFile("{name}", Buffer.from(await answer.arrayBuffer()));',),
            ('import { writeFile } from "node:fs/promises";',),
        )


SDKS = {"speech": SpeechSdk("client.audio.speech.create", _KNOWN, ("input", "model", "voice"))}
