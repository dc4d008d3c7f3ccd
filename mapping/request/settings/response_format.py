"""JSON answers: `response_format` of chat, `text.format` of the Responses API -> `responseJsonSchema`.

Chat nests name, schema and description under `json_schema`; the Responses API has them flat. Both are read into one
`ResponseFormat`. Gemini always keeps to a schema that it is given, so `strict` has nothing to switch.

Models before Gemini 3 refuse a JSON mime type beside tools. They are asked for JSON by a sentence instead
(`mapping.request.tools.tools.ToolSet.json_mode` says when), which the caller adds to the system instruction.

Sources: the OpenAI API reference (`ResponseFormatJsonSchema`, `TextResponseFormatConfiguration`) and the Gemini API
reference (`GenerationConfig`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from mapping import faults, jsonio
from mapping.gemini.schema.schema import clean
from mapping.notes import Notes
from mapping.request.settings import parameters
from mapping.values import JSON, Options

type JsonMode = Literal["native", "prompt", "unneeded"]
"""How a JSON answer is had: by `responseMimeType`, by a sentence, or not at all because a call is forced anyway."""

_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class ResponseFormat:
    """The form of an answer that is not plain text."""

    mime: str
    """Usually `application/json`; any other MIME type is Google's extension."""
    path: str
    """The parameter that asked for it."""
    schema: JSON | None = None
    """The cleaned schema; None: any JSON."""

    def config(self) -> JSON:
        """The members of `generationConfig`."""
        config: JSON = {"responseMimeType": self.mime}
        if self.schema is not None:
            config["responseJsonSchema"] = self.schema
        return config

    def sentence(self) -> str:
        """The sentence that asks for the same in a system instruction."""
        if self.schema is None:
            return f"Answer only with {_named(self.mime)}, without Markdown fences."
        schema = jsonio.dumps(self.schema).decode()
        return f"Answer only with JSON that matches this JSON Schema, without Markdown fences:\n{schema}"


def read_response_format(value: Any, notes: Notes, path: str = "response_format") -> ResponseFormat | None:
    """Read chat's `response_format`, where a schema stands under `json_schema`. None: plain text.

    Raises 400 for wrong types, an unknown `type`, or a schema without a name.
    """
    return _read(value, notes, path, nested=True)


def read_text_format(value: Any, notes: Notes, path: str = "text.format") -> ResponseFormat | None:
    """Read `text.format` of the Responses API, where name and schema stand beside `type`. None: plain text."""
    return _read(value, notes, path, nested=False)


def place_response_format(
    form: ResponseFormat | None, mode: JsonMode, config: JSON, notes: Notes, options: Options
) -> str | None:
    """Write the form into `config` (a `generationConfig` being built), or return the sentence that asks for it.

    `mode` is `ToolSet.json_mode`. Raises 400 `unsupported_parameter` when a sentence would have to do and the
    settings are strict.
    """
    if form is None or mode == "unneeded":
        return None
    if mode == "native":
        config.update(form.config())
        return None
    parameters.leave_out(form.path, notes, options, "json-by-prompt")
    return form.sentence()


def _read(value: Any, notes: Notes, path: str, *, nested: bool) -> ResponseFormat | None:
    form = parameters.json_object(value, path)
    if form is None:
        return None
    kind = parameters.string(form.get("type"), f"{path}.type")
    if kind is None:
        raise faults.missing(f"{path}.type")
    if kind == "text":
        return None
    if kind == "json_object":
        return _with_own_schema(form, notes, path)
    if kind == "json_schema":
        return _with_schema(form, notes, path, nested=nested)
    if "/" in kind:
        return None if kind == "text/plain" else ResponseFormat(kind, path)
    raise faults.bad_value(
        f"{path}.type", f"Invalid value: '{kind}'. Supported values are: 'json_object', 'json_schema' and 'text'."
    )


def _with_own_schema(form: JSON, notes: Notes, path: str) -> ResponseFormat:
    """`json_object`, at some servers with a `schema` beside it."""
    parameters.note_unknown(form, path, ("type", "schema"), notes)
    schema = parameters.json_object(form.get("schema"), f"{path}.schema")
    return ResponseFormat(_JSON, path, None if schema is None else clean(schema, notes, f"{path}.schema"))


def _with_schema(form: JSON, notes: Notes, path: str, *, nested: bool) -> ResponseFormat:
    inner = form
    where = path
    if nested:
        where = f"{path}.json_schema"
        found = parameters.json_object(form.get("json_schema"), where)
        if found is None:
            raise faults.missing(where)
        inner = found
    if parameters.string(inner.get("name"), f"{where}.name") is None:
        raise faults.missing(f"{where}.name")
    parameters.boolean(inner.get("strict"), f"{where}.strict")
    description = parameters.string(inner.get("description"), f"{where}.description")
    schema = parameters.json_object(inner.get("schema"), f"{where}.schema")
    cleaned = None if schema is None else clean(schema, notes, f"{where}.schema")
    if cleaned and description and "description" not in cleaned and "$ref" not in cleaned:
        cleaned = {**cleaned, "description": description}
    return ResponseFormat(_JSON, path, cleaned)


def _named(mime: str) -> str:
    return "one JSON object" if mime == _JSON else mime
