"""What each Gemini model can do, as data.

Rules that this module keeps:

* One ordered table, first match wins. Nothing else in the translation looks at the name of a model.
* A name that the table does not know counts as the newest generation: new models come before new tables.
* The table says what the model takes. What to do with a parameter that it does not take is said where it is translated.

Sources: the Gemini API's model pages and changelog, its guides for Gemini 3 and 4 (thinking levels, sampling, prefill,
candidate count) and for images (ratios, sizes), and the table of `reasoning_effort` on its page about OpenAI
compatibility.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Literal

type Effort = Mapping[str, int | str]
"""`reasoning_effort` -> a thinking budget in tokens, or a thinking level."""

NEWEST = (4, 0)
"""The generation of a name without a number: `gemini-flash-latest`, a tuned model, a demo model."""

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
"""All values of `reasoning_effort`, from least to most."""


@dataclass(frozen=True, slots=True)
class Model:
    """The capabilities of one model. The defaults are those of the newest generation."""

    id: str = ""
    """The name as given, without `models/`."""
    generation: tuple[int, int] = NEWEST
    """(major, minor), so that generations can be compared."""

    thinking: Literal["none", "budget", "level"] = "level"
    """How thinking is controlled: not at all, by `thinkingBudget`, or by `thinkingLevel`."""
    efforts: Effort = MappingProxyType({})
    """Every effort of `EFFORTS` -> budget or level. Empty when `thinking` is "none"."""
    levels: tuple[str, ...] = ()
    """The thinking levels that the model takes, lowest first."""
    min_budget: int = 0
    """The smallest budget in tokens at which the model thinks."""
    max_budget: int = 0
    """The largest budget in tokens."""
    thinking_off: bool = False
    """A budget of 0 switches thinking off."""
    thinks_by_default: bool = True
    """The model thinks when nothing is said."""

    sampling: bool = False
    """temperature, topP and topK have an effect."""
    prefill: bool = False
    """The conversation may end with a model turn, which the model continues."""
    candidate_count: bool = False
    """candidateCount may be larger than 1."""

    outputs: tuple[str, ...] = ("TEXT",)
    """The response modalities: TEXT, IMAGE, AUDIO."""
    image_ratios: tuple[str, ...] = ()
    """The values of `imageConfig.aspectRatio`; empty: it is not taken."""
    image_sizes: tuple[str, ...] = ()
    """The values of `imageConfig.imageSize`, smallest first; empty: it is not taken, and images are of 1K."""
    embedding: bool = False
    """The model makes vectors, not answers."""
    transcribes: bool = False
    """`audioTranscriptionConfig` is taken: the model writes down speech, with times of words and speakers."""
    speech_style: bool = False
    """How a text is to be spoken goes in `speechMetadata`; the text itself is spoken word for word."""

    system_instruction: bool = True
    """The model takes `systemInstruction`."""
    functions_with_builtin_tools: bool = True
    """Function declarations and Google's own tools may stand in one request."""
    tools_with_json: bool = True
    """Tools and a JSON `responseMimeType` may stand in one request."""
    validated_calls: bool = True
    """The function calling mode VALIDATED is known."""
    output_limit: int | None = None
    """The largest `maxOutputTokens`, thinking included. None: not known."""


def _efforts(*values: int | str) -> Effort:
    return MappingProxyType(dict(zip(EFFORTS, values, strict=True)))


def _early(model: Model) -> Model:
    """As it was before 3.5-flash-lite and 3.6: sampling is honoured, a given answer is continued."""
    return replace(model, sampling=True, prefill=True, output_limit=65_536)


_LOW_TO_HIGH = Model(
    efforts=_efforts("LOW", "LOW", "LOW", "MEDIUM", "HIGH", "HIGH", "HIGH"), levels=("LOW", "MEDIUM", "HIGH")
)
_MINIMAL_TO_HIGH = Model(
    efforts=_efforts("MINIMAL", "MINIMAL", "LOW", "MEDIUM", "HIGH", "HIGH", "HIGH"),
    levels=("MINIMAL", "LOW", "MEDIUM", "HIGH"),
)
_LOW_TO_XHIGH = Model(
    efforts=_efforts("LOW", "LOW", "LOW", "MEDIUM", "HIGH", "XHIGH", "XHIGH"),
    levels=("LOW", "MEDIUM", "HIGH", "XHIGH"),
)
_LOW_OR_HIGH = Model(efforts=_efforts("LOW", "LOW", "LOW", "HIGH", "HIGH", "HIGH", "HIGH"), levels=("LOW", "HIGH"))

