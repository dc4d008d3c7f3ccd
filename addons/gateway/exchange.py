"""One request of a client, from its first byte to its last: admission, attempts, failover, answer.

mitmproxy's hooks and the layer tell it what happened; it leaves in `verdict` what is to be done next. Rules:

* Until something has been sent to the client, a failure of the upstream may be followed by another attempt; after
  that the client gets an error event and a clean end.
* A fault of the request itself (400 class) is answered at once; no other account would take it either.
* There are never more attempts than accounts that may serve the model, but at least one.
* Whatever goes wrong in here becomes an error answer. The client's request is never sent on as it was.
"""

from __future__ import annotations

import asyncio
import copy
import enum
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mitmproxy import flow as mitm_flow
from mitmproxy import http

from addons.gateway import answers, ids, routes
from addons.gateway.accounts import Account
from addons.gateway.callers import Caller
from addons.gateway.jobs import Job, StreamTranslator
from addons.gateway.quota_day import seconds_to_reset
from addons.gateway.trace import Trace
from mapping import upstream_errors
from mapping.errors import OpenAIError
from mapping.notes import Notes
from mapping.upstream_errors import Kind, UpstreamError

if TYPE_CHECKING:
    from addons.gateway.gateway import Gateway

logger = logging.getLogger("antigravity")

USER_AGENT = b"openai-gemini-gateway/0.1 (mitmproxy addon)"
BACKOFF = 0.25
"""Seconds before the second attempt at an overloaded upstream; doubled for each one after."""
KEEP_ALIVE = b": keep-alive\n\n"
"""The sign of life that a streaming client gets while the upstream is silent."""


class Verdict(enum.Enum):
    """What the layer is to do next."""

    SEND = "send the request upstream"
    AGAIN = "make another attempt, after `pause` seconds"
    STREAM = "go on passing the stream through"
    ANSWER = "send the answer that is in the flow"
    DONE = "send `tail` and end"


@dataclass(slots=True)
class Attempt:
    """One try at the upstream, for the record."""

    account: Account
    started: float
    outcome: str = ""
    seconds: float = 0.0
    waited: float = 0.0
    """Seconds of pause before it."""


