"""Which functions the demo calls, and with what arguments.

Rules of this module:

* Only declared functions are called, whatever the prompts tell of others.
* The user's text may say it: `call exec_command {"cmd": "date"}`, anywhere in it. Each is one step: the second is
  called when the result of the first has come. Without arguments they are made from the schema.
* Else the functions that the text names are called, else the first that changes nothing, and of these one that takes a
  command, a path or the like before others. Two at once when the text says "parallel".
* When the results are in and nothing is left to call, the loop of the agent ends: with a function that finishes
  (`final_result`, `attempt_completion`) where one is declared, else with a text. Where the mode is ANY, as with
  `tool_choice: "required"`, functions that were not called yet come before, and then each once more with all of its
  arguments; after `_MOST` steps of the turn, or with nothing new to call, it answers with a text. Gemini would call for
  ever, and so would the agent.
"""

from __future__ import annotations

import re
import secrets
from collections import Counter

from addons.demo.answer import examples, texts
from addons.demo.models import DemoModel
from addons.demo.request import rules, turns
from addons.demo.request.proto import JSON

_MOST = 3
"""Steps of a turn after which nothing is called that the text does not ask for."""
_FINISHING = frozenset(
    (
        *("answer", "attempt_completion", "complete", "complete_task", "done", "final", "final_answer", "final_output"),
        *("final_response", "final_result", "finish", "finish_task", "finished", "submit", "submit_answer"),
        *("submit_result", "task_complete", "task_completed", "task_done"),
    )
)
"""Names of functions that end an agent's turn, in snake case and without a namespace."""
_FILLER = 8
"""Characters of a model turn that merely stands between results and what is shown with them."""
_NAME = re.compile(r"[\w.:-]+")


def choose(request: JSON, model: DemoModel) -> list[JSON]:
    """The parts with the calls that answer a request; empty when it is answered otherwise."""
    calling = rules.calling(request)
    mode = calling.get("mode", "AUTO")
    allowed = calling.get("allowedFunctionNames")
    offered = {f["name"]: f for f in rules.functions(request) if not allowed or f["name"] in allowed}
    if not offered or mode == "NONE":
        return []
    turn = _turn(turns.joined(request["contents"]), offered)
    text = turns.text(turn[0]) if turn else ""
    made = [[call["name"] for call in turns.calls(content)] for content in turn if turns.calls(content)]
    asked = texts.steps(text, offered)
    if len(made) < len(asked):
        name, args = asked[len(made)]
        return [_call(model, name, examples.arguments(offered[name]) if args is None else args)]
    if made:
        return _go_on(offered, model, Counter(name for step in made for name in step), len(made), mode)
    said = texts.spoken(turns.texts(turn[0])) if turn else ""
    named = {form for word in _NAME.findall(said) for form in (word, word.rstrip(".:-"))}
    chosen = sorted(offered.values(), key=lambda f: (f["name"] not in named, *_last(f)))
    count = 2 if "parallel" in said.lower() else 1
    return [_call(model, f["name"], examples.arguments(f)) for f in (chosen * 2)[:count]]


def _go_on(offered: dict[str, JSON], model: DemoModel, made: Counter[str], steps: int, mode: str) -> list[JSON]:
    """The call after results, when the text asks for none; empty when the loop is to end with a text."""
    again = mode == "ANY"
    wanted = [f for f in offered.values() if made[f["name"]] < (2 if again else 1) and (again or _finishes(f))]
    if not wanted or steps >= _MOST:
        return []
    function = min(wanted, key=lambda f: (not _finishes(f), made[f["name"]], *_last(f)))
    args = examples.arguments(function, optional=bool(made[function["name"]]))
    return [_call(model, function["name"], args)]


def answered(contents: list[JSON]) -> JSON:
    """The content that is answered: the last, but for the notices of a client that come after it."""
    for content in reversed(contents):
        shown = any("text" not in part for part in content["parts"])
        if turns.role(content) == "user" and (shown or texts.spoken(turns.texts(content))):
            return content
    return contents[-1]


def _turn(contents: list[JSON], offered: dict[str, JSON]) -> list[JSON]:
    """The current turn: from what the user last asked.

    What a client shows after results (a picture, a reminder) begins no turn: nobody asked again. It stands right after
    the results, or behind a filler of the model's, and says nothing to call. Nor does a notice by itself, such as that
    a helper has come to its end.
    """
    start = turns.begin(contents)
    while start > 0 and _goes_on(contents, start) and not texts.steps(turns.text(contents[start]), offered):
        start = turns.begin(contents[: start - 1])
    return contents[max(start, 0) :]


def _goes_on(contents: list[JSON], at: int) -> bool:
    if not texts.spoken(turns.texts(contents[at])):
        return True
    before = contents[at - 1]
    if turns.role(before) == "model" and at > 1 and not turns.calls(before):
        before = contents[at - 2] if len(turns.text(before)) <= _FILLER else before
    return bool(turns.results(before))


def _last(function: JSON) -> tuple[bool, ...]:
    """What puts a function behind others when nobody says which to call."""
    return _finishes(function), examples.changes(function), not examples.familiar(function)


def _finishes(function: JSON) -> bool:
    """Whether a function ends an agent's turn, by its name."""
    return "_".join(examples.words(function["name"].rpartition("__")[2])) in _FINISHING


def _call(model: DemoModel, name: str, args: JSON) -> JSON:
    call: JSON = {"id": f"fc-{secrets.token_hex(6)}"} if model.new else {}
    call["name"] = name
    # Gemini 2.5 leaves empty arguments away.
    if args or model.new:
        call["args"] = args
    return {"functionCall": call}
