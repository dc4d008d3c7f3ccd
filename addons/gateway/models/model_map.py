"""Which Gemini model stands in for the name that a client uses.

exact > wildcard > built in > default. Of several wildcards that fit, the one with the most literal characters wins,
then the longest, then the first in the file. Gemini's own names stand for themselves. What routers put before a name
(`gemini/`) or behind it (`:free`), and Claude Code's `[1m]`, does not count, unless the person's own mapping has it.

The built-in table leads to classes of models (`mapping.gemini.model_classes`), never to a model: which one stands for
a class is asked anew for each request, because models come and go. A person's own mapping stays as it is written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

from mapping.faults import Fault
from mapping.gemini.catalogue import SHORT
from mapping.gemini.models import split_variant, strip_prefixes

BUILT_IN: dict[str, str] = {
    # The classes themselves, for people and for their own mappings.
    "gemini-pro": "pro",
    "gemini-flash": "flash",
    "gemini-flash-lite": "flash-lite",
    # OpenAI's names, each with the class of its weight. Exact names, here and below, are listed by `GET /v1/models`.
    "gpt-3.5-turbo": "flash",
    "gpt-3.5-turbo*": "flash",
    "gpt-4": "pro",
    "gpt-4-*": "pro",
    "gpt-4o": "flash",
    "gpt-4o-20*": "flash",
    "chatgpt-4o*": "flash",
    "gpt-4o-mini": "flash-lite",
    "gpt-4o-mini*": "flash-lite",
    "gpt-4.1": "pro",
    "gpt-4.1-20*": "pro",
    "gpt-4.1-mini": "flash",
    "gpt-4.1-mini*": "flash",
    "gpt-4.1-nano": "flash-lite",
    "gpt-4.1-nano*": "flash-lite",
    "gpt-4.5*": "pro",
    "gpt-5": "pro",
    "gpt-5*": "pro",
    "gpt-5-mini": "flash",
    "gpt-5*-mini*": "flash",
    "gpt-5-nano": "flash-lite",
    "gpt-5*-nano*": "flash-lite",
    "gpt-5*-chat*": "flash",
    "gpt-6": "pro",
    "gpt-6*": "pro",
    "gpt-6*-mini*": "flash",
    "gpt-6*-nano*": "flash-lite",
    "gpt-oss*": "flash",
    "codex*": "pro",
    "codex-mini*": "flash",
    "o1": "pro",
    "o1*": "pro",
    "o1-mini*": "flash",
    "o3": "pro",
    "o3*": "pro",
    "o3-mini*": "flash",
    "o4-mini": "flash",
    "o4-mini*": "flash",
    "text-embedding-3-*": "embedding",
    "text-embedding-ada-*": "embedding",
    "dall-e-*": "image",
    "gpt-image-*": "image",
    "chatgpt-image-*": "image",
    "tts-1*": "speech",
    "gpt-4o-mini-tts*": "speech",
    "whisper-*": "transcription",
    "gpt-transcribe*": "transcription",
    "gpt-4o-transcribe*": "transcription",
    "gpt-4o-mini-transcribe*": "transcription",
    # Anthropic's names, of which clients have some built in: `claude-3-5-haiku-20241022` and `claude-haiku-4-5` alike.
    "claude-*": "pro",
    "claude-*opus*": "pro",
    "claude-*sonnet*": "flash",
    "claude-*haiku*": "flash-lite",
    "claude-instant*": "flash-lite",
    "claude-opus-5-5": "pro",
    "claude-sonnet-5-5": "flash",
    "claude-haiku-5-5": "flash-lite",
    "claude-fable-5-2": "pro",
    "claude-mythos-5-2": "pro",
    "claude-opus-5": "pro",
    "claude-sonnet-5": "flash",
    "claude-opus-4-8": "pro",
    "claude-opus-4-7": "pro",
    "claude-opus-4-6": "pro",
    "claude-sonnet-4-6": "flash",
    "claude-haiku-4-5": "flash-lite",
    "claude-opus-4-5": "pro",
    "claude-sonnet-4-5": "flash",
}
"""Name or wildcard -> class."""

_OWN = re.compile(
    r"(gemini|gemma|learnlm|imagen|veo|lyria|nano-banana|demo|fake|aqa|embedding-|text-(multilingual-)?embedding-0)[\w.\-]*"
)
MAX_NAME = 256
"""Characters of a model's name. What is longer is refused before anything keeps it: `projects/.../models/...` fits."""