# Gemini 4 answers in segments; the limit is that of the whole answer.
_LONG_DECODE = 1_048_576

_BUDGET = Model(
    thinking="budget",
    efforts=_efforts(0, 1024, 1024, 8192, 24_576, 24_576, 24_576),
    max_budget=24_576,
    thinking_off=True,
    sampling=True,
    prefill=True,
    candidate_count=True,
    functions_with_builtin_tools=False,
    tools_with_json=False,
    output_limit=65_536,
)
_NO_THINKING = Model(thinking="none", sampling=True, prefill=True)
_BEFORE_3 = replace(_BUDGET, thinking="none", efforts=MappingProxyType({}), max_budget=0, thinking_off=False)
_RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")
_ALL_RATIOS = (*_RATIOS, "1:4", "4:1", "1:8", "8:1")
_ALL_SIZES = ("512", "1K", "2K", "4K")
_IMAGE = replace(_NO_THINKING, outputs=("TEXT", "IMAGE"), image_ratios=_ALL_RATIOS, image_sizes=_ALL_SIZES)
_SPEECH = replace(_NO_THINKING, outputs=("AUDIO",), output_limit=16_384)
_DEMO = replace(
    _LOW_TO_HIGH,
    sampling=True,
    prefill=True,
    candidate_count=True,
    outputs=("TEXT", "IMAGE", "AUDIO"),
    transcribes=True,
    speech_style=True,
    image_ratios=_ALL_RATIOS,
    image_sizes=_ALL_SIZES,
)

_GEMINI = r"gemini-(?:live-)?"

_TABLE: tuple[tuple[re.Pattern[str], Model], ...] = tuple(
    (re.compile(pattern, re.DOTALL), model)
    for pattern, model in (
        (r".*embedding.*", Model(thinking="none", outputs=(), embedding=True)),
        (r"(?:imagen|veo|lyria|aqa).*", Model(thinking="none", outputs=())),
        # The demo upstream and the bench's allow everything; `-n1` is for trying how `n` is emulated.
        (r"(?:demo-|fake).*-n1.*", replace(_DEMO, candidate_count=False)),
        (r"(?:demo-|fake).*", _DEMO),
        (r"gemini-(?:2\.5|3\.[0-5])-.*tts.*", _SPEECH),
        (r".*-tts(?:-.*)?", replace(_SPEECH, sampling=False, prefill=False, speech_style=True)),
        (
            r".*-transcribe(?:-.*)?",
            replace(_NO_THINKING, sampling=False, prefill=False, system_instruction=False, transcribes=True),
        ),
        (
            r"gemini-2\.5-.*image.*",
            replace(
                _BEFORE_3,
                outputs=("TEXT", "IMAGE"),
                image_ratios=_RATIOS,
                candidate_count=False,
                output_limit=32_768,
            ),
        ),
        (
            r"gemini-3-pro-image.*",
            replace(_IMAGE, image_ratios=_RATIOS, image_sizes=_ALL_SIZES[1:], output_limit=32_768),
        ),
        (r"gemini-3\.1-flash-lite-image.*", replace(_IMAGE, image_sizes=(), output_limit=65_536)),
        (r"gemini-3\.1-flash-image.*", replace(_IMAGE, output_limit=65_536)),
        (r".*image.*|nano-banana.*", replace(_IMAGE, sampling=False, prefill=False)),
        (
            r"gemma.*",
            replace(
                _NO_THINKING,
                system_instruction=False,
                functions_with_builtin_tools=False,
                tools_with_json=False,
                validated_calls=False,
                output_limit=32_768,
            ),
        ),
        (_GEMINI + r"4-hydrogen.*", replace(_LOW_TO_XHIGH, output_limit=_LONG_DECODE)),
        (_GEMINI + r"4(?:[.-].*)?", replace(_LOW_TO_HIGH, output_limit=_LONG_DECODE)),
        (_GEMINI + r"3\.(?:[6-9]|\d\d)-.*", replace(_LOW_TO_HIGH, output_limit=65_536)),
        (_GEMINI + r"3\.5-flash-lite.*", replace(_MINIMAL_TO_HIGH, output_limit=65_536)),
        (_GEMINI + r"3(?:\.\d+)?-flash.*", _early(_MINIMAL_TO_HIGH)),
        (_GEMINI + r"3-pro.*", _early(_LOW_OR_HIGH)),
        (_GEMINI + r"3(?:\.\d+)?-pro.*", _early(_LOW_TO_HIGH)),
        (
            _GEMINI + r"2\.5-pro.*",
            replace(
                _BUDGET,
                efforts=_efforts(128, 1024, 1024, 8192, 24_576, 32_768, 32_768),
                min_budget=128,
                max_budget=32_768,
                thinking_off=False,
            ),
        ),
        (_GEMINI + r"2\.5-flash-lite.*", replace(_BUDGET, min_budget=512, thinks_by_default=False)),
        (_GEMINI + r"2\.5-.*", _BUDGET),
        (_GEMINI + r"[12](?:\.\d+)?-.*", replace(_BEFORE_3, output_limit=8_192)),
        (r".*", _LOW_TO_HIGH),
    )
)

