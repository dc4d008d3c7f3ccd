"""Has Gemini count the sections of a prompt: by the accounts that serve, as calls of the gateway's own.

Each is recorded like any other call. What was answered is kept in the record of the exchange, and so in a saved file.
An account that may not count can still answer: that it had to rest counts for further counts only.
"""

from __future__ import annotations

import time
from typing import Protocol

from mitmproxy import http

from addons.gateway.accounts.address import Address
from addons.gateway.accounts.cooldowns import Cooldowns
from addons.gateway.cases.exchanges import TakenExchange
from addons.gateway.endpoints.asking import Asking, Opener
from addons.gateway.exchange.facts import Facts
from addons.gateway.exchange.seeds import new_id
from addons.gateway.http.callers import Caller, Gatekeeper
from addons.gateway.prompts.of_exchange import asked_body, asked_call
from addons.gateway.record.flow_record import record_of
from addons.gateway.wire import inner_call
from mapping.answer.count import CountAnswer
from mapping.faults import Fault
from mapping.gemini.count import count_call
from mapping.inspect.printable import one_line
from mapping.inspect.prompt_tokens.counts import WHOLE, AskedCount, questions
from mapping.inspect.transcript import string
from mapping.values import JSON

MESSAGE = 300
"""Characters of an error that are kept."""


class CountingGateway(Opener, Protocol):
    """The gateway, as far as it is needed to ask."""

    address: Address
    gatekeeper: Gatekeeper


class PromptCounting:
    """See the module."""

    def __init__(self, gateway: CountingGateway) -> None:
        self._gateway = gateway
        self._rests = Cooldowns()

    async def count(self, client: http.HTTPFlow, taken: TakenExchange) -> list[AskedCount]:
        """Ask, and keep the answers in the record of the client's flow. Where the whole can't be counted, no more is
        asked."""
        call, model = asked_call(taken), string(taken.record.get("model"))
        found: list[AskedCount] = []
        for what, body in questions(asked_body(call)) if call is not None and model else ():
            found.append(await self._ask(what, model, body))
            if what == WHOLE and found[-1].tokens is None:
                break
        record_of(client)["counted"] = {"time": time.time(), "answers": [one.plain() for one in found]}
        return found

    async def _ask(self, what: str, model: str, body: JSON) -> AskedCount:
        gateway, answer = self._gateway, CountAnswer(lambda tokens: b"")
        nobody = Caller([], "", None, "127.0.0.1")
        outer = Facts(inner_call.new_flow(gateway.address), nobody, new_id(), gateway.settings, gateway.gatekeeper)
        outer.pool = gateway.pool.beside(model, self._rests)
        try:
            await Asking(gateway).of(outer, lambda fault: fault)(count_call(model, body), answer.add)
        except Fault as e:
            return AskedCount(what, None, one_line(f"{e.status} {e.name}: {e.message}", MESSAGE))
        return AskedCount(what, answer.count)
