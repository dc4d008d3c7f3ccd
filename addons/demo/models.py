"""The models that the demo knows: what the list shows, and what each takes.

Source: the Gemini API's model pages. `demo-*` models take whatever any model takes, so that everything can be tried;
those with `-n1` in the name take no candidateCount.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from mapping.gemini.catalogue import KNOWN

NEWEST = (4, 0)
GEMMA = (2, 0)
"""Gemma counts as a generation without Gemini 3's rules."""

_GENERATION = re.compile(r"gemini-(?:live-)?(\d{1,3})(?:\.(\d{1,3}))?")
_KNOWN = re.compile(
    r"(?:gemini|gemma|demo|nano-banana)-[\w.-]+|text-embedding-005|text-multilingual-embedding-002", re.ASCII
)

# The first pattern that fits says which thinking levels a model has.
_LEVELS = tuple(
    (re.compile(pattern), tuple(levels.split()))
    for pattern, levels in (
        (r"gemini-4-hydrogen", "LOW MEDIUM HIGH XHIGH"),
        (r"gemini-3-pro", "LOW HIGH"),
        (r"gemini-3\.\d-pro|gemini-3\.[7-9]|gemini-4|demo-", "LOW MEDIUM HIGH"),
        (r"", "MINIMAL LOW MEDIUM HIGH"),
    )
)
_BUDGETS = {"pro": (128, 32768), "flash-lite": (512, 24576), "flash": (0, 24576)}

_KINDS = (
    ("embedding", "embedding"),
    ("image", "image"),
    ("nano-banana", "image"),
    ("tts", "speech"),
    ("transcribe", "transcription"),
)
"""What a name has in it -> what the model does."""

ALIASES = {
    "gemini-pro-latest": "gemini-3.1-pro-preview",
    "gemini-flash-latest": "gemini-3.8-flash",
    "gemini-flash-lite-latest": "gemini-3.5-flash-lite",
}
"""Name -> the model that answers, as `modelVersion` tells it."""


@dataclass(frozen=True, slots=True)
class DemoModel:
    """A model by its name, without `models/`."""

    name: str
    generation: tuple[int, int]

    @property
    def kind(self) -> str:
        """`text`, `image`, `speech`, `transcription` or `embedding`."""
        for word, kind in _KINDS:
            if word in self.name:
                return kind
        return "text"

    @property
    def demo(self) -> bool:
        """One of the demo's own models."""
        return self.name.startswith("demo-")

    @property
    def new(self) -> bool:
        """The rules of Gemini 3 and later hold."""
        return self.generation >= (3, 0)

    @property
    def signs(self) -> bool:
        """Answers carry thought signatures, and function calls of the current turn must bring theirs back."""
        return self.new and self.kind in ("text", "image")

    @property
    def transcribes(self) -> bool:
        """`audioTranscriptionConfig` is taken."""
        return self.demo or self.kind == "transcription"

    @property
    def takes_style(self) -> bool:
        """`speechMetadata` is taken."""
        return self.demo or (self.kind == "speech" and self.generation >= (3, 8))

    @property
    def thinking(self) -> str:
        """`level`, `budget` or `none`."""
        if self.generation < (2, 5) or self.kind in ("speech", "embedding", "transcription"):
            return "none"
        if self.new:
            return "level"
        return "none" if self.kind == "image" else "budget"

    @property
    def levels(self) -> tuple[str, ...]:
        """The thinking levels, lowest first."""
        return next(levels for pattern, levels in _LEVELS if pattern.match(self.name))

    @property
    def budgets(self) -> tuple[int, int]:
        """The smallest and the largest thinking budget, beside 0 and -1."""
        return next((limits for word, limits in _BUDGETS.items() if word in self.name), (0, 24576))

    @property
    def can_switch_thinking_off(self) -> bool:
        """A thinking budget of 0 is taken."""
        return "pro" not in self.name

    @property
    def thinks_unasked(self) -> bool:
        """Thinks when the request says nothing of it."""
        return self.thinking == "level" or (self.thinking == "budget" and "flash-lite" not in self.name)

    @property
    def many_candidates(self) -> bool:
        """candidateCount may be more than 1."""
        return "-n1" not in self.name if self.demo else not self.new

    @property
    def continues_model_turn(self) -> bool:
        """The conversation may end with a model turn."""
        return self.demo or (self.generation < (3, 6) and "3.5-flash-lite" not in self.name)

    @property
    def system_instruction(self) -> bool:
        """`systemInstruction` is taken."""
        return not self.name.startswith("gemma") and self.kind != "transcription"

    @property
    def modalities(self) -> tuple[str, ...]:
        """The values of responseModalities that it takes."""
        if self.demo:
            return ("TEXT", "IMAGE", "AUDIO")
        return {"image": ("TEXT", "IMAGE"), "speech": ("AUDIO",)}.get(self.kind, ("TEXT",))

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods that it has."""
        if self.kind == "embedding":
            if self.name.startswith("text-"):
                return ("predict",)
            return ("embedContent", "batchEmbedContents", "countTokens")
        return ("generateContent", "streamGenerateContent", "countTokens")


@lru_cache(maxsize=512)
def find(name: str) -> DemoModel | None:
    """The model of a name, None when there is none."""
    if not _KNOWN.fullmatch(name):
        return None
    match = _GENERATION.match(name)
    if match:
        return DemoModel(name, (int(match[1]), int(match[2] or 0)))
    return DemoModel(name, GEMMA if name.startswith("gemma") else NEWEST)


# Name, title, input and output limit in tokens.
_LISTED = (
    *((model.name, model.title, model.inputs, model.outputs) for model in KNOWN),
    ("gemini-pro-latest", "Gemini Pro Latest", 1048576, 65536),
    ("gemini-flash-latest", "Gemini Flash Latest", 1048576, 65536),
    ("gemini-flash-lite-latest", "Gemini Flash-Lite Latest", 1048576, 65536),
)


def describe(name: str, title: str = "", inputs: int = 1048576, outputs: int = 65536) -> dict[str, Any]:
    """A model as models.list and models.get give it. `name` is one that `find` knows."""
    model = find(name)
    assert model is not None
    listed: dict[str, Any] = {
        "name": f"models/{name}",
        "version": "001",
        "displayName": title or name,
        "description": f"{title or name}, as the demo upstream plays it.",
        "inputTokenLimit": inputs,
        "outputTokenLimit": outputs,
        "supportedGenerationMethods": [m for m in model.methods if m != "streamGenerateContent"],
    }
    if model.kind != "embedding":
        listed |= {"temperature": 1, "topP": 0.95, "topK": 64, "maxTemperature": 2}
    if model.thinking != "none":
        listed["thinking"] = True
    return listed


def listing(faults: Iterable[str]) -> list[dict[str, Any]]:
    """All models of models.list. The last one tells of the `faults` that have models: those are not for choosing."""
    echo = describe("demo-echo", "Demo (echo)")
    echo["description"] = (
        "Takes whatever any model takes. Further models of the demo go wrong on purpose and are not listed: "
        f"demo-<fault>, with a fault of {', '.join(faults)}. `python3 scripts/demo_upstream.py --help` explains them."
    )
    return [*(describe(*row) for row in _LISTED), echo]


def details(name: str) -> dict[str, Any]:
    """One model of models.get."""
    return next((describe(*row) for row in _LISTED if row[0] == name), None) or describe(name)
