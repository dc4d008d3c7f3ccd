"""A case translated again, offline: the same jobs that the gateway runs, fed with the recorded answers.

What the gateway decides by the state of accounts and connections is taken from the case: which calls were made, and an
error that ended the exchange from outside. Everything else is made anew, and compared with what was recorded.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from addons.gateway.accounts import upstreams
from addons.gateway.accounts.account import Account
from addons.gateway.accounts.credentials.credentials import ApiKey
from addons.gateway.cases.files import ANSWER, GEMINI_REQUEST, PROJECT, Case, UpstreamCall, ended_by
from addons.gateway.endpoints.answer_job import AnswerJob
from addons.gateway.exchange.job import Job
from addons.gateway.http import routes
from addons.gateway.record.retranslation import translate
from mapping import dialects, jsonio
from mapping.dialect import Answering
from mapping.faults import Fault
from mapping.gemini.errors import upstream_errors
from mapping.gemini.errors.rules import Kind
from mapping.gemini.errors.upstream_errors import UpstreamError
from mapping.notes import Notes
from mapping.request.second_try import with_typed
from mapping.translators import StreamTranslator
from mapping.values import GeminiCall


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a translation gives now."""

    status: int
    answer: bytes
    requests: list[Any]
    """The Gemini requests, one for each call of the case; None for a call that is not made any more."""
    notes: list[list[str]]
    crash: str = ""
    """The traceback of a translation that failed."""


def rerun(case: Case) -> Outcome:
    """Translate a case again, from its request and Gemini's recorded answers. Raises nothing, see `Outcome.crash`."""
    run = _Run(case)
    crash = ""
    try:
        status, answer = 200, run.answer()
    except Fault as e:
        dialect = dialects.named(case.endpoint)
        assert dialect is not None
        e.request_id = case.given.get("request_id")
        told = dialect.error(e)
        status, answer = told.status, told.body
    except Exception:
        status, answer, crash = 500, b"", traceback.format_exc()
    requests = [run.requests.get(number) for number in range(len(case.calls))]
    return Outcome(status, answer, requests, [list(note) for note in run.notes], crash)


class _Run:
    """The way of `exchange.Exchange`, without its accounts, pauses and connections."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self.notes = Notes()
        self.requests: dict[int, Any] = {}
        self._out = b""
        """What the client has of a stream."""
        self._translator: StreamTranslator | None = None

    def answer(self) -> bytes:
        """The client's answer. Raises Fault for an error with a status of its own."""
        case = self._case
        match = routes.resolve(case.method, case.path)
        if match.unusual:
            self.notes.add("path", f"taken for {match.endpoint.path}")
        answering = translate(case.record, case.request, self.notes)
        if (unasked := answering.unasked()) is not None:
            return unasked[1]
        strict = case.given.get("options", {}).get("strict") is True
        job = AnswerJob(answering, self.notes, _ask, strict=strict)
        typed = case.given.get("typed_tools") or []
        job.use_typed(typed)
        others = self._others(answering, typed)
        try:
            for number, upstream_call in enumerate(case.calls):
                if upstream_call.part == 0:
                    last = all(later.part for later in case.calls[number + 1 :])
                    done = self._attempt(job, number, upstream_call, others, last)
                    if done is not None:
                        return done
            raise ended_by(case) or Fault(500, "The case has no call that gave an answer.")
        except Fault as e:
            instead = job.instead_of_error(e)
            return self._cut(e) if instead is None else instead

    def _others(self, answering: Answering, typed: list[int]) -> list[bytes]:
        """The answers of the calls beside the first one. `typed`: see `MendableJob.use_typed`."""
        further = [(number, made) for number, made in enumerate(self._case.calls) if made.part]
        for (number, made), call in zip(further, answering.calls[1:], strict=False):
            if typed and call.body is not None:
                call = replace(call, body=with_typed(call.body, typed, self.notes), made={})
            self._note_request(number, made, call)
        return [made.answer for _, made in further if made.status is not None and 200 <= made.status < 300]

    def _attempt(self, job: Job, number: int, call: UpstreamCall, others: list[bytes], last: bool) -> bytes | None:
        """The client's answer, or None when another call follows. Raises Fault when none does."""
        self._note_request(number, call, job.request())
        job.needs_content = not last
        try:
            if call.status is None or (call.outcome and not job.streams):
                raise _broken_off(call)
            if not 200 <= call.status < 300:
                headers = {"retry-after": call.retry_after} if call.retry_after else {}
                raise upstream_errors.from_http(call.status, call.answer, headers)
            if job.streams:
                return self._stream(job, call, others, last)
            return job.finish(others) if job.take(call.answer) else None
        except UpstreamError as problem:
            if last or (self._translator and self._translator.started):
                raise ended_by(self._case) or job.blamed(problem.error) from None
            if problem.kind is Kind.SIGNATURE:
                job.rebuild_signatures()
            elif problem.kind is Kind.SCHEMA:
                job.leave_out(problem)
            self.notes.add("retried", problem.reason)
            self._translator = job.stream_again(self._translator) if self._translator else None
            return None

    def _stream(self, job: Job, call: UpstreamCall, others: list[bytes], last: bool) -> bytes | None:
        self._translator = translator = self._translator or job.stream()
        self._out += translator.feed(call.answer)
        if call.outcome:
            raise _broken_off(call)
        for other in others:
            translator.add_answer(other)
        others.clear()
        self._out += translator.end(needs_content=job.needs_content)
        if token := translator.continuation:
            if job.go_on(token) and not last:
                return None
            self._out += translator.end()
        return self._out

    def _cut(self, problem: Fault) -> bytes:
        """The end of a stream that has begun. Raises the error again where none has."""
        if not self._case.streamed or self._translator is None:
            raise problem
        opened = b"" if self._out else self._translator.open()
        return self._out + opened + self._translator.cut(problem)

    def _note_request(self, number: int, made: UpstreamCall, call: GeminiCall) -> None:
        """Write down what would be sent in the place of a recorded call."""
        account = Account(
            label="",
            credential=ApiKey(""),
            upstream=made.upstream,
            project=PROJECT if made.has_project else None,
            location=made.location,
        )
        body = upstreams.outgoing(account, call).body
        self.requests[number] = jsonio.loads(body) if body is not None else None


