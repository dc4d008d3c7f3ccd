"""Which functions the demo calls, and with what arguments.

Rules of this module:

* The user's text may say it, in lines of their own: `call exec_command {"cmd": "date"}`. Each line is one step: the
  second is called when the result of the first has come. Without arguments they are made from the schema.
* Else the functions that the text names are called, else the first. Two at once when the text says "parallel".
* When the results are in and no line is left, nothing is called; unless the mode is ANY.
"""

from __future__ import annotations

import json
import re
import secrets
from typing import Any

from addons.demo import rules, schemas, turns
from addons.demo.models import Model
from addons.demo.proto import JSON

_LINE = re.compile(r"^call ([\w.:-]+)[ \t]*(\{.*\})?[ \t]*$", re.MULTILINE)


def choose(request: JSON, model: Model) -> list[JSON]:
    """The parts with the calls that answer a request; empty when it is answered otherwise."""
    calling = rules.calling(request)
    mode = calling.get("mode", "AUTO")
    allowed = calling.get("allowedFunctionNames")
    offered = {f["name"]: f for f in rules.functions(request) if not allowed or f["name"] in allowed}
    if not offered or mode == "NONE":
        return []
    text = turns.asked(request["contents"])
    lines = [(name, args) for name, args in _LINE.findall(text) if name in offered]
    step = turns.steps(request["contents"])
    if step < len(lines):
        name, args = lines[step]
        return [_call(offered[name], model, _arguments(args))]
    if step and mode != "ANY":
        return []
    named = [function for name, function in offered.items() if name in text]
    chosen = named + [function for function in offered.values() if function not in named]
    return [_call(function, model) for function in ((chosen * 2)[:2] if "parallel" in text else chosen[:1])]


def _arguments(text: str) -> JSON | None:
    """The arguments of a line; None when there are none, or no JSON."""
    try:
        args: Any = json.loads(text)
    except ValueError:
        return None
    return args if isinstance(args, dict) else None


def _call(function: JSON, model: Model, args: JSON | None = None) -> JSON:
    if args is None:
        args = schemas.example(function.get("parametersJsonSchema", function.get("parameters", {"type": "object"})))
    call: JSON = {"id": f"fc-{secrets.token_hex(6)}"} if model.new else {}
    call["name"] = function["name"]
    # Gemini 2.5 leaves empty arguments away.
    if args or model.new:
        call["args"] = args
    return {"functionCall": call}
