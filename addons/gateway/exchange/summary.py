"""What there is to say of an exchange when it is over: one value for the log, the statistics, the record and the views.

It holds no message text and no credential, so it may be written anywhere. Nothing in it is changed once it is made; its
classes are not frozen because that makes them three times as slow to make, and each request has some.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from mapping.inspect.printable import one_line
from mapping.prices.shown import cost_text
from mapping.values import flat

OK = "ok"
CLIENT_LEFT = "client_left"
"""The outcome of an exchange whose client did not wait for its end."""
FAULT = "fault"
"""The outcome of an exchange that has failed because a fault was ordered."""
LEFT = "client left"
"""The same in words."""
USUAL = frozenset(("stop", "tool_calls", "function_call"))
"""Finish reasons that are not worth a word."""
MESSAGE = 200
"""Characters of a message that are kept."""
_SHOWN = 60
"""Characters that are shown of what a client may have made long."""


@dataclass(slots=True)
class AttemptSummary:
    """One try at an upstream."""

    account: str
    upstream: str
    """The kind: `gemini`, `vertex`, `code-assist`."""
    outcome: str
    """`200`, or why it failed: `429 quota`; `client left`; `given up` when it took too long."""
    status: int | None
    """The upstream's HTTP status; None: it gave none."""
    waited: float
    """Seconds of pause before it."""
    seconds: float
    began: float = 0.0
    """Seconds after the request had arrived, as the following."""
    token: float = 0.0
    """Seconds for which its credential was waited for."""
    connecting: float | None = None
    """When a new connection was asked for; None: none was, or one that was open could be used."""
    sent: float | None = None
    """When it went up; None: it never did."""
    reused: bool = False
    """It went up on a connection that was open already."""
    answered: float | None = None
    """When the head of an answer came; None: none has."""
    part: int = 0
    """0: at the exchange's own call; from 1 on: at which of its further calls."""


@dataclass(slots=True)
class Tokens:
    """As OpenAI counts: `cached` is part of `prompt`, `reasoning` is part of `completion`."""

    prompt: int
    completion: int
    cached: int
    reasoning: int


@dataclass(slots=True)
class LaterAnswer:
    """What an answer took that was made in the background, after its client had a receipt."""

    model: str
    """The Gemini model; empty: none was asked."""
    account: str
    """That has answered last; empty: none was asked."""
    time: float
    """Unix seconds: when it was made."""
    attempts: tuple[AttemptSummary, ...]
    tokens: Tokens | None
    cost: float | None = None
    """As `Summary.cost`, and so the following."""
    cost_note: str | None = None


@dataclass(slots=True)
class Summary:
    """See the module. Times are Unix seconds, spans are seconds."""

    id: str
    flow_id: str
    """mitmproxy's id of the client's flow."""
    time: float
    """When the request arrived."""
    method: str
    path: str
    """Without the query."""
    endpoint: str
    """Its name in `routes`; `unknown` for what has none."""
    client_model: str | None
    """As the client named it, also where no model goes by that name."""
    model: str | None
    """The Gemini model; None where no model was called."""
    account: str | None
    status: int | None
    """None: the client left before there was an answer."""
    error: str | None
    """The `code` (or else the `type`) of the error that the client got, also as an event of a stream."""
    streamed: bool
    first: float | None
    """Until the first bytes of a stream."""
    total: float
    tokens: Tokens | None
    attempts: tuple[AttemptSummary, ...]
    notes: tuple[tuple[str, str], ...]
    """(code, detail)."""
    outcome: str = OK
    """`ok`, `client_left`, `fault`, or the same as `error`."""
    message: str | None = None
    """Of the error that the client got, on one line, at most `MESSAGE` characters."""
    events: int | None = None
    """How many events of a stream went to the client."""
    finish: tuple[str, ...] = ()
    """OpenAI's finish reason of each choice, as far as the answer has ended."""
    received: float | None = None
    """Until the request was there as a whole; None: it never was."""
    spoke: float | None = None
    """Until the first piece of a stream that is no thought came and went to the client."""
    cost: float | None = None
    """US dollars, by list prices; None: unknown, or nothing was used."""
    cost_note: str | None = None
    """Why the cost is unknown, or in which way it is an estimate."""
    cost_parts: dict[str, float] = field(default_factory=dict)
    """What the cost is made of, see `mapping.prices.cost.NAMES`."""
    conversation: str | None = None
    """The id of the conversation that it is a turn of; None: of none, or nobody wants to know (`[conversations]`)."""
    client: str | None = None
    """The client's product: `openai-python 2.3.0`."""
    agent: str | None = None
    """The helper that asked, where the client tells of one: `Explore 3f2a`; None: the main thread."""
    fault: str | None = None
    """What was done to it on demand (`fault_injection.grammar`)."""
    further: tuple[AttemptSummary, ...] = ()
    """Attempts at further calls that are a part of the same answer (`n` above 1), beside one another."""

    @property
    def failed(self) -> bool:
        """It ended in an error, also as an event of a stream. A client that left is nobody's failure."""
        return not self.left and (self.error is not None or self.status is None or self.status >= 400)

    @property
    def left(self) -> bool:
        """The client was gone before the end: no success, and nobody's failure."""
        return self.outcome == CLIENT_LEFT

    @property
    def shown_path(self) -> str:
        """The path, no longer than a line bears."""
        return one_line(self.path, _SHOWN)

    def plain(self) -> dict[str, Any]:
        """As dicts, lists, texts and numbers: for JSON, and for mitmproxy's metadata."""
        made = flat(self)
        made["tokens"] = flat(self.tokens) if self.tokens else None
        made["attempts"] = [flat(attempt) for attempt in self.attempts]
        made["further"] = [flat(attempt) for attempt in self.further]
        made["notes"] = [list(note) for note in self.notes]
        made["cost_parts"] = dict(self.cost_parts)
        return made


