"""A request once more, without what the upstream refused in it, or with another form of it.

Some models refuse what others take: JSON Schema where they only know the older typed `Schema`, schemas of more states
than they can serve, several candidates, a turn of the model's at the end, tools beside JSON. An answer to less than was
asked for is better than none, and a note says what was done.

Rules of this module:

* What to do about a refusal is a row of `LADDERS`: of its steps, in order, the first that changes the body counts.
* A step never changes a body twice, so asking again comes to an end.
* `strict` settings forbid the steps that leave something out; another form of the same is allowed.
* Of a body of countTokens it is the request inside that is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mapping.gemini.schema.openapi_schema import convert
from mapping.gemini.schema.schema_loose import loosened
from mapping.notes import Notes
from mapping.request.conversation.turns import CONTINUE
from mapping.request.settings.response_format import ResponseFormat
from mapping.values import COUNTED, JSON

UNSAID = "request"
"""The field of a refusal that does not say what it is about."""
TOOLS = "tools"
"""The field of a refusal of function declarations."""
CANDIDATES = "generationConfig.candidateCount"

type _Change = Callable[[JSON, Notes], JSON | None]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that can be done about a refusal."""

    change: _Change
    """Gives the changed body, or None where there is nothing to change. The input stays as it is."""
    told: str
    """The detail of the note."""
    lossy: bool = False
    """Something that the client asked for is not in the request any more."""


def without_refused(
    body: JSON, field: str, notes: Notes, *, strict: bool = False, tool: int | str | None = None
) -> JSON | None:
    """The body without the member that `UpstreamError.field` names, or with another form of it.

    `tool`: the refusal is about this function declaration alone, by its index or name. None when there is nothing
    (more) to change; `strict`: also where something would be left out. The input stays as it is.
    """
    if (inside := body.get(COUNTED)) is not None:
        changed = without_refused(inside, field, notes, strict=strict, tool=tool)
        return None if changed is None else {**body, COUNTED: changed}
    if field == TOOLS and tool is not None:
        changed = _typed_one(body, tool, notes)
        if changed is not None:
            return changed
    for step in LADDERS.get(field, ()):
        if strict and step.lossy:
            continue
        changed = step.change(body, notes)
        if changed is not None:
            notes.add("upstream-refuses", step.told)
            return changed
    return None


def with_typed(body: JSON, indices: Sequence[int], notes: Notes) -> JSON:
    """The body with the older form of schema for these function declarations, which are known to be refused otherwise.

    The notes are those of a refusal. The input stays as it is.
    """
    if (inside := body.get(COUNTED)) is not None:
        return {**body, COUNTED: with_typed(inside, indices, notes)}
    first = [index for index, form in enumerate(declarations(body)) if "parametersJsonSchema" in form]
    if len(first) > 1 and set(first) <= set(indices):
        return without_refused(body, TOOLS, notes) or body
    for index in indices:
        body = _typed_one(body, index, notes) or body
    return body


def refused_forms(before: JSON, after: JSON) -> list[JSON]:
    """The function declarations that stand in another form in the mended body."""
    return [old for old, new in zip(declarations(before), declarations(after), strict=True) if old != new]


def declarations(body: JSON) -> list[JSON]:
    """The function declarations of a request."""
    return [
        form for tool in body.get(COUNTED, body).get("tools") or () for form in tool.get("functionDeclarations", ())
    ]


# --- tools


def _typed_parameters(body: JSON, notes: Notes, only: int | str | None = None) -> JSON | None:
    """Function parameters as typed `Schema`: all, or those of one declaration."""

    def change(index: int, declaration: JSON) -> JSON:
        if "parametersJsonSchema" not in declaration or only not in (None, index, declaration["name"]):
            return declaration
        kept = {name: value for name, value in declaration.items() if name != "parametersJsonSchema"}
        schema = convert(declaration["parametersJsonSchema"], notes, "tools", root_object=True)
        return kept if schema is None else {**kept, "parameters": schema}

    return _with_declarations(body, change)


def _typed_one(body: JSON, tool: int | str, notes: Notes) -> JSON | None:
    """One declaration with typed parameters, and the note of it; None when there is nothing to change."""
    changed = _typed_parameters(body, notes, tool)
    if changed is not None:
        notes.add("upstream-refuses", f"{_name_of(body, tool)} (older form of schema)")
    return changed


