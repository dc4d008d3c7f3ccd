"""addons.gateway.exchange.machine: every state x every event, whole courses, and any course at all."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from addons.gateway.exchange.job import Job
from addons.gateway.exchange.machine import Machine
from addons.gateway.exchange.verdicts import Do, ImpossibleEventError, State, Verdict
from mapping.faults import Fault
from mapping.gemini.errors.rules import Kind
from mapping.gemini.errors.upstream_errors import UpstreamError
from mapping.totals import Totals
from mapping.values import GeminiCall, RawTurn

TURNS = {"key": RawTurn("model", [], [])}
"""What a complete answer leaves for the next request."""
OVER = (State.ANSWERED, State.ENDED, State.GONE)


def problem(kind: Kind = Kind.SERVER, *, status: int = 503) -> UpstreamError:
    return UpstreamError(Fault(status, kind.value), kind, status=status, reason=kind.name)


class Translator:
    """Passes on what it is fed. `BAD` in it is a fault of the answer, `HOP` one that goes on, `none` gives nothing.
    `ENOUGH`: the client wants no more."""

    def __init__(self, job: FakeJob) -> None:
        self.job = job
        self.started = False
        self.fault: UpstreamError | None = None
        self.continuation: str | None = None
        self.enough = False
        self.ended = False
        self._hop = False
        self._added = b""

    def feed(self, data: bytes) -> bytes:
        assert not self.ended
        assert not self.enough
        if b"BUG" in data:
            raise ZeroDivisionError
        if b"BAD" in data:
            return self._fail(problem(Kind.ANSWER, status=200))
        self._hop, self.continuation = b"HOP" in data, None
        self.enough = b"ENOUGH" in data
        if b"none" in data:
            return b""
        self.started = True
        return data

    def end(self, *, needs_content: bool = False) -> bytes:
        assert not self.ended
        if self._hop and self.continuation is None:
            self.continuation, self._hop = "token", False
            return b""
        self.continuation = None
        if needs_content and not self.started:
            raise problem(Kind.EMPTY, status=200)
        self.ended = True
        return self._added + b"[END]"

    def _fail(self, fault: UpstreamError) -> bytes:
        if not self.started:
            raise fault
        self.fault = fault
        return self.cut(fault.error)

    def cut(self, error: Fault) -> bytes:
        assert not self.ended
        self.ended = True
        return b"[CUT]"

    def open(self) -> bytes:
        return b"[OPEN]"

    def keep_alive(self) -> bytes:
        return b":"

    def again(self) -> Translator:
        assert not self.started
        return Translator(self.job)

    def add_answer(self, data: bytes) -> None:
        if data == b"BAD":
            raise problem(Kind.ANSWER, status=200)
        self._added += data

    def remember(self) -> dict[str, RawTurn]:
        return TURNS

    def totals(self) -> Totals:
        return Totals()

    def finish_reasons(self) -> list[str]:
        return []


class FakeJob(Job):
    """Asks for `abc`; whole answers are taken as they come, `HOP` in one has it go on."""

    def __init__(
        self,
        *,
        streams: bool = True,
        others: bool = False,
        better: bytes | None = None,
        empty: bool = False,
        stays: bool = True,
    ) -> None:
        self.streams = streams
        self._stays = stays
        self.needs_content = empty
        self.better = better
        self.mends = 1
        self.hops = 2
        self.told_of_end = 0
        self._others = others
        self._taken = b""

    @property
    def has_others(self) -> bool:
        return self._others

    @property
    def stays(self) -> bool:
        return self._stays

    def request(self) -> GeminiCall:
        return GeminiCall("model", "generateContent", {})

    def stream(self) -> Translator:
        return Translator(self)

    def take(self, content: bytes) -> bool:
        if content == b"BAD":
            raise problem(Kind.ANSWER, status=200)
        if content == b"none" and self.needs_content:
            raise problem(Kind.EMPTY, status=200)
        self._taken += content
        return not (b"HOP" in content and self.go_on("token"))

    def go_on(self, token: str) -> bool:
        self.hops -= 1
        return self.hops >= 0

    def finish(self, others: list[bytes]) -> bytes:
        return self._taken + b"".join(others)

    def remember(self) -> dict[str, RawTurn]:
        return TURNS

    def ended(self) -> None:
        self.told_of_end += 1

    def rebuild_signatures(self) -> bool:
        self.mends -= 1
        return self.mends >= 0

    def leave_out(self, problem: UpstreamError) -> bool:
        return self.rebuild_signatures()

    def instead_of_error(self, problem: Fault) -> bytes | None:
        return self.better


class FakeAttempts:
    """So many attempts may fail, each after a longer pause. `told` has what the machine says of them."""

    def __init__(self, most: int = 3, *, waits: float | None = None, none: bool = False, renews: int = 1) -> None:
        self.most = most
        self.waits = waits
        self.none = none
        self.renews = renews
        self.failures = 0
        self.told: list[str] = []

    def start(self, *, paused: float, stay: bool) -> float | None:
        if self.none:
            raise Fault(503, "no account")
        waits, self.waits = self.waits, None
        if waits is None:
            self.told.append("stay" if stay else "start")
        return waits

    def discount(self, reason: str, status: int) -> None:
        self.told.append(f"discount {reason}")

    def succeeded(self) -> None:
        self.told.append("succeeded")

    def failed(self, problem: UpstreamError, *, stay: bool = False) -> float | None:
        self.told.append(f"failed {problem.reason}")
        self.failures += 1
        final = problem.kind in (Kind.REQUEST, Kind.SCHEMA, Kind.SIGNATURE) or self.failures >= self.most
        return None if final else 0.5 * self.failures

    def error(self, problem: UpstreamError) -> Fault:
        return problem.error

    def renew(self) -> bool:
        self.renews -= 1
        return self.renews >= 0


# --- every state x every event

LATE = Fault(504, "too late")
EVENTS: dict[str, Callable[[Machine], bytes | Verdict]] = {
    "admitted": lambda m: m.admitted(FakeAttempts()),
    "no account": lambda m: m.admitted(FakeAttempts(none=True)),
    "all resting": lambda m: m.admitted(FakeAttempts(waits=2.0)),
    "answered": lambda m: m.answered(b"{}"),
    "waited": lambda m: m.waited(),
    "forbidden": lambda m: m.forbidden(Fault(404, "no recording")),
    "sent": lambda m: m.sent(reused=False),
    "head 200": lambda m: m.head(200),
    "head 503": lambda m: m.head(503),
    "data": lambda m: m.data(b"more"),
    "data none": lambda m: m.data(b"none"),
    "data BAD": lambda m: m.data(b"BAD"),
    "data ENOUGH": lambda m: m.data(b"ENOUGH"),
    "end": lambda m: m.stream_ended(),
    "whole 200": lambda m: m.whole(200, b"{}", {}),
    "whole 503": lambda m: m.whole(503, b"{}", {}),
    "gathered": lambda m: m.gathered([b"b"]),
    "gathered BAD": lambda m: m.gathered([b"BAD"]),
    "failed": lambda m: m.failed(problem()),
    "failed 400": lambda m: m.failed(problem(Kind.REQUEST, status=400)),
    "unreachable": lambda m: m.cut("refused", connecting=True),
    "cut": lambda m: m.cut("closed", connecting=False),
    "refused": lambda m: m.refused(Fault(400, "no")),
    "crashed": lambda m: m.crashed(Fault(500, "bug")),
    "deadline": lambda m: m.cut_short(LATE),
    "silence": lambda m: m.silence(),
    "client gone": lambda m: m.client_gone(),
}

STATES = ("NEW", "CALLING", "SENT", "WHOLE", "STREAMING", "BEGUN", "GATHERING", "PAUSED", "ANSWERED", "ENDED", "GONE")
"""`BEGUN`: `STREAMING`, and the client has a part of the stream."""

# `-` ignored, `!` impossible, `out` bytes for the client; else the name of what to do
MATRIX = """
                NEW     CALLING SENT    WHOLE   STREAMING BEGUN   GATHERING PAUSED  ANSWERED  ENDED   GONE