def line(summary: Summary) -> str:
    """One line: path, models, account, attempts, status and message, times, tokens, cost, notes, id."""
    return " · ".join([summary.shown_path, *parts(summary), summary.id])


def parts(summary: Summary) -> list[str]:
    """The parts of the line but for the path and the id."""
    told = []
    if summary.model or summary.client_model:
        told.append(models(summary))
    if summary.account:
        told.append(summary.account)
    if len(summary.attempts) > 1:
        told.append(f"{len(summary.attempts)} attempts")
    if summary.further:
        told.append(f"{1 + len({attempt.part for attempt in summary.further})} calls")
    told.append(status_of(summary))
    if summary.fault:
        told.append(f"fault on demand: {summary.fault}")
    if summary.message:
        told.append(summary.message)
    if unusual := unusual_finish(summary.finish):
        told.append(f"finish {unusual}")
    if summary.first is not None:
        told.append(f"first {summary.first:.2f} s")
    if not summary.left:
        told.append(f"{summary.total:.2f} s")
    if tokens := summary.tokens:
        told.append(f"{tokens.prompt} + {tokens.completion} tokens")
    if cost := cost_text(summary.cost, summary.cost_note):
        told.append(cost)
    if summary.notes:
        told.append(f"notes: {len(summary.notes)} " + " ".join(f"{c}={d}" if d else c for c, d in summary.notes))
    return [one_line(part) for part in told]


def models(summary: Summary) -> str:
    """See `model_words`; names that clients have made long are cut."""
    asked, model = summary.client_model or "", summary.model or ""
    return model_words(asked if asked == model else _short(asked), model)


def model_words(asked: str, model: str, arrow: str = "->") -> str:
    """The model as the client named it, and the one that it was taken for: `?` where there is none of that name."""
    return f"{asked} {arrow} {model or '?'}" if asked and asked != model else model


def status_of(summary: Summary) -> str:
    """The status and the error that the client got, or when it left: `200 client left after 1.00 s, 4 events`."""
    told = [] if summary.status is None else [str(summary.status)]
    if summary.left:
        told.append(left_after(summary.total, summary.events))
    elif summary.error:
        told.append(summary.error)
    return " ".join(told)


def left_after(seconds: float, events: int | None) -> str:
    """When a client left, and of a stream what it had until then: `client left after 1.00 s, 4 events`."""
    got = "" if events is None else f", {events} event{'' if events == 1 else 's'}"
    return f"{LEFT} after {seconds:.2f} s{got}"


def unusual_finish(reasons: Iterable[str]) -> str:
    """The finish reasons that are worth a word, each once."""
    return ", ".join(dict.fromkeys(reason for reason in reasons if reason not in USUAL))


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."