def _name_of(body: JSON, tool: int | str) -> str:
    """The name of a function declaration that is given by index or name."""
    declared = [form["name"] for form in declarations(body)]
    return str(declared[tool]) if isinstance(tool, int) and tool < len(declared) else str(tool)


def _with_declarations(body: JSON, change: Callable[[int, JSON], JSON]) -> JSON | None:
    """The body with changed function declarations; None when none of them changes."""
    tools: list[JSON] = []
    changed = False
    for tool in body.get("tools") or []:
        declarations = tool.get("functionDeclarations")
        if declarations is not None:
            made = [change(index, declaration) for index, declaration in enumerate(declarations)]
            changed = changed or any(new is not old for new, old in zip(made, declarations, strict=True))
            tool = {**tool, "functionDeclarations": made}
        tools.append(tool)
    return {**body, "tools": tools} if changed else None


def _loose_parameters(body: JSON, notes: Notes) -> JSON | None:
    return _with_declarations(body, lambda index, declaration: _loose_member(declaration, _PARAMETERS, notes))


def _loose_if_forced(body: JSON, notes: Notes) -> JSON | None:
    """Loose schemas where a call is forced: Gemini refuses many long lists of values then, and does not say so."""
    calling = (body.get("toolConfig") or {}).get("functionCallingConfig") or {}
    return _loose_parameters(body, notes) if calling.get("mode") in ("ANY", "VALIDATED") else None


def _loose_member(holder: JSON, names: tuple[str, ...], notes: Notes) -> JSON:
    """With loosened schemas under these names; the same object when there is nothing to loosen."""
    for name in names:
        if isinstance(schema := holder.get(name), dict):
            loose = loosened(schema, notes)
            if loose != schema:
                return {**holder, name: loose}
    return holder


def _unchecked_calls(body: JSON, notes: Notes) -> JSON | None:
    """Mode AUTO for VALIDATED, where that does not restrict which tools may be called."""
    config = body.get("toolConfig") or {}
    calling = config.get("functionCallingConfig") or {}
    if calling.get("mode") != "VALIDATED" or "allowedFunctionNames" in calling or _has_google_tools(body):
        return None
    kept = {name: value for name, value in config.items() if name != "functionCallingConfig"}
    return _with(body, "toolConfig", kept)


def _functions_only(body: JSON, notes: Notes) -> JSON | None:
    """Without Google's own tools beside functions."""
    if not (_has_google_tools(body) and _has_functions(body)):
        return None
    config = {k: v for k, v in (body.get("toolConfig") or {}).items() if k != "includeServerSideToolInvocations"}
    tools = [tool for tool in body["tools"] if "functionDeclarations" in tool]
    return _with({**body, "tools": tools}, "toolConfig", config)


def _has_functions(body: JSON) -> bool:
    return any("functionDeclarations" in tool for tool in body.get("tools") or ())


def _has_google_tools(body: JSON) -> bool:
    return any("functionDeclarations" not in tool for tool in body.get("tools") or ())


# --- generationConfig


def _typed_response(body: JSON, notes: Notes) -> JSON | None:
    """The response schema as typed `Schema`."""
    config = body.get("generationConfig", {})
    if "responseJsonSchema" not in config:
        return None
    kept = {name: value for name, value in config.items() if name != "responseJsonSchema"}
    schema = convert(config["responseJsonSchema"], notes, "response_format")
    if schema is not None:
        kept["responseSchema"] = schema
    return {**body, "generationConfig": kept}


def _loose_schemas(body: JSON, notes: Notes) -> JSON | None:
    """All schemas without bounds of arrays and without enums."""
    loose = _loose_parameters(body, notes) or body
    config = body.get("generationConfig", {})
    response = _loose_member(config, _RESPONSE, notes)
    if response is not config:
        loose = {**loose, "generationConfig": response}
    return None if loose is body else loose


def _described_response(body: JSON, notes: Notes) -> JSON | None:
    """JSON, but the schema in a sentence."""
    config = body.get("generationConfig", {})
    schema = next((config[name] for name in _RESPONSE if name in config), None)
    if schema is None:
        return None
    kept = {name: value for name, value in config.items() if name not in _RESPONSE}
    return _instructed({**body, "generationConfig": kept}, ResponseFormat("application/json", "", schema).sentence())


