"""One request of a client, from its first byte to its last: what `machine` decides, done.

mitmproxy's hooks and the layer tell it what happened; it tells the machine, and does what that says: it makes flows,
header fields and answers, waits for credentials and look-ups, keeps the timers and the record. Rules:

* What is to be done next is in `state`; what was to be done at once has been done when a method returns.
* Whatever goes wrong in here becomes an error answer. The client's request is never sent on as it was.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from mitmproxy import flow as mitm_flow
from mitmproxy import http

from addons.gateway.accounts import upstream_request
from addons.gateway.accounts.account import Account
from addons.gateway.accounts.credentials.credentials import CredentialError
from addons.gateway.accounts.failover import Failover
from addons.gateway.exchange.facts import Facts
from addons.gateway.exchange.guard import Guard, bug
from addons.gateway.exchange.job import Job
from addons.gateway.exchange.services import Services
from addons.gateway.exchange.summing import summarise
from addons.gateway.exchange.verdicts import HANG_UP, Do, State, Verdict, hung_up
from addons.gateway.exchange.waiting import LARGE, Patience, Silence, nobody, others
from mapping.faults import Fault
from mapping.gemini.errors import upstream_errors
from mapping.gemini.errors.upstream_errors import UpstreamError

logger = logging.getLogger("antigravity")


@dataclass(slots=True, eq=False)
class Exchange(Facts):
    """See the module."""

    services: Services = field(kw_only=True)
    nudge: Callable[[], None] = nobody
    """Tells the layer that there is something to send."""
    _finished: bool = False
    _silence: Silence | None = None
    _patience: Patience = field(default_factory=Patience)

    # --- the hooks

    def on_request(self) -> Awaitable[None] | None:
        """The `request` hook: the whole request is there. What it returns, if anything, has to be awaited."""
        if self.begun:  # another attempt, and its call is a request that other addons may see too
            return self._credential_wait()
        self.begun = time.monotonic()
        with Guard(self):
            if self.flow.response is not None and not self.inner:
                self.machine.answered(b"")  # by an addon before this one; one after it answers in the upstream's place
                return None
            if self.inner:
                self._call()
                return self._credential_wait()
            if self.trace:
                self.trace.arrived(self.flow.request, self.caller)
            services = self.services
            match = self.admit(busy=services.busy, ending=services.ending)
            if match and (waiting := services.begin(self, match)) is not None:
                return self._begin_later(waiting)
            self._call()
        return self._credential_wait()

    def on_response_headers(self) -> None:
        """The `responseheaders` hook: decide whether the answer is passed through as it comes."""
        response = self.flow.response
        if response is None or self.machine.over:
            return
        if self.trace:
            self.trace.answered(self.flow)
        with Guard(self):
            self.answer_began(response.headers)
            self.machine.head(response.data.status_code)
            if self.streaming:
                response.stream = self.feed

    def judge(self) -> None:
        """The upstream's answer is there as a whole, or its stream has ended: is another attempt needed?"""
        with Guard(self):
            if self.state is State.STREAMING:
                self._obey(self.machine.stream_ended())
            elif self.state is State.GONE:
                self._obey(HANG_UP)
            elif self.state is State.WHOLE:
                response = self.flow.response
                assert response is not None
                content = response.raw_content or b""
                if self.trace:
                    self.trace.came(content)
                self._obey(self.machine.whole(response.data.status_code, content, response.headers))

    async def on_response(self) -> None:
        """The `response` hook, once per exchange: make the client's answer, and end what is over."""
        if (waiting := self.complete()) is not None:
            await waiting
        await self.emptied()
        self.end()

    def complete(self) -> Awaitable[None] | None:
        """Make the client's answer, once the upstream's is good. What it returns, if anything, has to be awaited."""
        if self.state is State.GATHERING:
            job = self.machine.job
            if job is not None and job.has_others:
                return self._complete_later(job)
            with Guard(self):
                self._obey(self.machine.gathered([]))
        return self.services.settling() if self.machine.over else None

    async def emptied(self) -> None:
        """Wait until the client has been given the stream to its end, where a person holds it."""
        if self.held.closed and self.state is State.ENDED:
            tail, self.tail = self.tail, b""
            if self.trace:
                self.trace.gave(tail)
            await self.held.last(tail)

    def end(self) -> None:
        """Tell everybody, if the client's answer is there. It may have been sent already: nobody waits for this."""
        if self.machine.over:
            self._finish()

    # --- what the layer asks and tells

    def call_again(self) -> None:
        """The pause is over: make the flow the next call."""
        with Guard(self):
            if self.job:
                self.job.begin()
            self._obey(self.machine.waited())

    def refuse_upstream(self, problem: Fault) -> None:
        """The call must not go up: whatever account it was to go to, this is the answer."""
        self._obey(self.machine.forbidden(problem))

    def outgoing(self, *, reused: bool) -> http.Request:
        """The request as it goes onto the wire: the flow's, and the credential that no flow ever holds.

        `reused`: it goes up on a connection that was open already.
        """
        failover = self.failover
        assert failover is not None
        account = failover.account
        assert account is not None
        self.machine.sent(reused=reused)
        failover.sent(reused=reused)
        if self.trace:
            self.trace.shown(account.credential.headers())
        return upstream_request.signed(self.flow.request, account)

    def feed(self, data: bytes) -> bytes:
        """Upstream bytes of a stream -> bytes for the client (maybe none yet)."""
        if not data:
            return b""
        trace = self.trace
        if trace:
            trace.came(data)
        try:
            out = self.machine.data(data)
        except Exception:
            self.crashed()
            return b""
        if not isinstance(out, bytes):
            self._obey(out)  # the upstream's stream does not go on
            out = out.data if out.do in (Do.STREAM, Do.GATHER) else b""
        if out:
            self.brought(data, out)
            if self._silence:
                self._silence.heard()
            if trace:
                trace.gave(out)
        return self.held.kept(out) if self.held.closed else out

    def pending(self) -> bytes:
        """What the client is to get without anything having come from the upstream: signs of life, what was held."""
        out = self.machine.pending()
        if self.trace and out:
            self.trace.gave(out)
        return self.held.taken(self.held.kept(out))

    def upstream_broke(self, message: str, *, connecting: bool) -> None:
        """The upstream can't be reached, or broke off before its answer was whole."""
        with Guard(self):
            verdict = self.machine.cut(message, connecting=connecting)
            if verdict.problem:
                self.log(verdict.problem)
            self._obey(verdict)

    def client_left(self) -> None:
        """The client hung up. The layer ends the upstream call; what runs beside it is ended here."""
        self.left = self.left or not self._finished
        self._finish()

    def refused(self, message: str) -> None:
        """The request was refused before it was read to its end."""
        self.flow.error = mitm_flow.Error(message)
        self.error, self.message, self.status = "request_too_large", message, 413
        self._finish()

    def cut_short(self, problem: Fault) -> None:
        """End it now, whatever is under way: no further attempt, and this error for the client."""
        self.held.let_go()
        if self.machine.over:
            return
        with Guard(self):
            self._obey(self.machine.cut_short(problem))
        self._patience.end(problem)
        self.flow.resume()  # nobody is waited for any more
        self.nudge()

    # --- what comes of the parts

    def fail(self, problem: Fault) -> None:
        """Answer with an error, unless the job knows something better."""
        self._obey(self.machine.refused(problem))

    def attempt_failed(self, problem: UpstreamError) -> None:
        """Another attempt, or the error."""
        if problem.detail:
            self.log(problem)
        self._obey(self.machine.failed(problem))

    def crashed(self) -> None:
        """A bug: say so, and log it where it can be found by the request's id."""
        if isinstance(sys.exception(), RecursionError):
            self._obey(self.machine.crashed(Fault(400, "The request is nested too deeply.", code="invalid_value")))
            return
        logger.exception(f"Unexpected error in {self.id}. Please report it.")
        self._obey(self.machine.crashed(bug(self.id)))

    # --- inside

    def _obey(self, verdict: Verdict) -> None:
        """Do at once what is to be done at once."""
        do = verdict.do
        if verdict.turns:
            self.services.memory.remember(self.tenant, verdict.turns)
        if do is Do.SEND:
            self._aim()
        elif do is Do.PAUSE and verdict.problem:
            self.tell_of_retry(verdict.problem, verdict.seconds)
        elif do is Do.ANSWER:
            self.answer(verdict.data)
            self.services.money.show(self)
        elif do is Do.ERROR:
            assert verdict.fault is not None
            self.answer_error(verdict.fault)
        elif do is Do.END:
            self.tail = verdict.data
            if verdict.fault:
                self.tell(verdict.fault)
            self.flow.response = self.stream_head()  # where the tail is all that there is, it has not been made yet
        elif do is Do.STREAM and verdict.fault:
            self.tell(verdict.fault)
        elif do is Do.HANG_UP:
            self.hang_up()

    def _aim(self) -> None:
        """Make the flow the call to the account that was chosen."""
        account, job = self.account, self.job
        assert account is not None
        assert job is not None
        typed = job.goes_to(account.upstream, self.services.refused_forms)
        upstream_request.aim(self.flow.request, account, self.services.address, job.request())
        if (cassettes := self.services.cassettes) and (problem := cassettes.ask(self, job.request())):
            self.refuse_upstream(problem)
        if self.trace:
            self.trace.given |= {"typed_tools": typed} if typed else {}
            self.trace.called(self.flow, job, self.id)

    async def _begin_later(self, waiting: Awaitable[None]) -> None:
        """The rest of `on_request`, where something has to be looked up first."""
        with Guard(self):
            await self._patience.wait(waiting)
            self._call()
            if len(self.flow.request.raw_content or b"") >= LARGE:
                await others()  # it took a while to write, and takes one to send
        if (wait := self._credential_wait()) is not None:
            await wait

    async def _complete_later(self, job: Job) -> None:
        """The rest of `complete`, where other calls run beside the first one."""
        with Guard(self):
            others = await self._patience.wait(job.others())
            self._obey(self.machine.gathered(others))
        if (settling := self.services.settling()) is not None:
            await settling

    def _credential_wait(self) -> Awaitable[None] | None:
        """What to wait for until the account's credential can be sent; None when it can."""
        failover = self.failover
        if failover is None or not self.wants_upstream or self.services.offline:
            return None
        account = failover.account
        assert account is not None
        return self._renew(account) if failover.refused is not None or not account.credential.is_fresh() else None

    async def _renew(self, account: Account) -> None:
        assert self.failover is not None
        refused, self.failover.refused = self.failover.refused, None
        with Guard(self), self.failover.waiting_for_token():
            try:
                await self._patience.wait(account.credential.refresh(refused))
            except CredentialError as e:
                raise upstream_errors.no_credential(f"{account.label}: {e}", permanent=e.permanent) from None

    def _call(self) -> None:
        """Make the flow the first call, unless there is an answer, or nobody to answer."""
        if self.state is State.NEW:
            job = self.job
            assert job is not None
            self.failover = self._attempts(job)
            job.begin()
            self._obey(self.machine.admitted(self.failover))
        elif self.state is State.GONE:  # the client left while something was looked up
            self._obey(HANG_UP)

    def _attempts(self, job: Job) -> Failover:
        """The attempts of a request that is understood; its time runs from now on."""
        services, settings = self.services, self.settings
        self.held.begin(settings.limits.deadline, lambda: self.cut_short(upstream_errors.timed_out().error))
        job.needs_content = settings.retry.max_attempts > 1
        conversation = self.home or self.goes_on_with(services.affinity, services.pool, job.request().body)
        keep_alive = settings.proxy.keep_alive
        if keep_alive and job.streams and not self.inner:
            self._silence = Silence(keep_alive, self._show_life)
        pool = services.owners.pool_for(self.pool or services.pool, self.tenant, job.request())
        return Failover(pool, settings.retry.once() if job.once else settings.retry, job.model, conversation)

    def _show_life(self) -> None:
        """A client of a stream has heard nothing for a while."""
        try:
            if not self.held.closed and self.machine.silence().do is Do.SHOW:
                self.nudge()
        except Exception:
            logger.exception(f"Could not show life on {self.id}")

    def _finish(self) -> None:
        """Once, when nothing more can happen: tell everybody, and let go, whatever fails on the way."""
        if self._finished:
            return
        self._finished = True
        if not self.method:  # it was never there as a whole
            self.look()
        self.machine.client_gone()
        if silence := self._silence:
            silence.end()
            self._silence = None
        self.held.end()
        if self.left:
            self._patience.end(hung_up())
            self.flow.resume()
        if self.trace and self.tail:
            self.trace.gave(self.tail)
        if self.result is not None and not self.result.done():
            self.result.set_exception(hung_up())
        services, run = self.services, self.services.steps.run
        try:
            summary = run("summing up an exchange", summarise, self)
            if summary is not None:
                if not self.inner:
                    services.observe(self, summary)
                if trace := self.trace:
                    run("recording an exchange", trace.over, self.flow, summary, self.seeds, inner=self.inner)
                if not self.inner:
                    services.tell(summary, quietly=self.is_poll and not summary.failed)
            if (translator := self.machine.translator) and (self.error or self.left):
                # The client may run the calls that it has got of an answer without an end, and give them back.
                run(
                    "remembering the calls of a broken answer",
                    lambda: services.memory.remember(self.tenant, translator.remember()),
                )
            if job := self.job:
                if self.account and not self.error:
                    run("remembering who has what", services.owners.made, self.tenant, job.made, self.account.label)
                run("ending what runs beside an exchange", job.cancel)
        finally:  # one that stayed open would count as under way for ever
            services.close(self)
            self.machine.job = None  # it may lead back here, and a circle with large bodies in it would stay for long


class Exchanges(Protocol):
    """Where exchanges come from: `gateway.Gateway`."""

    def open(self, flow: http.HTTPFlow, request: http.Request) -> Exchange:
        """A client's request has arrived, its head at least; `request` will be the flow's. Its credentials are taken
        off, before anybody else sees it. The exchange counts as under way until it is closed."""

    def of(self, flow: http.HTTPFlow) -> Exchange | None:
        """The exchange that is under way with this flow; None: there is none."""