@dataclass(slots=True, eq=False)
class Exchange:
    """See the module."""

    gateway: Gateway
    flow: http.HTTPFlow
    caller: Caller
    id: str
    inner: bool = False
    """Made by the gateway itself, not by a client."""
    trace: Trace | None = None
    started: float = field(default_factory=time.monotonic)
    verdict: Verdict = Verdict.SEND
    pause: float = 0.0
    tail: bytes = b""
    notes: Notes = field(default_factory=Notes)
    job: Job | None = None
    tenant: str = ""
    account: Account | None = None
    attempts: list[Attempt] = field(default_factory=list)
    head_only: bool = False
    reused_connection: bool = False
    nudge: Callable[[], None] = lambda: None
    result: asyncio.Future[bytes] | None = None
    """Inner exchanges: the upstream's answer, or an OpenAIError."""
    _translator: StreamTranslator | None = None
    _head: http.Response | None = None
    _http11: bool = True
    _close: bool = False
    _finished: bool = False
    _begun: bool = False
    _resent: bool = False
    _waited: float = 0.0
    _hopping: bool = False
    _others_added: bool = False
    _timer: asyncio.TimerHandle | None = None
    _opening: bytes = b""

    # --- the hooks

    def on_request(self) -> None:
        """The `request` hook: the whole request is there."""
        if self._begun:  # another attempt, and its call is a request that other addons may see too
            return
        self._begun = True
        try:
            if self.trace and not self.inner:
                self.trace.arrived(self.flow.request, self.caller.host)
            if not self.inner:
                self._begin()
            if self.verdict is Verdict.SEND:
                self.prepare()
        except OpenAIError as e:
            self.fail(e)
        except Exception:
            self.crashed()

    def on_response_headers(self) -> None:
        """The `responseheaders` hook: decide whether the answer is passed through as it comes."""
        response = self.flow.response
        if self.verdict is not Verdict.SEND or response is None:
            return
        self._stop_timer()
        if self.trace:
            self.trace.answered(self.flow)
        if self.job and self.job.streams and 200 <= response.status_code < 300:
            try:
                self._translator = self._translator or self.job.stream()
                self.verdict = Verdict.STREAM
                self._hopping = False
                response.stream = self.feed
                self._start_timer()
            except Exception:
                self.crashed()

    def judge(self) -> None:
        """The upstream's answer is there as a whole, or its stream has ended: is another attempt needed?"""
        try:
            if self.verdict is Verdict.STREAM:
                if self.job and not self.job.has_others:
                    self._end_stream([])
            elif self.verdict is Verdict.SEND:
                self._take_whole()
        except UpstreamError as e:
            self._attempt_failed(e)
        except OpenAIError as e:
            self.fail(e)
        except Exception:
            self.crashed()

    async def on_response(self) -> None:
        """The `response` hook, once per exchange: make the client's answer."""
        try:
            if self.verdict is Verdict.STREAM:
                assert self.job is not None
                self._end_stream(await self.job.others())
            elif self.verdict is Verdict.SEND:
                assert self.job is not None
                answer = self.job.finish(await self.job.others())
                self.gateway.memory.remember(self.tenant, self.job.remember())
                self.succeed(answer)
        except UpstreamError as e:
            self._attempt_failed(e)
        except OpenAIError as e:
            self.fail(e)
        except Exception:
            self.crashed()
        if self.verdict in (Verdict.ANSWER, Verdict.DONE):
            self._finish()

    # --- what the layer asks and tells

    @property
    def sent_stream(self) -> bool:
        """The client got a stream, not a whole answer."""
        return self._head is not None

    @property
    def streaming(self) -> bool:
        return self.verdict is Verdict.STREAM

    def prepare(self) -> None:
        """Choose an account, and make the flow the call that goes to its upstream."""
        try:
            self._prepare()
        except OpenAIError as e:
            self.fail(e)
        except Exception:
            self.crashed()

    def outgoing(self) -> http.Request:
        """The request as it goes onto the wire: the flow's, and the credential that no flow ever holds."""
        assert self.account is not None
        # Not by the constructor: it checks the type of each field, which costs as much as the translation.
        request = http.Request.__new__(http.Request)
        request.data = data = copy.copy(self.flow.request.data)
        data.headers = http.Headers((*data.headers.fields, (b"x-goog-api-key", self.account.key.encode())))
        data.content = None
        data.http_version = b"HTTP/1.1"
        return request

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
            self._attempt_failed(e)
            return b""
        except Exception:
            self.crashed()
            return b""
        if out:
            if self._timer:
                self._stop_timer()
            if trace:
                trace.sent.append(out)
        return out

    def upstream_broke(self, message: str, *, connecting: bool) -> None:
        """The upstream can't be reached, or broke off before its answer was whole."""
        try:
            if self._finished:
                self.fail(_hung_up())
                return
            if not connecting and self._nothing_came() and self.reused_connection and not self._resent:
                # The upstream closed an idle connection just as it was used again. That is no failed attempt.
                self._resent = True
                self.attempts.pop()
                self._again(0.0)
                return
            nothing_came = connecting or self._nothing_came()
            self._attempt_failed(
                upstream_errors.connect_failed(message) if nothing_came else upstream_errors.broken_off(message)
            )
        except Exception:
            self.crashed()

    def stream_head(self) -> http.Response:
        """The head of the client's stream."""
        if self._head is None:
            self._head = answers.head(self._fields(), chunked=self._http11)
        return self._head

    def pending(self) -> bytes:
        """What the client is to get without anything having come from the upstream: signs of life."""
        out, self._opening = self._opening, b""
        if self.trace and out:
            self.trace.sent.append(out)
        return out

    def client_left(self) -> None:
        """The client hung up. The layer ends the upstream call; what runs beside it is ended here."""
        self._finish()

    def refused(self, message: str) -> None:
        """The request was refused before it was read to its end."""
        self.flow.error = mitm_flow.Error(message)
        self._finish()

    def disconnected(self) -> mitm_flow.Error:
        return mitm_flow.Error("Client disconnected.")

    # --- ends

    def fail(self, problem: OpenAIError) -> None:
        """Answer with an error: as HTTP while that is possible, as the end of the stream after that."""
        if self.result is not None and not self.result.done():
            self.result.set_exception(problem)
        if self._head is not None:
            translator = self._translator
            self.tail = translator.cut(problem) if translator else b"data: " + problem.body() + b"\n\n"
            self.verdict = Verdict.DONE
            return
        replaced = self.job.instead_of_error(problem) if self.job else None
        if replaced is not None:
            self.succeed(replaced)
            return
        self.flow.response = answers.error(problem, self._fields())
        self.verdict = Verdict.ANSWER

    def succeed(self, content: bytes, status: int = 200) -> None:
        """Answer with a whole JSON body."""
        self.flow.response = answers.make(status, content, [answers.JSON_TYPE, *self._fields()])
        self.verdict = Verdict.ANSWER

    def crashed(self) -> None:
        """A bug: say so, and log it where it can be found by the request's id."""
        logger.exception(f"Unexpected error in {self.id}. Please report it.")
        problem = OpenAIError(
            500,
            f"The gateway failed on this request; its log has the details under {self.id}.",
            type="server_error",
            code="gateway_error",
            should_retry=False,
        )
        self._translator = None if self._head is None else self._translator
        self.job = None
        self.fail(problem)

    # --- inside

    def _begin(self) -> None:
        gateway, request = self.gateway, self.flow.request
        self._http11 = request.data.http_version == b"HTTP/1.1"
        self._close = request.headers.get("connection", "").lower() == "close"
        self.head_only = request.method == "HEAD"
        method, path = request.method, request.path.partition("?")[0]
        if method == "OPTIONS" and self.caller.origin is not None:
            self._preflight(path)
            return
        match, unknown = None, None
        try:
            match = routes.resolve(method, path)
        except OpenAIError as e:
            unknown = e
        health = match is not None and match.endpoint.name == "health"
        self.tenant = gateway.gatekeeper.admit(self.caller, health=health)
        if match is None:
            assert unknown is not None
            raise unknown
        if match.unusual:
            self.notes.add("path", f"taken for {match.endpoint.path}")
        if health:
            self.succeed(b'{"status":"ok"}')
            return
        gateway.begin(self, match)

    def _prepare(self) -> None:
        job, pool = self.job, self.gateway.pool
        assert job is not None
        if self._hopping and self.account:
            account: Account | None = self.account
        else:
            tried = [attempt.account for attempt in self.attempts]
            account = pool.choose(job.model, tried) or (pool.choose(job.model) if tried else None)
        if account is None:
            rest = pool.shortest_rest(job.model)
            if rest is None or self._waited + rest > self.gateway.settings.retry.max_wait:
                raise pool.none_error(job.model)
            self._waited += rest
            self._again(rest + 0.01)
            return
        self.account = account
        self.attempts.append(Attempt(account, time.monotonic(), waited=self.pause))
        self._aim(account, job)
        if self.trace:
            self.trace.called(self.flow)
        self.verdict = Verdict.SEND
        if job.streams and self._timer is None:
            self._start_timer()

    def _aim(self, account: Account, job: Job) -> None:
        """Make the flow's request the upstream call."""
        address = account.address or self.gateway.address
        call = job.request()
        fields = [
            (b"Host", address.host_header.encode()),
            (b"User-Agent", USER_AGENT),
            (b"Accept-Encoding", b"identity"),
        ]
        if call.body is not None:
            fields.append((b"Content-Type", b"application/json"))
            fields.append((b"Content-Length", b"%d" % len(call.body)))
        data = self.flow.request.data
        data.host, data.port, data.scheme = address.host, address.port, address.scheme.encode()
        data.authority = b""
        data.method = call.method.encode()
        data.path = (address.prefix + call.path).encode()
        data.headers = http.Headers(fields)
        data.content = call.body or b""

    def _end_stream(self, others: list[bytes]) -> None:
        translator, job = self._translator, self.job
        assert translator is not None
        assert job is not None
        if not self._others_added:
            for other in others:
                translator.add_answer(other)
            self._others_added = True
        tail = translator.end()
        if token := translator.continuation:
            if job.go_on(token):
                self._opening += tail
                self._hopping = True
                self._again(0.0)
                return
            tail += translator.end()
        self.tail = tail
        self._succeeded()
        self.gateway.memory.remember(self.tenant, translator.remember())
        self.verdict = Verdict.DONE

    def _take_whole(self) -> None:
        response, job = self.flow.response, self.job
        assert response is not None
        assert job is not None
        content = response.raw_content or b""
        if self.trace:
            self.trace.came(content)
        if "content-encoding" in response.headers:
            content = response.get_content(strict=False) or b""
        if not 200 <= response.status_code < 300:
            raise upstream_errors.from_http(response.status_code, content, response.headers)
        if not job.take(content):
            self._hopping = True
            self._again(0.0)
            return
        self._succeeded()
        if self.result is not None:
            if not self.result.done():  # it is when the call was given up
                self.result.set_result(content)
            self.verdict = Verdict.ANSWER

    def _attempt_failed(self, problem: UpstreamError) -> None:
        """Another attempt, or the error."""
        job, pool = self.job, self.gateway.pool
        attempt = self.attempts[-1] if self.attempts else None
        if job is None or attempt is None or self._finished:
            self.fail(problem.error)
            return
        attempt.outcome = problem.reason
        attempt.seconds = time.monotonic() - attempt.started
        account = attempt.account
        if problem.kind is Kind.QUOTA:
            pool.cool(account, job.model, seconds_to_reset() if problem.per_day else problem.delay, problem.reason)
        elif problem.kind is Kind.AUTH:
            pool.set_aside(account, f"its credential was refused ({problem.reason})")
            logger.warning(f"Account {account.label} is set aside: {problem.reason}: {problem.error.message}")
        translator = self._translator
        if translator is None or not translator.started:
            pause = self._pause_before_next(problem)
            if pause is not None:
                logger.info(f"{job.model} · {account.label} · {problem.reason} · another attempt in {pause:.1f} s")
                self.notes.add("retried", problem.reason)
                self._translator = translator.again() if translator else None
                self._others_added = False
                self._again(pause)
                return
        if problem.kind is Kind.QUOTA and pool.candidates(job.model) and pool.choose(job.model) is None:
            self.fail(pool.exhausted_error(job.model, problem.error.message))
        else:
            self.fail(problem.error)

    def _pause_before_next(self, problem: UpstreamError) -> float | None:
        """Seconds to wait before the next attempt; None when there is to be none."""
        job, pool, retry = self.job, self.gateway.pool, self.gateway.settings.retry
        assert job is not None
        if problem.kind is Kind.SIGNATURE:
            return 0.0 if job.rebuild_signatures() else None
        if problem.kind in (Kind.REQUEST, Kind.SCHEMA):
            return None
        limit = len(pool.candidates(job.model)) + (problem.kind is Kind.AUTH)
        if len(self.attempts) >= min(retry.max_attempts, limit):
            return None
        tried = [attempt.account for attempt in self.attempts]
        if pool.choose(job.model, tried) is None and pool.choose(job.model) is None:
            pause = pool.shortest_rest(job.model)
        elif problem.kind in (Kind.CAPACITY, Kind.SERVER):
            pause = problem.delay if problem.delay is not None else BACKOFF * 2 ** (len(self.attempts) - 1)
        else:
            pause = 0.0
        return pause if pause is not None and pause <= retry.max_wait else None

    def _again(self, pause: float) -> None:
        self.pause = pause
        self.verdict = Verdict.AGAIN
        if self.job and self.job.streams:
            self._start_timer()

    def _nothing_came(self) -> bool:
        return self.flow.response is None

    def _succeeded(self) -> None:
        if self.attempts:
            attempt = self.attempts[-1]
            attempt.outcome = "200"
            attempt.seconds = time.monotonic() - attempt.started

    def _finish(self) -> None:
        """Once, when nothing more can happen."""
        if self._finished:
            return
        self._finished = True
        self._stop_timer()
        if self.trace:
            if self.tail:
                self.trace.sent.append(self.tail)
            self.trace.over(self)
        if self.job:
            self.job.cancel()
        if self.result is not None and not self.result.done():
            self.result.set_exception(_hung_up())
        self.gateway.close(self)

    def _start_timer(self) -> None:
        if self._timer is None and not self.inner:
            self._timer = asyncio.get_running_loop().call_later(self.gateway.settings.proxy.keep_alive, self._long_silence)

    def _stop_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _long_silence(self) -> None:
        """A client of a stream has heard nothing for a while: commit to the stream, and show life."""
        self._timer = None
        if self._finished or self.verdict in (Verdict.ANSWER, Verdict.DONE):
            return
        try:
            assert self.job is not None
            if self._translator is None:
                self._translator = self.job.stream()
            if self._head is None:
                self._opening += self._translator.open()
            self._opening += KEEP_ALIVE
            self.nudge()
            self._start_timer()
        except Exception:
            logger.exception(f"Could not show life on {self.id}")

    def _preflight(self, path: str) -> None:
        """Answer a browser that asks what it may send."""
        allowed = routes.methods_of(path) or ["GET", "POST"]
        fields = self._fields()
        if self.gateway.gatekeeper.allows_origin(self.caller.origin or ""):
            wanted = self.flow.request.headers.get("access-control-request-headers", "authorization, content-type")
            fields += [
                (b"Access-Control-Allow-Methods", ", ".join([*allowed, "OPTIONS"]).encode()),
                (b"Access-Control-Allow-Headers", wanted.encode("ascii", "replace")),
                (b"Access-Control-Max-Age", b"600"),
            ]
        self.flow.response = answers.make(204, b"", fields)
        self.verdict = Verdict.ANSWER

    def _fields(self) -> answers.Fields:
        """The header fields that every answer has."""
        fields: answers.Fields = [(b"x-request-id", self.id.encode())]
        job = self.job
        if job is not None and job.shown_model:
            fields.append((b"X-Mapped-Model", job.shown_model.encode("ascii", "replace")))
            if self.account and self.gateway.settings.proxy.expose_account:
                fields.append((b"X-Account-Email", self.account.label.encode("ascii", "replace")))
        if len(self.notes):
            fields.append((b"X-Antigravity-Notes", self.notes.header().encode()))
        origin = self.caller.origin
        if origin is not None and self.gateway.gatekeeper.allows_origin(origin):
            fields += [
                (b"Access-Control-Allow-Origin", origin.encode("latin-1", "replace")),
                (
                    b"Access-Control-Expose-Headers",
                    b"x-request-id, X-Mapped-Model, X-Account-Email, X-Antigravity-Notes",
                ),
                (b"Vary", b"Origin"),
            ]
        if self._close:
            fields.append((b"Connection", b"close"))
        return fields


def _hung_up() -> OpenAIError:
    """Nobody is there to read it, but an exchange ends with something."""
    return OpenAIError(499, "The client hung up.", type="server_error", code="cancelled")


def new_id() -> str:
    """A request id."""
    return ids.mint("req_", 16)
