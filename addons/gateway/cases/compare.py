"""Two exchanges, or two attempts, side by side: what was asked, answered, offered as tools, and how long it took.

Both sides of the translation are compared, each with the same side of the other exchange. Two clients that speak
different dialects differ everywhere; then Gemini's side tells what was meant otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from addons.gateway.cases.exchanges import TakenCall, TakenExchange, models_of, when_of
from mapping import dialects
from mapping.inspect.bodies import TOOLS
from mapping.inspect.compare.report import ComparedSection, Comparison, FactRow
from mapping.inspect.compare.values import ValueChange, changes
from mapping.inspect.printable import one_line
from mapping.inspect.transcript import elements, is_number, members, string
from mapping.values import JSON

_GEMINI = "generateContent"
"""The dialect of Gemini's side."""


def exchanges(before: TakenExchange, after: TakenExchange) -> Comparison:
    """Two exchanges; of the attempts at each call to Gemini the last is compared."""
    made = Comparison(_title(before), _title(after))
    made.sections += [
        _facts("outcome", _OUTCOME, before.record, after.record),
        _facts("times", _TIMES, before.record, after.record),
        _facts("tokens", _TOKENS, before.record, after.record),
        *_asked("the client's request", (before.endpoint, before.request), (after.endpoint, after.request)),
    ]
    first, second = ({call.part: call for call in taken.calls} for taken in (before, after))
    for part in sorted(first | second):
        told = f" (call {part + 1})" if part else ""
        if part in first and part in second:
            made.sections += _calls(first[part], second[part], told)
        else:
            made.sections.append(ComparedSection(f"Gemini's side{told}", remark=_only("was sent", part in first)))
    made.sections.append(_answered("the client's answer", before, after))
    made.sections = [section for section in made.sections if _says(section)]
    return made


def attempts(before: TakenCall, after: TakenCall) -> Comparison:
    """Two calls to Gemini."""
    made = Comparison(_attempt_title(before), _attempt_title(after))
    tables = [
        _facts(*facts, before.record, after.record) for facts in (("outcome", _ATTEMPT), ("times", _ATTEMPT_TIMES))
    ]
    sections = [*tables, *_calls(before, after)]
    made.sections = [section for section in sections if _says(section)]
    return made


def _says(section: ComparedSection) -> bool:
    """A table without rows says nothing; that a value is the same does."""
    return bool(section.rows) or section.name not in _TABLES


def _title(taken: TakenExchange) -> str:
    record = taken.record
    told = [
        taken.id,
        when_of(record.get("time")),
        f"{taken.method} {taken.path.partition('?')[0]}",
        models_of(record),
    ]
    return one_line(" · ".join(part for part in told if part))


def _attempt_title(call: TakenCall) -> str:
    record = call.record
    number, count = record.get("number"), record.get("count")
    return one_line(f"attempt {number}/{count} of {record.get('id')} · {record.get('account')}")


# --- facts

type _Read = Callable[[JSON], Any]
type _Facts = Sequence[tuple[str, _Read]]


def _named(*names: str) -> _Read:
    """A member, perhaps within others."""

    def read(record: JSON) -> Any:
        value: Any = record
        for name in names:
            value = members(value).get(name)
        return value

    return read


def _notes(record: JSON) -> str:
    return ", ".join(sorted({string(note[0]) for note in elements(record.get("notes")) if note}))


def _tries(record: JSON) -> str:
    return ", ".join(string(members(one).get("outcome")) for one in elements(record.get("attempts")))


def _waited(record: JSON) -> float | None:
    tries = elements(record.get("attempts"))
    return sum(members(one).get("waited") or 0.0 for one in tries) if tries else None


def _arrived(record: JSON) -> list[float]:
    """When pieces of the answer came or went, in seconds; without one at least, none is known."""
    return [pair[1] for pair in elements(record.get("arrived")) if isinstance(pair, list | tuple) and len(pair) == 2]


def _first_bytes(record: JSON) -> float | None:
    return next(iter(_arrived(record)), None)


def _longest_pause(record: JSON) -> float | None:
    """Between two pieces of a stream."""
    return max((later - earlier for earlier, later in pairwise(_arrived(record))), default=None)


