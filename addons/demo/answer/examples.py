"""Example values for schemas of both dialects: the answers that are JSON, and the arguments of the demo's calls.

Rules of this module:

* A value satisfies its schema, `pattern` apart. Numbers are whole where they can be.
* An answer shows every property. The arguments of a call are the required ones alone: agents run what is called, and
  leave to themselves what is optional (timeouts, working directories).
* What agents act on is harmless: `echo hello`, a file that is mostly there to be read, one that is nobody's to be
  written, and nothing that is switched on.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from addons.demo.request.proto import JSON
from addons.demo.request.schemas import resolve

_DEPTH_OF_OPTIONAL = 3
"""Deeper than this, an example leaves out what it may, so that recursive schemas end."""
_DEEPEST = 40

_FORMATS = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "time": "12:00:00Z",
    "email": "demo@example.com",
    "uri": "https://example.com/",
    "url": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "ipv4": "192.0.2.1",
    "hostname": "example.com",
}

# ---- what names of arguments mean to agents

_READ, _WRITTEN, _HERE = "README.md", "demo.txt", "."
_COMMAND = ("echo", "hello")
_WORDS = {
    **dict.fromkeys(("command", "cmd", "commands"), " ".join(_COMMAND)),
    **dict.fromkeys(("code",), "1 + 1"),
    **dict.fromkeys(("url", "uri", "urls", "link"), "https://example.com/"),
    **dict.fromkeys(("pattern", "glob", "regex", "regexp"), "README"),
    **dict.fromkeys(("directory", "dir", "cwd", "workdir", "folder", "root", "workspace"), _HERE),
}
"""The last word of a property's name -> its text. A pattern is good as a glob and as a regular expression."""
_PATHS = frozenset(("path", "paths", "file", "files", "filename", "filepath"))
_WAIT_MS = 10_000
_WAITS = frozenset(("timeout", "timeouts", "ms"))
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")
_CHANGING = re.compile(
    r"write|edit|create|delete|remove|replace|patch|update|insert|append|move|rename|save|kill|stop|commit|send",
    re.IGNORECASE,
)
_LISTING = frozenset(("list", "ls", "glob", "grep", "search", "find", "tree", "dir", "directory", "folder"))


def words(name: str) -> list[str]:
    """The words of a name in snake or camel case, in small letters."""
    return [word.lower() for word in _WORD.findall(name)]


def changes(function: JSON) -> bool:
    """Whether a declared function changes something, as its name tells."""
    return bool(_CHANGING.search(function["name"]))


def familiar(function: JSON) -> bool:
    """Whether a declared function demands what agents' tools mostly take: a command, a path, a pattern, an address."""
    schema = function.get("parametersJsonSchema", function.get("parameters"))
    required = schema.get("required") if isinstance(schema, dict) else None
    return any(words(name)[-1:] and (words(name)[-1] in _WORDS or words(name)[-1] in _PATHS) for name in required or ())


