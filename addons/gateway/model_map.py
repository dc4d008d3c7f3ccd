"""Which Gemini model stands in for the name that a client uses.

exact > wildcard > built in > default. Of several wildcards that fit, the one with the most literal characters wins,
then the longest, then the first in the file. Gemini's own names stand for themselves.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping

from mapping.errors import OpenAIError
from mapping.models import strip_prefixes

# OpenAI's names as of November 2026, each with the Gemini model of its weight class.
BUILT_IN: dict[str, str] = {
    "gpt-3.5-turbo*": "gemini-2.5-flash",
    "gpt-4": "gemini-2.5-pro",
    "gpt-4-*": "gemini-2.5-pro",
    "gpt-4o": "gemini-2.5-flash",
    "gpt-4o-20*": "gemini-2.5-flash",
    "chatgpt-4o*": "gemini-2.5-flash",
    "gpt-4o-mini*": "gemini-2.5-flash-lite",
    "gpt-4.1": "gemini-2.5-pro",
    "gpt-4.1-20*": "gemini-2.5-pro",
    "gpt-4.1-mini*": "gemini-2.5-flash",
    "gpt-4.1-nano*": "gemini-2.5-flash-lite",
    "gpt-4.5*": "gemini-2.5-pro",
    "gpt-5*": "gemini-3.1-pro-preview",
    "gpt-5*-mini*": "gemini-3.8-flash",
    "gpt-5*-nano*": "gemini-3.5-flash-lite",
    "gpt-5*-chat*": "gemini-3.8-flash",
    "gpt-6*": "gemini-4-argon",
    "gpt-6*-mini*": "gemini-3.8-flash",
    "gpt-6*-nano*": "gemini-3.5-flash-lite",
    "gpt-oss*": "gemini-3.8-flash",
    "codex*": "gemini-3.1-pro-preview",
    "o1*": "gemini-2.5-pro",
    "o1-mini*": "gemini-2.5-flash",
    "o3*": "gemini-3.1-pro-preview",
    "o3-mini*": "gemini-3.8-flash",
    "o4-mini*": "gemini-3.8-flash",
    "text-embedding-3-*": "gemini-embedding-001",
    "text-embedding-ada-*": "gemini-embedding-001",
    # Short forms of Gemini's own names that only exist with a suffix.
    "gemini-3-flash": "gemini-3-flash-preview",
    "gemini-3-pro": "gemini-3.1-pro-preview",
    "gemini-3-pro-preview": "gemini-3.1-pro-preview",
    "gemini-3.1-pro": "gemini-3.1-pro-preview",
}

_OWN = re.compile(
    r"(gemini|gemma|learnlm|imagen|veo|lyria|nano-banana|demo|fake|aqa|embedding-|text-embedding-0)[\w.\-]*"
)
_NAME = re.compile(r"[\w.\-]{1,128}", re.ASCII)


class ModelMap:
    """Routes model names. Built once per settings; what was looked up is remembered (bounded)."""

    def __init__(self, mapping: Mapping[str, str], default: str | None = None) -> None:
        self.exact = {strip_prefixes(name): target for name, target in mapping.items() if "*" not in name}
        self._default = default
        self._wildcards = _ordered({strip_prefixes(n): t for n, t in mapping.items() if "*" in n})
        self._built_in = _ordered({name: target for name, target in BUILT_IN.items() if "*" in name})
        self._known: OrderedDict[str, str] = OrderedDict()

    def resolve(self, name: str) -> str:
        """The Gemini model for a client's model name. Raises OpenAIError 404 `model_not_found`."""
        target = self._known.get(name)
        if target is None:
            target = self._known[name] = self._look_up(name)
            if len(self._known) > 1024:
                self._known.popitem(last=False)
        return target

    def stands_for_another(self, name: str) -> bool:
        """Whether the name is served by a model of another name: it exists then, though no upstream lists it."""
        try:
            return self.resolve(name) != strip_prefixes(name.strip())
        except OpenAIError:
            return False

    def _look_up(self, name: str) -> str:
        bare = strip_prefixes(name.strip())
        target = self.exact.get(bare) or _first(self._wildcards, bare)
        if target is None:
            target = BUILT_IN.get(bare) or _first(self._built_in, bare)
        if target is None and _OWN.fullmatch(bare):
            target = bare
        if target is None:
            target = self._default
        if target is None:
            raise OpenAIError(
                404,
                f"The model '{name[:200]}' does not exist. Use a Gemini model name, or map this one in "
                "[models.mapping] of the settings file.",
                code="model_not_found",
                param="model",
            )
        target = strip_prefixes(target)
        target = BUILT_IN.get(target, target) if target.startswith("gemini-") else target
        if not _NAME.fullmatch(target):
            raise OpenAIError(400, f"'{target[:200]}' is not a valid model name.", code="invalid_value", param="model")
        return target


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
