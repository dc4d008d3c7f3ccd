"""A request once more, without what the upstream refused in it.

Some models refuse members that others take: JSON Schema where they only know the older typed `Schema`, thinking
settings, log probabilities, penalties. The answer without them is better than none, and a note says what is missing.
"""

from __future__ import annotations

from collections.abc import Callable

from mapping.gemini import JSON
from mapping.notes import Notes
from mapping.openapi_schema import convert


def without_refused(body: JSON, field: str, notes: Notes, *, strict: bool = False) -> JSON | None:
    """The body without the member that `UpstreamError.field` names, or with an older form of it.

    None when there is nothing (more) to change; `strict`: also where something would be left out. The input stays as
    it is.
    """
    change = _OLDER_FORMS.get(field) or (None if strict else _LEFT_OUT.get(field))
    changed = change(body, notes) if change else None
    if changed is not None:
        notes.add("upstream-refuses", field)
    return changed


def _typed_parameters(body: JSON, notes: Notes) -> JSON | None:
    """Function parameters as typed `Schema`."""
    tools = body.get("tools") or []
    if not any("parametersJsonSchema" in d for tool in tools for d in tool.get("functionDeclarations", ())):
        return None
    return {**body, "tools": [_typed_tool(tool, notes) for tool in tools]}


def _typed_tool(tool: JSON, notes: Notes) -> JSON:
    declarations = tool.get("functionDeclarations")
    if declarations is None:
        return tool
    return {**tool, "functionDeclarations": [_typed_declaration(d, notes) for d in declarations]}


def _typed_declaration(declaration: JSON, notes: Notes) -> JSON:
    kept = {name: value for name, value in declaration.items() if name != "parametersJsonSchema"}
    if "parametersJsonSchema" in declaration:
        schema = convert(declaration["parametersJsonSchema"], notes, "tools", root_object=True)
        if schema is not None:
            kept["parameters"] = schema
    return kept


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


def _without(*names: str) -> Callable[[JSON, Notes], JSON | None]:
    def change(body: JSON, notes: Notes) -> JSON | None:
        config = body.get("generationConfig", {})
        kept = {name: value for name, value in config.items() if name not in names}
        return {**body, "generationConfig": kept} if len(kept) < len(config) else None

    return change


type _Change = Callable[[JSON, Notes], JSON | None]

_OLDER_FORMS: dict[str, _Change] = {
    "tools": _typed_parameters,
    "generationConfig.responseJsonSchema": _typed_response,
}
_LEFT_OUT: dict[str, _Change] = {
    "generationConfig.thinkingConfig": _without("thinkingConfig"),
    "generationConfig.responseLogprobs": _without("responseLogprobs", "logprobs"),
    "generationConfig.presencePenalty": _without("presencePenalty", "frequencyPenalty"),
}
