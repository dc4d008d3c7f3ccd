"""The view "Attempts": who was asked, with what outcome, how long it took, what it cost. All from the record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, override

from mitmproxy import http

from addons.gateway.exchange.summary import CLIENT_LEFT, left_after, model_words, unusual_finish
from addons.gateway.http.routes import PAGES
from addons.gateway.record.flow_record import CLIENT, record_of
from addons.gateway.views.exchange_view import ExchangeView
from addons.gateway.views.explained import note_line, wrapped
from addons.gateway.views.siblings import Siblings
from mapping.inspect.transcript import Transcript, string
from mapping.prices.shown import cost_text, dollars
from mapping.values import JSON

_HEAD = ("#", "outcome", "account", "waited", "took", "upstream")
"""What matters most comes first: mitmweb cuts long lines off."""


class AttemptsView(ExchangeView):
    """The attempts of an exchange as a table, and the exchange in numbers."""

    not_ours = "This is no exchange of the gateway, so there are no attempts to show."

    @override
    def told(self, flow: http.HTTPFlow, found: Siblings, *, on_answer: bool) -> str:
        client = found.client
        assert client is not None
        if flow is client:
            return shown(record_of(client))
        if client.client_conn.id == flow.client_conn.id:
            return f"{_which(flow)}\n\n{shown(record_of(client), record_of(flow).get('number', 1))}"
        further = f"{_which(flow)} It is one of a further call, which is a part of the same answer."
        return "\n".join([further, "", *_alone(flow), "", "The client's exchange:", "", shown(record_of(client))])

    @override
    def without_client(self, flow: http.HTTPFlow) -> str:
        return "\n".join([_which(flow), "", *_alone(flow)])


def shown(record: JSON, number: int | None = None) -> str:
    """The attempts and numbers of a client's exchange; the attempt `number` is marked."""
    out = Transcript()
    attempts = record.get("attempts") or []
    if attempts:
        rows = [_attempt(at, attempt, marked=at == number) for at, attempt in enumerate(attempts, 1)]
        rows += [_attempt(f"part {one.get('part')}", one) for one in record.get("further") or []]
        for line in _table(rows):
            out.row(line)
    else:
        out.line("No upstream was asked.")
    out.turn("exchange")
    for name, value in numbers(record):
        out.line(f"{name:18} {value}")
    if notes := record.get("notes"):
        out.turn("notes")
        for code, detail in notes:
            out.line(wrapped(note_line((code, detail))))
    return out.render()


def in_short(out: Transcript, record: JSON) -> None:
    """What became of a client's exchange, in a few lines; nothing where no model was asked."""
    attempts = record.get("attempts")
    if record.get("side") != CLIENT or not isinstance(attempts, list) or not (attempts or record.get("notes")):
        return
    out.turn("what became of it")
    models = model_words(string(record.get("client_model")), string(record.get("model")), "→")
    out.line(" · ".join(one for one in (models, string(record.get("account"))) if one))
    tried = [f"{at}. {_attempt(at, one)[1]} ({one.get('account')})" for at, one in enumerate(attempts, 1)]
    out.line(f"attempts: {', '.join(tried)}" if len(tried) > 1 else "")
    known = dict(numbers(record))
    out.line(
        " · ".join(
            f"{name} {known[key]}"
            for name, key in (
                ("first chunk", "first chunk after"),
                ("total", "total"),
                ("waited", "waited in all"),
                ("prompt", "prompt tokens"),
                ("completion", "completion tokens"),
                ("cost", "cost"),
            )
            if key in known
        )
    )
    for code, detail in record.get("notes") or []:
        out.line(wrapped(note_line((code, detail))))
    out.line(f"page: {PAGES}/{record.get('id')}, at the gateway's own address")


def _which(flow: http.HTTPFlow) -> str:
    record = record_of(flow)
    return f"This is attempt {record.get('number', 1)} of {record.get('count', 1)} of {record.get('id')}."


def _alone(flow: http.HTTPFlow) -> list[str]:
    record = record_of(flow)
    return _table([_attempt(record.get("number", 1), record)])


def _attempt(number: int | str, attempt: JSON, *, marked: bool = False) -> tuple[str, ...]:
    status, outcome = attempt.get("status"), str(attempt.get("outcome", ""))
    told = outcome if status is None or outcome.startswith(str(status)) else f"{status} {outcome}"
    return (
        f"{'→ ' if marked else ''}{number}",
        told,
        str(attempt.get("account", "")),
        _seconds(attempt.get("waited")),
        _seconds(attempt.get("seconds")),
        str(attempt.get("upstream", "")),
    )


def numbers(record: JSON) -> list[tuple[str, str]]:
    """A client's exchange in numbers and words: what each is, and its text."""
    status, error = record.get("status"), record.get("error")
    got = "nothing" if status is None else str(status)
    if status is None or record.get("outcome") == CLIENT_LEFT:
        got += f": {left_after(record.get('total') or 0.0, record.get('events'))}"
    attempts = record.get("attempts") or []
    further = record.get("further") or []
    waited = sum(attempt.get("waited") or 0.0 for attempt in attempts)
    tokens = record.get("tokens") or {}
    facts: list[tuple[str, Any]] = [
        ("id", record.get("id")),
        ("request", f"{record.get('method')} {record.get('path')}"),
        ("model asked for", record.get("client_model")),
        ("Gemini's model", record.get("model") or ("none of that name" if record.get("client_model") else None)),
        ("account", record.get("account")),
        ("client got", f"{got} {error}" if error else got),
        ("message", record.get("message")),
        ("finish reason", unusual_finish(record.get("finish") or ()) or None),
        ("as", None if status is None else "a stream" if record.get("streamed") else "one body"),
        ("first chunk after", _seconds(record.get("first")) if record.get("first") is not None else None),
        ("total", _seconds(record.get("total"))),
        ("waited in all", _seconds(waited) if waited else None),
        ("calls", 1 + len({attempt.get("part") for attempt in further}) if further else None),
        ("prompt tokens", _part(tokens.get("prompt"), "cached", tokens.get("cached"))),
        ("completion tokens", _part(tokens.get("completion"), "reasoning", tokens.get("reasoning"))),
        ("cost", _cost(record)),
    ]
    return [(name, str(value)) for name, value in facts if value is not None]


def _cost(record: JSON) -> str | None:
    """The sum, what it is made of where that is more than one thing, and what is to be said of it."""
    usd, note, parts = record.get("cost"), record.get("cost_note"), record.get("cost_parts") or {}
    text = cost_text(usd, note)
    if len(parts) > 1:
        text += f" ({', '.join(f'{name.replace("_", " ")} {dollars(paid)}' for name, paid in parts.items())})"
    return (f"{text}: {note}" if note else text) or None


def _part(whole: Any, name: str, part: Any) -> str | None:
    if whole is None:
        return None
    return f"{whole:,} ({part:,} of them {name})" if part else f"{whole:,}"


def _seconds(value: Any) -> str:
    return f"{value:.2f} s" if isinstance(value, int | float) else "-"


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(_HEAD, *rows, strict=True)]
    return [
        "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in (_HEAD, *rows)
    ]