def _json_by_sentence(body: JSON, notes: Notes) -> JSON | None:
    """Another form of answer than text asked for by a sentence only, where there are tools."""
    config = body.get("generationConfig", {})
    mime = config.get("responseMimeType")
    if mime is None or not body.get("tools"):
        return None
    schema = next((config[name] for name in _RESPONSE if name in config), None)
    kept = {name: value for name, value in config.items() if name not in ("responseMimeType", *_RESPONSE)}
    made = _with(body, "generationConfig", kept)
    return _instructed(made, ResponseFormat(mime, "", schema).sentence())


def _instructed(body: JSON, sentence: str) -> JSON:
    """With one more sentence in the system instruction."""
    system = body.get("systemInstruction") or {}
    return {**body, "systemInstruction": {**system, "parts": [*system.get("parts", ()), {"text": sentence}]}}


def _without(*names: str) -> _Change:
    def change(body: JSON, notes: Notes) -> JSON | None:
        config = body.get("generationConfig", {})
        kept = {name: value for name, value in config.items() if name not in names}
        return {**body, "generationConfig": kept} if len(kept) < len(config) else None

    return change


def _with(body: JSON, name: str, value: JSON) -> JSON:
    """With a member, or without it when it is empty."""
    return {**body, name: value} if value else {k: v for k, v in body.items() if k != name}


# --- contents


def _user_last(body: JSON, notes: Notes) -> JSON | None:
    """A turn of the user's behind one of the model's that the model is to go on with."""
    contents: list[Any] = body.get("contents") or []
    if not contents or contents[-1].get("role") != "model":
        return None
    return {**body, "contents": [*contents, {"role": "user", "parts": [{"text": CONTINUE}]}]}


_PARAMETERS = ("parametersJsonSchema", "parameters")
_RESPONSE = ("responseJsonSchema", "responseSchema")

_AUTO = Step(_unchecked_calls, "toolConfig (mode AUTO)")
_LOOSE = Step(_loose_schemas, "schemas (without bounds of arrays and enums)")
_LOOSE_CALLS = Step(_loose_if_forced, "tools (without bounds of arrays and enums)")
_TYPED_TOOLS = Step(_typed_parameters, "tools (older form of schema)")
_DESCRIBED = Step(_described_response, "generationConfig.responseJsonSchema (by a sentence)", lossy=True)
_ONE_CANDIDATE = Step(_without("candidateCount"), f"{CANDIDATES} (several calls)")
_GO_ON = Step(_user_last, "contents (a turn that asks to go on)")
_JSON_ASKED = Step(_json_by_sentence, "generationConfig.responseMimeType (by a sentence)", lossy=True)
_NO_GOOGLE = Step(_functions_only, "tools of Google's beside functions", lossy=True)


def _left_out(*names: str) -> tuple[Step, ...]:
    return (Step(_without(*names), f"generationConfig.{names[0]}", lossy=True),)


LADDERS: dict[str, tuple[Step, ...]] = {
    TOOLS: (_TYPED_TOOLS,),
    "schemas": (_AUTO, _LOOSE, _DESCRIBED, _TYPED_TOOLS),
    "generationConfig.responseJsonSchema": (
        Step(_typed_response, "generationConfig.responseJsonSchema (older form of schema)"),
        _DESCRIBED,
    ),
    "generationConfig.responseJsonSchema.depth": (_DESCRIBED,),
    "generationConfig.responseMimeType": (_JSON_ASKED,),
    CANDIDATES: (_ONE_CANDIDATE,),
    "generationConfig.thinkingConfig": _left_out("thinkingConfig"),
    "generationConfig.responseLogprobs": _left_out("responseLogprobs", "logprobs"),
    "generationConfig.presencePenalty": _left_out("presencePenalty", "frequencyPenalty"),
    "generationConfig.temperature": _left_out("temperature", "topP", "topK"),
    "contents": (_GO_ON,),
    "tools.google": (_NO_GOOGLE,),
    UNSAID: (_AUTO, _LOOSE_CALLS, _JSON_ASKED, _NO_GOOGLE, _ONE_CANDIDATE, _GO_ON),
}
"""`UpstreamError.field` -> what can be done, the least loss first; for `UNSAID` the likeliest first."""
