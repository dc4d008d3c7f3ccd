"""What is known of one request, while it runs and afterwards, and the answer in its flow.

Who drives it is `exchange.Exchange`; the summary (`summing`), the record, the status page and the endpoints read it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from mitmproxy import flow as mitm_flow
from mitmproxy import http

from addons.gateway.accounts.account import Account
from addons.gateway.accounts.affinity import Affinity, Conversation
from addons.gateway.accounts.failover import Attempt, Failover
from addons.gateway.accounts.pool import Pool
from addons.gateway.exchange.job import FaultOrder, Job
from addons.gateway.exchange.machine import Machine
from addons.gateway.exchange.seeds import Seeds
from addons.gateway.exchange.tracing import Tracing
from addons.gateway.exchange.verdicts import Do, State, hung_up
from addons.gateway.exchange.waiting import Held
from addons.gateway.grouping.introduction import Introduction
from addons.gateway.http import admission, answers, routes
from addons.gateway.http.callers import Caller, Gatekeeper
from addons.gateway.http.fields import value
from addons.gateway.http.routes import Match
from addons.gateway.http.trace_context import ClientSpan
from addons.gateway.settings.settings import Settings
from addons.gateway.storage.connection_store import ConnectionStore
from mapping.faults import Fault
from mapping.gemini.errors.upstream_errors import UpstreamError
from mapping.notes import Notes
from mapping.values import JSON

logger = logging.getLogger("antigravity")

_THOUGHT = b'"thought"'
"""The member that only parts with a thought have."""
_LOOKED_AT = 2048
"""Bytes at the beginning of a piece that are looked at for it: many come at once where the upstream is quick."""


@dataclass(slots=True, eq=False)
class Facts:
    """See the module."""

    flow: http.HTTPFlow
    caller: Caller
    id: str
    settings: Settings
    gatekeeper: Gatekeeper
    """The same as `settings` has it: of when the request came; what comes into force later is for those after it."""
    inner: bool = False
    """Made by the gateway itself, not by a client."""
    is_poll: bool = False
    """An open status page asks for itself again, or a load balancer whether the gateway is there."""
    is_own: bool = False
    """It asks for the gateway itself (`/healthz`, say): nothing that anybody wants to look at or to save."""
    show_error: Callable[[Fault, answers.Fields], http.Response] | None = None
    """How an error is answered while no stream has begun; None: in the words of the path's dialect."""
    fault_order: FaultOrder | None = None
    """What was ordered to go wrong with it."""
    trace: Tracing | None = None
    held: Held = field(default_factory=Held)
    """What a person has stopped of it."""
    parent: ClientSpan | None = None
    """The client's span, where telemetry is on and the client names one."""
    waits: str = ""
    """What is waited for before there is a call to make, in a few words for people; empty: nothing, or look-ups."""
    seeds: Seeds = field(default_factory=Seeds)
    started: float = field(default_factory=time.monotonic)
    notes: Notes = field(default_factory=Notes)
    machine: Machine = field(default_factory=Machine)
    failover: Failover | None = None
    """The attempts; None: no call is made yet."""
    pool: Pool | None = None
    """The accounts that may serve; None: all of the gateway's."""
    conversation: Conversation | None = None
    """What the request goes on with, where that is to stay on its account."""
    introduction: Introduction | None = None
    """What the request says of its conversation, where somebody wants to know."""
    can_switch: bool = False
    """The connection can become a WebSocket."""
    kept_here: ConnectionStore | None = None
    """What the client's connection keeps of its answers; None: it keeps none."""
    home: Conversation | None = None
    """Where what the client makes is to stay together, whatever the strategy."""
    further: list[Facts] = field(default_factory=list)
    """Exchanges of the gateway's own that are a part of this one's answer, in the order in which they began."""
    result: asyncio.Future[bytes] | None = None
    """Inner exchanges: the upstream's answer, or a Fault."""
    tenant: str = ""
    method: str = ""
    path: str = ""
    """Of the client's request."""
    endpoint: str = "unknown"
    asked_model: str | None = None
    """As the client named it, cut to what is kept of a name."""
    head_only: bool = False
    tail: bytes = b""
    """The last bytes of the client's stream."""
    error: str | None = None
    """The code of the error that the client got, or else its type."""
    message: str | None = None
    """Of that error."""
    status: int | None = None
    """Of an answer that is in no flow."""
    left: bool = False
    """The client did not wait for the end."""
    delivered: bool = False
    """The client's answer was sent to its end."""
    events: int = 0
    """Of a stream: how many went to the client; of what is none of events, how many pieces."""
    first_sent: float = 0.0
    """When the first bytes of a stream went to the client."""
    begun: float = 0.0
    """When the request was there as a whole; 0: it is not yet."""
    spoke: float = 0.0
    """When the first piece of a stream came that is no thought, and brought the client something."""
    _breaks_off: bool = False
    """The client was told of a fault, by a job that breaks off."""
    _head: http.Response | None = None
    _http11: bool = True
    _close: bool = False
    """The client wants the connection to end."""

    @property
    def state(self) -> State:
        """What is to be done next."""
        return self.machine.state

    @property
    def job(self) -> Job | None:
        """What the request is about, once that is understood."""
        return self.machine.job

    @job.setter
    def job(self, job: Job) -> None:
        self.machine.job = job

    @property
    def account(self) -> Account | None:
        """The account that was asked last."""
        return self.failover.account if self.failover else None

    @property
    def attempts(self) -> list[Attempt]:
        """Those that are over and the one under way, in their order."""
        return self.failover.attempts if self.failover else []

    @property
    def sent_stream(self) -> bool:
        """The client got a stream, not a whole answer."""
        return self._head is not None

    @property
    def shows_nothing(self) -> bool:
        """The flow has no answer, or the head of the client's stream: no other is looked at."""
        response = self.flow.response
        return response is None or (self.sent_stream and response is self.stream_head())

    @property
    def paused(self) -> bool:
        """Another attempt is made, after `pause` seconds."""
        return self.machine.state is State.PAUSED

    @property
    def pause(self) -> float:
        """Seconds until the next attempt."""
        return self.machine.pause

    @property
    def streaming(self) -> bool:
        """The upstream's answer comes, and is translated piece by piece."""
        return self.machine.state is State.STREAMING

    @property
    def overdue(self) -> bool:
        """It was cut short, and the client's answer is an error."""
        return self.machine.overdue

    @property
    def breaks_off(self) -> bool:
        """The client's stream has failed, and is not to end as if all was well."""
        return self.sent_stream and self._breaks_off

    @property
    def wants_upstream(self) -> bool:
        """Whether the flow is a call that an upstream is to answer."""
        return self.machine.state is State.CALLING

    # --- its arrival

    def admit(self, *, busy: int, ending: bool) -> Match | None:
        """What the request asks for; None: it is answered. Raises Fault.

        `busy`: how many requests are under way, this one too. `ending`: nothing new is taken on.
        """
        request = self.flow.request
        self._http11 = request.data.http_version == b"HTTP/1.1"
        self._close = (value(request, b"connection") or "").lower() == "close"
        self.look()
        method = self.method
        self.head_only = method == "HEAD"
        origin = self.caller.origin
        if method == "OPTIONS" and origin is not None:
            self._preflight(origin)
            return None
        if ending:
            raise admission.stopping()
        limit = self.settings.limits.in_flight
        self.tenant, match = admission.admit(
            self.gatekeeper, self.caller, request, busy=busy, limit=limit, can_switch=self.can_switch
        )
        self.endpoint = match.endpoint.name
        if self.caller.fault is not None and not self.settings.faults.enabled:
            self.notes.add("fault", "not enabled in the settings")
        if match.unusual:
            self.notes.add("path", f"taken for {match.endpoint.path}")
        return match

    def look(self) -> None:
        """What the first line of the request says."""
        request = self.flow.request
        self.method, self.path = request.method, admission.path_of(request)

    def _preflight(self, origin: str) -> None:
        """A browser asks what it may send."""
        wanted = value(self.flow.request, b"access-control-request-headers")
        if wanted is None:
            wanted = "authorization, content-type"
        allowed = self.gatekeeper.allows_origin(origin)
        methods = routes.methods_of(self.path)
        self.machine.answered(b"")
        self.flow.response = answers.preflight(methods, wanted, self.fields(), allowed=allowed)

    def goes_on_with(self, affinity: Affinity, pool: Pool, body: JSON | None) -> Conversation | None:
        """The conversation that a call with this Gemini body is a part of; None where conversations don't count.

        `pool`: all accounts, for an exchange that has none of its own.
        """
        if not (self.pool or pool).sticky:
            return None
        if self.conversation is None and body:
            self.conversation = affinity.begun_like(self.tenant, body)
        return self.conversation

    def connecting(self) -> None:
        """A connection is asked for, for the attempt under way."""
        self.attempts[-1].connecting = time.monotonic()

    def answer_began(self, headers: Mapping[str, str]) -> None:
        """The head of an answer has come, of the attempt under way."""
        if self.failover and self.failover.attempts:
            attempt = self.failover.attempts[-1]
            attempt.answered = time.monotonic()
            if self.job:
                self.job.came(headers, attempt.account.label)

    def brought(self, data: bytes, out: bytes) -> None:
        """Bytes of Gemini's stream have brought the client these."""
        if not self.spoke and data.find(_THOUGHT, 0, _LOOKED_AT) < 0:
            self.spoke = time.monotonic()
        job = self.machine.job
        self.events += out.count(b"\n\n") if job is None or job.content_type is None else 1

    @contextmanager
    def waiting(self, words: str) -> Iterator[None]:
        """While something is waited for; see `waits`."""
        self.waits = words
        try:
            yield
        finally:
            self.waits = ""

    # --- its answer

    def fields(self) -> answers.Fields:
        """The header fields that every answer has."""
        fields: answers.Fields = [(b"x-request-id", self.id.encode())]
        job = self.job
        if job is not None and (model := job.answering_model):
            fields.append((b"X-Mapped-Model", model.encode("ascii", "replace")))
            if (account := self.account) and self.settings.proxy.expose_account:
                fields.append((b"X-Account-Email", account.label.encode("ascii", "replace")))
        if len(self.notes):
            fields.append((b"X-Antigravity-Notes", self.notes.header().encode()))
        if self.fault_order is not None and self.fault_order.shown:
            fields.append((b"X-Antigravity-Fault", self.fault_order.shown.encode()))
        if (origin := self.caller.origin) is not None and self.gatekeeper.allows_origin(origin):
            fields += answers.cors_fields(origin)
        if self._close:
            fields.append((b"Connection", b"close"))
        return fields

    def _good_fields(self) -> answers.Fields:
        """Those of an answer that is none of an error: that has what a dialect adds already."""
        fields = self.fields()
        if self.job is not None and self.job.id_field:
            fields.append((self.job.id_field, self.id.encode()))
        return fields

    def answer(self, content: bytes, fields: answers.Fields | None = None) -> None:
        """With a whole body. `fields`: its type and what else it needs; None: what the job says, mostly JSON."""
        if self.result is None:
            if fields is None and self.job is not None and self.job.fields is not None:
                fields = list(self.job.fields)
            if fields is None:
                fields = [answers.type_of(self.job.content_type if self.job else None, streams=False)]
            self._give(answers.make(200, content, [*fields, *self._good_fields()]))
        elif not self.result.done():  # it is when the call was given up
            self.result.set_result(content)

    def _give(self, response: http.Response) -> None:
        """The answer; where signs of life have begun a stream, it is an event of that."""
        self.flow.response = response
        if self.sent_stream:
            self.tail = answers.as_event(response)

    def switch(self, fields: answers.Fields) -> None:
        """Agree to another protocol on the connection. `fields`: which one, and what it needs."""
        self.machine.answered(b"")
        self.flow.response = answers.switching([*fields, (b"Connection", b"Upgrade"), *self.fields()])

    def succeed(self, content: bytes, fields: answers.Fields | None = None) -> None:
        """Answer without any call, unless the client is gone. `fields`: see `answer`."""
        do = self.machine.answered(content).do
        if do is Do.ANSWER:
            self.answer(content, fields)
        elif do is Do.HANG_UP:
            self.hang_up()

    def hang_up(self) -> None:
        """Nobody is there any more to answer."""
        if self.job:
            self.job.cancel()
        if not self.sent_stream:  # nobody reads it, but the layer ends with something
            self.flow.response = answers.error(hung_up(), self.fields())

    def answer_error(self, problem: Fault) -> None:
        """With an error, where no stream has begun."""
        self.tell(problem)
        problem.request_id = self.id
        fields = self.fields()
        if problem.code == routes.OTHER_METHOD:  # HTTP wants it there
            fields.append((b"Allow", ", ".join(routes.methods_of(self.path)).encode()))
        if self.show_error:
            self._give(self.show_error(problem, fields))
        else:
            spoken = routes.dialect_of(self.method, self.path, self.caller.speaks)
            self._give(answers.error(problem, fields, spoken))

    def tell(self, problem: Fault) -> None:
        """The client is told of a fault: so is the record, and who waits for an inner exchange."""
        self.error, self.message = problem.name, problem.message
        self._breaks_off = self.job is not None and self.job.breaks_off
        if self.result is not None and not self.result.done():
            self.result.set_exception(problem)

    def tell_of_retry(self, problem: UpstreamError, seconds: float) -> None:
        """Another attempt is made, after that many seconds."""
        whose = f"{self.job.model} · {self.account.label}" if self.job and self.account else self.id
        logger.debug(f"{whose} · {problem.reason} · another attempt in {seconds:.1f} s")
        self.notes.add("retried", problem.reason)

    def log(self, problem: UpstreamError) -> None:
        """What a library said of the connection: no client is told that."""
        whose = f" · {self.account.label}" if self.account else ""
        logger.info(f"{self.id}{whose} · {problem.reason}: {problem.detail}")

    def disconnected(self) -> mitm_flow.Error:
        """What stands in the flow, and so in the record, of a client that has left."""
        return mitm_flow.Error("Client disconnected.")

    def stream_head(self) -> http.Response:
        """The head of the client's stream."""
        if self._head is None:
            self._head = answers.head(
                self._good_fields(), chunked=self._http11, content_type=self.job.content_type if self.job else None
            )
            self.first_sent = time.monotonic()
        return self._head
