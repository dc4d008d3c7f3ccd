"""What the demo reads in texts: lines that say what to call, a schema in words around it, and what it may repeat.

Agents act on what an answer contains: a fenced file is written, an edit block is applied, a tag is a tool's. Whoever
repeats the instructions that a prompt gives for these would have them carried out. So of a text with any of the marks
that agents look for only one line is repeated, without them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Container
from typing import Any

from addons.demo.request.proto import JSON

_ECHO = 1000
"""Characters of a text that are repeated."""

_BLOCK = re.compile(
    r"(`{3,}|~{3,}).*?(?:\1|\Z)|<{5,}.*?(?:>{5,}[^\n]*|\Z)|\*\*\* Begin .*?(?:\*\*\* End [^\n]*|\Z)", re.DOTALL
)
"""A fenced block, an edit block of aider's kind, a patch."""
_MARK = re.compile(r"`{2,}|~{3,}|<{3,}|>{3,}|={5,}|\+{3,}|-{3,}|\*{3,}|@{2,}|</?[A-Za-z][^<>\n]*>")
"""What begins or ends such a block, and tags."""
_FORMAT = re.compile(r"^[ \t]*(?:[{\[]|Action\b)", re.MULTILINE)
"""What else tells of a format: JSON, and the words of ReAct."""

_NOTICE = re.compile(r"\s*<(?:[\w-]*(?:reminder|notification)|system)\b")
"""How a notice of the client's begins, that nobody has said."""

_CALL = re.compile(r"\bcall ([A-Za-z_][\w.:-]*)[ \t]*(\\?\{)?")
_BEGINS = re.compile(r"(?:^|[\"'`])[ \t]*(?:[-*] )?$")
_ENDS = re.compile(r"[\"'`]|[ \t]*$", re.MULTILINE)
_TRIES = 200
"""Braces of a prompt that are looked at in search of a schema."""
_LONGEST = 100_000
"""Characters of the arguments of a call."""
_DECODER = json.JSONDecoder()
_TYPES = frozenset(("object", "array", "string", "integer", "number", "boolean"))


# ---- repeating


def harmless(text: str) -> str:
    """A text in one line, shortened, without marks that agents act on."""
    return _shortened(" ".join(_MARK.sub(" ", _BLOCK.sub(" … ", text)).split()))


def gist(parts: list[str]) -> str:
    """What is repeated of a turn's texts: all when they are plain, else a line of the last that somebody has said.

    A text that begins with a tag is a notice of the client's.
    """
    whole = "\n".join(parts)
    if not _MARK.search(whole) and not _FORMAT.search(whole):
        return _shortened(whole)
    spoken = [part for part in parts if part.strip() and not part.lstrip().startswith("<")] or parts
    lines = [" ".join(_MARK.sub(" ", line).split()) for line in _BLOCK.sub("\n", spoken[-1]).splitlines()]
    said = [line for line in lines if line]
    return _shortened(said[0]) + "…" * (len(said) > 1) if said else "…"


def spoken(parts: list[str]) -> str:
    """The texts of a turn without the notices that the client has put beside them."""
    return "\n".join(part for part in parts if not _NOTICE.match(part))


def _shortened(text: str) -> str:
    return text if len(text) <= _ECHO else text[:_ECHO] + "…"


# ---- what to call


def steps(text: str, offered: Container[str]) -> list[tuple[str, JSON | None]]:
    """The calls that a text asks for, in order: names that are offered, and the arguments if it has some.

    `call NAME {...}` may stand anywhere, also in quotes and escaped as in JSON; `call NAME` without arguments is a line
    of its own, or quoted. What stands in the arguments of a call is for whoever gets them, such as an agent's helper.
    """
    found: list[tuple[str, JSON | None]] = []
    past = 0
    for match in _CALL.finditer(text):
        if match.start() < past:
            continue
        name = match[1] if match[1] in offered else match[1].rstrip(".:-")
        if name not in offered:
            continue
        args, past = _object_at(text, match.start(2)) if match[2] else (None, past)
        begins, ends = _BEGINS.search(_line_before(text, match.start())), _ENDS.match(text, match.end())
        if args is not None or (begins and (ends or match[2])):
            found.append((name, args))
    return found


def _line_before(text: str, end: int) -> str:
    return text[text.rfind("\n", 0, end) + 1 : end]


def _object_at(text: str, start: int) -> tuple[JSON | None, int]:
    """The JSON object that begins at a place, also one inside of a JSON string, and where it ends.

    None when there is none; then the end is where it would begin.
    """
    line = text[start:].split("\n", 1)[0]
    for quoted, form in ((False, text[start : start + _LONGEST]), (True, _unescaped(line))):
        try:
            value: Any
            value, end = _DECODER.raw_decode(form)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            return value, start + (len(_escaped(form[:end])) if quoted else end)
    return None, start


def _unescaped(text: str) -> str:
    return text.replace('\\"', '"').replace("\\\\", "\\")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


# ---- a schema in the prompt


def schema(text: str) -> JSON | None:
    """The first object in a text that plainly is a JSON Schema."""
    at = text.find("{")
    for _ in range(_TRIES):
        if at < 0:
            break
        try:
            value, end = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            value, end = None, at + 1
        if _is_schema(value):
            found: JSON = value
            return found
        at = text.find("{", end)
    return None


def _is_schema(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    properties = value.get("properties")
    if isinstance(properties, dict):
        return value.get("type", "object") == "object" and all(isinstance(p, (dict, bool)) for p in properties.values())
    if isinstance(value.get("$ref"), str):
        return isinstance(value.get("$defs", value.get("definitions")), dict)
    return value.get("type") == "array" and isinstance(value.get("items"), dict)