@dataclass(frozen=True, slots=True)
class _Maker:
    """Makes a value. `root` is what references point into, `function` the declaration that arguments are for."""

    root: Any
    function: JSON | None = None
    optional: bool = True
    """Properties that are not required are there too."""

    def make(self, schema: Any, name: str = "", depth: int = 0) -> Any:
        """A value of a schema; `name` is that of the property."""
        if not isinstance(schema, dict) or depth > _DEEPEST:
            return self._named(name, {})
        if isinstance(schema.get("$ref"), str):
            return self.make(resolve(schema["$ref"], self.root), name, depth + 1)
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return schema["enum"][0]
        if schema.get("allOf"):
            return self.make(self._merged(schema), name, depth + 1)
        branches = schema.get("anyOf") or schema.get("oneOf")
        if branches:
            return self.make(_branch(branches, depth), name, depth + 1)
        match _type(schema):
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, name, depth)
            case "integer" | "number":
                return _number(schema, _WAIT_MS if self.function and _WAITS.intersection(words(name)) else 1)
            case "boolean":
                return self.function is None
            case "null":
                return None
        return self._text(schema, name)

    def _merged(self, schema: JSON) -> JSON:
        """A schema with the members of its `allOf`."""
        result = {k: v for k, v in schema.items() if k != "allOf"}
        for part in schema["allOf"]:
            if isinstance(part, dict) and isinstance(part.get("$ref"), str):
                part = resolve(part["$ref"], self.root)
            for key, value in (part or {}).items():
                if key == "properties":
                    result[key] = {**result.get(key, {}), **value}
                elif key == "required":
                    result[key] = [*result.get(key, []), *value]
                else:
                    result.setdefault(key, value)
        return result

    def _object(self, schema: JSON, depth: int) -> JSON:
        required = schema.get("required") or ()
        return {
            key: self.make(inner, key, depth + 1)
            for key, inner in (schema.get("properties") or {}).items()
            if inner is not False and (key in required or (self.optional and depth < _DEPTH_OF_OPTIONAL))
        }

    def _array(self, schema: JSON, name: str, depth: int) -> list[Any]:
        first, items = schema.get("prefixItems") or [], schema.get("items")
        least, most = int(schema.get("minItems") or 0), schema.get("maxItems")
        if self.function and words(name)[-1:] in (["command"], ["cmd"], ["argv"]) and not first and most is None:
            return list(_COMMAND)
        count = max(least, len(first), 0 if depth > _DEPTH_OF_OPTIONAL else 1)
        count = count if most is None else min(count, int(most))
        return [self.make(first[i] if i < len(first) else items, name, depth + 1) for i in range(count)]

    def _text(self, schema: JSON, name: str) -> str:
        text = _FORMATS.get(str(schema.get("format"))) or self._named(name, schema)
        text = text.ljust(int(schema.get("minLength") or 0), ".")
        most = schema.get("maxLength")
        return text if most is None else text[: int(most)]

    def _named(self, name: str, schema: JSON) -> str:
        last = (words(name) or [""])[-1]
        if self.function and last in _WORDS:
            return _WORDS[last]
        if self.function and last in _PATHS:
            return self._path(schema)
        return f"demo {name}".strip()

    def _path(self, schema: JSON) -> str:
        assert self.function is not None
        if changes(self.function):
            return _WRITTEN
        told = str(schema.get("description", "")).lower()
        folders = "director" in told or "folder" in told
        listing = not _LISTING.isdisjoint(words(self.function["name"]))
        return _HERE if listing or (folders and "file" not in told) else _READ


def example(schema: Any) -> Any:
    """A value that satisfies a schema of either dialect."""
    return _Maker(schema).make(schema)


def arguments(function: JSON, *, optional: bool = False) -> JSON:
    """Arguments for a declared function: those that are required, with `optional` all."""
    schema = function.get("parametersJsonSchema", function.get("parameters"))
    made = _Maker(schema, function, optional).make(schema) if isinstance(schema, dict) else {}
    return made if isinstance(made, dict) else {}


def _type(schema: JSON) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((k for k in kind if k != "null"), "null")
    if isinstance(kind, str):
        return kind.lower()
    return "object" if "properties" in schema else "array" if "items" in schema else "string"


def _branch(branches: list[Any], depth: int) -> Any:
    """One alternative: not null, and in the depth one that does not go on."""
    null = [b for b in branches if isinstance(b, dict) and str(b.get("type")).lower() == "null"]
    others = [b for b in branches if b not in null]
    if depth > _DEPTH_OF_OPTIONAL:
        plain = [b for b in others if isinstance(b, dict) and "$ref" not in b]
        return (null + plain + others)[0]
    return (others + null)[0]


def _number(schema: JSON, wanted: int) -> float:
    """`wanted` or the nearest that is allowed; whole where there is a whole one."""
    low, high = schema.get("minimum"), schema.get("maximum")
    whole = _type(schema) == "integer"
    if schema.get("exclusiveMinimum") is not None:
        low = schema["exclusiveMinimum"] + (1 if whole else 0.5)
    if schema.get("exclusiveMaximum") is not None:
        high = schema["exclusiveMaximum"] - (1 if whole else 0.5)
    value: float = wanted if low is None else max(wanted, math.ceil(low))
    if high is not None:
        value = min(value, math.floor(high))
        if low is not None and value < low:  # no whole number lies between
            value = high
    step = schema.get("multipleOf")
    if step:
        value = math.ceil(value / step) * step
    return int(value) if float(value).is_integer() else value
