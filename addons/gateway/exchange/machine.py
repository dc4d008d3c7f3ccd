"""What is to be done about one request: events in, verdicts out. No I/O, no clock, no timer, no mitmproxy in here.

Each method that is an event says in a `Verdict` what to do next. Who drives it (`exchange.Exchange`) does that, and
tells what comes of it by another event. `verdicts` lists the states. Rules:

* Until the client has a byte, what goes wrong may be followed by another attempt (`Attempts` says whether); after that
  the client gets an error event and a clean end. There is one end, and nothing after it.
* An event that comes late (from an attempt that was given up, after the end) is ignored: it gets `NOTHING`.
* In `GONE` every event gets `HANG_UP`.
* Any other event that cannot come in a state raises `ImpossibleEventError`. It is a bug of the caller.
* `UpstreamError` and `Fault` of the translation are dealt with here. What else it raises is a bug: it comes out, and is
  to be told by `crashed`.
"""

from __future__ import annotations

from collections.abc import Mapping

from addons.gateway.exchange import verdicts
from addons.gateway.exchange.job import Job
from addons.gateway.exchange.verdicts import GATHER, HANG_UP, NOTHING, SEND, SHOW, Attempts, Do, State, Verdict
from addons.gateway.exchange.verdicts import ImpossibleEventError as Impossible
from mapping.faults import Fault
from mapping.gemini.errors import upstream_errors
from mapping.gemini.errors.rules import Kind
from mapping.gemini.errors.upstream_errors import UpstreamError
from mapping.translators import StreamTranslator
from mapping.values import RawTurn

_OVER = (State.ANSWERED, State.ENDED, State.GONE)
_LATE = (State.PAUSED, State.GATHERING, *_OVER)
"""Where what comes of an upstream call has no meaning any more."""


