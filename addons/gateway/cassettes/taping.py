"""Watches the calls of an exchange that are to be recorded, and writes them down when it is over.

It takes the place of who keeps a record of the exchange (`exchange.tracing`), and tells that everything.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mitmproxy import http

from addons.gateway.cases.export import without_secrets
from addons.gateway.cassettes.canonical import RecordedRequest, without_upload
from addons.gateway.cassettes.files import RecordedAnswer
from addons.gateway.exchange.job import Job
from addons.gateway.exchange.seeds import Seeds
from addons.gateway.exchange.summary import LEFT, Summary
from addons.gateway.exchange.tracing import Tracing
from addons.gateway.http.callers import Caller
from addons.gateway.record import secrets
from addons.gateway.record.trace import KEY_FIELDS
from mapping.gemini.errors import upstream_errors
from mapping.values import Recall, Unseal

logger = logging.getLogger("antigravity")

_NEEDED = ("content-type", "retry-after")
"""Header fields that count for a translation, beside those of uploads."""
_UPLOADS = "x-goog-upload-"
TOGETHER = 0.005
"""Seconds: what comes within them is one piece."""


@dataclass(slots=True)
class TapedCall:
    """A call that is being recorded."""

    asked: RecordedRequest
    number: int
    """See `CassetteFolder.reserve`."""
    began: float
    attempt: int
    """Its place among the attempts of the exchange."""
    status: int = 0
    """0: no head has come."""
    headers: dict[str, str] = field(default_factory=dict)
    pieces: list[tuple[float, bytes]] = field(default_factory=list)

    def came(self, data: bytes) -> None:
        """Bytes have come now."""
        at = time.monotonic() - self.began
        if self.pieces and at - self.pieces[-1][0] < TOGETHER:
            self.pieces[-1] = (self.pieces[-1][0], self.pieces[-1][1] + data)
        else:
            self.pieces.append((at, data))


type Keep = Callable[[RecordedRequest, RecordedAnswer, int], None]


class Taping:
    """See the module. It is a `Tracing`."""

    def __init__(self, inner: Tracing | None, reserve: Callable[[RecordedRequest], int], keep: Keep) -> None:
        """`reserve` gives a request its number, `keep` writes a recording."""
        self.inner = inner
        self._reserve = reserve
        self._keep = keep
        self.given: dict[str, Any] = inner.given if inner is not None else {}
        self._calls: list[TapedCall] = []
        self._attempts = 0
        self._wanted: RecordedRequest | None = None
        self._current: TapedCall | None = None
        self._secrets: list[bytes] = []

    def wants(self, asked: RecordedRequest | None) -> None:
        """The next call is this one, and to be recorded; None: it is not."""
        self._wanted = asked

    # --- what happens

    def watching(self, recall: Recall) -> Recall:
        """See `Tracing`."""
        return self.inner.watching(recall) if self.inner is not None else recall

    def opening(self, unseal: Unseal) -> Unseal:
        """See `Tracing`."""
        return self.inner.opening(unseal) if self.inner is not None else unseal

    def arrived(self, request: http.Request, caller: Caller) -> None:
        """See `Tracing`."""
        if self.inner is not None:
            self.inner.arrived(request, caller)

    def called(self, flow: http.HTTPFlow, job: Job, id: str) -> None:
        """See `Tracing`. Of several attempts with the same request the last one is recorded."""
        asked, self._wanted, self._current = self._wanted, None, None
        if asked is not None:
            before = self._calls.pop() if self._calls and self._calls[-1].asked == asked else None
            number = before.number if before else self._reserve(asked)
            self._current = TapedCall(asked, number, time.monotonic(), self._attempts)
            self._calls.append(self._current)
        self._attempts += 1
        if self.inner is not None:
            self.inner.called(flow, job, id)

    def shown(self, credential: list[tuple[bytes, bytes]]) -> None:
        """See `Tracing`."""
        self._secrets += [value.rpartition(b" ")[2] for name, value in credential if name.lower() in KEY_FIELDS]
        if self._current is not None:
            self._current.began = time.monotonic()  # it goes up now; a token may have been waited for
        if self.inner is not None:
            self.inner.shown(credential)

    def answered(self, flow: http.HTTPFlow) -> None:
        """See `Tracing`."""
        if self._current is not None and flow.response is not None:
            self._current.status = flow.response.status_code
            self._current.headers = needed(flow.response)
        if self.inner is not None:
            self.inner.answered(flow)

    def came(self, data: bytes) -> None:
        """See `Tracing`."""
        if self._current is not None:
            self._current.came(data)
        if self.inner is not None:
            self.inner.came(data)

    def gave(self, data: bytes) -> None:
        """See `Tracing`."""
        if self.inner is not None:
            self.inner.gave(data)

    def doing(self, flow: http.HTTPFlow, words: str) -> None:
        """See `Tracing`."""
        if self.inner is not None:
            self.inner.doing(flow, words)

    def over(self, flow: http.HTTPFlow, summary: Summary, seeds: Seeds, *, inner: bool) -> None:
        """See `Tracing`."""
        try:
            hidden = secrets.known(self._secrets)
            for call in self._calls:
                self._write(call, summary, hidden)
        finally:
            if self.inner is not None:
                self.inner.over(flow, summary, seeds, inner=inner)

    def _write(self, call: TapedCall, summary: Summary, hidden: tuple[bytes, ...]) -> None:
        outcome = summary.attempts[call.attempt].outcome if call.attempt < len(summary.attempts) else GIVEN_UP
        if not call.status or outcome in NOT_TO_THE_END:
            logger.info(f"{summary.id}: a call is not recorded, as its answer has not come to its end ({outcome})")
            return
        pieces = _cleaned(call, hidden)
        seconds = pieces[-1][0] if pieces else time.monotonic() - call.began
        answer = RecordedAnswer(call.status, call.headers, pieces, seconds, broken=broke_off(outcome))
        self._keep(call.asked, answer, call.number)


_BROKEN = upstream_errors.broken_off("").reason
GIVEN_UP = "given up"
NOT_TO_THE_END = frozenset({LEFT, GIVEN_UP})
"""Outcomes of attempts that were ended from this side."""


def broke_off(outcome: str) -> bool:
    """Whether this outcome of an attempt says that the connection broke off."""
    return outcome == _BROKEN


def needed(response: http.Response) -> dict[str, str]:
    """The header fields of an answer that count, their names in lower case."""
    found = {name.lower(): value for name, value in response.headers.items()}
    return {
        name: without_upload(value) for name, value in found.items() if name in _NEEDED or name.startswith(_UPLOADS)
    }


def _cleaned(call: TapedCall, hidden: tuple[bytes, ...]) -> list[tuple[float, bytes]]:
    """The pieces, without credentials that the upstream may have repeated."""
    content = b"".join(data for _, data in call.pieces)
    cleaned = without_secrets(secrets.without(hidden, content), whole=call.status >= 300)
    return call.pieces if cleaned == content else [(call.pieces[-1][0], cleaned)]
