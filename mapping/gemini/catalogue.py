"""The models of Gemini that are known by name: the one place where the tree says which models there are.

Rules that this module keeps:

* It is data, as of `AS_OF`. What can be asked is asked (`models.list`); this stands in where nobody can be asked, and
  dates what Google's list does not date.
* `RETIREMENTS` says from which day on Google serves another model under a name, or none. Nothing in the tree may name
  a model past its date: `scripts/models.py` finds such names.
* What a model can do is not said here but in `mapping.gemini.models`, by rules that hold for models to come, too.

Sources: the Gemini API's pages of models, of deprecations and its changelog.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

AS_OF = date(2026, 11, 29)
"""The day on which this was last compared with Google's pages."""


@dataclass(frozen=True, slots=True)
class Known:
    """A model. Limits are in tokens; 0: not known."""

    name: str
    title: str
    released: date
    inputs: int = 1_048_576
    outputs: int = 65_536


@dataclass(frozen=True, slots=True)
class Retirement:
    """The end of a model."""

    day: date
    """From this day on (UTC) the name no longer stands for the model."""
    then: str | None
    """The model that Google serves under the name afterwards; None: the name is a 404."""
    source: str
    """Where it is said, and in which words."""

    def short(self) -> str:
        """For a note: the day, and the model that follows if there is one."""
        return f"{self.day.isoformat()} then {self.then}" if self.then else self.day.isoformat()

    def words(self, model: str, today: date) -> str:
        """A sentence without its full stop, in the tense that `today` asks for."""
        past = self.day <= today
        told = f"{model} {'was retired' if past else 'retires'} on {self.day.isoformat()}"
        if self.then:
            return f"{told}; Google {'serves' if past else 'then serves'} {self.then} under its name"
        return f"{told}; {'there is nothing' if past else 'then nothing is'} behind its name"


KNOWN: tuple[Known, ...] = (
    Known("gemini-4-hydrogen", "Gemini 4 Hydrogen", date(2026, 11, 12)),
    Known("gemini-4-argon", "Gemini 4 Argon", date(2026, 10, 13)),
    Known("gemini-3.8-flash", "Gemini 3.8 Flash", date(2026, 9, 2)),
    Known("gemini-3.6-flash", "Gemini 3.6 Flash", date(2026, 7, 21)),
    Known("gemini-3.5-flash-lite", "Gemini 3.5 Flash-Lite", date(2026, 7, 21)),
    Known("gemini-3.1-pro-preview", "Gemini 3.1 Pro Preview", date(2026, 2, 19)),
    Known("gemini-3.1-flash-lite", "Gemini 3.1 Flash-Lite", date(2026, 5, 7)),
    Known("gemini-3-flash-preview", "Gemini 3 Flash Preview", date(2025, 12, 17)),
    Known("gemini-2.5-pro", "Gemini 2.5 Pro", date(2025, 6, 17)),
    Known("gemini-2.5-flash", "Gemini 2.5 Flash", date(2025, 6, 17)),
    Known("gemini-2.5-flash-lite", "Gemini 2.5 Flash-Lite", date(2025, 7, 22)),
    Known("gemini-3.1-flash-image", "Gemini 3.1 Flash Image", date(2026, 5, 28), 65_536, 65_536),
    Known("gemini-3-pro-image", "Gemini 3 Pro Image", date(2026, 5, 28), 131_072, 32_768),
    Known("gemini-2.5-flash-image", "Gemini 2.5 Flash Image", date(2025, 10, 2), 32_768, 32_768),
    Known("gemini-3.8-flash-tts", "Gemini 3.8 Flash TTS", date(2026, 9, 2), 8_192, 16_384),
    Known("gemini-3.5-transcribe", "Gemini 3.5 Transcribe", date(2026, 10, 1), 0, 0),
    Known("gemma-4-31b-it", "Gemma 4 31B", date(2026, 4, 2), 262_144, 32_768),
    Known("gemini-embedding-001", "Gemini Embedding 001", date(2025, 7, 14), 2_048, 1),
    Known("gemini-embedding-2", "Gemini Embedding 2", date(2026, 4, 22), 8_192, 1),
)
"""Newest generation first."""

BY_NAME: Mapping[str, Known] = MappingProxyType({model.name: model for model in KNOWN})

_DEPRECATIONS = "ai.google.dev/gemini-api/docs/deprecations, read 2026-11-10"
_CHANGELOG = "ai.google.dev/gemini-api/docs/changelog"

RETIREMENTS: Mapping[str, Retirement] = MappingProxyType(
    {
        "gemini-2.5-pro": Retirement(
            date(2026, 12, 1),
            "gemini-3.8-flash",
            f"{_DEPRECATIONS}: retired December 1, 2026, then routed to gemini-3.8-flash; closed to new keys",
        ),
        "gemini-2.5-flash": Retirement(
            date(2026, 12, 1),
            "gemini-3.5-flash-lite",
            f"{_DEPRECATIONS}: retired December 1, 2026, then routed to gemini-3.5-flash-lite; closed to new keys",
        ),
        "gemini-3.7-flash": Retirement(
            date(2026, 10, 8),
            "gemini-3.8-flash",
            f"{_CHANGELOG}, October 8, 2026: requests are automatically routed to gemini-3.8-flash",
        ),
        "gemini-3.5-flash": Retirement(
            date(2026, 10, 8),
            "gemini-3.6-flash",
            f"{_CHANGELOG}, October 8, 2026: requests are automatically routed to gemini-3.6-flash",
        ),
        "gemini-2.0-flash": Retirement(date(2026, 6, 1), None, f"{_DEPRECATIONS}: shut down June 1, 2026"),
        "gemini-2.0-flash-lite": Retirement(date(2026, 6, 1), None, f"{_DEPRECATIONS}: shut down June 1, 2026"),
    }
)

SHORT: Mapping[str, str] = MappingProxyType(
    {
        "gemini-3-flash": "gemini-3-flash-preview",
        "gemini-3-pro": "gemini-3.1-pro-preview",
        "gemini-3-pro-preview": "gemini-3.1-pro-preview",
        "gemini-3.1-pro": "gemini-3.1-pro-preview",
    }
)
"""Names that people write, of models that exist under a longer one only."""


def input_limit(name: str) -> int | None:
    """The tokens that a model's window takes, as far as it is known here."""
    known = BY_NAME.get(SHORT.get(name, name))
    return known.inputs or None if known else None
