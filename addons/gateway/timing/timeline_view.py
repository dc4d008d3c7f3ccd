"""The view "Timeline": the waterfall of the exchange that a flow is of."""

from __future__ import annotations

from typing import override

from mitmproxy import http

from addons.gateway.cases import exchanges
from addons.gateway.timing import drawing, phases
from addons.gateway.views.exchange_view import ExchangeView
from addons.gateway.views.siblings import Siblings


class TimelineView(ExchangeView):
    """See the module."""

    not_ours = "This is no exchange of the gateway, so there is no timeline to show."

    @override
    def told(self, flow: http.HTTPFlow, found: Siblings, *, on_answer: bool) -> str:
        return "\n".join(drawing.lines(phases.timeline(exchanges.of_siblings(found))))
