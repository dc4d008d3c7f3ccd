"""Function calls in an answer: Gemini's `functionCall` -> the call that the client gets.

Rules of this module:

* The client gets the names it declared. Gemini sometimes puts `default_api.` before a name.
* Ids are unique over the whole conversation, because clients key on them: Gemini's own id where the dialect has such
  ids, it has one that an OpenAI client takes and that is new, else a minted one. Two calls that look the same get two
  ids.
* A custom tool goes to Gemini as a function with the one string parameter `input`, and comes back as its value.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mapping import jsonio
from mapping.answer.parts.function_args import arguments_text
from mapping.request.plan import Plan
from mapping.request.signatures import encode_call_id, family
from mapping.values import JSON

type Mint = Callable[[str], str]
"""Makes a fresh id with the given prefix, `call_` say."""

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""OpenAI limits `call_id` to 64 characters (OpenAI API reference)."""

_PREFIXES = ("default_api.", "default_api:")


@dataclass(frozen=True, slots=True)
class Call:
    """A complete function call, as the client gets it."""

    id: str
    name: str
    arguments: str
    """A JSON object as text; for a custom tool its input as it is."""
    custom: bool
    declared: bool
    """The client declared a tool of this name."""
    signature: str | None
    """The thought signature that came with it."""


class CallMaker:
    """Makes the calls of one exchange: all its choices share the ids that are taken."""

    __slots__ = ("_family", "_mint", "_plan", "_taken")

    def __init__(self, plan: Plan, mint: Mint) -> None:
        self._plan = plan
        self._mint = mint
        self._taken: set[str] = set()
        self._family = family(plan.model) if plan.signs_ids else ""

    def make(self, function_call: JSON, signature: str | None) -> Call:
        """The call of a complete `functionCall`; `name` is a string."""
        gemini_name = self._declared_name(function_call["name"])
        name = self._plan.names.get(gemini_name)
        custom = gemini_name in self._plan.custom
        args = function_call.get("args")
        return Call(
            id=self._id(function_call.get("id"), signature),
            name=gemini_name if name is None else name,
            arguments=_custom_input(args) if custom else arguments_text(args, self._plan.integers.get(gemini_name)),
            custom=custom,
            declared=name is not None,
            signature=signature,
        )

    def _declared_name(self, name: str) -> str:
        if name in self._plan.names:
            return name
        for prefix in _PREFIXES:
            bare = name.removeprefix(prefix)
            if bare in self._plan.names:
                return bare
        return name

    def _id(self, upstream_id: Any, signature: str | None) -> str:
        plan, prefix = self._plan, self._plan.call_prefix
        given = upstream_id if isinstance(upstream_id, str) and upstream_id else None
        if signature and self._family:
            return encode_call_id(self._mint(prefix), given, self._family, signature)
        if given and plan.own_ids and self._is_new(given) and _ID.fullmatch(given):
            self._taken.add(given)
            return given
        id = self._mint(prefix)
        self._taken.add(id)
        return id

    def _is_new(self, id: str) -> bool:
        return id not in self._taken and id not in self._plan.used_ids


def _custom_input(args: Any) -> str:
    """The text for a custom tool. A model that made other arguments than `input` has them handed on as JSON."""
    if not isinstance(args, dict) or not args:
        return ""
    text = args.get("input")
    return text if isinstance(text, str) else jsonio.dumps(args).decode()
