"""mitmproxy's Replay: a recorded flow is asked again.

* The client's side: the whole exchange runs anew, with the request as it stands now, edited or not. Its attempts become
  flows of their own, under a new id.
* An attempt: only the upstream is asked again, with the body as it stands now and the credential of the same account.

Whoever can press Replay owns the gateway, so no key is needed. A credential goes to its account's own address only,
whatever address the flow names: saved files come from other people too.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from mitmproxy import ctx, flow, http
from mitmproxy.addons import clientplayback
from mitmproxy.connection import Server
from mitmproxy.proxy import commands, mode_specs
from mitmproxy.proxy.layers import http as http_layers

from addons.gateway.accounts import upstream_request
from addons.gateway.accounts.account import Account
from addons.gateway.accounts.address import Address
from addons.gateway.accounts.credentials.credentials import CredentialError
from addons.gateway.accounts.network import proxies
from addons.gateway.accounts.pool import Pool
from addons.gateway.exchange.exchange import Exchanges
from addons.gateway.exchange.facts import Facts
from addons.gateway.exchange.seeds import new_id
from addons.gateway.http import answers, callers, routes
from addons.gateway.record.comments import FAILED
from addons.gateway.record.flow_record import ATTEMPT, CLIENT, KEY, REPLAY_OF, record_of
from addons.gateway.record.server_replay import no_recording
from addons.gateway.record.trace import Recorder
from addons.gateway.settings.settings import Settings
from addons.gateway.storage.bounded import Bounded
from addons.gateway.wire.bodies import decompressed
from addons.gateway.wire.inner_call import InnerCall, hang_up
from mapping.faults import Fault, FaultKind
from mapping.gemini.errors import upstream_errors

logger = logging.getLogger("antigravity")

MAX_TENANTS = 10_000
"""Of how many exchanges it is known who made them."""

UPSTREAM_PATH = re.compile(r"(?:/upload)?/(v1beta|v1beta1|v1internal)[/:].*")
"""A call to Gemini, after whatever prefix the base URL has."""
UPSTREAM_OF_VERSION = {"v1beta": "gemini", "v1beta1": "vertex", "v1internal": "code-assist"}


class Replaying(Exchanges, Protocol):
    """What replays need of the gateway. What new settings replace is looked up each time that it is needed."""

    pool: Pool
    """The accounts that serve."""
    address: Address
    """Where accounts without a base URL of their own are asked."""
    settings: Settings
    recorder: Recorder | None
    """Who records exchanges, if anybody does."""

    @property
    def offline(self) -> bool:
        """Recordings answer in Gemini's place, and nothing goes up."""

    def close(self, exchange: Facts) -> None:
        """See `exchange.services.Services`."""