_GENERATION = re.compile(r"gemini-(?:live-)?(\d{1,4})(?:\.(\d{1,4}))?")
_PREFIXES = re.compile(
    r"(?:(?:models|publishers/google/models|google|gemini|vertex_ai|openai|anthropic|openrouter|litellm_proxy|azure)/)*"
)

VARIANTS = frozenset(("beta", "exacto", "extended", "floor", "free", "latest", "nitro", "online", "thinking"))
"""What routers (OpenRouter) put behind a name and a colon: which offer of the model they are to take, or how."""


@lru_cache(maxsize=1024)
def model_info(model_id: str) -> Model:
    """The capabilities of a Gemini model. Any path before the name (`models/`, `projects/...`) does not matter."""
    model_id = strip_prefixes(model_id)
    name = model_id.rpartition("/")[2].lower()
    model = next(model for pattern, model in _TABLE if pattern.fullmatch(name))
    return replace(model, id=model_id, generation=_generation(name))


def strip_prefixes(name: str) -> str:
    """The name without the prefixes that clients put before it, once or repeatedly.

    `models/`, `publishers/google/models/` (Vertex AI), `google/` (Vertex AI and routers), `gemini/`, `vertex_ai/`,
    `openai/`, `anthropic/` and their like (LiteLLM, OpenRouter).
    """
    match = _PREFIXES.match(name)
    return name[match.end() :] if match else name


_LARGE_WINDOW = "[1m]"
"""What Claude Code's users put behind a name to have a window of a million tokens, which Gemini's models have."""


def split_variant(name: str) -> tuple[str, str]:
    """The name, and the variant behind it: `x:thinking` -> (`x`, `thinking`). Other colons belong to the name.

    `[1m]` at the end belongs to neither.
    """
    if name[-len(_LARGE_WINDOW) :].lower() == _LARGE_WINDOW:
        name = name[: -len(_LARGE_WINDOW)]
    stem, _, variant = name.rpartition(":")
    return (stem, variant) if stem and variant in VARIANTS else (name, "")


_STAGE = re.compile(r"(?:-preview)?(?:-\d\d-\d\d(?:\d\d)?|-\d\d-\d{4}|-\d{3})?")


def is_same(asked: str, served: str) -> bool:
    """Whether two names are those of one model: one may have a version (`-001`), `-preview` or a date behind it."""
    shorter, longer = sorted((asked, served), key=len)
    return longer.startswith(shorter) and _STAGE.fullmatch(longer, len(shorter)) is not None


def _generation(name: str) -> tuple[int, int]:
    match = _GENERATION.match(name)
    return (int(match[1]), int(match[2] or 0)) if match else NEWEST
