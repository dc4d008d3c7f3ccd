"""A recorded exchange -> its timeline.

* The steps of each attempt are in the record (`summary.AttemptSummary`); what the answer's pieces were about, and when
  each came, is known where the bytes were recorded. Without those an answer is told of as a whole.
* A piece took the time since the one before it. That before the first one with anything in it is `first content`.
* Of what was saved before the steps were written down, attempts follow one another, and say how long they took.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from addons.gateway.cases.exchanges import TakenCall, TakenExchange, TakenPiece, models_of
from addons.gateway.exchange.summary import LEFT, OK
from addons.gateway.timing.timeline import TimedAttempt, TimedGap, TimedPhase, Timeline
from mapping.inspect.printable import one_line
from mapping.inspect.transcript import elements, members, number_of, string
from mapping.values import JSON

GAP = 1.0
"""Seconds without anything in the middle of a stream that are worth a word."""
_LEAST = 0.001
"""Seconds. What happened in less is no phase, where mostly nothing happens."""
_MEASURED = 0.2
"""Seconds in which tokens must have come, so that their number for each second says something."""

_NAMES = {
    "thought": "thinking",
    "text": "text",
    **dict.fromkeys(("functionCall", "executableCode", "codeExecutionResult", "toolCall", "toolResponse"), "tools"),
    **dict.fromkeys(("inlineData", "fileData"), "media"),
}
"""What a piece brought -> the phase that it was a part of."""
_TALK = ("text", "tools", "media", "answer")
"""Phases in which something of the answer itself comes."""


def timeline(taken: TakenExchange) -> Timeline:
    """Where the time of an exchange went."""
    record = taken.record
    total = number_of(record.get("total")) or 0.0
    attempts = [*_own(taken, total), *_further(taken)]
    total = max(total, *(attempt.end for attempt in attempts), 0.0) if total else total
    begun = [attempt for attempt in attempts if not attempt.part]
    received = number_of(record.get("received"))
    first = min((attempt.begin - _pause(attempt) for attempt in begun), default=total)
    before = list(_phase("receive", 0.0, received, least=_LEAST)) if total else []
    before += _phase("queue", before[0].end if before else 0.0, first) if total else ()
    last = max((attempt.end for attempt in attempts), default=total)
    return Timeline(
        id=taken.id,
        title=_title(taken),
        total=total,
        before=before,
        attempts=attempts,
        after=[*_phase("finish", last, total, least=_LEAST)],
        marks=_marks(record, begun),
        speed=_speed(record, begun),
    )


def _title(taken: TakenExchange) -> str:
    record = taken.record
    status, outcome = string(record.get("status")), string(record.get("outcome"))
    told = [
        taken.id,
        f"{taken.method} {taken.path.partition('?')[0]}",
        models_of(record),
        status if outcome in ("", OK, status) else f"{status} {outcome}".strip(),
    ]
    return one_line(" · ".join(part for part in told if part))


# --- attempts


def _own(taken: TakenExchange, total: float) -> Iterator[TimedAttempt]:
    """The attempts at the exchange's own call, as its record has them."""
    calls = {call.record.get("number"): call for call in taken.own_calls}
    now = 0.0
    for number, attempt in enumerate(map(members, elements(taken.record.get("attempts"))), 1):
        call = calls.get(number)
        waited, seconds = number_of(attempt.get("waited")) or 0.0, number_of(attempt.get("seconds")) or 0.0
        begin = number_of(attempt.get("began"))
        if begin is None:
            begin = call.at if call and call.at is not None else now + waited
        made = _attempt(number, attempt, call, begin, min(begin + seconds, total or begin + seconds), taken.record)
        now = made.end
        yield made


def _further(taken: TakenExchange) -> Iterator[TimedAttempt]:
    """Those at further calls. Each was an exchange of its own, and has its times since that began.

    All are, where the answer was made in the background: the client's exchange was over with its receipt.
    """
    own = bool(taken.record.get("attempts"))
    for call in taken.calls:
        if call.at is not None and (call.part or not own):
            begin, seconds = call.at, number_of(call.record.get("seconds")) or 0.0
            number = call.record.get("number")
            yield _attempt(number if isinstance(number, int) else 1, call.record, call, begin, begin + seconds, {})