class Replays:
    """What the gateway knows for replays, and how they are run."""

    def __init__(self, gateway: Replaying) -> None:
        self._gateway = gateway
        self._tenants: Bounded[str, str] = Bounded(MAX_TENANTS)
        """Exchange id -> tenant. In memory only: a tenant says something of a key."""
        self._pins: WeakKeyDictionary[http.HTTPFlow, str] = WeakKeyDictionary()
        self._beginnings: WeakKeyDictionary[http.HTTPFlow, asyncio.Future[str]] = WeakKeyDictionary()

    def over(self, exchange: Facts) -> None:
        """An exchange that may be replayed has ended."""
        if exchange.tenant:
            self._tenants.put(exchange.id, exchange.tenant)

    def tenant_of(self, exchange_id: str) -> str:
        """Who made an exchange; "" where that is not known (any more)."""
        return self._tenants.get(exchange_id) or ""

    def pin(self, replayed: http.HTTPFlow, account: str) -> None:
        """Let the next replay of a flow be served by this account only, even if it rests."""
        self._pins[replayed] = account

    def beginning(self, replayed: http.HTTPFlow) -> asyncio.Future[str]:
        """The id of the exchange that the next replay of a flow will be, once it has begun."""
        begun: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._beginnings[replayed] = begun
        return begun

    def concerns(self, stray: http.HTTPFlow) -> bool:
        """Whether a flow that no client of the gateway has begun is the gateway's business."""
        of_gateway = bool(record_of(stray)) or isinstance(stray.client_conn.proxy_mode, mode_specs.ReverseMode)
        return of_gateway and stray.response is None

    async def answer(self, stray: http.HTTPFlow) -> None:
        """Replay such a flow, or see that it goes nowhere.

        Whatever happens, there is an answer in it: without one mitmproxy would send the request on.
        """
        try:
            side = side_of(stray) if stray.is_replay == "request" else None
            if side == CLIENT:
                await self._run_anew(stray)
            elif side == ATTEMPT:
                await self._ask_again(stray)
            else:
                raise Fault(
                    501,
                    "Only requests to the gateway and calls to Gemini that it recorded can be replayed here.",
                    code="not_supported",
                )
        except Fault as e:
            _fail(stray, e)
        except Exception:
            logger.exception("Unexpected error in a replay. Please report it.")
            message = "The replay failed; the gateway's log has the details."
            _fail(stray, Fault(500, message, kind=FaultKind.SERVER, code="gateway_error"))

    # --- the client's side

    async def _run_anew(self, replayed: http.HTTPFlow) -> None:
        """Run the whole exchange, and leave in the flow what its client would have got."""
        gateway, before = self._gateway, _id(replayed)
        if gateway.recorder:
            gateway.recorder.release(replayed)
        pool = self._pinned(replayed)
        exchange = gateway.open(replayed, replayed.request)
        if (begun := self._beginnings.pop(replayed, None)) and not begun.done():
            begun.set_result(exchange.id)
        exchange.caller.tenant = self.tenant_of(before)
        exchange.pool = pool
        request = replayed.request.copy()
        try:
            body = await _ReplayedExchange(exchange, gateway).run()
        finally:
            gateway.close(exchange)
        if exchange.trace is None or not gateway.recorder:  # then nobody else has put the client's request back
            replayed.request = request
        elif before:
            gateway.recorder.kept(exchange.id)  # puts it straight, where that waits for somebody to look
            replayed.metadata[KEY][REPLAY_OF] = before
            replayed.comment += f" · replay of [{before}]"
        response = replayed.response
        if response is not None and exchange.sent_stream:
            response.data.content = body
        elif response is None and not _is_killed(replayed):
            message = replayed.error.msg if replayed.error else "The exchange ended without an answer."
            replayed.error = None
            raise Fault(400, message)

    def _pinned(self, replayed: http.HTTPFlow) -> Pool | None:
        """The one account that is to serve, if there is to be one."""
        label = self._pins.pop(replayed, None)
        return None if label is None else Pool([self._account(label)], cooldown=False)

    def _account(self, label: str) -> Account:
        for account in self._gateway.pool.accounts:
            if account.label == label:
                return account
        raise Fault(400, f"There is no account {label} any more.", code="no_account")

    # --- an attempt

    async def _ask_again(self, attempt: http.HTTPFlow) -> None:
        """Ask the upstream, and leave its answer in the flow as it came."""
        if self._gateway.offline:
            raise no_recording()
        account = self._account_of(attempt)
        aim(attempt.request, account, self._gateway.address)
        started = time.monotonic()
        try:
            if not account.credential.is_fresh():
                await account.credential.refresh()
            wire = _wire_flow(attempt, account)
        except CredentialError as e:
            raise upstream_errors.no_credential(f"{account.label}: {e}", permanent=e.permanent).error from None
        try:
            async with asyncio.timeout(self._gateway.settings.limits.deadline):
                await _ask(wire)
        except TimeoutError:
            raise upstream_errors.timed_out().error from None
        if wire.error or wire.response is None:
            problem = upstream_errors.broken_off if wire.response else upstream_errors.connect_failed
            raise problem(wire.error.msg if wire.error else "no answer").error
        attempt.response = wire.response
        attempt.server_conn = wire.server_conn
        _record(attempt, account, time.monotonic() - started)

    def _account_of(self, attempt: http.HTTPFlow) -> Account:
        """The account that the attempt was made with. Raises Fault when it can't be asked again."""
        label = record_of(attempt).get("account")
        if not isinstance(label, str):
            raise Fault(400, "This call has no record of its account, so it can't be asked again.")
        account = self._account(label)
        if not account.credential.real:
            raise Fault(400, "A recording has answered this call. Replay the client's request.", code="no_recording")
        found = UPSTREAM_PATH.search(attempt.request.path)
        if found is None or UPSTREAM_OF_VERSION[found[1]] != account.upstream:
            raise Fault(400, f"The path is none of the upstream {account.upstream} of the account {label}.")
        if account.lacks:
            raise Fault(503, f"{label}: {account.lacks}", code="no_account")
        return account


class _ReplayedExchange(InnerCall):
    """An exchange on a flow that mitmproxy replays.

    mitmproxy has told the other addons that the request has come, and will tell them of the answer. What is between
    the two (the calls to the upstream) they hear of here.
    """

    async def handle_hook(self, hook: commands.StartHook) -> None:
        if isinstance(hook, http_layers.HttpResponseHook):
            await self.exchange.on_response()
        elif isinstance(hook, http_layers.HttpErrorHook):
            self.exchange.client_left()
        elif not isinstance(hook, http_layers.HttpRequestHeadersHook):
            await super().handle_hook(hook)