_OUTCOME: _Facts = (
    ("status", _named("status")),
    ("error", _named("error")),
    ("message", _named("message")),
    ("finish", lambda record: ", ".join(map(string, record.get("finish") or ()))),
    ("model asked for", _named("client_model")),
    ("Gemini's model", _named("model")),
    ("account", _named("account")),
    ("attempts", _tries),
    ("streamed", lambda record: "yes" if record.get("streamed") else "no"),
    ("notes", _notes),
)
_ATTEMPT: _Facts = (
    ("outcome", _named("outcome")),
    ("account", _named("account")),
    ("upstream", _named("upstream")),
)
_ATTEMPT_TIMES: _Facts = (
    ("waited", _named("waited")),
    ("first bytes after", _first_bytes),
    ("longest pause", _longest_pause),
    ("took", _named("seconds")),
)
_TIMES: _Facts = (
    ("first chunk after", _named("first")),
    ("total", _named("total")),
    ("longest pause", _longest_pause),
    ("waited in all", _waited),
    *((f"attempt {at + 1} took", lambda record, at=at: _nth(record, at)) for at in range(3)),
)
_TOKENS: _Facts = tuple((name, _named("tokens", name)) for name in ("prompt", "cached", "completion", "reasoning"))
_TABLES = ("outcome", "times", "tokens")
_UNITS = {"times": " s", "tokens": ""}
"""What is counted in a table."""


def _nth(record: JSON, at: int) -> Any:
    tries = elements(record.get("attempts"))
    return members(tries[at]).get("seconds") if at < len(tries) else None


def _facts(name: str, facts: _Facts, before: JSON, after: JSON) -> ComparedSection:
    rows = []
    for fact, read in facts:
        first, second = read(before), read(after)
        unit = _UNITS.get(name)
        texts = _text(first, unit), _text(second, unit)
        if any(texts):
            rows.append(FactRow(fact, *texts, _about(first, second, unit)))
    return ComparedSection(name, rows=rows)


def _text(value: Any, unit: str | None) -> str:
    if not is_number(value):
        return one_line(string(value), 200)
    return f"{value:.2f}{unit}" if unit else f"{value:,}" if unit is not None else string(value)


def _about(first: Any, second: Any, unit: str | None) -> str:
    """How a number has changed, and that anything else has."""
    if (first or None) == (second or None):
        return ""
    if unit is None or not is_number(first) or not is_number(second):
        return "differs"
    by = f"{second - first:+.2f}{unit}" if unit else f"{second - first:+,}"
    return f"{by} ({second / first:.1f} x)" if first else by


# --- values

type _Request = tuple[str, Any]
"""The name of its dialect, and its value."""


def _calls(before: TakenCall, after: TakenCall, told: str = "") -> list[ComparedSection]:
    sections = _asked(f"Gemini's request{told}", (_GEMINI, before.request), (_GEMINI, after.request))
    return [*sections, _value(f"Gemini's answer{told}", _GEMINI, before.answer, after.answer)]


def _asked(name: str, before: _Request, after: _Request) -> list[ComparedSection]:
    """A request, and apart from it the tools that it offers."""
    main = _value(name, after[0], _without_tools(before[1]), _without_tools(after[1]))
    if before[0] != after[0]:
        main.remark = f"The clients speak different dialects here ({before[0]}, {after[0]})."
    first, second = _tools(*before), _tools(*after)
    if not first and not second:
        return [main]
    tools = _value(f"the tools of {name}", after[0], first, second)
    order, now = [one for one in first if one in second], [one for one in second if one in first]
    if order != now:
        tools.changes = [*tools.changes, ValueChange(("the order",), order, now)]
    return [main, tools]


def _without_tools(request: Any) -> Any:
    if not isinstance(request, dict):
        return request
    return {name: value for name, value in request.items() if name not in TOOLS}


def _tools(endpoint: str, request: Any) -> JSON:
    """The tools of a request by their names; of several with one name, the others by it and a number."""
    made: JSON = {}
    if isinstance(request, dict):
        for name, tool in dialects.bodies(endpoint, request).tools(request):
            made[f"{name} ({len(made) + 1})" if name in made else name] = tool
    return made


def _answered(name: str, before: TakenExchange, after: TakenExchange) -> ComparedSection:
    first = before.answer if before.answer is not None else before.text or None
    second = after.answer if after.answer is not None else after.text or None
    return _value(name, after.endpoint, first, second)


def _value(name: str, endpoint: str, before: Any, after: Any) -> ComparedSection:
    if before is None and after is None:
        return ComparedSection(name, remark="")
    if before is None or after is None:
        return ComparedSection(name, remark=_only("is here", before is not None))
    about = dialects.bodies(endpoint, after)
    return ComparedSection(name, changes=changes(before, after, about.passing))


def _only(what: str, first: bool) -> str:
    return f"Only that of the {'first' if first else 'second'} {what}."
