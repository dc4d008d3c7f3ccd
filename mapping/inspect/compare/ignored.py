"""Places of a JSON value that don't count when it is compared: ids, dates, what changes from run to run."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

IGNORED = "…"
"""What stands in the place of what is ignored."""
_STEP = re.compile(r"\.?(?:\[(\*|\d+)\]|(\*\*|\*|[^.\[\]~]+))")


@dataclass(frozen=True, slots=True)
class _Pattern:
    steps: tuple[str | int, ...]
    """Names of members as `_plain` has them, indices; `*`: any, `**`: any number of them."""
    text: re.Pattern[str] | None
    """What of a text does not count; None: nothing of the value does."""


class IgnoredPlaces:
    """What does not count. Each pattern is a path, and may have a regular expression behind a `~`.

    * `labels.run`: this member. `systemInstruction.parts[*].text`: of every part. `tools[0]`: the first tool.
    * `**.sessionId`: at any depth. `*` is any member, `[*]` any element.
    * `systemInstruction.parts[*].text~\\d{4}-\\d\\d-\\d\\d`: of the text only what matches. `~req_\\w+`: in every text.

    Names may be written in snake case. Raises ValueError for what is no pattern.
    """

    __slots__ = ("_patterns", "names")

    def __init__(self, names: Iterable[str] = ()) -> None:
        self.names = tuple(names)
        self._patterns = [_parsed(name) for name in self.names]

    def within(self, value: Any) -> Any:
        """The value with `IGNORED` for what does not count."""
        for pattern in self._patterns:
            value = _applied(value, pattern, 0)
        return value


def _parsed(name: str) -> _Pattern:
    path, mark, expression = name.partition("~")
    steps: list[str | int] = []
    at = 0
    while at < len(path):
        found = _STEP.match(path, at)
        if found is None or not found[0]:
            raise ValueError(f"{name!r} is no path such as 'systemInstruction.parts[*].text'")
        index, member = found[1], found[2]
        steps.append(_plain(member) if member else "*" if index == "*" else int(index))
        at = found.end()
    if mark and not steps:
        steps = ["**"]
    if not steps or (mark and not expression):
        raise ValueError(f"{name!r} names nothing")
    try:
        return _Pattern(tuple(steps), re.compile(expression) if mark else None)
    except re.error as e:
        raise ValueError(f"{name!r}: {expression!r} is no regular expression: {e}") from None


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def _applied(value: Any, pattern: _Pattern, at: int) -> Any:
    steps = pattern.steps
    if at == len(steps):
        if pattern.text is None:
            return IGNORED
        return pattern.text.sub(IGNORED, value) if isinstance(value, str) else value
    step = steps[at]
    if step == "**":
        value = _applied(value, pattern, at + 1)
    if isinstance(value, dict):
        return {name: _stepped(member, _plain(name), pattern, at) for name, member in value.items()}
    if isinstance(value, list):
        return [_stepped(one, index, pattern, at) for index, one in enumerate(value)]
    return value


def _stepped(value: Any, place: str | int, pattern: _Pattern, at: int) -> Any:
    step = pattern.steps[at]
    if step == "**":
        return _applied(value, pattern, at)
    return _applied(value, pattern, at + 1) if step in ("*", place) else value
