"""What is told of an exchange, while it runs, to who keeps a record of it: `record.trace`, where somebody wants one."""

from __future__ import annotations

from typing import Any, Protocol

from mitmproxy import http

from addons.gateway.exchange.job import Job
from addons.gateway.exchange.seeds import Seeds
from addons.gateway.exchange.summary import Summary
from addons.gateway.http.callers import Caller
from mapping.values import Recall, Unseal


class Tracing(Protocol):
    """Told in this order: `arrived`, then for each call `called`, `shown`, `answered` and `came`, and at last `over`.

    An exchange of the gateway's own has not arrived. Nothing here raises what a client would have to be told.
    """

    given: dict[str, Any]
    """What the translation was given beside the request, by name, as plain values; whoever gives it adds to it."""

    def watching(self, recall: Recall) -> Recall:
        """The same look-up of remembered turns; what it finds is part of the record."""

    def opening(self, unseal: Unseal) -> Unseal:
        """The same opening of encrypted texts; what it opens is part of the record."""

    def arrived(self, request: http.Request, caller: Caller) -> None:
        """The client's request is there as a whole, and not yet made into an upstream call."""

    def called(self, flow: http.HTTPFlow, job: Job, id: str) -> None:
        """The flow is the upstream call that is made next. `id`: of the exchange."""

    def shown(self, credential: list[tuple[bytes, bytes]]) -> None:
        """These header fields go upstream with it, and must be in no record."""

    def answered(self, flow: http.HTTPFlow) -> None:
        """The head of the upstream's answer is in the flow."""

    def came(self, data: bytes) -> None:
        """Bytes of the upstream's answer, without the framing and compression of HTTP."""

    def gave(self, data: bytes) -> None:
        """Bytes of the client's stream."""

    def doing(self, flow: http.HTTPFlow, words: str) -> None:
        """What the exchange is doing at the moment; `words` are the comment of its row. May come at any time."""

    def over(self, flow: http.HTTPFlow, summary: Summary, seeds: Seeds, *, inner: bool) -> None:
        """Nothing more happens: put the record straight, in `flow` and others.

        `seeds`: what the answer had from nowhere else. `inner`: no client's request, but one of the gateway's own.
        """
