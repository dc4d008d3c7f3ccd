"""Which parameters a speech request has, and what the way back has to know of one.

Source: the OpenAI API reference (`CreateSpeechRequest`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from mapping.request.plan import Plan
from mapping.request.settings.parameters import Unused

PARAMETERS: Mapping[str, Unused | None] = dict.fromkeys(
    ("input", "instructions", "model", "response_format", "speed", "stream_format", "voice")
)
"""The parameters of `POST /v1/audio/speech`, for `mapping.request.settings.parameters.check_unused`."""

DEFAULT_FORMAT = "mp3"
"""OpenAI's."""


@dataclass(slots=True)
class SpeechPlan(Plan):
    """The plan of a speech request."""

    words: ClassVar[Mapping[str, str]] = MappingProxyType(
        {"contents": "input", "generationConfig.speechConfig": "voice"}
    )
    form: str = DEFAULT_FORMAT
    """`response_format`."""
    events: bool = False
    """The sound comes in events (`stream_format: sse`)."""
