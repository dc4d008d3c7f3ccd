"""Where flows are stopped, and what an exchange does while its flow is.

* mitmproxy's intercept comes after this addon's hooks, so what it stops in `request` is the call to Gemini: each
  attempt, the first one too. What it stops in `response` is the client's answer. The client's request is stopped here,
  before it is understood: when it goes on, it is read as it stands then.
* While a flow is stopped the deadline waits, and the client of a stream hears signs of life.
* A flow that is killed while it is stopped ends at once. mitmproxy lets it wait for ever (its issue 8045).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mitmproxy import ctx, exceptions, flow, hooks

from addons.gateway.exchange.exchange import Exchange
from addons.gateway.http import routes
from addons.gateway.wire import compat
from addons.gateway.wire.bodies import received
from mapping.faults import Fault

_EVENTS = "text/event-stream"


class Stops:
    """Follows what mitmproxy stops and lets go. `of`: the exchange that is under way with a flow."""

    def __init__(self, of: Callable[[Any], Exchange | None]) -> None:
        self._of = of
        self._originals: dict[str, Callable[[flow.Flow], None]] = {}

    def install(self) -> None:
        """Be told from now on, where mitmproxy is as this expects."""
        if self._originals or not compat.offers(compat.STOPS):
            return
        kind: Any = flow.Flow
        self._originals = {name: getattr(kind, name) for name in ("intercept", "resume", "kill")}
        intercept, resume, kill = self._originals.values()
        of = self._of

        def intercepted(one: flow.Flow) -> None:
            before = one.intercepted
            intercept(one)
            if one.intercepted and not before and (exchange := of(one)):
                stopped(exchange)

        def resumed(one: flow.Flow) -> None:
            before = one.intercepted
            resume(one)
            if before and (exchange := of(one)):
                goes_on(exchange)

        def killed(one: flow.Flow) -> None:
            before: Any = one.intercepted
            kill(one)
            if before:
                if (event := getattr(one, "_resume_event", None)) is not None:
                    event.set()
                if exchange := of(one):
                    goes_on(exchange)

        kind.intercept, kind.resume, kind.kill = intercepted, resumed, killed

    def uninstall(self) -> None:
        """mitmproxy's own are in their place again."""
        for name, original in self._originals.items():
            setattr(flow.Flow, name, original)
        self._originals = {}


def wanted(exchange: Exchange) -> bool:
    """Whether a person wants to stop this request of a client, which is there as a whole."""
    if exchange.begun or exchange.inner or exchange.is_own:
        return False
    addon: Any = ctx.master.addons.get("intercept")
    return addon is not None and bool(addon.should_intercept(exchange.flow))


async def stop_request(exchange: Exchange) -> None:
    """Stop a client's request until a person lets it go. Raises AddonHalt where nothing is left to be done for it."""
    one = exchange.flow
    one.intercept()
    ctx.master.addons.trigger(hooks.UpdateHook([one]))
    await one.wait_for_resume()
    if exchange.machine.over or (one.error is not None and one.error.msg == flow.Error.KILLED_MESSAGE):
        raise exceptions.AddonHalt
    if exchange.sent_stream:
        one.response = None  # the head of the signs of life: it is nobody's answer


def stopped(exchange: Exchange) -> None:
    """Its flow was stopped."""
    exchange.held.hold()
    speak(exchange)


def goes_on(exchange: Exchange) -> None:
    """Its flow is not stopped any more."""
    if seconds := exchange.held.release():
        exchange.notes.add("held", f"{seconds:.1f} s")


def speak(exchange: Exchange) -> None:
    """Signs of life for the client of a stream, in comments, where the exchange gives it none by itself."""
    seconds = exchange.settings.proxy.keep_alive
    silent = exchange.held.closed or not exchange.begun or exchange.machine.over
    if seconds and silent and not exchange.inner and _hears_comments(exchange):
        exchange.held.speak(seconds, lambda: exchange.nudge(), lambda: exchange.shows_nothing or exchange.sent_stream)


def _hears_comments(exchange: Exchange) -> bool:
    """Whether the client gets a stream in which it passes over comments."""
    request = exchange.flow.request
    path = exchange.path or request.path.partition("?")[0]
    dialect = routes.dialect_of(exchange.method or request.method, path, exchange.caller.speaks)
    if dialect is None or not dialect.comments:
        return False
    if exchange.sent_stream:
        return str(exchange.stream_head().headers.get("content-type")).startswith(_EVENTS)
    if exchange.begun:
        return exchange.job is not None and exchange.job.streams and exchange.job.content_type is None
    try:
        return dialect.read(received(request)).get("stream") is True
    except Fault:
        return False