class _UpstreamCall(clientplayback.ReplayHandler):
    """Sends a flow that holds a credential, and so is shown to nobody."""

    async def handle_hook(self, hook: commands.StartHook) -> None:
        (data,) = hook.args()
        if not isinstance(data, flow.Flow):  # TLS and connections, which are mitmproxy's business
            await ctx.master.addons.handle_lifecycle(hook)
        elif isinstance(hook, http_layers.HttpResponseHook | http_layers.HttpErrorHook):
            self.done.set()
        elif hook.name == "http_connect_upstream" and isinstance(data, http.HTTPFlow):
            proxies.authorize(data)

    def log(self, message: str, level: int = logging.INFO, exc_info: Any = None) -> None:
        logger.log(logging.DEBUG if level == logging.INFO else level, message, exc_info=exc_info)


async def _ask(wire: http.HTTPFlow) -> None:
    call = _UpstreamCall(wire, ctx.options)
    try:
        await call.replay()
    finally:
        await hang_up(call)


def side_of(replayed: http.HTTPFlow) -> str | None:
    """Which side of an exchange a flow is: as its record says; without one, its path may tell that it is the client's.

    None: it is neither.
    """
    if side := record_of(replayed).get("side"):
        return str(side)
    try:
        match = routes.resolve(replayed.request.method, replayed.request.path.partition("?")[0])
    except Fault:
        return None
    return None if match.endpoint.asker == callers.GEMINI else CLIENT  # calls to Gemini have these paths, too


def _id(replayed: http.HTTPFlow) -> str:
    """The id of the exchange that is replayed."""
    record = record_of(replayed)
    return str(record.get("id") or record.get(REPLAY_OF) or "")


def aim(request: http.Request, account: Account, default: Address) -> None:
    """Point a call at the account's own address, and take off what somebody may have added to sign it.

    `default` is where accounts of the public API go that have no base URL of their own.
    """
    address = account.address or default
    found = UPSTREAM_PATH.search(request.path)
    assert found is not None
    _, fields = callers.take(request.headers.fields, "")
    data = request.data
    data.headers = http.Headers(fields)
    data.headers["Host"] = address.host_header
    if data.method != b"GET":  # whoever edits header fields may drop it
        data.headers["Content-Length"] = str(len(data.content or b""))
    data.host, data.port, data.scheme = address.host, address.port, address.scheme.encode()
    data.authority = b""
    data.path = (address.prefix + found[0]).encode()


def _wire_flow(attempt: http.HTTPFlow, account: Account) -> http.HTTPFlow:
    """The flow that goes onto the wire, with the account's credential. Raises Fault."""
    wire = http.HTTPFlow(attempt.client_conn, Server(address=upstream_request.dialled(attempt.request, account)))
    wire.request = upstream_request.signed(attempt.request, account)
    host, port = upstream_request.dialled(attempt.request, account)
    try:
        proxy = proxies.find(attempt.request.scheme, host, port)
    except proxies.ProxyError as e:
        raise upstream_errors.connect_failed(str(e)).error from None
    wire.server_conn.via = proxy.via if proxy else None
    if account.listens:
        wire.request.data.host, wire.request.data.port = account.listens
    wire.request.data.content = attempt.request.raw_content
    return wire


def _record(attempt: http.HTTPFlow, account: Account, seconds: float) -> None:
    """What the flow says of itself now: an attempt that is no part of its old exchange any more."""
    response = attempt.response
    assert response is not None
    before, id = _id(attempt), new_id()
    status = response.status_code
    outcome = str(status)
    if not 200 <= status < 300:
        outcome = upstream_errors.from_http(status, decompressed(response), response.headers).reason
    attempt.metadata[KEY] = {
        "id": id, "side": ATTEMPT, "number": 1, "count": 1, "account": account.label, "upstream": account.upstream,
        "outcome": outcome, "status": status, "waited": 0.0, "seconds": seconds, REPLAY_OF: before,
    }  # fmt: skip
    sign = "" if status == 200 else f"{FAILED} "
    attempt.comment = (
        f"{sign}upstream only · {outcome} · {account.label} · {seconds:.2f} s [{id}] · replay of [{before}]"
    )


def _fail(stray: http.HTTPFlow, problem: Fault) -> None:
    """Nothing came of it. What the record says of the answer before is not true any more."""
    stray.response = answers.error(problem, [])
    if record := record_of(stray):
        stray.comment = f"{FAILED} replay failed · {problem.status} {problem.name} · replay of [{_id(stray)}]"
        stray.metadata[KEY] = {"side": record.get("side"), "account": record.get("account"), REPLAY_OF: _id(stray)}


def _is_killed(replayed: http.HTTPFlow) -> bool:
    return replayed.error is not None and replayed.error.msg == flow.Error.KILLED_MESSAGE
