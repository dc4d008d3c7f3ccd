"""References inside one JSON Schema: finding their targets, naming them in `$defs`, and breaking forbidden cycles.

Rules kept here (Gemini API reference, `responseJsonSchema`):

* A reference is `#/$defs/<name>`; every target moves there, wherever the client had put it.
* A cycle of references must pass through a property that is not required. Nullable is not enough.
* Nothing is fetched: a reference that leaves the schema has no target.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from mapping.notes import Notes
from mapping.values import JSON

PREFIX = "#/$defs/"
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]")
_DEFINITIONS = ("$defs", "definitions")


@dataclass(slots=True)
class RefTarget:
    """A schema that is referred to: its value (an object or a boolean), its last name, its path below the scope."""

    value: Any
    name: str
    path: str


class Targets:
    """Finds the targets of references in a schema and gives each its name in `$defs`."""

    def __init__(self, root: JSON) -> None:
        self._root = root
        base = root.get("$id")
        self._base = base.rstrip("#") if isinstance(base, str) else ""
        self._anchors: dict[str, Any] | None = None
        self._names: dict[int, str] = {}
        self._taken: set[str] = set()
        self._count: Counter[str] = Counter()

    def find(self, ref: str, scope: JSON) -> RefTarget | None:
        """The target of `ref` below `scope` (the root, or a schema inside it), or None."""
        if self._base and ref.startswith(self._base):
            ref = ref[len(self._base) :]
        if ref in ("", "#"):
            return RefTarget(scope, "root", "")
        if ref.startswith("#/"):
            tokens = [_unescape(token) for token in ref[2:].split("/")]
            return _at(scope, tokens) or _defined(scope, tokens[-1])
        if ref.startswith("#"):
            return self._anchored(ref[1:])
        return _defined(scope, ref)

    def name(self, target: RefTarget) -> tuple[str, bool]:
        """The name of a target in `$defs`, and whether it was given just now."""
        key = id(target.value)
        known = self._names.get(key)
        if known is not None:
            return known, False
        base = _UNSAFE.sub("_", target.name) or "schema"
        self._count[base] += 1
        name = base if self._count[base] == 1 else f"{base}_{self._count[base]}"
        while name in self._taken:
            self._count[base] += 1
            name = f"{base}_{self._count[base]}"
        self._taken.add(name)
        self._names[key] = name
        return name, True

    def _anchored(self, anchor: str) -> RefTarget | None:
        if self._anchors is None:
            self._anchors = dict(_anchors(self._root))
        found = self._anchors.get(anchor)
        return None if found is None else RefTarget(found, anchor, anchor)


def _at(scope: Any, tokens: list[str]) -> RefTarget | None:
    """The schema at a JSON pointer (RFC 6901)."""
    value = scope
    for token in tokens:
        if isinstance(value, dict) and token in value:
            value = value[token]
        elif isinstance(value, list) and token.isascii() and token.isdigit() and int(token[:9]) < len(value):
            value = value[int(token[:9])]
        else:
            return None
    return RefTarget(value, tokens[-1], ".".join(tokens)) if isinstance(value, dict | bool) else None


def _defined(scope: JSON, name: str) -> RefTarget | None:
    """A definition by its bare name: generators that were told of other pointers still put it into `$defs`."""
    for keyword in _DEFINITIONS:
        if found := _at(scope, [keyword, name]):
            return found
    return None


def _unescape(token: str) -> str:
    return unquote(token).replace("~1", "/").replace("~0", "~")


def _anchors(root: JSON) -> Iterator[tuple[str, Any]]:
    waiting: deque[Any] = deque([root])
    while waiting:
        value = waiting.popleft()
        if isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, dict):
            for keyword in ("$anchor", "$dynamicAnchor"):
                if isinstance(value.get(keyword), str):
                    yield value[keyword], value
            waiting.extend(value.values())


@dataclass(slots=True)
class _Edge:
    """A `$ref` in one of the definitions. `holder[properties][prop]` is the innermost property around it."""

    source: str
    target: str
    schema: JSON
    holder: JSON | None
    prop: str


def break_cycles(defs: dict[str, JSON], notes: Notes) -> None:
    """Make cycles of references in cleaned `$defs` fit for Gemini; changes `defs`.

    A required property on a cycle becomes optional, which its object's description says. A cycle without any property
    (an array of itself) cannot be saved: its references become a bare type.
    """
    cyclic = _cyclic(_required_edges(defs))
    if not cyclic:
        return
    notes.add("schema-cut", "$ref")
    _make_optional(cyclic)
    for edge in _cyclic(_required_edges(defs)):
        kind = defs[edge.target].get("type")
        edge.schema.clear()
        if kind is not None:
            edge.schema["type"] = kind
        edge.schema["description"] = f"recursive {edge.target}"


def _make_optional(edges: list[_Edge]) -> None:
    freed: dict[int, tuple[JSON, dict[str, None]]] = {}
    for edge in edges:
        if edge.holder is not None:
            freed.setdefault(id(edge.holder), (edge.holder, {}))[1][edge.prop] = None
    for holder, props in freed.values():
        holder["required"] = [name for name in holder["required"] if name not in props]
        if not holder["required"]:
            del holder["required"]
        hint = f"(always give: {', '.join(props)})"
        holder["description"] = f"{holder['description']} {hint}" if holder.get("description") else hint


def _required_edges(defs: dict[str, JSON]) -> list[_Edge]:
    """The references that are reached without passing an optional property."""
    return [edge for name, body in defs.items() for edge in _edges(body, name, None, "")]


def _edges(schema: JSON, source: str, holder: JSON | None, prop: str) -> Iterator[_Edge]:
    ref = schema.get("$ref")
    if ref is not None:
        yield _Edge(source, ref[len(PREFIX) :], schema, holder, prop)
        return
    required = frozenset(schema.get("required", ()))
    for name, inner in schema.get("properties", {}).items():
        if name in required:
            yield from _edges(inner, source, schema, name)
    for keyword in ("items", "additionalProperties"):
        inner = schema.get(keyword)
        if isinstance(inner, dict):
            yield from _edges(inner, source, holder, prop)
    for keyword in ("anyOf", "oneOf", "prefixItems"):
        for inner in schema.get(keyword, ()):
            yield from _edges(inner, source, holder, prop)


def _cyclic(edges: list[_Edge]) -> list[_Edge]:
    """The edges on cycles (and those between two cycles): the rest is trimmed off from both sides."""
    ends = [(edge.source, edge.target, edge) for edge in edges]
    ends = _leading_on(ends)
    return [edge for _, _, edge in _leading_on([(target, source, edge) for source, target, edge in ends])]


def _leading_on(ends: list[tuple[str, str, _Edge]]) -> list[tuple[str, str, _Edge]]:
    """Without the edges from whose end no walk goes on for ever."""
    leaving = Counter(start for start, _, _ in ends)
    arriving = defaultdict(list)
    for start, end, _ in ends:
        arriving[end].append(start)
    dead = [end for end in arriving if not leaving[end]]
    gone = set(dead)
    while dead:
        for start in arriving[dead.pop()]:
            leaving[start] -= 1
            if not leaving[start] and start not in gone:
                gone.add(start)
                dead.append(start)
    return [edge for edge in ends if edge[1] not in gone]
