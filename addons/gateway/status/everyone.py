"""All workers of this machine as one, whichever is asked: their status, their metrics, what they have counted.

* Who is asked asks the others, who have a short limit: one that is stuck is shown as such, and holds up nothing.
* Each worker counts for itself, and tells the launcher now and then, before others see its numbers, and at its end.
  When it ends, another goes on from its numbers, so that no count ever falls.
* One of them keeps the statistics of all in the store.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

import orjson
from mitmproxy.utils import asyncio_utils

from addons.gateway.accounts.address import Address
from addons.gateway.accounts.pool import Pool
from addons.gateway.exchange.facts import Facts
from addons.gateway.http.callers import Gatekeeper
from addons.gateway.http.routes import Match
from addons.gateway.models.model_lists import ModelLists
from addons.gateway.models.remarks import ModelRemarks
from addons.gateway.money.money import Money
from addons.gateway.settings.settings import Settings
from addons.gateway.status import page
from addons.gateway.status.counters import Counters
from addons.gateway.status.kept import KEEP_EVERY, KeptStatistics
from addons.gateway.status.overview import MOST_RUNNING, READY, Measured, Watched, status
from addons.gateway.status.statistics import Statistics, get_ready
from addons.gateway.workers.inside import Told, Worker

if TYPE_CHECKING:
    from addons.gateway.status.metrics import Metrics

WELL = b'{"status":"ok"}'
PATIENCE = 4.0
"""Seconds for which the one that keeps the statistics waits for the ends of the others."""


class Counting(Measured, Protocol):
    """Whose numbers they are: the gateway."""

    settings: Settings
    kept_statistics: KeptStatistics


@dataclass(slots=True)
class _Seen:
    """The gateway, with the statistics of all."""

    pool: Pool
    address: Address
    gatekeeper: Gatekeeper
    models: ModelLists
    remarks: ModelRemarks
    statistics: Statistics
    settings: Settings
    money: Money
    exchanges: Mapping[str, Facts]
    is_demo: bool


class Everyone:
    """See the module."""

    def __init__(self, gateway: Counting, worker: Worker) -> None:
        self._gateway = gateway
        self._worker = worker
        self._told = 0
        """How much had been counted when the launcher was told last."""
        self._kept: Any = None
        """How much all had counted when that was kept last."""
        self._going_on: asyncio.Task[None] | None = None
        gateway.kept_statistics.by_others = True
        get_ready()
        worker.answer("status", lambda given: self._part())
        worker.answer("metrics", lambda given: self._plain_metrics())
        worker.answer("changes", lambda given: gateway.statistics.changes)
        worker.answer("counts", lambda given: gateway.statistics.plain())
        worker.answer("inherit", self._inherit)

    def begin(self) -> None:
        """Tell and keep what is counted, now and then."""
        if self._going_on is None:
            self._going_on = asyncio_utils.create_task(
                self._go_on(), name="keeping the statistics of all workers", keep_ref=False
            )

    async def end(self) -> None:
        """Nothing is under way any more: tell what was counted, and keep what all have counted if this one does."""
        worker, gateway = self._worker, self._gateway
        if worker.keeps:
            try:
                await asyncio.wait_for(worker.is_last.wait(), PATIENCE + gateway.settings.limits.drain)
            except TimeoutError:
                pass
            if gateway.settings.responses.store:
                gateway.kept_statistics.keep(gateway.statistics)
        else:
            self._tell(final=True)
            await worker.flush()

    # --- endpoints

    def show_health(self, exchange: Facts, match: Match) -> None:
        """The same as of one process while all are well; else also how many are."""
        roster, of = self._worker.roster, self._worker.seat.of
        ready = {one["number"] for one in roster if one["state"] == "ready"}
        told = {"status": "ok", "workers": {"ready": len(ready), "of": of}}
        exchange.succeed(WELL if len(ready) == of or not roster else orjson.dumps(told))

    async def show_status(self, exchange: Facts, match: Match) -> None:
        """The page."""
        seen, told = await self._see(exchange)
        page.show(exchange, seen, told)

    async def show_status_json(self, exchange: Facts, match: Match) -> None:
        """The page's data."""
        seen, told = await self._see(exchange)
        page.show_json(exchange, seen, told)

    async def show_metrics(self, exchange: Facts, match: Match) -> None:
        """The metrics: what is counted is added up, the rest merged by what it is."""
        from addons.gateway.status import merging, metrics

        told = await self._worker.gather("metrics")
        by_worker = [(one.number, one.answer) for one in told if one.answer is not None]
        by_worker.append((self._worker.seat.number, self._plain_metrics()))
        counters = Counters(time.time)
        # By number, whoever is asked: which labels are told where there are too many must not change from time to time.
        for _, answer in sorted(by_worker, key=lambda one: one[0]):
            counters.add(answer["counted"])
        known = merging.merged((number, answer["momentary"]) for number, answer in by_worker)
        known.append(merging.states([row["state"] for row in self._rows(told)]))
        text = metrics.counted_text(counters) + merging.text(known)
        exchange.succeed(text, [(b"Content-Type", metrics.CONTENT_TYPE)])

    # --- inside

    def _part(self) -> dict[str, Any]:
        """What this worker adds to the status of all."""
        told = status(self._gateway)
        return {
            "in_flight": told["in_flight"],
            "running": told["running"],
            "accounts": {one["label"]: [one["state"], one["reason"], one["cooling"]] for one in told["accounts"]},
            "statistics": self._gateway.statistics.plain(),
        }

    async def _see(self, asking: Facts) -> tuple[Watched, dict[str, Any]]:
        """The gateway with the statistics of all, and its status."""
        told = await self._worker.gather("status")
        parts = [one.answer for one in told if one.answer is not None]
        gateway = self._gateway
        statistics = self._added([part["statistics"] for part in parts])
        seen = _Seen(
            gateway.pool, gateway.address, gateway.gatekeeper, gateway.models, gateway.remarks, statistics,
            gateway.settings, gateway.money, gateway.exchanges, gateway.is_demo,
        )  # fmt: skip
        found = status(seen, asking)
        rows = self._rows(told, found["in_flight"])
        for part in parts:
            _add(found, part)
        found["running"] = sorted(found["running"], key=lambda one: -one["seconds"])[:MOST_RUNNING]
        return seen, {**found, "workers": rows}

    def _rows(self, told: Sequence[Told], own: int = 0) -> list[dict[str, Any]]:
        """All workers: number, pid, state, connections as the launcher saw them last, requests under way."""
        seat = self._worker.seat
        rows = {one["pid"]: {**one, "in_flight": None} for one in self._worker.roster if one["state"] == "starting"}
        known = {one["pid"]: one for one in self._worker.roster}
        for one in (Told(seat.number, os.getpid(), {"in_flight": own}), *told):
            was = known.get(one.pid, {"state": "ready", "connections": 0})
            row = {"number": one.number, "pid": one.pid, **was, "in_flight": None}
            if one.answer is None:
                row["state"] = "stuck"
            else:
                row["in_flight"] = one.answer.get("in_flight")
            rows[one.pid] = row
        return sorted(rows.values(), key=lambda row: (row["number"], row["pid"]))

    def _added(self, others: Sequence[Any]) -> Statistics:
        """The statistics of this worker and of others."""
        made = Statistics()
        made.restore(self._gateway.statistics.plain())
        for other in others:
            made.add(other)
        return made

    def _plain_metrics(self) -> dict[str, Any]:
        """What is counted goes as it stands: as samples of Prometheus it is ten times as large."""
        from addons.gateway.status import merging  # prometheus-client takes its time to load

        self._tell()
        momentary = merging.plain(self._metrics().collect_momentary())
        return {"counted": self._gateway.statistics.since_start.plain(), "momentary": momentary}

    @cache  # noqa: B019 - there is one for the whole life of the process
    def _metrics(self) -> Metrics:
        from addons.gateway.status.metrics import Metrics

        return Metrics(self._gateway)

    def _tell(self, *, final: bool = False) -> None:
        """Tell the launcher what was counted; when this worker is gone, another goes on from there."""
        statistics = self._gateway.statistics
        if final or statistics.changes != self._told:
            self._told = statistics.changes
            counts = {"statistics": statistics.plain(), "counters": statistics.since_start.plain()}
            self._worker.tell_counts(counts, final=final)

    def _inherit(self, counts: dict[str, Any]) -> None:
        """Another worker has ended, and had counted this."""
        self._gateway.statistics.add(counts["statistics"])
        self._gateway.statistics.since_start.add(counts["counters"])

    async def _go_on(self) -> None:
        while True:
            await asyncio.sleep(KEEP_EVERY)
            self._tell()
            if self._worker.keeps and self._gateway.settings.responses.store:
                await self._keep()

    async def _keep(self) -> None:
        """Keep what all have counted, if that is more than was kept."""
        told = await self._worker.gather("changes")
        changes = [self._gateway.statistics.changes, *((one.pid, one.answer) for one in told)]
        if changes != self._kept:
            self._kept = changes
            more = await self._worker.gather("counts")
            self._gateway.kept_statistics.keep(self._added([one.answer for one in more if one.answer is not None]))


def _add(found: dict[str, Any], part: dict[str, Any]) -> None:
    """Add another worker's part to a status."""
    found["in_flight"] += part["in_flight"]
    found["running"] += part["running"]
    for account in found["accounts"]:
        state, reason, cooling = part["accounts"].get(account["label"], (READY, None, []))
        if account["state"] == READY and state != READY:
            account["state"], account["reason"] = state, reason
        known = {one["model"]: one for one in account["cooling"]}
        for one in cooling:
            if one["model"] not in known or known[one["model"]]["seconds"] < one["seconds"]:
                known[one["model"]] = one
        account["cooling"] = sorted(known.values(), key=lambda one: one["seconds"])