class Machine:
    """See the module."""

    __slots__ = (
        "_attempts", "_gathered", "_hopping", "_opened", "_opening", "_resent", "_reused", "_stay", "committed", "job",
        "overdue", "pause", "state", "translator",
    )  # fmt: skip

    def __init__(self) -> None:
        self.state = State.NEW
        self.job: Job | None = None
        """What the request is about; set by who understands it, while it is `NEW`."""
        self.translator: StreamTranslator | None = None
        """Of a stream that has begun."""
        self.pause = 0.0
        """Seconds of the latest pause."""
        self.committed = False
        """The client has a part of a stream, or is about to get it: no whole answer any more, nor an HTTP error."""
        self.overdue = False
        """It was cut short (the deadline, the end of the gateway), and the client's answer is an error."""
        self._attempts: Attempts | None = None
        self._opening = b""
        """What the client is to get before anything else of the stream."""
        self._opened = False
        """The translator was asked to open the stream."""
        self._reused = False
        """The call went up on a connection that was open already."""
        self._resent = False
        """It was sent again because such a connection was closed: once for a request."""
        self._hopping = False
        """The call goes on with the answer of the one before."""
        self._stay = False
        """The next attempt is made on the same account."""
        self._gathered = False
        """The translator has the answers of the calls beside the first one."""

    @property
    def over(self) -> bool:
        """The client's answer is there, or the client is gone."""
        return self.state in _OVER

    # --- events: the request

    def admitted(self, attempts: Attempts) -> Verdict:
        """It is known what to ask (`job`): make the first attempt."""
        if self._is_late("admitted", State.NEW):
            return self._too_late
        self._attempts = attempts
        return self._start()

    def answered(self, content: bytes) -> Verdict:
        """There is an answer without any call."""
        if self._is_late("answered", State.NEW):
            return self._too_late
        return self._answer(content)

    def refused(self, problem: Fault) -> Verdict:
        """There is nothing but an error to answer with: of the client, the gateway, or a call beside the first one."""
        return self._too_late if self.over else self._fail(problem)

    def crashed(self, problem: Fault) -> Verdict:
        """A bug, also of who obeys: what it has made of an `ANSWERED` that can't be sent is replaced."""
        return self._too_late if self.state in (State.ENDED, State.GONE) else self._error(problem)

    def cut_short(self, problem: Fault) -> Verdict:
        """It has taken too long, or the gateway ends: no further attempt, and this error for the client."""
        if self.over:
            return self._too_late
        self.overdue = True
        return self._fail(problem)

    def client_gone(self) -> Verdict:
        """Nobody is there any more to answer."""
        if not self.over:
            self.state = State.GONE
        return self._too_late

    # --- events: calls

    def waited(self) -> Verdict:
        """The pause is over."""
        if self._is_late("waited", State.PAUSED):
            return self._too_late
        return self._start()

    def forbidden(self, problem: Fault) -> Verdict:
        """The call must not go up: whatever account it was to go to, this is the answer."""
        if self._is_late("forbidden", State.CALLING):
            return self._too_late
        self._tries.discount(problem.name, 0)
        return self._fail(problem)

    def sent(self, *, reused: bool) -> Verdict:
        """The call has gone up. `reused`: on a connection that was open already."""
        if self._is_late("sent", State.CALLING):
            return self._too_late
        self.state, self._reused = State.SENT, reused
        return NOTHING

    def head(self, status: int) -> Verdict:
        """The head of an answer has come. One of another addon's comes in the upstream's place: nothing was sent."""
        if self._is_late("head", State.SENT, State.CALLING):
            return self._too_late
        job = self._job
        if job.streams and _is_good(status):
            self.translator = self.translator or job.stream()
            self._hopping = False
            self.state = State.STREAMING
        else:
            self.state = State.WHOLE
        return NOTHING

    def data(self, data: bytes) -> bytes | Verdict:
        """Bytes of a stream have come. Bare bytes are to be sent, a part of the stream: there is one event a chunk."""
        if self.state is not State.STREAMING:
            self._is_late("data", State.STREAMING)
            return self._too_late
        translator = self.translator
        assert translator is not None
        try:
            out = translator.feed(data)
        except UpstreamError as problem:
            return self.failed(problem)
        if out:
            self.committed = True
            if self._opening:  # a sign of life that has not been sent yet must not be overtaken
                out = self._with_opening(out)
            if translator.fault:
                return self._broken(translator.fault, out)._replace(do=Do.STREAM)
        return self._enough(out) if translator.enough else out

    def stream_ended(self) -> Verdict:
        """The upstream's stream is over, as it should be."""
        if self._is_late("stream_ended", State.STREAMING):
            return self._too_late
        if self._job.has_others:
            self.state = State.GATHERING
            return GATHER
        return self._end_stream([])

    def whole(self, status: int, content: bytes, headers: Mapping[str, str]) -> Verdict:
        """An answer is there as a whole."""
        if self._is_late("whole", State.WHOLE):
            return self._too_late
        if not _is_good(status):
            return self.failed(upstream_errors.from_http(status, content, headers))
        try:
            is_all = self._job.take(content)
        except UpstreamError as problem:
            return self.failed(problem)
        except Fault as problem:
            return self._fail(problem)
        if not is_all:
            return self._hop()
        self._tries.succeeded()
        self.state = State.GATHERING
        return GATHER

    def gathered(self, others: list[bytes]) -> Verdict:
        """The answers of the calls beside the first one; there may be none."""
        if self._is_late("gathered", State.GATHERING):
            return self._too_late
        if self.translator is not None:
            return self._end_stream(others)
        job = self._job
        try:
            content = job.finish(others)
        except UpstreamError as problem:
            return self.failed(problem)
        except Fault as problem:
            return self._fail(problem)
        turns = job.remember()
        job.ended()
        return self._answer(content, turns)

    def cut(self, message: str, *, connecting: bool) -> Verdict:
        """The upstream can't be reached (`connecting`), or broke off before its answer was whole."""
        if self._is_late("cut", State.CALLING, State.SENT, State.WHOLE, State.STREAMING):
            return self._too_late
        nothing_came = self.state in (State.CALLING, State.SENT)
        if self.state is State.SENT and self._reused and not self._resent:
            # The upstream closed an idle connection just as it was used again. That is no failed attempt.
            self._resent = True
            return self._once_more("idle connection closed", 0)
        made = upstream_errors.connect_failed if nothing_came else upstream_errors.broken_off
        return self.failed(made(message))

    def failed(self, problem: UpstreamError) -> Verdict:
        """The attempt has failed."""
        if self.over or self.state is State.PAUSED:
            return self._too_late
        attempts, translator = self._attempts, self.translator
        if attempts is None:
            return self._fail(problem.error)._replace(problem=problem)
        can_go_on = translator is None or not translator.started
        if can_go_on and self._mended(problem):
            self._anew()
            return self._once_more(problem.reason, problem.status)._replace(problem=problem)
        seconds = attempts.failed(problem, stay=self._hopping)
        if seconds is None or not can_go_on:
            return self._fail(self._job.blamed(attempts.error(problem)))._replace(problem=problem)
        self._anew()
        return self._again(seconds)._replace(problem=problem)

    # --- the client's stream while its upstream is silent

    def silence(self) -> Verdict:
        """A client of a stream has heard nothing for a while: say something, and commit to the stream if need be."""
        if self.over:
            return self._too_late
        if self.state is State.NEW:
            raise Impossible("silence in NEW")
        self.translator = self.translator or self._job.stream()
        if not self.committed and not self._opened:
            self._opening += self.translator.open()
            self._opened = True
        self._opening += self.translator.keep_alive()
        return SHOW

    def pending(self) -> bytes:
        """What the client is to get without anything having come from the upstream. Not an event: it is taken."""
        if not self._opening or self.state is State.ANSWERED:
            return b""
        self.committed = True
        return self._with_opening(b"")

    # --- inside

    @property
    def _job(self) -> Job:
        assert self.job is not None
        return self.job

    @property
    def _tries(self) -> Attempts:
        assert self._attempts is not None
        return self._attempts

    def _is_late(self, event: str, *states: State) -> bool:
        """Whether an event of these states comes too late to mean anything. Raises ImpossibleEventError."""
        if self.state in states:
            return False
        if self.state in _LATE:
            return True
        raise Impossible(f"{event} in {self.state.name}")

    @property
    def _too_late(self) -> Verdict:
        return HANG_UP if self.state is State.GONE else NOTHING

    def _start(self) -> Verdict:
        """Begin the next attempt."""
        stay, self._stay = self._hopping or self._stay, False
        try:
            seconds = self._tries.start(paused=self.pause, stay=stay)
        except Fault as problem:
            return self._fail(problem)
        if seconds is not None:
            return self._again(seconds)
        self.state = State.CALLING
        return SEND

    def _end_stream(self, others: list[bytes]) -> Verdict:
        translator, job = self.translator, self._job
        assert translator is not None
        try:
            if not self._gathered:
                for other in others:
                    translator.add_answer(other)
                self._gathered = True
            tail = translator.end(needs_content=job.needs_content)
            if token := translator.continuation:
                if job.go_on(token):
                    self._opening += tail
                    return self._hop()
                tail += translator.end()
        except UpstreamError as problem:
            return self.failed(problem)
        except Fault as problem:
            return self._fail(problem)
        tail = self._with_opening(tail)
        if translator.fault:
            return self._broken(translator.fault, tail)
        self._tries.succeeded()
        turns = translator.remember()
        job.ended()
        return self._end(tail, turns)

    def _enough(self, out: bytes) -> Verdict:
        """The client wants no more of what the upstream says. `out`: what it is to get before anything else."""
        verdict = self.stream_ended()
        do = Do.STREAM if verdict.do is Do.END else verdict.do
        return verdict._replace(do=do, data=out + verdict.data)

    def _broken(self, problem: UpstreamError, tail: bytes) -> Verdict:
        """The translation has ended the client's stream with an error."""
        self._tries.failed(problem, stay=False)
        self._job.ended()  # what failed can be asked for later, too
        return self._end(tail)._replace(fault=problem.error)

    def _mended(self, problem: UpstreamError) -> bool:
        """Whether the call can be made once more, on the same account, without what was wrong with it."""
        job = self._job
        if problem.kind is Kind.SIGNATURE:
            return job.rebuild_signatures()
        if problem.kind is Kind.SCHEMA:
            return job.leave_out(problem)
        if problem.kind is Kind.EMPTY:
            return job.take_empty()
        if problem.kind is Kind.AUTH and problem.status == 401:
            return self._tries.renew()
        return False

    def _anew(self) -> None:
        """The next attempt is at the whole answer: what this one has brought does not count."""
        if self.translator is not None:
            self.translator = self._job.stream_again(self.translator)
        self._gathered = False

    def _once_more(self, reason: str, status: int) -> Verdict:
        """Make the call on the same account again; what happened counts as no failure of it."""
        self._tries.discount(reason, status)
        self._stay = True
        return self._again(0.0)

    def _hop(self) -> Verdict:
        """The answer goes on with another call."""
        self._tries.succeeded()
        self._hopping = self._job.stays
        return self._again(0.0)

    def _again(self, seconds: float) -> Verdict:
        self.state, self.pause = State.PAUSED, seconds
        return Verdict(Do.PAUSE, seconds=seconds)

    def _fail(self, problem: Fault) -> Verdict:
        """Answer with an error, unless the job knows something better."""
        replaced = self.job.instead_of_error(problem) if self.job is not None and not self.committed else None
        return self._error(problem) if replaced is None else self._answer(replaced)

    def _error(self, problem: Fault) -> Verdict:
        """As a whole answer while that is possible, as the end of the stream after that."""
        if not self.committed:
            self.state = State.ANSWERED
            return Verdict(Do.ERROR, fault=problem)
        assert self.translator is not None
        tail = self._with_opening(self.translator.cut(problem))
        verdict = self._end(tail)._replace(fault=problem)
        self._job.ended()  # what failed can be asked for later, too
        return verdict

    def _answer(self, content: bytes, turns: Mapping[str, RawTurn] = verdicts.NO_TURNS) -> Verdict:
        self.state = State.ANSWERED
        return Verdict(Do.ANSWER, content, turns=turns)

    def _end(self, tail: bytes, turns: Mapping[str, RawTurn] = verdicts.NO_TURNS) -> Verdict:
        self.state, self.committed = State.ENDED, True
        return Verdict(Do.END, tail, turns=turns)

    def _with_opening(self, out: bytes) -> bytes:
        out, self._opening = self._opening + out, b""
        return out


def _is_good(status: int) -> bool:
    return 200 <= status < 300
