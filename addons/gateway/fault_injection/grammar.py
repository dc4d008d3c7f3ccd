"""How a fault is ordered, as text: in the header `X-Antigravity-Fault`, in the settings, and in a command.

    429;retry-after=2                 each request gets it
    429;retry-after=2, ok             the first request gets it, those after it are served as always
    ok, cut;after=3, ok               the second one gets it
    delay;seconds=1 + 503             both on one request

* A text is a list of turns, separated by commas: the first request gets the first one, the next request the second,
  and so on; the last one stays for all that follow. `ok` is a turn without a fault.
* A turn is one fault, or several that are joined by `+`.
* A fault is its kind, and after it options, each behind a semicolon. Which there are is in `KINDS`; a kind of three
  digits is an HTTP status from 400 to 599.
* Numbers are decimal. Times are seconds, or what the settings take for a time (`500ms`).
* `id=...` may stand with any fault and does nothing: it makes a list a list of its own (see `sources`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from mapping import durations

OK = "ok"
STATUS = "status"
"""What the kinds of three digits are in `KINDS`."""
LONGEST = 1000
"""Characters of an order."""
MOST_TURNS = 100


class OrderError(ValueError):
    """A text that orders no fault. The message says what is wrong with it, and what would do."""


@dataclass(frozen=True, slots=True)
class KindOfFault:
    """One kind of fault."""

    says: str
    """What happens, in a few words."""
    options: Mapping[str, float | None] = field(default_factory=dict)
    """The names of its numbers -> what is taken where one is not given; None: it does nothing then."""
    words: Mapping[str, str] = field(default_factory=dict)
    """The names of its other options -> the only value that each takes."""


_WHOLE = {"after": range(1_000_000), "status": range(400, 600)}
"""Options that are whole numbers."""
_AFTER = {"after": 3.0}
_WAIT = {"seconds": 5.0}

KINDS: Mapping[str, KindOfFault] = {
    STATUS: KindOfFault("an HTTP error, in place of an answer", {"retry-after": None}, {"quota": "day"}),
    "delay": KindOfFault("nothing comes for so long; then all goes on", _WAIT),
    "slow": KindOfFault("so long between two events of a stream; once, before a whole answer", {"seconds": 0.5}),
    "stall": KindOfFault("so long after so many events of a stream, once", {**_AFTER, **_WAIT}),
    "cut": KindOfFault("the connection is torn after so many events, or in the middle of a whole answer", _AFTER),
    "cut-call": KindOfFault("the connection is torn in the middle of the first tool call"),
    "error": KindOfFault(
        "an error event after so many events of a stream; an HTTP error after a whole answer was made",
        {**_AFTER, "status": 500.0},
    ),
    "error-call": KindOfFault("an error event in the middle of the first tool call", {"status": 500.0}),
    "arguments": KindOfFault("the arguments of tool calls are cut, and the answer goes on as if they were complete"),
    "empty": KindOfFault("an answer without any content"),
    "filter": KindOfFault("Gemini's content filter has stopped the answer"),
    "usage": KindOfFault("the counts of tokens are so many times as high", {"times": 10.0}),
}
"""The kinds of faults, and the options of each."""

TORN = ("cut", "cut-call")
CUT = (*TORN, "error", "error-call")
"""The faults that end an answer before its end."""
CALLS = ("arguments", "cut-call", "error-call")
"""The faults of tool calls."""


@dataclass(frozen=True, slots=True)
class OrderedFault:
    """One fault of a turn."""

    kind: str
    """A key of `KINDS`."""
    status: int = 0
    """Of the kind `STATUS`."""
    numbers: Mapping[str, float] = field(default_factory=dict)
    """The options that count, those that were not given too."""
    day: bool = False
    """`quota=day`."""

    @property
    def shown(self) -> str:
        """The same as text, as it would be ordered."""
        options = [f"{name}={number:g}" for name, number in self.numbers.items()]
        return ";".join([str(self.status or self.kind), *options, *(["quota=day"] if self.day else [])])


type FaultTurn = tuple[OrderedFault, ...]
"""The faults of one request; none: it is served as always."""


def parse(text: str) -> tuple[FaultTurn, ...]:
    """The turns that a text orders, one at least. Raises OrderError."""
    if len(text) > LONGEST:
        raise OrderError(f"An order of faults has at most {LONGEST} characters.")
    turns = tuple(_turn(part) for part in text.split(","))
    if len(turns) > MOST_TURNS:
        raise OrderError(f"An order of faults has at most {MOST_TURNS} turns.")
    return turns


def shown(turn: FaultTurn) -> str:
    """A turn as text: printable ASCII."""
    return " + ".join(fault.shown for fault in turn) or OK


def explained() -> list[str]:
    """A line for each kind: how it is ordered, and what happens."""
    lines = []
    for name, kind in KINDS.items():
        options = [f";{option}={'N' if number is None else f'{number:g}'}" for option, number in kind.options.items()]
        options += [f";{option}={value}" for option, value in kind.words.items()]
        lines.append(f"{'429' if name == STATUS else name}{''.join(options)} · {kind.says}")
    return lines


def _turn(text: str) -> FaultTurn:
    parts = [part.strip() for part in text.split("+")]
    if parts[0].partition(";")[0].strip().lower() == OK and len(parts) == 1:
        _options(parts[0], OK, KindOfFault(""))
        return ()
    faults = tuple(map(_fault, parts))
    if len({fault.kind for fault in faults}) < len(faults):
        raise OrderError(f"{_short(text)}: a request meets each kind of fault once at most.")
    return faults


def _fault(text: str) -> OrderedFault:
    name = text.partition(";")[0].strip().lower()
    is_status = re.fullmatch(r"[45]\d\d", name, re.ASCII) is not None
    kind = STATUS if is_status else name
    if kind not in KINDS or (kind == STATUS and not is_status):
        known = ", ".join(["a status from 400 to 599", *(kind for kind in KINDS if kind != STATUS), OK])
        raise OrderError(f"{_short(name)!r} is no kind of fault. There are: {known}.")
    numbers, words = _options(text, name, KINDS[kind])
    return OrderedFault(kind, int(name) if is_status else 0, numbers, day=words.get("quota") == "day")


def _options(text: str, name: str, kind: KindOfFault) -> tuple[dict[str, float], dict[str, str]]:
    """(numbers, words) of a fault."""
    given: dict[str, str] = {}
    for part in text.split(";")[1:]:
        option, _, value = (word.strip() for word in part.partition("="))
        if option in given:
            raise OrderError(f"{name} has {_short(option)} twice.")
        given[option] = value
    given.pop("id", None)
    numbers = {option: number for option, number in kind.options.items() if number is not None}
    words: dict[str, str] = {}
    for option, value in given.items():
        if option in kind.options:
            numbers[option] = number = _number(f"{name};{option}", value)
            if option in _WHOLE and number not in (whole := _WHOLE[option]):
                raise OrderError(f"{name};{option} is a whole number from {whole[0]} to {whole[-1]}.")
        elif kind.words.get(option) == value:
            words[option] = value
        else:
            takes = [*(f"{known}=<number>" for known in kind.options), *map("=".join, kind.words.items())]
            meant = f"it takes {', '.join(takes)}" if takes else "it takes no options"
            raise OrderError(f"{name} has no option {_short(option)}={_short(value)}; {meant}.")
    return numbers, words


def _number(option: str, value: str) -> float:
    """A count, or a time in seconds."""
    number = durations.seconds(value) if re.search(r"[a-zµ]", value) else None
    if number is None and re.fullmatch(r"\d{1,6}(\.\d{1,6})?", value, re.ASCII):
        number = float(value)
    if number is None:
        raise OrderError(f"{option} is a number such as 2 or 0.5, not {_short(value)!r}.")
    return number


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "..."
