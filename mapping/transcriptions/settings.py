"""Which parameters the requests have, what answers look like, and what the way back has to know.

Source: the OpenAI API reference (`CreateTranscriptionRequest`, `CreateTranslationRequest`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from mapping.openai.multipart import Form
from mapping.request.plan import Plan
from mapping.request.settings.parameters import Unused

FORM = Form(
    files=frozenset({"file"}),
    numbers=frozenset(
        {
            "temperature",
            "chunking_strategy.prefix_padding_ms",
            "chunking_strategy.silence_duration_ms",
            "chunking_strategy.threshold",
        }
    ),
    booleans=frozenset({"stream"}),
    lists=frozenset(
        {
            *("include", "keywords", "known_speaker_names", "known_speaker_references", "languages"),
            "timestamp_granularities",
        }
    ),
)

_BOTH = "file model prompt response_format stream temperature"

TRANSCRIPTIONS: Mapping[str, Unused | None] = {
    **dict.fromkeys(_BOTH.split()),
    **dict.fromkeys(("chunking_strategy", "keywords", "language", "languages", "timestamp_granularities")),
    "include": Unused(list, harmless=([],)),
    "known_speaker_names": Unused(list, harmless=([],)),
    "known_speaker_references": Unused(list, harmless=([],)),
}
"""The parameters of `POST /v1/audio/transcriptions`, for `mapping.request.settings.parameters.check_unused`."""

TRANSLATIONS: Mapping[str, Unused | None] = dict.fromkeys(_BOTH.split())
"""The same of `POST /v1/audio/translations`."""

JSON_FORMATS = frozenset({"json", "verbose_json", "diarized_json"})
"""Values of `response_format` that are JSON; the others are text."""
TIMED = frozenset({"srt", "vtt", "diarized_json"})
"""Those that can't be without the times of words."""
STREAMED = frozenset({"json", "text", "diarized_json"})
"""Those that can be streamed."""
FORMATS = ("json", "text", "srt", "verbose_json", "vtt", "diarized_json")
TRANSLATED_FORMATS = FORMATS[:-1]

TEXT_TYPE = b"text/plain; charset=utf-8"


@dataclass(slots=True)
class TranscriptionPlan(Plan):
    """The plan of a transcription or a translation."""

    words: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "contents": "file",
            "generationConfig.audioTranscriptionConfig": "language",
            "generationConfig.temperature": "temperature",
        }
    )
    task: str = "transcribe"
    """`transcribe` or `translate`."""
    form: str = "json"
    """`response_format`."""
    with_words: bool = False
    """The answer lists the words."""
    with_segments: bool = False
    """The answer has segments, as far as there are times."""
    language: str = ""
    """As the client named it; of a translation that of the result. Empty: not told."""
    temperature: float = 0.0
    """What the client asked for; segments tell it."""
    seconds: float | None = None
    """How long the recording is, where that is known and told."""
