"""How the gateway is doing, as plain values: what the status page shows, and `GET /status.json` answers.

Times are Unix seconds, spans are seconds. No message text and no credential is in it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Protocol

from addons.gateway.accounts.account import Account
from addons.gateway.accounts.address import Address
from addons.gateway.accounts.pool import Pool
from addons.gateway.exchange.facts import Facts
from addons.gateway.http.callers import Gatekeeper
from addons.gateway.live import doing
from addons.gateway.models.model_lists import ModelLists
from addons.gateway.models.remarks import ModelRemarks
from addons.gateway.money.money import Money
from addons.gateway.settings.settings import Settings
from addons.gateway.status.statistics import AccountTotals, Minute, ModelTotals, Statistics, quantile
from mapping.inspect.printable import one_line

MOST_RUNNING = 50
LONGEST = 200
"""Characters of a path."""
READY, COOLING, SET_ASIDE, UNUSABLE = "ready", "cooling", "set aside", "can't be used"


class Watched(Protocol):
    """What is looked at: the gateway, as it stands."""

    pool: Pool
    address: Address
    """Where accounts without a base URL of their own are asked."""
    gatekeeper: Gatekeeper
    models: ModelLists
    remarks: ModelRemarks
    statistics: Statistics
    settings: Settings
    money: Money

    @property
    def exchanges(self) -> Mapping[str, Facts]:
        """What is under way, by the id of its flow, the oldest first."""

    @property
    def is_demo(self) -> bool:
        """Answers are made up by the demo upstream."""


class Measured(Watched, Protocol):
    """What metrics are taken of besides."""

    def shared_facts(self) -> dict[str, Any] | None:
        """How what is shared with other workers is doing, see `shared.hub`; None: nothing is shared."""


def status(gateway: Watched, asking: Facts | None = None) -> dict[str, Any]:
    """Everything but the exchanges. `asking` is the one that this is for, and not told of."""
    statistics, pool = gateway.statistics, gateway.pool
    rests = _rests(pool)
    return {
        "time": time.time(),
        "since": statistics.since,
        "demo": gateway.is_demo,
        "in_flight": sum(exchange is not asking for exchange in gateway.exchanges.values()),
        "running": running(gateway, asking),
        "accounts": [
            _account(gateway, account, rests.get(account.label, []), statistics.accounts.get(account.label))
            for account in pool.accounts
        ],
        "models": _models(statistics),
        "costs": _costs(gateway),
        "classes": gateway.models.classes(),
        "remarks": gateway.remarks.now(),
        "hour": _hour(statistics.minutes()),
    }


def running(gateway: Watched, asking: Facts | None) -> list[dict[str, Any]]:
    """The requests under way, the oldest first: at most `MOST_RUNNING`."""
    found = [one for one in gateway.exchanges.values() if one is not asking and not one.inner]
    return [_under_way(exchange) for exchange in found[:MOST_RUNNING]]


def _under_way(exchange: Facts) -> dict[str, Any]:
    job, account = exchange.job, exchange.account
    return {
        "id": exchange.id,
        "flow_id": exchange.flow.id,
        "method": exchange.method,
        "path": one_line(exchange.path, LONGEST),
        "client_model": exchange.asked_model,
        "model": job.shown_model if job else None,
        "account": account.label if account else None,
        "attempt": len(exchange.attempts),
        "pause": exchange.pause if exchange.paused else None,
        "step": doing.step(exchange),
        "seconds": time.monotonic() - exchange.started,
        "events": doing.events_of(exchange),
    }


def _rests(pool: Pool) -> dict[str, list[dict[str, Any]]]:
    """The cooldowns by account label, the shortest first."""
    accounts = {account.label: account for account in pool.accounts}
    found: dict[str, list[dict[str, Any]]] = {}
    for label, model, left in sorted(pool.all_resting(), key=lambda rest: rest[2]):
        rest = pool.rest_of(accounts[label], model) if label in accounts else None
        if rest:
            found.setdefault(label, []).append({"model": model, "seconds": left, "reason": rest.reason})
    return found


def _account(
    gateway: Watched, account: Account, rests: list[dict[str, Any]], totals: AccountTotals | None
) -> dict[str, Any]:
    state, reason = _state(account, rests)
    address = account.address or gateway.address
    return {
        "label": account.label,
        "state": state,
        "reason": reason,
        "cooling": rests,
        "upstream": account.upstream,
        "host": address.host_header,
        "weight": account.weight,
        "models": list(account.models),
        "credential": account.credential.kind,
        "token": account.credential.is_fresh() if account.credential.renewable else None,
        **asdict(totals or AccountTotals()),
    }


def _state(account: Account, rests: list[dict[str, Any]]) -> tuple[str, str | None]:
    """The state, and why it is that."""
    if account.faulty:
        return UNUSABLE, account.faulty
    if account.aside:
        return SET_ASIDE, account.aside.reason
    return (COOLING if rests else READY), account.credential.trouble


def _models(statistics: Statistics) -> list[dict[str, Any]]:
    """The totals, the busiest model first; `model` None: calls of further models, and calls that named none."""
    rows: list[dict[str, Any]] = [{"model": model, **asdict(totals)} for model, totals in statistics.models.items()]
    rows.sort(key=lambda row: row["requests"], reverse=True)
    if statistics.others != ModelTotals():  # what names no model may have cost something, and be no request
        rows.append({"model": None, **asdict(statistics.others)})
    return rows


def _costs(gateway: Watched) -> dict[str, Any]:
    """What days have cost, the newest first: US dollars as far as they are known. `budget` None: there is none."""
    statistics = gateway.statistics
    days = sorted(statistics.days.items(), reverse=True)
    limit = gateway.settings.limits.budget_per_day
    budget = None if limit is None else {"limit": limit, "spent": gateway.money.budget.today()}
    return {
        "today": asdict(statistics.today()),
        "budget": budget,
        "days": [{"day": day, **asdict(costs)} for day, costs in days],
    }


def _hour(minutes: list[Minute]) -> dict[str, Any]:
    """The last hour, in all and by minutes."""
    return {
        "requests": sum(minute.requests for minute in minutes),
        "errors": sum(minute.errors for minute in minutes),
        "median": quantile(minutes, 0.5),
        "p95": quantile(minutes, 0.95),
        "minutes": [
            {
                "time": minute.number * 60,
                "requests": minute.requests,
                "errors": minute.errors,
                "left": minute.left,
                "median": minute.quantile(0.5),
                "p95": minute.quantile(0.95),
            }
            for minute in minutes
        ],
    }
