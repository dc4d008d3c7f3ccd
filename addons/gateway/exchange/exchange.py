"""One request of a client, from its first byte to its last: admission, attempts, failover, answer.

mitmproxy's hooks and the layer tell it what happened; it leaves in `verdict` what is to be done next. Rules:

* Until something has been sent to the client, a failure of the upstream may be followed by another attempt
  (`failover` says whether); after that the client gets an error event and a clean end.
* Whatever goes wrong in here becomes an error answer. The client's request is never sent on as it was.
"""

from __future__ import annotations

import asyncio
import enum
import logging
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mitmproxy import flow as mitm_flow
from mitmproxy import http

from addons.gateway.accounts import upstream_request
from addons.gateway.accounts.account import Account
from addons.gateway.accounts.affinity import Conversation
from addons.gateway.accounts.credentials.credentials import CredentialError
from addons.gateway.accounts.failover import Attempt, Failover, Wait
from addons.gateway.accounts.pool import Pool
from addons.gateway.endpoints.jobs import Job
from addons.gateway.exchange import ids
from addons.gateway.exchange.guard import Guard
from addons.gateway.exchange.patience import Patience
from addons.gateway.exchange.silence import Silence
from addons.gateway.exchange.summary import summarise
from addons.gateway.http import admission, answers, routes
from addons.gateway.http.callers import Caller
from addons.gateway.record.seeds import Seeds
from addons.gateway.record.trace import Trace
from addons.gateway.status import page as status_page
from mapping.dialect import StreamTranslator
from mapping.faults import Fault, FaultKind
from mapping.gemini import upstream_errors
from mapping.gemini.upstream_errors import Kind, UpstreamError
from mapping.notes import Notes
from mapping.openai_errors import error_body

if TYPE_CHECKING:
    from addons.gateway.gateway import Gateway

logger = logging.getLogger("antigravity")


class Verdict(enum.Enum):
    """What the layer is to do next."""

    SEND = "send the request upstream"
    AGAIN = "make another attempt, after `pause` seconds"
    STREAM = "go on passing the stream through"
    ANSWER = "send the answer that is in the flow"
    DONE = "send `tail` and end"


