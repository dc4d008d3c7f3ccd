"""JSON Schema as OpenAI clients send it -> the subset that Gemini takes in `parametersJsonSchema` and
`responseJsonSchema`.

Rules kept here (keywords: Gemini API reference, `responseJsonSchema`):

* A keyword is a keyword only where a schema stands; under `properties` the same word is a parameter's name.
* What only constrains (`pattern`, `minLength`, an unknown `format`) moves into the description, for the model to read.
* What cannot be said is dropped so that the schema allows more, never less, and noted.
* A `$ref` stands alone and points to `#/$defs/`; with siblings it is replaced by what it means.
* Order stays as it came: it is the order in which the model writes.
* The result is never larger than the input by more than a bound, whatever the references do.

The result may share values with the input and with other results, so none may be changed.
"""

from __future__ import annotations

from collections import deque
from functools import lru_cache
from typing import Any

from mapping import faults, jsonio
from mapping.gemini.schema.schema_keywords import HANDLERS, SILENT
from mapping.gemini.schema.schema_merge import merge, nullable
from mapping.gemini.schema.schema_node import TYPES, Node, SchemaForm
from mapping.gemini.schema.schema_refs import PREFIX, RefTarget, Targets, break_cycles
from mapping.notes import Notes
from mapping.values import JSON

MAX_DEPTH = 32
"""Schemas inside schemas; what lies deeper is cut."""
MAX_NODES = 5000
"""Schemas in all; what comes later is cut."""
MAX_INLINED = 1 << 18
"""Bytes of referenced schemas that may be copied to where they are used; after that references stay references."""

_REMEMBERED_SIZE = 1 << 15
"""Bytes; larger schemas are not remembered."""

JSON_SCHEMA = SchemaForm(keep=frozenset(), string_formats=frozenset({"date-time", "date", "time"}))

_COMPOSING = frozenset({"allOf", "$ref", "$dynamicRef", "$recursiveRef"})
_NOTED_BESIDE_REFERENCE = frozenset({"default", "examples", "example"})
_FORGOTTEN_BESIDE_REFERENCE = frozenset({*SILENT, *_NOTED_BESIDE_REFERENCE, "title"})
_BESIDE_RECURSION = _FORGOTTEN_BESIDE_REFERENCE | {"description", "type"}


def clean(schema: Any, notes: Notes, path: str, *, root_object: bool = False) -> JSON | None:
    """The schema as Gemini takes it in its JSON Schema members, or None when it says nothing (omit the member).

    `path` is where the client sent it (`tools[0].function.parameters`). `root_object` is for the parameters of a
    function: the root is made an object, and one without properties says nothing.
    Raises Fault (400) when a schema is no object.
    """
    if isinstance(schema, dict):
        try:
            data = jsonio.dumps(schema)
            if len(data) <= _REMEMBERED_SIZE:
                cleaned, found = _remembered(data, root_object)
                for code, detail in found:
                    notes.add(code, detail)
                return cleaned
        except (faults.Fault, RecursionError):
            pass  # again, for an error that names the path
    return normalise(schema, notes, path, JSON_SCHEMA, root_object=root_object)


@lru_cache(maxsize=256)
def _remembered(data: bytes, root_object: bool) -> tuple[JSON | None, tuple[tuple[str, str], ...]]:
    """Agents send the same tools with every request: looking one up is twenty times cheaper than cleaning it."""
    notes = Notes()
    return normalise(jsonio.loads(data), notes, "", JSON_SCHEMA, root_object=root_object), tuple(notes)


def normalise(schema: Any, notes: Notes, path: str, dialect: SchemaForm, *, root_object: bool = False) -> JSON | None:
    """`clean` for a dialect: they differ in the constraints that are kept."""
    if schema is None or schema is True:
        return None
    if schema is False:
        raise faults.bad_value(path, f"Invalid value for '{path}': the schema false allows no value at all.")
    if not isinstance(schema, dict):
        raise faults.wrong_type(path, "an object", schema)
    cleaned = _Cleaner(schema, notes, path, dialect).run()
    if root_object:
        cleaned = _as_parameters(cleaned, notes)
    return cleaned or None


def _as_parameters(schema: JSON, notes: Notes) -> JSON:
    """The root of a function's parameters: an object, or {} when there is nothing to pass."""
    kind = schema.get("type", "object")
    if kind != "object":
        notes.add("schema", "type")
        if not isinstance(kind, list) or "object" not in kind:
            return {}
    if not (schema.get("properties") or "anyOf" in schema or "oneOf" in schema or schema.get("additionalProperties")):
        return {}
    if schema.get("additionalProperties") is True and schema.keys() <= {"type", "additionalProperties", "properties"}:
        return {}
    return {**schema, "type": "object"} if "type" in schema else {"type": "object", **schema}


