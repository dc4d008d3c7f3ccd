"""The arguments of a function call: Gemini's `args` -> OpenAI's JSON text.

Rules of this module:

* The order of the keys is kept, and nothing is escaped that JSON does not demand.
* Some paths of Gemini carry numbers as protobuf `Struct`, which knows only doubles: 5 comes as 5.0. It becomes 5 again,
  which is a number as well, unless the schema says that it is a fraction (`format` float or double, a `multipleOf` that
  is none itself). Typed clients refuse 5.0 where they want an integer, whatever their schema says (Codex 0.171 tried).
* Vertex AI may stream arguments as `partialArgs`, values with a JSONPath each (Vertex AI reference, `PartialArg`).
  They are put together; a call whose arguments are not complete is no call.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

from mapping import jsonio
from mapping.gemini.errors.upstream_errors import UpstreamError, broken
from mapping.values import JSON

_EXACT = 2**53
"""Beyond this a double does not tell integers apart."""

_FRACTIONS = ("float", "double")

_COMBINED = ("anyOf", "oneOf", "allOf")

_STEP = re.compile(r"""\.([^.\[\]]+)|\[(\d+)\]|\['((?:[^'\\]|\\.)*)'\]|\["((?:[^"\\]|\\.)*)"\]""")
_ESCAPED = re.compile(r"\\(.)")
_VALUES = ("stringValue", "numberValue", "boolValue")


def arguments_text(args: Any, schema: JSON | None) -> str:
    """The JSON text of `args`; absent arguments are `{}`. `schema` is the function's JSON Schema, if it has one."""
    if not isinstance(args, dict):
        return "{}"
    return jsonio.dumps(with_integers(args, schema, schema or {})).decode()


def with_integers(value: Any, schema: Any, root: JSON) -> Any:
    """`value` with whole floats as integers, but for those that `schema` calls fractions. `root` resolves `$ref`.

    Nothing is changed in place.
    """
    if isinstance(value, float):
        return int(value) if abs(value) < _EXACT and value.is_integer() and not _is_fraction(schema, root) else value
    if isinstance(value, dict):
        return {key: with_integers(item, _first(schema, root, "properties", key), root) for key, item in value.items()}
    if isinstance(value, list):
        return [with_integers(item, _first(schema, root, "prefixItems", at), root) for at, item in enumerate(value)]
    return value


def _is_fraction(schema: Any, root: JSON) -> bool:
    """Some alternative says so."""
    return any(_says_fraction(option) for option in _options(schema, root))


def _says_fraction(option: JSON) -> bool:
    step = option.get("multipleOf")
    return option.get("format") in _FRACTIONS or (isinstance(step, float) and not step.is_integer())


def _first(schema: Any, root: JSON, keyword: str, at: str | int) -> Any:
    """The schema of a member or an element. Several alternatives may have one: all of them, as alternatives."""
    rest = "additionalProperties" if keyword == "properties" else "items"
    found = []
    for option in _options(schema, root):
        members = option.get(keyword)
        if isinstance(members, list):
            members = dict(enumerate(members))
        if isinstance(members, dict) and at in members:
            found.append(members[at])
        elif rest in option:
            found.append(option[rest])
    return found[0] if len(found) == 1 else {"anyOf": found}


def _options(schema: Any, root: JSON) -> list[JSON]:
    """The schema and the alternatives in it, references resolved, each once."""
    seen: dict[int, JSON] = {}
    waiting = [schema]
    while waiting:
        option = waiting.pop()
        if not isinstance(option, dict) or id(option) in seen:
            continue
        seen[id(option)] = option
        for keyword in _COMBINED:
            alternatives = option.get(keyword)
            waiting += alternatives if isinstance(alternatives, list) else []
        if isinstance(option.get("$ref"), str):
            waiting.append(_resolve(option["$ref"], root))
    return list(seen.values())


def _resolve(ref: str, root: JSON) -> Any:
    """The target of a `$ref` within the same schema (RFC 6901, JSON Pointer); None for any other."""
    if ref == "#":
        return root
    if not ref.startswith("#/"):
        return None
    target: Any = root
    for step in ref[2:].split("/"):
        key = step.replace("~1", "/").replace("~0", "~")
        if isinstance(target, list) and key.isdecimal() and int(key) < len(target):
            target = target[int(key)]
        else:
            target = target.get(key) if isinstance(target, dict) else None
    return target


class PartialArguments:
    """Arguments that come in pieces. Raises UpstreamError for pieces that do not fit together."""

    __slots__ = ("_open", "args")

    def __init__(self) -> None:
        self.args: JSON = {}
        self._open: str | None = None
        """The path of a text that goes on in the next piece."""

    @property
    def complete(self) -> bool:
        """No value waits for its rest."""
        return self._open is None

    def add(self, pieces: Any) -> None:
        """Take in a `partialArgs`."""
        for piece in pieces if isinstance(pieces, list) else []:
            path = piece.get("jsonPath") if isinstance(piece, dict) else None
            if not isinstance(path, str):
                raise _misfit()
            name = next((name for name in _VALUES if name in piece), None)
            if name or "nullValue" in piece:
                self._set(path, piece[name] if name else None)
            self._open = path if piece.get("willContinue") else None

    def _set(self, path: str, value: Any) -> None:
        steps = _steps(path)
        target: Any = self.args
        for step, following in pairwise(steps):
            inner = _get(target, step)
            if inner is None:
                inner = [] if isinstance(following, int) else {}
                _put(target, step, inner)
            target = inner
        last = steps[-1]
        before = _get(target, last)
        goes_on = path == self._open and isinstance(before, str) and isinstance(value, str)
        _put(target, last, before + value if goes_on else value)


def _steps(path: str) -> list[str | int]:
    """`$.items[0].qty` -> `["items", 0, "qty"]`."""
    steps: list[str | int] = []
    at = 1
    while at < len(path):
        match = _STEP.match(path, at)
        if match is None:
            raise _misfit()
        name, index, *quoted = match.groups()
        if index is not None:
            steps.append(int(index[:9]))
        else:
            steps.append(name if name is not None else _ESCAPED.sub(r"\1", quoted[0] or quoted[1] or ""))
        at = match.end()
    if not steps or not path.startswith("$"):
        raise _misfit()
    return steps


def _get(target: Any, step: str | int) -> Any:
    if isinstance(target, dict) and isinstance(step, str):
        return target.get(step)
    if isinstance(target, list) and isinstance(step, int):
        return target[step] if step < len(target) else None
    raise _misfit()


def _put(target: Any, step: str | int, value: Any) -> None:
    """Only after `_get` of the same step, which sees to it that they fit. Elements come in their order."""
    if isinstance(target, list) and isinstance(step, int):
        if step > len(target):
            raise _misfit()
        target[step : step + 1] = [value]
    else:
        target[step] = value


def _misfit() -> UpstreamError:
    return broken(
        "The upstream's streamed function call arguments do not fit together.", code="malformed_function_call"
    )