_NAME = re.compile(r"[\w.\-]{1,128}", re.ASCII)
NOTHING: Mapping[str, str] = MappingProxyType({})
_REMEMBERED = 1024
"""Names whose target is remembered."""


class _Target(NamedTuple):
    """Where a name leads: to a model, or to a class."""

    model: str = ""
    kind: str = ""


class ModelMap:
    """Routes model names. Built once per settings; what was looked up is remembered (bounded)."""

    def __init__(self, mapping: Mapping[str, str], default: str | None, model_of: Callable[[str], str]) -> None:
        """`model_of`: the model that stands for a class now."""
        self.exact = {strip_prefixes(name): target for name, target in mapping.items() if "*" not in name}
        self._default = default
        self._model_of = model_of
        self._wildcards = _ordered({strip_prefixes(n): t for n, t in mapping.items() if "*" in n})
        self._built_in = _ordered({name: target for name, target in BUILT_IN.items() if "*" in name})
        self._known = lru_cache(_REMEMBERED)(self._look_up)
        """As `_look_up`, whose answers are remembered."""

    def resolve(self, name: str, instead: Mapping[str, str] = NOTHING) -> str:
        """The Gemini model for a client's model name. Raises Fault 404 `model_not_found`.

        `instead`: classes -> those that are taken in their place (`mapping.dialect.Dialect.stands_in`).
        """
        if len(name) > MAX_NAME:
            raise Fault(
                400,
                f"The name of a model has at most {MAX_NAME} characters, and this one has {len(name)}.",
                code="string_above_max_length",
                param="model",
            )
        target = self._known(name)
        return target.model or self._model_of(instead.get(target.kind, target.kind))

    def stands_for_another(self, name: str) -> bool:
        """Whether the name is served by a model of another name: it exists then, though no upstream lists it."""
        try:
            return self.resolve(name) != strip_prefixes(name.strip())
        except Fault:
            return False

    def listed(self) -> list[str]:
        """The names that a list of models has beside Gemini's own: the person's, then the built-in ones."""
        return list(dict.fromkeys([*self.exact, *(name for name in BUILT_IN if "*" not in name)]))

    def _look_up(self, name: str) -> _Target:
        bare = strip_prefixes(name.strip())
        whole, (bare, _) = bare, split_variant(bare)
        own = (
            self.exact.get(whole)
            or self.exact.get(bare)
            or _first(self._wildcards, whole)
            or _first(self._wildcards, bare)
        )
        if own:
            return _checked(own)
        kind = BUILT_IN.get(bare) or _first(self._built_in, bare)
        if kind is not None:
            return _Target(kind=kind)
        if _OWN.fullmatch(bare):
            return _checked(bare)
        if self._default is None:
            raise Fault(
                404,
                f"The model '{name[:200]}' does not exist. Use a Gemini model name, or map this one in "
                "[models.mapping] of the settings file.",
                code="model_not_found",
                param="model",
            )
        return _checked(self._default)


def target_of(name: str) -> tuple[str, str]:
    """Where a target of the settings leads: (model, "") or ("", class). Raises Fault for what is no name."""
    target = _checked(name)
    return target.model, target.kind


def own_name(name: str) -> str:
    """A name that is Gemini's own, without `models/` and the like. Raises Fault for what is no name."""
    name = strip_prefixes(name.strip())
    if not _NAME.fullmatch(name):
        raise Fault(400, f"'{name[:200]}' is not a valid model name.", code="invalid_value", param="model")
    return name


def _checked(target: str) -> _Target:
    """A target as a person writes it: a Gemini model, or one of the names of a class. Raises Fault."""
    target = strip_prefixes(target.strip())
    if target.startswith("gemini-") and target in BUILT_IN:
        return _Target(kind=BUILT_IN[target])
    return _Target(model=own_name(SHORT.get(target, target)))


def _ordered(mapping: Mapping[str, str]) -> list[tuple[re.Pattern[str], str]]:
    """Wildcards in the order in which they are tried."""

    def rank(item: tuple[int, str]) -> tuple[int, int, int]:
        position, pattern = item
        return (-len(pattern.replace("*", "")), -len(pattern), position)

    patterns = [pattern for _, pattern in sorted(enumerate(mapping), key=rank)]
    return [
        (
            re.compile(".*".join(re.escape(literal) for literal in re.split(r"\*+", pattern)), re.DOTALL),
            mapping[pattern],
        )
        for pattern in patterns
    ]


def _first(patterns: list[tuple[re.Pattern[str], str]], name: str) -> str | None:
    return next((target for pattern, target in patterns if pattern.fullmatch(name)), None)