class _Cleaner:
    """The walk through one document."""

    def __init__(self, root: JSON, notes: Notes, path: str, dialect: SchemaForm) -> None:
        self.notes = notes
        self.dialect = dialect
        self._document = root
        self._root = Node(root, None, "", None, 0)
        self._path = path
        self._targets = Targets(root)
        self._scopes: dict[int, Node] = {}
        self._waiting: deque[tuple[str, RefTarget]] = deque()
        self._inlining: set[int] = set()
        """The targets that are being copied to where they are used."""
        self._inlined = 0
        self._nodes = 0

    def run(self) -> JSON:
        """The cleaned document; the definitions in use come last, in the order of their first use."""
        out = self._node(self._root)
        defs: dict[str, JSON] = {}
        while self._waiting:
            name, target = self._waiting.popleft()
            self._nodes += 1
            self._inlining = {id(target.value)}
            defs[name] = self._node(Node(target.value, self._scopes[id(target.value)], target.path, None, 0))
        if defs:
            break_cycles(defs, self.notes)
            out["$defs"] = defs
        return out

    def schema(self, raw: Any, parent: Node, step: str, name: str | int | None = None) -> JSON | None:
        """A schema below `parent`, cleaned; None for `false`, which allows nothing."""
        if raw is None or raw is True:
            return {}
        if raw is False:
            return None
        if not isinstance(raw, dict):
            raise faults.wrong_type(self.where(parent, step, name), "an object", raw)
        self._nodes += 1
        if parent.depth >= MAX_DEPTH or self._nodes > MAX_NODES:
            self.notes.add("schema-cut", "depth" if parent.depth >= MAX_DEPTH else "size")
            return _stub(raw)
        return self._node(Node(raw, parent, step, name, parent.depth + 1))

    def where(self, node: Node, step: str = "", name: str | int | None = None) -> str:
        """The path of a schema in the client's request."""
        steps = [(step, name)]
        at: Node | None = node
        while at is not None:
            steps.append((at.step, at.name))
            at = at.parent
        path = self._path
        for step, name in reversed(steps):
            path += f".{step}" if step else ""
            path += "" if name is None else f"[{name}]" if isinstance(name, int) else f".{name}"
        return path

    def _node(self, node: Node) -> JSON:
        return self._fill(node) if node.raw.keys().isdisjoint(_COMPOSING) else self._compose(node)

    def _fill(self, node: Node) -> JSON:
        """Every keyword to its handler, then what has to see them all."""
        for key, value in node.raw.items():
            if value is None and key != "const":
                continue
            handler = HANDLERS.get(key)
            if handler is not None:
                handler(self, node, key, value)
            else:
                node.drop(self.notes, key, value)
        if node.stray is not None:
            self._adopt(node, node.stray)
        if "required" in node.out or node.hoisted is not None:
            self._require(node)
        out = node.out
        if "properties" in out and "type" not in out:
            out = {"type": "object", **out}
        if node.nullable:
            out = nullable(out)
        if node.hints is not None:
            hint = f"(constraint: {'; '.join(node.hints)})"
            out["description"] = f"{out['description']} {hint}" if out.get("description") else hint
        return out

    def _adopt(self, node: Node, stray: JSON) -> None:
        """Some MCP servers leave out `properties` and put the parameters where keywords belong."""
        if "properties" in node.out or node.out.get("type", "object") != "object":
            for key in stray:
                self.notes.add("schema", key[:40])
        else:
            self.notes.add("schema", "properties")
            HANDLERS["properties"](self, node, "properties", stray)

    def _require(self, node: Node) -> None:
        """`required` may name only what is in `properties`."""
        properties = node.out.get("properties", {})
        asked = node.out.get("required", [])
        names = [name for name in asked if isinstance(name, str) and name in properties]
        if len(names) < len(asked):
            self.notes.add("schema", "required")
        names = list(dict.fromkeys((*names, *(node.hoisted or ()))))
        if names:
            node.out["required"] = names
        else:
            del node.out["required"]

    def _compose(self, node: Node) -> JSON:
        """A schema with a reference or `allOf`: what it means without them, or the reference alone."""
        ref = None if node is self._root else _sole_reference(node.raw)
        if ref is not None:
            for key in node.raw.keys() & _NOTED_BESIDE_REFERENCE:
                if node.raw[key] is not None:
                    self.notes.add("schema", key)
            target = self._find(node, ref)
            if target is None:
                return _described(node.raw)
            return self._refer(target) if isinstance(target.value, dict) else {}
        parts: list[JSON] = []
        kept: list[RefTarget] = []
        entered: set[int] = set()
        self._flatten(node, node.raw, node.depth, parts, kept, entered)
        if kept:
            self.notes.add("schema-cut", "$ref")
        if kept and node is not self._root and all(part.keys() <= _BESIDE_RECURSION for part in parts):
            out = self._refer(kept[0])
        else:
            node.raw, lost = merge(parts) if parts else ({}, [])
            for key in lost:
                self.notes.add("schema", key[:40])
            out = self._fill(node)
        self._inlining -= entered
        return out

    def _flatten(
        self, node: Node, raw: JSON, depth: int, parts: list[JSON], kept: list[RefTarget], entered: set[int]
    ) -> None:
        """Collect into `parts` what `raw` means without references and `allOf`; into `kept` what must stay a reference,
        because it is recursive or too large; into `entered` what `parts` were copied from."""
        self._nodes += 1
        if depth > MAX_DEPTH or self._nodes > MAX_NODES:
            self.notes.add("schema-cut", "depth" if depth > MAX_DEPTH else "size")
            return
        own = {key: value for key, value in raw.items() if key not in _COMPOSING}
        if own:
            parts.append(own)
        ref = _reference(raw)
        if isinstance(ref, str):
            target = self._find(node, ref)
            key = id(target.value) if target else 0
            if target is None:
                pass
            elif isinstance(target.value, dict) and key not in entered:
                if key in self._inlining or not self._affords(target.value):
                    kept.append(target)
                else:
                    self._inlining.add(key)
                    entered.add(key)
                    self._flatten(node, target.value, depth + 1, parts, kept, entered)
        elif ref is not None:
            self.notes.add("schema", "$ref")
        branches = raw.get("allOf") or []
        if not isinstance(branches, list):
            self.notes.add("schema", "allOf")
            return
        for index, branch in enumerate(branches):
            if isinstance(branch, dict):
                self._flatten(node, branch, depth + 1, parts, kept, entered)
            elif branch is not None and not isinstance(branch, bool):
                raise faults.wrong_type(self.where(node, "allOf", index), "an object", branch)

    def _affords(self, target: JSON) -> bool:
        """Whether one more copy of `target` stays within the bound."""
        if self._inlined <= MAX_INLINED:
            try:
                self._inlined += len(jsonio.dumps(target))
            except RecursionError:
                return False
        return self._inlined <= MAX_INLINED

    def _find(self, node: Node, ref: str) -> RefTarget | None:
        """The target below the root, else below an enclosing schema: whole documents are pasted into others.

        None, with a note, for a reference that leads to nothing inside the document: anything may stand there.
        """
        target = self._targets.find(ref, self._document)
        scope: Node | None = self._root if target else node
        while target is None and scope is not None:
            if not scope.raw.keys().isdisjoint(("$defs", "definitions")):
                target = self._targets.find(ref, scope.raw)
            if target is None:
                scope = scope.parent
        if target is None or scope is None:
            self.notes.add("schema", "$ref")
            return None
        self._scopes.setdefault(id(target.value), scope)
        return target

    def _refer(self, target: RefTarget) -> JSON:
        name, new = self._targets.name(target)
        if new:
            self._waiting.append((name, target))
        return {"$ref": PREFIX + name}


