"""What the gateway does so that a summary can name the conversation, the client and the helper of its exchange.

While nobody wants to know, a request costs one look at a setting. Otherwise its header fields are read once when it
comes, and three members of its body when that is read; the rest is done when the client has its answer.
"""

from __future__ import annotations

from mitmproxy import http

from addons.gateway.exchange.facts import Facts
from addons.gateway.exchange.summary import Summary
from addons.gateway.grouping import known
from addons.gateway.grouping.introduction import introduced
from addons.gateway.grouping.known import KnownConversations
from addons.gateway.observers import Observers
from mapping.values import JSON


class GroupingObserver:
    """See the module."""

    def __init__(self, observers: Observers) -> None:
        self.known = KnownConversations()
        observers.put("finding the conversation", self.observe)

    def hear(self, exchange: Facts, request: http.Request) -> None:
        """A request has arrived."""
        find = exchange.settings.conversations.find
        if find == "always" or (exchange.trace is not None and find == "recorded"):
            exchange.introduction = introduced(request.data.headers.fields)

    def read(self, exchange: Facts, body: JSON) -> None:
        """Its body is read."""
        if exchange.introduction is not None:
            known.name(exchange.introduction, body)

    def made(self, exchange: Facts, response_id: str) -> None:
        """A response is made, from which a later request can go on."""
        if exchange.introduction is not None:
            exchange.introduction.responses.append(response_id)

    def observe(self, exchange: Facts, summary: Summary) -> None:
        """It is over: see `observers`."""
        told = exchange.introduction
        if told is None:
            return
        summary.client, summary.agent = told.client, told.agent
        if summary.model is None:
            return
        sent = exchange.job.request().body if exchange.job is not None and exchange.attempts else None
        summary.conversation = self.known.of(exchange.tenant, told, summary.endpoint, sent)