def _broken_off(call: UpstreamCall) -> UpstreamError:
    problem = upstream_errors.broken_off("")
    problem.reason = call.outcome
    return problem


# --- comparing


@dataclass(frozen=True, slots=True)
class RerunDifference:
    """Something that is not as it was recorded, as texts of lines to compare."""

    name: str
    recorded: str
    now: str


def differences(case: Case, outcome: Outcome) -> list[RerunDifference]:
    """What a translation gives otherwise than recorded. Of requests the JSON counts, of answers every byte."""
    found = [
        RerunDifference(
            f"{GEMINI_REQUEST}{f'-{number}' if len(case.calls) > 1 else ''}", _lines(call.request), _lines(now)
        )
        for number, (call, now) in enumerate(zip(case.calls, outcome.requests, strict=True), 1)
        if call.request != now
    ]
    if case.steady != outcome.answer:
        found.append(RerunDifference(ANSWER, *_readable(case.steady, outcome.answer)))
    if case.status != outcome.status:
        found.append(RerunDifference("status", f"{case.status}\n", f"{outcome.status}\n"))
    before, now = _timeless(case.notes), _timeless(outcome.notes)
    if before != now:
        found.append(RerunDifference("notes", _listed(before), _listed(now)))
    if outcome.crash:
        found.append(RerunDifference("crash", "", outcome.crash))
    return found


def _lines(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def _timeless(notes: list[list[str]]) -> list[list[str]]:
    """The notes but for what depends on the day: that a model retires."""
    return [note for note in notes if note[0] != "retires"]


def _listed(notes: list[list[str]]) -> str:
    return "".join(f"{code}={detail}\n" if detail else f"{code}\n" for code, detail in notes)


def _readable(recorded: bytes, now: bytes) -> tuple[str, str]:
    """Whole answers indented, unless only their bytes differ; everything else as it is."""
    try:
        first, second = jsonio.loads(recorded), jsonio.loads(now)
    except ValueError:
        return recorded.decode("utf-8", "replace"), now.decode("utf-8", "replace")
    if first == second:
        return recorded.decode() + "\n", now.decode() + "\n"
    return _lines(first), _lines(second)


async def _ask(call: GeminiCall, check: Callable[[bytes], None]) -> bytes:
    raise AssertionError("the answers are in the case")