@dataclass(slots=True, eq=False)
class Exchange:
    """See the module."""

    gateway: Gateway
    flow: http.HTTPFlow
    caller: Caller
    id: str
    inner: bool = False
    """Made by the gateway itself, not by a client."""
    is_poll: bool = False
    """An open status page asks for itself again."""
    is_own: bool = False
    """It asks for the gateway itself (`/healthz`, say): nothing that anybody wants to look at or to save."""
    trace: Trace | None = None
    seeds: Seeds = field(default_factory=Seeds)
    started: float = field(default_factory=time.monotonic)
    verdict: Verdict = Verdict.SEND
    pause: float = 0.0
    tail: bytes = b""
    notes: Notes = field(default_factory=Notes)
    job: Job | None = None
    tenant: str = ""
    method: str = ""
    path: str = ""
    """Of the client's request."""
    error: str | None = None
    """The code of the error that the client got, or else its type."""
    status: int | None = None
    """Of an answer that is in no flow."""
    message: str | None = None
    """Of that error."""
    asked_model: str | None = None
    """As the client named it, cut to what is kept of a name."""
    left: bool = False
    """The client did not wait for the end."""
    events: int = 0
    """Of a stream: how many went to the client."""
    endpoint: str = "unknown"
    first_sent: float = 0.0
    """When the first bytes of a stream went to the client."""
    failover: Failover | None = None
    conversation: Conversation | None = None
    """What the request goes on with, where that is to stay on its account."""
    head_only: bool = False
    reused_connection: bool = False
    nudge: Callable[[], None] = lambda: None
    pool: Pool | None = None
    """The accounts that may serve; None: all of the gateway's."""
    result: asyncio.Future[bytes] | None = None
    """Inner exchanges: the upstream's answer, or an Fault."""
    _translator: StreamTranslator | None = None
    _head: http.Response | None = None
    _http11: bool = True
    _close: bool = False
    _finished: bool = False
    _begun: bool = False
    _resent: bool = False
    _hopping: bool = False
    _stay: bool = False
    """The next attempt is made on the same account."""
    _shown: int = 0
    """The version of the credential that was sent last."""
    _refused: int | None = None
    """The version of the credential that is to be renewed before the next attempt."""
    _renewed: Account | None = None
    """Whose credential was renewed after a refusal: once for each account."""
    _others_added: bool = False
    _silence: Silence | None = None
    _patience: Patience = field(default_factory=Patience)
    _deadline: asyncio.TimerHandle | None = None
    overdue: bool = False
    """It was cut short (the deadline, the end of the gateway), and the client's answer is an error."""
    delivered: bool = False
    """The client's answer was sent to its end."""
    _opening: bytes = b""

    # --- the hooks

    def on_request(self) -> Awaitable[None] | None:
        """The `request` hook: the whole request is there. What it returns, if anything, has to be awaited."""
        if self._begun:  # another attempt, and its call is a request that other addons may see too
            return self._credential_wait()
        self._begun = True
        with Guard(self):
            if self.inner:
                self.prepare()
                return self._credential_wait()
            if self.trace:
                self.trace.arrived(self.flow.request, self.caller)
            waiting = self._begin()
            if waiting is not None:
                return self._begin_later(waiting)
            if self.verdict is Verdict.SEND:
                self.prepare()
        return self._credential_wait()

    def on_response_headers(self) -> None:
        """The `responseheaders` hook: decide whether the answer is passed through as it comes."""
        response = self.flow.response
        if self.verdict is not Verdict.SEND or response is None:
            return
        if self.trace:
            self.trace.answered(self.flow)
        if self.job and self.job.streams and 200 <= response.status_code < 300:
            with Guard(self):
                self._translator = self._translator or self.job.stream()
                self.verdict = Verdict.STREAM
                self._hopping = False
                response.stream = self.feed

    def judge(self) -> None:
        """The upstream's answer is there as a whole, or its stream has ended: is another attempt needed?"""
        with Guard(self):
            if self.verdict is Verdict.STREAM:
                if self.job and not self.job.has_others:
                    self._end_stream([])
            elif self.verdict is Verdict.SEND:
                self._take_whole()

    async def on_response(self) -> None:
        """The `response` hook, once per exchange: make the client's answer."""
        with Guard(self):
            if self.verdict is Verdict.STREAM:
                assert self.job is not None
                self._end_stream(await self._others())
            elif self.verdict is Verdict.SEND:
                assert self.job is not None
                answer = self.job.finish(await self._others())
                self.gateway.memory.remember(self.tenant, self.job.remember())
                self.job.ended()
                self.succeed(answer)
        if self.verdict in (Verdict.ANSWER, Verdict.DONE):
            self._finish()

    # --- what the layer asks and tells

    @property
    def account(self) -> Account | None:
        """The account that was asked last."""
        return self.failover.account if self.failover else None

    @property
    def attempts(self) -> list[Attempt]:
        return self.failover.attempts if self.failover else []

    @property
    def begun(self) -> bool:
        """The request is there as a whole."""
        return self._begun

    @property
    def sent_stream(self) -> bool:
        """The client got a stream, not a whole answer."""
        return self._head is not None

    @property
    def paused(self) -> bool:
        """Another attempt is made, after `pause` seconds."""
        return self.verdict is Verdict.AGAIN

    @property
    def streaming(self) -> bool:
        return self.verdict is Verdict.STREAM

    def prepare(self) -> None:
        """Choose an account, and make the flow the call that goes to its upstream."""
        with Guard(self):
            if self._finished and self.job:  # the client left while something was looked up
                self.job.cancel()
                raise _hung_up()
            self._prepare()

    def outgoing(self) -> http.Request:
        """The request as it goes onto the wire: the flow's, and the credential that no flow ever holds."""
        account = self.account
        assert account is not None
        self._shown = account.credential.version
        if self.trace:
            self.trace.shown(account.credential.headers())
        return upstream_request.signed(self.flow.request, account)

    def feed(self, data: bytes) -> bytes:
        """Upstream bytes of a stream -> bytes for the client (maybe none yet)."""
        translator = self._translator
        if translator is None or not data:
            return b""
        trace = self.trace
        if trace:
            trace.came(data)
        try:
            out = translator.feed(data)
        except UpstreamError as e:
            self.attempt_failed(e)
            return b""
        except Exception:
            self.crashed()
            return b""
        if out:
            self.events += out.count(b"\n\n")
            if self._silence:
                self._silence.heard()
            out = self._after_opening(out)
            if trace:
                trace.sent.append(out)
            if translator.fault:
                self._broken_by(translator.fault)
        return out

    def upstream_broke(self, message: str, *, connecting: bool) -> None:
        """The upstream can't be reached, or broke off before its answer was whole."""
        if self.overdue:
            return  # the client's answer is there
        with Guard(self):
            if self._finished:
                self.fail(_hung_up())
                return
            if not connecting and self._nothing_came() and self.reused_connection and not self._resent:
                # The upstream closed an idle connection just as it was used again. That is no failed attempt.
                self._resent = True
                self._once_more("idle connection closed", 0)
                return
            nothing_came = connecting or self._nothing_came()
            problem = upstream_errors.connect_failed(message) if nothing_came else upstream_errors.broken_off(message)
            whose = f" · {self.account.label}" if self.account else ""
            logger.info(f"{self.id}{whose} · {problem.reason}: {problem.detail}")
            self.attempt_failed(problem)

    @property
    def wants_upstream(self) -> bool:
        """Whether the flow is a call that an upstream is to answer."""
        return self.verdict is Verdict.SEND

    def refuse_upstream(self, problem: Fault) -> None:
        """The call must not go up: whatever account it was to go to, this is the answer."""
        if self.failover:
            self.failover.discount(problem.name, 0)
        self.fail(problem)

    def stream_head(self) -> http.Response:
        """The head of the client's stream."""
        if self._head is None:
            self._head = answers.head(self._fields(), chunked=self._http11)
            self.first_sent = time.monotonic()
        return self._head

    def pending(self) -> bytes:
        """What the client is to get without anything having come from the upstream: signs of life."""
        out, self._opening = self._opening, b""
        if self.trace and out:
            self.trace.sent.append(out)
        return out

    def _after_opening(self, out: bytes) -> bytes:
        """What follows a sign of life that has not been sent yet: it must not overtake it."""
        out, self._opening = self._opening + out, b""
        return out

    def client_left(self) -> None:
        """The client hung up. The layer ends the upstream call; what runs beside it is ended here."""
        self.left = self.left or not self._finished
        self._finish()

    def refused(self, message: str) -> None:
        """The request was refused before it was read to its end."""
        self.flow.error = mitm_flow.Error(message)
        self.error, self.message, self.status = "request_too_large", message, 413
        self._finish()

    def disconnected(self) -> mitm_flow.Error:
        return mitm_flow.Error("Client disconnected.")

    # --- ends

    def fail(self, problem: Fault) -> None:
        """Answer with an error, unless the job knows something better."""
        replaced = self.job.instead_of_error(problem) if self.job and self._head is None else None
        if replaced is None:
            self._answer_error(problem)
        else:
            self.succeed(replaced)

    def succeed(self, content: bytes, fields: answers.Fields | None = None) -> None:
        """Answer with a whole body. `fields`: its type and what else it needs; None: it is JSON."""
        self.flow.response = answers.make(200, content, [*(fields or [answers.JSON_TYPE]), *self._fields()])
        self.verdict = Verdict.ANSWER

    def crashed(self) -> None:
        """A bug: say so, and log it where it can be found by the request's id."""
        if isinstance(sys.exception(), RecursionError):
            self._answer_error(Fault(400, "The request is nested too deeply.", code="invalid_value"))
            return
        logger.exception(f"Unexpected error in {self.id}. Please report it.")
        problem = Fault(
            500,
            f"The gateway failed on this request; its log has the details under {self.id}.",
            kind=FaultKind.SERVER,
            code="gateway_error",
            should_retry=False,
        )
        self._answer_error(problem)

    # --- inside

    def _answer_error(self, problem: Fault) -> None:
        """As HTTP while that is possible, as the end of the stream after that."""
        self.error, self.message = problem.name, problem.message
        if self.result is not None and not self.result.done():
            self.result.set_exception(problem)
        if self._head is None:
            if status_page.is_page(self.method, self.path):
                self.flow.response = status_page.refusal(problem, self.flow.request, self._fields())
            else:
                self.flow.response = answers.error(problem, self._fields())
            self.verdict = Verdict.ANSWER
        else:
            translator = self._translator
            tail = translator.cut(problem) if translator else b"data: " + error_body(problem) + b"\n\n"
            self.tail = self._after_opening(tail)
            self.verdict = Verdict.DONE
            if translator and self.job:
                self.job.ended()  # what failed can be asked for later, too

    async def _others(self) -> list[bytes]:
        """The answers of the calls that run beside the first one."""
        job = self.job
        return await self._patience.wait(job.others()) if job and job.has_others else []

    async def _begin_later(self, waiting: Awaitable[None]) -> None:
        """The rest of `on_request`, where something has to be looked up first."""
        with Guard(self):
            await self._patience.wait(waiting)
            if self.verdict is Verdict.SEND:
                self.prepare()
        wait = self._credential_wait()
        if wait is not None:
            await wait

    def _credential_wait(self) -> Awaitable[None] | None:
        """What to wait for until the account's credential can be sent; None when it can."""
        account = self.account
        if self.verdict is not Verdict.SEND or account is None or self.gateway.server_replay.closed:
            return None
        return self._renew(account) if self._refused is not None or not account.credential.is_fresh() else None

    async def _renew(self, account: Account) -> None:
        refused, self._refused = self._refused, None
        with Guard(self):
            try:
                await self._patience.wait(account.credential.refresh(refused))
            except CredentialError as e:
                raise upstream_errors.no_credential(f"{account.label}: {e}", permanent=e.permanent) from None

    def _begin(self) -> Awaitable[None] | None:
        gateway, request = self.gateway, self.flow.request
        self._http11 = request.data.http_version == b"HTTP/1.1"
        self._close = request.headers.get("connection", "").lower() == "close"
        self.method = request.method
        self.head_only = request.method == "HEAD"
        self.path = admission.path_of(request)
        origin = self.caller.origin
        if request.method == "OPTIONS" and origin is not None:
            self._preflight(origin)
            return None
        if gateway.ending:
            raise admission.stopping()
        self.tenant, match = admission.admit(
            gateway.gatekeeper,
            self.caller,
            request,
            busy=len(gateway.exchanges),
            limit=gateway.settings.limits.in_flight,
        )
        self.endpoint = match.endpoint.name
        if gateway.recordings and (known := gateway.recordings.seeds_for(request)):
            self.seeds = Seeds(known)
        if match.unusual:
            self.notes.add("path", f"taken for {match.endpoint.path}")
        return gateway.begin(self, match)

    def _preflight(self, origin: str) -> None:
        """A browser asks what it may send."""
        wanted = self.flow.request.headers.get("access-control-request-headers", "authorization, content-type")
        allowed = self.gateway.gatekeeper.allows_origin(origin)
        methods = routes.methods_of(self.path)
        self.flow.response = answers.preflight(methods, wanted, self._fields(), allowed=allowed)
        self.verdict = Verdict.ANSWER

    def _prepare(self) -> None:
        job = self.job
        assert job is not None
        if self.failover is None:
            gateway = self.gateway
            deadline = gateway.settings.limits.deadline
            self._deadline = asyncio.get_running_loop().call_later(deadline, self._pass_deadline)
            job.needs_content = gateway.settings.retry.max_attempts > 1
            conversation = gateway.conversation_of(self, job.request().body)
            self.failover = Failover(self.pool or gateway.pool, gateway.settings.retry, job.model, conversation)
            keep_alive = gateway.settings.proxy.keep_alive
            if keep_alive and job.streams and not self.inner:
                self._silence = Silence(keep_alive, self._show_life)
        job.begin()
        account = self.failover.begin(paused=self.pause, stay=self._hopping or self._stay)
        self._stay = False
        if isinstance(account, Wait):
            self._again(account.seconds)
            return
        typed = job.goes_to(account.upstream, self.gateway.refused_forms)
        upstream_request.aim(self.flow.request, account, self.gateway.address, job.request())
        if self.trace:
            self.trace.given |= {"typed_tools": typed} if typed else {}
            self.trace.called(self.flow, job, self.id)
        self.verdict = Verdict.SEND

    def _end_stream(self, others: list[bytes]) -> None:
        translator, job = self._translator, self.job
        assert translator is not None
        assert job is not None
        if not self._others_added:
            for other in others:
                translator.add_answer(other)
            self._others_added = True
        tail = translator.end(needs_content=job.needs_content)
        if token := translator.continuation:
            if job.go_on(token):
                self._opening += tail
                self._succeeded()
                self._hopping = True
                self._again(0.0)
                return
            tail += translator.end()
        self.tail = self._after_opening(tail)
        if translator.fault:
            self._broken_by(translator.fault)
            return
        self._succeeded()
        self.gateway.memory.remember(self.tenant, translator.remember())
        job.ended()
        self.verdict = Verdict.DONE
        self.flow.response = self.stream_head()  # where the tail is all that there is, it has not been made yet

    def _broken_by(self, fault: UpstreamError) -> None:
        """The translation has ended the client's stream with an error."""
        assert self.job is not None
        assert self.failover is not None
        self.error, self.message = fault.error.name, fault.error.message
        self.failover.failed(fault)
        self.job.ended()  # what failed can be asked for later, too
        self.verdict = Verdict.DONE

    def _take_whole(self) -> None:
        response, job = self.flow.response, self.job
        assert response is not None
        assert job is not None
        content = response.raw_content or b""
        if self.trace:
            self.trace.came(content)
        if not 200 <= response.status_code < 300:
            raise upstream_errors.from_http(response.status_code, content, response.headers)
        if not job.take(content):
            self._succeeded()
            self._hopping = True
            self._again(0.0)
            return
        self._succeeded()
        if self.result is not None:
            if not self.result.done():  # it is when the call was given up
                self.result.set_result(content)
            self.verdict = Verdict.ANSWER

    def attempt_failed(self, problem: UpstreamError) -> None:
        """Another attempt, or the error."""
        job, failover, translator = self.job, self.failover, self._translator
        if job is None or failover is None or not failover.attempts or self._finished:
            self.fail(problem.error)
            return
        account = failover.attempts[-1].account
        can_go_on = translator is None or not translator.started
        if can_go_on and self._mended(problem, job, account):
            self.notes.add("retried", problem.reason)
            self._translator = job.stream_again(translator) if translator else None
            self._others_added = False
            self._once_more(problem.reason, problem.status)
            return
        pause = failover.failed(problem, stay=self._hopping)
        if pause is None or not can_go_on:
            self.fail(job.blamed(failover.error(problem)))
            return
        logger.debug(f"{job.model} · {account.label} · {problem.reason} · another attempt in {pause:.1f} s")
        self.notes.add("retried", problem.reason)
        self._translator = job.stream_again(translator) if translator else None
        self._others_added = False
        self._again(pause)

    def _mended(self, problem: UpstreamError, job: Job, account: Account) -> bool:
        """Whether the request can be sent once more, to the same account, without what was wrong with it."""
        if problem.kind is Kind.SIGNATURE:
            return job.rebuild_signatures()
        if problem.kind is Kind.SCHEMA:
            return job.leave_out(problem)
        if problem.kind is Kind.EMPTY:
            return job.take_empty()
        if problem.kind is Kind.AUTH and problem.status == 401 and self._can_renew(account):
            self._renewed, self._refused = account, self._shown
            return True
        return False

    def _can_renew(self, account: Account) -> bool:
        return account.credential.renewable and self._renewed is not account

    def _once_more(self, reason: str, status: int) -> None:
        """Send the request to the same account again; what happened counts as no failure of it."""
        assert self.failover is not None
        self.failover.discount(reason, status)
        self._stay = True
        self._again(0.0)

    def _again(self, pause: float) -> None:
        self.pause = pause
        self.verdict = Verdict.AGAIN

    def _nothing_came(self) -> bool:
        return self.flow.response is None

    def _succeeded(self) -> None:
        if self.failover:
            self.failover.succeeded()

    def _finish(self) -> None:
        """Once, when nothing more can happen: tell everybody, and let go, whatever fails on the way."""
        if self._finished:
            return
        self._finished = True
        if self._silence:
            self._silence.end()
        if self._deadline:
            self._deadline.cancel()
        self._patience.end(_hung_up())
        if self.trace and self.tail:
            self.trace.sent.append(self.tail)
        if self.result is not None and not self.result.done():
            self.result.set_exception(_hung_up())
        gateway, run = self.gateway, self.gateway.steps.run
        try:
            summary = run("summing up an exchange", summarise, self)
            if summary is not None:
                if self.trace:
                    run("recording an exchange", self.trace.over, self, summary)
                if not self.inner:
                    gateway.tell(summary, quietly=self.is_poll and not summary.failed)
            if self._translator and (self.error or self.left):
                run("remembering the calls of a broken answer", self._remember_calls)
            if self.job:
                run("ending what runs beside an exchange", self.job.cancel)
        finally:  # one that stayed open would count as under way for ever
            gateway.close(self)

    def _remember_calls(self) -> None:
        """The client may run the calls that it has got of an answer without an end, and give them back."""
        assert self._translator is not None
        self.gateway.memory.remember(self.tenant, self._translator.remember())

    def _pass_deadline(self) -> None:
        """It has taken too long."""
        self.cut_short(upstream_errors.timed_out().error)

    def cut_short(self, problem: Fault) -> None:
        """End it now, whatever is under way: no further attempt, and this error for the client."""
        if self._finished or self.verdict in (Verdict.ANSWER, Verdict.DONE):
            return
        self.overdue = True
        if not self._patience.end(problem):
            with Guard(self):
                self.fail(problem)
        self.nudge()

    def _show_life(self) -> None:
        """A client of a stream has heard nothing for a while: commit to the stream if need be, and say something."""
        if self._finished or self.verdict in (Verdict.ANSWER, Verdict.DONE):
            return
        try:
            assert self.job is not None
            self._translator = self._translator or self.job.stream()
            if self._head is None:
                self._opening += self._translator.open()
            self._opening += self._translator.keep_alive()
            self.nudge()
        except Exception:
            logger.exception(f"Could not show life on {self.id}")

    def _fields(self) -> answers.Fields:
        return answers.fields_of(self, close=self._close)


def _hung_up() -> Fault:
    """Nobody is there to read it, but an exchange ends with something."""
    return Fault(499, "The client hung up.", kind=FaultKind.SERVER, code="cancelled")


def new_id() -> str:
    """A request id."""
    return ids.mint("req_", 16)
