"""What is kept of an exchange that has ended, until it is told: values, made at once, and cheap to make."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from addons.gateway.accounts.address import Address
from addons.gateway.exchange.facts import Facts
from addons.gateway.exchange.summary import Summary
from addons.gateway.http.trace_context import ClientSpan
from addons.gateway.telemetry import conventions as names

_ID = re.compile(rb'"id": ?"((?:chatcmpl|cmpl|resp|msg)[-_][\w.:-]{1,100})"')
_HEAD = 400
"""Bytes at the beginning of an answer in which its id stands."""


@dataclass(slots=True, eq=False)
class Ended:
    """See the module."""

    summary: Summary
    parent: ClientSpan | None
    servers: Sequence[tuple[str, int]]
    """Host and port of each attempt; behind them those of the attempts at further calls."""
    response_id: str
    """Empty: the answer has none, or none is known."""
    parameters: Mapping[str, Any]
    """Gemini's `generationConfig`."""

    @property
    def operation(self) -> str | None:
        """None: no model was asked to answer anything."""
        return names.OPERATIONS.get(self.summary.endpoint)

    @property
    def provider(self) -> str:
        """Whose model it is."""
        attempts = self.summary.attempts
        return names.PROVIDERS.get(attempts[-1].upstream, "") if attempts else names.PROVIDERS["gemini"]

    @property
    def server(self) -> tuple[str, int] | None:
        """Of the last attempt at the exchange's own call; None: there was none."""
        own = len(self.summary.attempts)
        return self.servers[own - 1] if 0 < own <= len(self.servers) else None

    @property
    def error(self) -> str | None:
        """What kind of error it ended with: the code that the client got, or that it left."""
        summary = self.summary
        return summary.outcome if summary.left or summary.failed else None


def ended(facts: Facts, summary: Summary, default: Address) -> Ended:
    """What there is to tell of an exchange. `default`: where accounts without an address of their own are asked."""
    asked = [facts] if facts.job is not None and facts.job.later else [facts, *facts.further]
    addresses = [attempt.account.address or default for one in asked for attempt in one.attempts]
    parameters: Any = None
    if facts.attempts and facts.job is not None and (body := facts.job.request().body) is not None:
        parameters = body.get("generationConfig")
    return Ended(
        summary,
        facts.parent,
        [(address.host, address.port) for address in addresses],
        _id_of(facts) if summary.status == 200 else "",
        parameters if isinstance(parameters, dict) else {},
    )


def _id_of(facts: Facts) -> str:
    for prefix in names.RESPONSE_IDS:
        for id in facts.seeds.ids:
            if id.startswith(prefix):
                return id
    response = facts.flow.response
    content = facts.tail if facts.sent_stream else (response.raw_content or b"" if response else b"")
    found = _ID.search(content[:_HEAD])
    return found[1].decode() if found else ""