def _attempt(
    number: int, attempt: JSON, call: TakenCall | None, begin: float, end: float, client: JSON
) -> TimedAttempt:
    """One call, from what its record says. `client`: the record of the exchange, where the call is its own."""
    known = number_of(attempt.get("began"))
    shift = begin - known if known is not None else 0.0
    at = {
        name: value + shift if (value := number_of(attempt.get(name))) is not None and known is not None else None
        for name in ("connecting", "sent", "answered")
    }
    pieces = call.pieces if call is not None else ()
    phases = list(_phase("pause", begin - (number_of(attempt.get("waited")) or 0.0), begin, least=_LEAST))
    now = begin
    for name, until, least in (
        ("token", begin + (number_of(attempt.get("token")) or 0.0), _LEAST),
        ("hooks", at["sent"] if at["connecting"] is None else at["connecting"], _LEAST),
        ("connect", at["sent"] if at["connecting"] is not None else None, 0.0),
    ):
        made = list(_phase(name, now, until, least=least))
        phases += made
        now = made[-1].end if made else now
    if at["connecting"] is not None and at["sent"] is None:
        phases += _phase("connect", at["connecting"], end)
        now = end
    answered = at["answered"] if known is not None else begin + pieces[0].at if pieces else None
    if answered is None:
        went_up = at["sent"] is not None or known is None
        phases += _phase("first byte" if went_up else "hooks", now, end, least=_LEAST)
    else:
        phases += _phase("first byte", now, answered)
        spoke = number_of(client.get("spoke"))
        phases += _came(pieces, begin, answered, end) if pieces else _whole(answered, spoke, end, attempt)
    dialled = call.dialled if call is not None else None
    connection = "" if at["sent"] is None else "reused" if attempt.get("reused") else "new"
    return TimedAttempt(
        number=number,
        part=call.part if call is not None else 0,
        account=one_line(string(attempt.get("account"))),
        upstream=one_line(string(attempt.get("upstream"))),
        outcome=one_line(string(attempt.get("outcome"))),
        begin=begin,
        end=end,
        connection=connection,
        tcp=dialled.tcp if dialled else None,
        tls=dialled.tls if dialled else None,
        phases=phases,
        gaps=list(_gaps(pieces, begin)),
        fine=bool(pieces),
    )


def _came(pieces: Sequence[TakenPiece], begin: float, answered: float, end: float) -> Iterator[TimedPhase]:
    """What the pieces of a stream brought, those of one kind together."""
    now, name, since, events = answered, "first content", answered, 0
    for piece in pieces:
        at = max(now, min(begin + piece.at, end))
        brought = _name(piece)
        if brought and brought != name:
            if name != "first content" or at - since >= _LEAST:
                yield TimedPhase(name, since, at if name == "first content" else now, events)
            since = at if name == "first content" else now
            name, events = brought, 0
        if brought:
            now, events = at, events + 1
    yield TimedPhase(name, since, now if name != "first content" else end, events)
    if name != "first content":
        yield from _phase("end", now, end, least=_LEAST)


def _name(piece: TakenPiece) -> str:
    """The phase that a piece is a part of; of several the last that it brought. Empty: it brought nothing."""
    found = [_NAMES[word] for word in piece.brought.split(" + ") if word in _NAMES]
    return found[-1] if found else ""


def _gaps(pieces: Sequence[TakenPiece], begin: float) -> Iterator[TimedGap]:
    for piece, following in pairwise(pieces):
        if following.at - piece.at > GAP:
            yield TimedGap(begin + piece.at, begin + following.at, _name(following) or "end")


def _whole(answered: float, spoke: float | None, end: float, attempt: JSON) -> Iterator[TimedPhase]:
    """An answer of which nobody wrote down when its pieces came."""
    if attempt.get("outcome") != "200":
        yield from _phase("answer" if attempt.get("outcome") == LEFT else "error", answered, end, least=_LEAST)
        return
    if spoke is None or not answered <= spoke <= end:
        spoke = answered
    yield from _phase("first content", answered, spoke, least=_LEAST)
    yield from _phase("answer", spoke, end)


def _phase(name: str, begin: float, end: float | None, *, least: float = 0.0) -> Iterator[TimedPhase]:
    """A phase, if it is known when it ended, and it is worth a word."""
    if end is not None and end - begin >= least:
        yield TimedPhase(name, max(0.0, begin), end)


def _pause(attempt: TimedAttempt) -> float:
    return sum(phase.seconds for phase in attempt.phases if phase.name == "pause")


# --- the whole


def _marks(record: JSON, attempts: Sequence[TimedAttempt]) -> dict[str, float]:
    marks: dict[str, float] = {}
    last = attempts[-1] if attempts else None
    for phase in last.phases if last else ():
        if phase.name == "first byte":
            marks["sent"], marks["first_byte"] = phase.begin, phase.end
        elif phase.name in ("thinking", *_TALK):
            marks.setdefault("first_content", phase.begin)
            if phase.name != "thinking":
                marks.setdefault("first_text", phase.begin)
    if (first := number_of(record.get("first"))) is not None:
        marks["first_sent"] = first
    return marks


def _speed(record: JSON, attempts: Sequence[TimedAttempt]) -> float | None:
    tokens = members(record.get("tokens"))
    said = (number_of(tokens.get("completion")) or 0.0) - (number_of(tokens.get("reasoning")) or 0.0)
    seconds = sum(phase.seconds for one in attempts[-1:] for phase in one.phases if phase.name in _TALK)
    return said / seconds if said > 0 and seconds >= _MEASURED else None
