"""Telemetry of a gateway: on or off, and what each exchange that has ended is told to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from mitmproxy import http

from addons.gateway.accounts.address import Address
from addons.gateway.exchange.facts import Facts
from addons.gateway.exchange.summary import Summary
from addons.gateway.http.trace_context import parent_of
from addons.gateway.observers import Observers
from addons.gateway.telemetry.source import TelemetrySource
from mapping.late import late

if TYPE_CHECKING:
    from addons.gateway.telemetry import ended
    from addons.gateway.telemetry.sending import Sending
else:
    ended = late("addons.gateway.telemetry.ended")


class Telemetry:
    """See the module. `use` switches it on and off."""

    def __init__(
        self,
        observers: Observers,
        address: Callable[[], Address],
        kept: Callable[[str], Sequence[http.HTTPFlow]],
    ) -> None:
        """`address`: where accounts without an address of their own are asked. `kept`: the record of an exchange, by
        its id."""
        self._observers = observers
        self._address = address
        self._kept = kept
        self._sending: Sending | None = None

    @property
    def wants_record(self) -> bool:
        """Whether what was said is told, too: it is taken from the record."""
        return self._sending is not None and self._sending.source.contents

    def use(self, source: TelemetrySource | None) -> bool:
        """Tell there from now on; None: nowhere. What waits is still sent to where it was to go.

        Returns whether `wants_record` is another than before.
        """
        wanted = self.wants_record
        if self._sending is not None:
            if self._sending.source == source:
                return False
            self._sending.finish()
        self._sending = None
        if source is not None:
            from addons.gateway.telemetry.sending import Sending

            self._sending = Sending(source, self._contents if source.contents else _nothing)
        self._observers.put("telling a collector", self._over if source is not None else None)
        return self.wants_record != wanted

    def meet(self, exchange: Facts, request: http.Request) -> None:
        """A client's request has arrived: the span that it names is the parent of the exchange's."""
        if self._sending is not None:
            exchange.parent = parent_of(request.headers.fields)

    async def end(self) -> None:
        """Send what is there, for a moment at most."""
        if (sending := self._sending) is not None:
            sending.finish()
            await sending.wait()
            self._sending = None

    def _over(self, facts: Facts, summary: Summary) -> None:
        """An exchange has ended."""
        if (sending := self._sending) is not None and not facts.is_own:
            sending.add(ended.ended(facts, summary, self._address()))

    def _contents(self, id: str) -> dict[str, str]:
        """What was said, where there is a record. On a thread."""
        from addons.gateway.cases.exchanges import from_flows
        from addons.gateway.cases.files import CaseError
        from addons.gateway.telemetry.contents import contents

        flows = self._kept(id)
        try:
            return contents(from_flows(flows)) if flows else {}
        except CaseError:
            return {}


def _nothing(id: str) -> dict[str, str]:
    return {}