admitted        send    !       !       !       !         !       -         -       -         -       hang_up
no account      error   !       !       !       !         !       -         -       -         -       hang_up
all resting     pause   !       !       !       !         !       -         -       -         -       hang_up
answered        answer  !       !       !       !         !       -         -       -         -       hang_up
waited          !       !       !       !       !         !       -         send    -         -       hang_up
forbidden       !       error   !       !       !         !       -         -       -         -       hang_up
sent            !       ok      !       !       !         !       -         -       -         -       hang_up
head 200        !       ok      ok      !       !         !       -         -       -         -       hang_up
head 503        !       ok      ok      !       !         !       -         -       -         -       hang_up
data            !       !       !       !       out       out     -         -       -         -       hang_up
data none       !       !       !       !       out       out     -         -       -         -       hang_up
data BAD        !       !       !       !       pause     stream  -         -       -         -       hang_up
data ENOUGH     !       !       !       !       stream    stream    -         -       -         -       hang_up
end             !       !       !       !       end       end     -         -       -         -       hang_up
whole 200       !       !       !       gather  !         !       -         -       -         -       hang_up
whole 503       !       !       !       pause   !         !       -         -       -         -       hang_up
gathered        !       !       !       !       !         !       answer    -       -         -       hang_up
gathered BAD    !       !       !       !       !         !       answer    -       -         -       hang_up
failed          error   pause   pause   pause   pause     end     pause     -       -         -       hang_up
failed 400      error   error   error   error   error     end     error     -       -         -       hang_up
unreachable     !       pause   pause   pause   pause     end     -         -       -         -       hang_up
cut             !       pause   pause   pause   pause     end     -         -       -         -       hang_up
refused         error   error   error   error   error     end     error     error   -         -       hang_up
crashed         error   error   error   error   error     end     error     error   error     -       hang_up
deadline        error   error   error   error   error     end     error     error   -         -       hang_up
silence         !       show    show    show    show      show    show      show    -         -       hang_up
client gone     hang_up hang_up hang_up hang_up hang_up   hang_up hang_up   hang_up -         -       hang_up
"""
LEADS_TO = {
    Do.SEND: State.CALLING,
    Do.PAUSE: State.PAUSED,
    Do.GATHER: State.GATHERING,
    Do.ANSWER: State.ANSWERED,
    Do.ERROR: State.ANSWERED,
    Do.STREAM: State.ENDED,
    Do.END: State.ENDED,
    Do.HANG_UP: State.GONE,
}
HEADS = {("sent", "CALLING"): State.SENT, "head 200": State.STREAMING, "head 503": State.WHOLE}


def cells() -> list[tuple[str, str, str]]:
    lines = MATRIX.strip("\n").splitlines()
    assert tuple(lines[0].split()) == STATES
    rows = {line[:16].strip(): line[16:].split() for line in lines[1:]}
    assert rows.keys() == EVENTS.keys()
    return [(state, event, cell) for event, row in rows.items() for state, cell in zip(STATES, row, strict=True)]


def machine_in(state: str) -> Machine:
    """A machine that has come there."""
    machine = Machine()
    machine.job = FakeJob(streams=state not in ("WHOLE", "GATHERING"))
    if state == "NEW":
        return machine
    if state == "ANSWERED":
        machine.answered(b"{}")
        return machine
    machine.admitted(FakeAttempts())
    if state in ("CALLING", "GONE"):
        if state == "GONE":
            machine.client_gone()
        return machine
    machine.sent(reused=False)
    if state == "SENT":
        return machine
    machine.head(200)
    if state == "GATHERING":
        machine.whole(200, b"{}", {})
    elif state == "PAUSED":
        machine.cut("closed", connecting=False)
    elif state in ("BEGUN", "ENDED"):
        machine.data(b"first")
        if state == "ENDED":
            machine.stream_ended()
    return machine


@pytest.mark.parametrize(("state", "event", "cell"), cells())
def test_every_state_and_event(state: str, event: str, cell: str) -> None:
    machine = machine_in(state)
    before = machine.state
    assert before.name == ("STREAMING" if state == "BEGUN" else state)
    if cell == "!":
        with pytest.raises(ImpossibleEventError, match=f" in {before.name}$"):
            EVENTS[event](machine)
        assert machine.state is before
        return
    verdict = EVENTS[event](machine)
    if isinstance(verdict, bytes):
        assert (cell, machine.state) == ("out", State.STREAMING)
        return
    name = verdict.do.name.lower()
    assert name == ("nothing" if cell in ("-", "ok") else cell)
    if cell == "ok":
        expected = State.SENT if event == "sent" else State.STREAMING if event == "head 200" else State.WHOLE
        assert machine.state is expected
    else:
        assert machine.state is LEADS_TO.get(verdict.do, before)
    assert machine.overdue is (event == "deadline" and verdict.do in (Do.ERROR, Do.END))


# --- whole courses


def course(machine: Machine, attempts: FakeAttempts, events: str) -> str:
    """What comes of events, one a word; where it pauses, the pause is waited out and the call sent again.

    The client's bytes stand as they are; what was done stands in angle brackets.
    """
    made: list[str] = []

    def obey(verdict: bytes | Verdict) -> None:
        if isinstance(verdict, bytes):
            made.append(verdict.decode())
            return
        do = verdict.do
        if do in (Do.STREAM, Do.END, Do.ANSWER, Do.GATHER):
            made.append(verdict.data.decode())
        if do is Do.SHOW:
            made.append(machine.pending().decode())
        if do is not Do.NOTHING and do is not Do.SHOW:
            told = (
                f" {verdict.fault.message[:20]}" if verdict.fault else f" {verdict.seconds}" if verdict.seconds else ""
            )
            made.append(f"<{do.name.lower()}{told}>")
        if do is Do.PAUSE:
            made.append(machine.pending().decode())
            obey(machine.waited())

    for event in events.split():
        match event.partition("="):
            case "begin", _, _:
                obey(machine.admitted(attempts))
            case "new", _, _:
                obey(machine.sent(reused=False))
            case "old", _, _:
                obey(machine.sent(reused=True))
            case "head", _, status:
                obey(machine.head(int(status)))
            case "data", _, data:
                obey(machine.data(data.encode()))
            case "whole", _, data:
                obey(machine.whole(200, data.encode(), {}))
            case "error", _, status:
                obey(machine.whole(int(status), b"", {}))
            case "gathered", _, others:
                obey(machine.gathered([other.encode() for other in others.split(",") if other]))
            case "cut", _, _:
                obey(machine.cut("closed", connecting=False))
            case "unreachable", _, _:
                obey(machine.cut("refused", connecting=True))
            case "failed", _, kind:
                kind, _, status = kind.partition(":")
                obey(machine.failed(problem(Kind[kind], status=int(status or 400))))
            case "end", _, _:
                obey(machine.stream_ended())
            case "silence", _, _:
                obey(machine.silence())
            case "deadline", _, _:
                obey(machine.cut_short(LATE))
            case "gone", _, _:
                obey(machine.client_gone())
    return "".join(made)


UP = "new head=200 "
COURSES: dict[str, tuple[dict[str, Any], dict[str, Any], str, str, list[str]]] = {
    # job, attempts, events, what the client gets and what is done, what the accounts are told
    "a stream": ({}, {}, UP + "data=a data=b end", "<send>ab[END]<end>", ["start", "succeeded"]),
    "an answer of another addon": ({}, {}, "head=200 data=a end", "<send>a[END]<end>", ["start", "succeeded"]),
    "a whole answer": (
        {"streams": False}, {}, UP + "whole={} gathered=", "<send><gather>{}<answer>", ["start", "succeeded"],
    ),
    "further answers": (
        {"streams": False}, {}, UP + "whole=a gathered=b,c", "<send><gather>abc<answer>", ["start", "succeeded"],
    ),
    "further answers of a stream": (
        {"others": True}, {}, UP + "data=a end gathered=b,c", "<send>a<gather>bc[END]<end>", ["start", "succeeded"],
    ),
    "enough": ({}, {}, UP + "data=a data=ENOUGH cut", "<send>aENOUGH[END]<stream>", ["start", "succeeded"]),
    "enough, and nothing of it is for the client": (
        {}, {}, UP + "data=noneENOUGH", "<send>[END]<stream>", ["start", "succeeded"],
    ),
    "enough, and nothing was sent": (
        {"empty": True}, {}, UP + f"data=noneENOUGH {UP} data=a end", "<send><pause><send>a[END]<end>",
        ["start", "discount EMPTY", "stay", "succeeded"],
    ),
    "enough, with further answers": (
        {"others": True}, {}, UP + "data=a data=ENOUGH cut gathered=b,c", "<send>aENOUGH<gather>bc[END]<end>",
        ["start", "succeeded"],
    ),
    "enough, after a sign of life": (
        {}, {}, "new silence head=200 data=ENOUGH silence", "<send>[OPEN]:ENOUGH[END]<stream>", ["start", "succeeded"],
    ),
    "one of them is broken": (
        {"others": True}, {}, UP + f"data=none end gathered=b,BAD {UP} data=a end gathered=b,c",
        "<send><gather><pause 0.5><send>a<gather>bc[END]<end>", ["start", "failed ANSWER", "start", "succeeded"],
    ),
    "retry, then a stream": (
        {}, {}, f"new head=503 error=503 {UP} data=a end", "<send><pause 0.5><send>a[END]<end>",
        ["start", "failed 503 not JSON", "start", "succeeded"],
    ),
    "every attempt fails": (
        {}, {"most": 2}, "new head=503 error=503 new head=503 error=503",
        "<send><pause 0.5><send><error Gemini answered 503 >",
        ["start", "failed 503 not JSON", "start", "failed 503 not JSON"],
    ),
    "no connection": (
        {}, {}, f"unreachable {UP} data=a end", "<send><pause 0.5><send>a[END]<end>",
        ["start", "failed upstream unreachable", "start", "succeeded"],
    ),
    "cut before the first byte": (
        {}, {}, UP + f"cut {UP} data=a end", "<send><pause 0.5><send>a[END]<end>",
        ["start", "failed upstream broke off", "start", "succeeded"],
    ),
    "cut after the first byte": (
        {}, {}, UP + "data=a cut", "<send>a[CUT]<end The stream was inter>", ["start", "failed upstream broke off"],
    ),
    "broken before the first byte": (
        {}, {}, UP + f"data=BAD {UP} data=a end", "<send><pause 0.5><send>a[END]<end>",
        ["start", "failed ANSWER", "start", "succeeded"],
    ),
    "broken after the first byte": (
        {}, {}, UP + "data=a data=BAD", "<send>a[CUT]<stream answer>", ["start", "failed ANSWER"],
    ),
    "a stale connection, once": (
        {}, {}, f"old cut {UP} data=a end", "<send><pause><send>a[END]<end>",
        ["start", "discount idle connection closed", "stay", "succeeded"],
    ),
    "a stale connection, twice": (
        {}, {}, "old cut old cut", "<send><pause><send><pause 0.5><send>",
        ["start", "discount idle connection closed", "stay", "failed upstream unreachable", "start"],
    ),
    "a connection that was new": (
        {}, {}, "new cut", "<send><pause 0.5><send>", ["start", "failed upstream unreachable", "start"],
    ),
    "an old connection, cut in the answer": (
        {}, {}, "old head=200 cut", "<send><pause 0.5><send>", ["start", "failed upstream broke off", "start"],
    ),
    "an empty stream": ({}, {}, UP + "data=none end", "<send>[END]<end>", ["start", "succeeded"]),
    "all rest for a while": (
        {}, {"waits": 2.0}, UP + "data=a end", "<pause 2.0><send>a[END]<end>", ["start", "succeeded"],
    ),
    "no account": ({}, {"none": True}, "", "<error no account>", []),
    "something better than an error": ({"better": b"[]"}, {"none": True}, "", "[]<answer>", []),
    "nothing is better in a stream": (
        {"better": b"[]"}, {}, UP + "data=a cut", "<send>a[CUT]<end The stream was inter>",
        ["start", "failed upstream broke off"],
    ),
    "a hop": (
        {}, {}, UP + f"data=aHOP end {UP} data=b end", "<send>aHOP<pause><send>b[END]<end>",
        ["start", "succeeded", "stay", "succeeded"],
    ),
    "a hop, and one too many": (
        {}, {}, UP + f"data=1HOP end {UP} data=2HOP end {UP} data=3HOP end",
        "<send>1HOP<pause><send>2HOP<pause><send>3HOP[END]<end>",
        ["start", "succeeded", "stay", "succeeded", "stay", "succeeded"],
    ),
    "a hop of whole answers": (
        {"streams": False}, {}, UP + f"whole=aHOP {UP} whole=b gathered=", "<send><pause><send><gather>aHOPb<answer>",
        ["start", "succeeded", "stay", "succeeded"],
    ),
    "a hop that fails before it comes": (
        {"streams": False}, {}, UP + f"whole=aHOP unreachable {UP} whole=b gathered=",
        "<send><pause><send><pause 0.5><send><gather>aHOPb<answer>",
        ["start", "succeeded", "stay", "failed upstream unreachable", "stay", "succeeded"],
    ),
    "a hop that any account can go on with": (
        {"streams": False, "stays": False}, {}, UP + f"whole=aHOP unreachable {UP} whole=b gathered=",
        "<send><pause><send><pause 0.5><send><gather>aHOPb<answer>",
        ["start", "succeeded", "start", "failed upstream unreachable", "start", "succeeded"],
    ),
    "a signature, once": (
        {}, {}, "failed=SIGNATURE failed=SIGNATURE", "<send><pause><send><error signature>",
        ["start", "discount SIGNATURE", "stay", "failed SIGNATURE"],
    ),
    "a schema, once": (
        {}, {}, "failed=SCHEMA failed=SCHEMA", "<send><pause><send><error schema>",
        ["start", "discount SCHEMA", "stay", "failed SCHEMA"],
    ),
    "a credential, once": (
        {}, {"most": 1}, "failed=AUTH:401 failed=AUTH:401", "<send><pause><send><error auth>",
        ["start", "discount AUTH", "stay", "failed AUTH"],
    ),
    "a credential that is no 401": ({}, {"most": 1}, "failed=AUTH:403", "<send><error auth>", ["start", "failed AUTH"]),
    "mended, but the client has something": (
        {}, {}, UP + "data=a failed=SCHEMA", "<send>a[CUT]<end schema>", ["start", "failed SCHEMA"],
    ),
    "empty, once more": (
        {"empty": True}, {}, UP + f"data=none end {UP} data=none end", "<send><pause><send>[END]<end>",
        ["start", "discount EMPTY", "stay", "succeeded"],
    ),
    "empty, once more, whole": (
        {"streams": False, "empty": True}, {}, UP + f"whole=none {UP} whole=none gathered=",
        "<send><pause><send><gather>none<answer>", ["start", "discount EMPTY", "stay", "succeeded"],
    ),
    "a sign of life": (
        {}, {}, "new silence silence head=200 data=a silence end", "<send>[OPEN]::a:[END]<end>", ["start", "succeeded"],
    ),
    "retry after a sign of life": (
        {}, {}, f"new silence head=503 error=503 {UP} data=a end",
        "<send>[OPEN]:<pause 0.5><send>a[END]<end>", ["start", "failed 503 not JSON", "start", "succeeded"],
    ),
    "an error after an early head": (
        {}, {"most": 1}, "new silence head=503 error=503", "<send>[OPEN]:[CUT]<end Gemini answered 503 >",
        ["start", "failed 503 not JSON"],
    ),
    "the deadline after an early head": ({}, {}, "new silence deadline", "<send>[OPEN]:[CUT]<end too late>", ["start"]),
    "the deadline in the stream": ({}, {}, UP + "data=a deadline", "<send>a[CUT]<end too late>", ["start"]),
    "the deadline, and then all the rest": (
        {}, {}, "new deadline head=200 data=a cut end silence deadline", "<send><error too late>", ["start"],
    ),
    "the client left in the stream": ({}, {}, UP + "data=a gone", "<send>a<hang_up>", ["start"]),
    "the client left after the end": ({}, {}, UP + "data=a end gone", "<send>a[END]<end>", ["start", "succeeded"]),
}  # fmt: skip


@pytest.mark.parametrize("name", COURSES)
def test_courses(name: str) -> None:
    about, limits, events, expected, told = COURSES[name]
    machine, attempts = Machine(), FakeAttempts(**limits)
    machine.job = job = FakeJob(**about)
    made = course(machine, attempts, "begin " + events)
    assert made == expected
    assert attempts.told == told
    stored = machine.state is State.ENDED or (machine.state is State.ANSWERED and "<gather>" in made)
    assert job.told_of_end == int(stored)


def test_what_a_complete_answer_leaves() -> None:
    machine = machine_in("BEGUN")
    ended = machine.stream_ended()
    assert ended.turns == TURNS
    enough = machine_in("BEGUN").data(b"ENOUGH")
    assert isinstance(enough, Verdict)
    assert enough.turns == TURNS
    answered = machine_in("GATHERING").gathered([])
    assert answered.turns == TURNS
    assert machine_in("BEGUN").failed(problem()).turns == {}


def test_a_sign_of_life_that_was_not_sent_is_not_overtaken() -> None:
    machine = machine_in("STREAMING")
    machine.silence()
    machine.silence()
    assert machine.data(b"a") == b"[OPEN]::a"
    machine.silence()
    assert machine.stream_ended().data == b":[END]"
    assert machine.pending() == b""


def test_a_sign_of_life_that_was_not_sent_does_not_break_an_error() -> None:
    machine = machine_in("SENT")
    machine.silence()
    assert machine.cut_short(LATE).do is Do.ERROR
    assert machine.pending() == b""


def test_a_bug_comes_out_and_is_told() -> None:
    machine = machine_in("STREAMING")
    with pytest.raises(ZeroDivisionError):
        machine.data(b"BUG")
    assert machine.crashed(Fault(500, "bug")).do is Do.ERROR


def test_no_mitmproxy_and_no_loop() -> None:
    code = (
        "import sys; sys.modules['mitmproxy'] = sys.modules['asyncio'] = sys.modules['logging'] = None\n"
        "import addons.gateway.exchange.machine"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# --- any course at all


class AnyCourse(RuleBasedStateMachine):
    """Events in any order that can come: one end, nothing after it, no more attempts than allowed, every byte once."""

    @initialize(
        streams=st.booleans(), others=st.booleans(), empty=st.booleans(), better=st.booleans(), most=st.integers(1, 4)
    )
    def begin(self, streams: bool, others: bool, empty: bool, better: bool, most: int) -> None:
        self.machine = Machine()
        self.attempts = FakeAttempts(most)
        self.machine.job = self.job = FakeJob(
            streams=streams, others=others, empty=empty, better=b"better" if better else None
        )
        self.got = b""
        """What the client has of a stream."""
        self.fed = b""
        """What of that came from the upstream."""
        self.ends = 0
        self.sends = 0
        self.more = 0
        """Attempts that do not count: mended, hops, resent."""
        self.number = 0
        self.obey(self.machine.admitted(self.attempts))

    def obey(self, verdict: bytes | Verdict) -> None:
        if isinstance(verdict, bytes):
            assert not self.ends
            self.got += verdict
            return
        if verdict.do in (Do.ANSWER, Do.ERROR):
            assert not self.got
            self.ends += 1
        elif verdict.do in (Do.STREAM, Do.END):
            self.got += verdict.data
            self.ends += 1
        elif verdict.do is Do.GATHER:
            self.got += verdict.data
        elif verdict.do is Do.SEND:
            self.sends += 1
        elif verdict.do is Do.PAUSE:
            problem = verdict.problem
            self.more += problem is None or self.attempts.told[-1].startswith("discount")
            self.job_hopped = problem is None
        elif verdict.do is Do.HANG_UP:
            self.ends += 1

    def state(self, *states: State) -> bool:
        return self.machine.state in states

    @precondition(lambda self: self.state(State.CALLING))
    @rule(reused=st.booleans())
    def send(self, reused: bool) -> None:
        self.obey(self.machine.sent(reused=reused))

    @precondition(lambda self: self.state(State.PAUSED))
    @rule()
    def wait(self) -> None:
        self.obey(self.machine.waited())

    @precondition(lambda self: self.state(State.CALLING, State.SENT))
    @rule(status=st.sampled_from((200, 200, 429, 503)))
    def head(self, status: int) -> None:
        self.status = status
        self.obey(self.machine.head(status))

    @precondition(lambda self: self.state(State.STREAMING))
    @rule(what=st.sampled_from(("text", "text", "text", "HOP", "none", "BAD", "ENOUGH")))
    def data(self, what: str) -> None:
        self.number += 1
        piece = b"(%d%s)" % (self.number, what.encode())
        if what in ("text", "HOP", "ENOUGH"):
            self.fed += piece
        self.obey(self.machine.data(piece))

    @precondition(lambda self: self.state(State.STREAMING))
    @rule()
    def end(self) -> None:
        self.obey(self.machine.stream_ended())

    @precondition(lambda self: self.state(State.WHOLE))
    @rule(content=st.sampled_from((b"{}", b"HOP", b"BAD", b"none")))
    def whole(self, content: bytes) -> None:
        self.obey(self.machine.whole(self.status, content, {}))

    @precondition(lambda self: self.state(State.GATHERING))
    @rule(others=st.lists(st.sampled_from((b"b", b"c", b"BAD")), max_size=2))
    def gathered(self, others: list[bytes]) -> None:
        self.obey(self.machine.gathered(others))

    @precondition(lambda self: self.state(State.CALLING, State.SENT, State.WHOLE, State.STREAMING))
    @rule(connecting=st.booleans())
    def cut(self, connecting: bool) -> None:
        self.obey(self.machine.cut("closed", connecting=connecting))

    @rule(kind=st.sampled_from(Kind))
    def failed(self, kind: Kind) -> None:
        self.obey_unless_over(self.machine.failed(problem(kind, status=401)))

    @rule()
    def silence(self) -> None:
        if self.job.streams:
            self.obey_unless_over(self.machine.silence())

    @rule()
    def pending(self) -> None:
        self.got += self.machine.pending()

    @rule(event=st.sampled_from(sorted(EVENTS.keys() - {"crashed"})))
    def after_the_end(self, event: str) -> None:
        if self.state(*OVER):
            self.obey_unless_over(EVENTS[event](self.machine))

    @rule()
    def deadline(self) -> None:
        self.obey_unless_over(self.machine.cut_short(LATE))

    @rule()
    def client_gone(self) -> None:
        self.obey_unless_over(self.machine.client_gone())

    def obey_unless_over(self, verdict: bytes | Verdict) -> None:
        """In `GONE` every event is told to hang up; that counts once."""
        if self.ends and isinstance(verdict, Verdict) and verdict.do is Do.HANG_UP:
            return
        self.obey(verdict)

    @invariant()
    def one_end(self) -> None:
        assert self.ends == int(self.state(*OVER))

    @invariant()
    def not_too_many_attempts(self) -> None:
        assert self.sends <= self.attempts.most + self.more
        assert (
            self.more <= 2 + 1 + 1 + 1 + 1
        )  # hops, a mended request, a credential, an empty answer, a stale connection

    @invariant()
    def every_byte_once(self) -> None:
        said = self.got
        for sign in (b"[OPEN]", b":", b"[CUT]"):
            said = said.replace(sign, b"")
        text, end, rest = said.partition(b"[END]")
        assert text.removesuffix(b"bb").removesuffix(b"cc").rstrip(b"bc") == self.fed
        assert not rest
        assert not end or self.state(State.ENDED)
        assert self.got.count(b"[OPEN]") <= 1
        assert not self.got or self.machine.committed
        assert self.job.told_of_end <= 1


TestAnyCourse = AnyCourse.TestCase
TestAnyCourse.settings = settings(max_examples=200, stateful_step_count=30, deadline=None)