def _reference(raw: JSON) -> Any:
    for keyword in ("$ref", "$dynamicRef", "$recursiveRef"):
        if raw.get(keyword) is not None:
            return raw[keyword]
    return None


def _sole_reference(raw: JSON) -> str | None:
    """The reference, when the schema says nothing else; also when it is the only branch of an `allOf`."""
    for _ in range(MAX_DEPTH):
        telling = [key for key, value in raw.items() if value is not None and not _forgotten(key)]
        ref = _reference(raw)
        if len(telling) != 1:
            return None
        if ref is not None:
            return ref if isinstance(ref, str) else None
        branches = raw.get("allOf")
        if not isinstance(branches, list) or len(branches) != 1 or not isinstance(branches[0], dict):
            return None
        raw = branches[0]
    return None


def _described(raw: JSON) -> JSON:
    """What is left of a schema whose reference leads nowhere: what it says beside it."""
    description = raw.get("description")
    return {"description": description} if isinstance(description, str) else {}


def _forgotten(key: str) -> bool:
    return key in _FORGOTTEN_BESIDE_REFERENCE or key.startswith("x-")


def _stub(raw: JSON) -> JSON:
    """What is left of a schema that is cut: its type and description."""
    kind = raw.get("type")
    out: JSON = {"type": kind} if isinstance(kind, str) and kind in TYPES else {}
    if isinstance(raw.get("description"), str):
        out["description"] = raw["description"]
    return out
