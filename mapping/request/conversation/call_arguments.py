"""The arguments of an earlier call, on their way back: a text at OpenAI, a JSON object at Gemini."""

from __future__ import annotations

from mapping import jsonio
from mapping.faults import bad_value, wrong_type
from mapping.notes import Notes
from mapping.values import JSON


def call_arguments(arguments: object, *, path: str, strict: bool, notes: Notes) -> JSON:
    """The `args` of a call from OpenAI's `arguments`, a string that should hold a JSON object.

    Nothing means no arguments. Other JSON goes under `value`, text that is not JSON under `input`, with a note; with
    `strict` both are refused. Raises Fault.
    """
    if arguments is None:
        return {}
    if isinstance(arguments, dict):
        return arguments
    if not isinstance(arguments, str):
        raise wrong_type(path, "a string", arguments)
    if not arguments or arguments.isspace():
        return {}
    try:
        value = jsonio.loads(arguments)
    except ValueError:
        wrapped: JSON = {"input": arguments}
    else:
        if isinstance(value, dict):
            return value
        wrapped = {"value": value}
    if strict:
        raise bad_value(path, f"Invalid '{path}': expected the text of a JSON object.")
    notes.add("arguments", path)
    return wrapped
