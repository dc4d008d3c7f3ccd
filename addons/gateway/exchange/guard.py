"""No exception leaves an exchange: whatever goes wrong becomes another attempt or an error answer."""

from __future__ import annotations

from typing import Protocol

from mapping.faults import Fault
from mapping.gemini.errors.upstream_errors import UpstreamError


class Guarded(Protocol):
    """What an exchange does about each kind of fault."""

    def attempt_failed(self, problem: UpstreamError) -> None: ...

    def fail(self, problem: Fault) -> None: ...

    def crashed(self) -> None: ...


class Guard:
    """`with Guard(exchange):` around what may go wrong."""

    __slots__ = ("_exchange",)

    def __init__(self, exchange: Guarded) -> None:
        self._exchange = exchange

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> bool:
        if isinstance(error, UpstreamError):
            self._exchange.attempt_failed(error)
        elif isinstance(error, Fault):
            self._exchange.fail(error)
        elif isinstance(error, Exception):
            self._exchange.crashed()
        return error is None or isinstance(error, Exception)
