"""No exception leaves an exchange: whatever goes wrong becomes another attempt or an error answer."""

from __future__ import annotations

from typing import Protocol

from mapping.faults import Fault, FaultKind
from mapping.gemini.errors.upstream_errors import UpstreamError


class Guarded(Protocol):
    """What an exchange does about each kind of fault."""

    def attempt_failed(self, problem: UpstreamError) -> None:
        """The upstream's fault: another attempt, or its error for the client."""

    def fail(self, problem: Fault) -> None:
        """The client gets this error; no attempt follows."""

    def crashed(self) -> None:
        """A fault of the gateway's own, whose traceback belongs into the log; the client gets a 500."""


class Guard:
    """`with Guard(exchange):` around what may go wrong."""

    __slots__ = ("_exchange",)

    def __init__(self, exchange: Guarded) -> None:
        self._exchange = exchange

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> bool:
        if error is None:
            return False
        if isinstance(error, UpstreamError):
            self._exchange.attempt_failed(error)
        elif isinstance(error, Fault):
            self._exchange.fail(error)
        elif isinstance(error, Exception):
            self._exchange.crashed()
        return isinstance(error, Exception)


def bug(id: str) -> Fault:
    """What a client is told of a fault of the gateway's own. `id` is that of its request."""
    return Fault(
        500,
        f"The gateway failed on this request; its log has the details under {id}.",
        kind=FaultKind.SERVER,
        code="gateway_error",
        should_retry=False,
    )
