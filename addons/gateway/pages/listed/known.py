"""What is known of the exchanges of this process: those that run, and the records of those that are over.

What was recorded is known for as long as its flows are in memory, the rest as long as the status page knows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from mitmproxy import http

from addons.gateway.exchange.facts import Facts
from addons.gateway.pages.listed.listing import holds_in
from addons.gateway.record.flow_record import CLIENT, record_of
from addons.gateway.status.overview import Watched, running
from addons.gateway.wire.bodies import decompressed
from mapping.values import JSON

_BULKY = ("seeds", "given", "arrived")
"""What a record has beside the summary."""


class Knowing(Watched, Protocol):
    """What has the exchanges: the gateway."""

    def kept(self, id: str) -> Sequence[http.HTTPFlow]:
        """The flows of a recorded exchange; none: there is none of this id."""

    def kept_ids(self) -> Sequence[str]:
        """Of the recorded exchanges, the oldest first."""


@dataclass(slots=True)
class KnownExchanges:
    """Exchanges, by plain values."""

    exchanges: dict[str, JSON]
    """Of those that are over, by request id."""
    running: list[JSON]
    recorded: int
    """Of how many the requests and answers are in memory."""
    holding: dict[str, list[str]]
    """By request id, the words that were looked for and are in what was sent or answered."""

    def plain(self) -> JSON:
        """For another worker."""
        return {
            "exchanges": self.exchanges,
            "running": self.running,
            "recorded": self.recorded,
            "holding": self.holding,
        }

    def with_others(self, others: Iterable[Any]) -> KnownExchanges:
        """Together with what other workers know, as they gave it by `plain`."""
        made = KnownExchanges(dict(self.exchanges), list(self.running), self.recorded, dict(self.holding))
        for other in others:
            made.exchanges.update(other["exchanges"])
            made.running += other["running"]
            made.recorded += other["recorded"]
            made.holding.update(other["holding"])
        return made

    def newest_first(self) -> list[JSON]:
        """Those that are over."""
        return sorted(self.exchanges.values(), key=lambda one: float(one["time"]), reverse=True)


def known_here(gateway: Knowing, words: Sequence[str] = (), asking: Facts | None = None) -> KnownExchanges:
    """All of this process. `words`, in small letters, are looked for in requests and answers; `asking` is left out."""
    found: dict[str, JSON] = {summary.id: summary.plain() for summary in gateway.statistics.last()}
    holding: dict[str, list[str]] = {}
    recorded = 0
    for id in gateway.kept_ids():
        flows = gateway.kept(id)
        for flow in flows:
            if (record := record_of(flow)).get("side") == CLIENT:
                found[id] = {name: value for name, value in record.items() if name not in _BULKY}
                recorded += 1
        if words:
            bodies = [body for flow in flows for body in _bodies(flow)]
            holding[id] = [word for word in words if holds_in(bodies, word)]
    return KnownExchanges(found, running(gateway, asking), recorded, holding)


def ids_beginning(gateway: Knowing, beginning: str) -> list[str]:
    """The ids of the exchanges of this process that are over and begin so."""
    known = (*gateway.kept_ids(), *(summary.id for summary in gateway.statistics.last()))
    return [id for id in dict.fromkeys(known) if id.startswith(beginning)]


def _bodies(flow: http.HTTPFlow) -> list[bytes]:
    messages = (flow.request, flow.response)
    return [content for message in messages if (content := decompressed(message))]


def holds_by(holding: Mapping[str, Sequence[str]], id: str, word: str) -> bool:
    """Whether the word is in what was sent or answered."""
    return word in holding.get(id, ())
