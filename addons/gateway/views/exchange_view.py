"""A view of a whole exchange, whichever flow of it is looked at: for those who choose it."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, override

from mitmproxy import http
from mitmproxy.contentviews import Contentview, Metadata

from addons.gateway.record.flow_record import record_of
from addons.gateway.views.priority import NOT_MINE
from addons.gateway.views.siblings import Siblings, siblings_of


class ExchangeView(Contentview):
    """See the module."""

    not_ours: ClassVar[str]
    """What is said of a flow that is of no exchange of the gateway's."""

    @override
    def render_priority(self, data: bytes, metadata: Metadata) -> float:
        return NOT_MINE

    @override
    def prettify(self, data: bytes, metadata: Metadata) -> str:
        flow = metadata.flow
        if not isinstance(flow, http.HTTPFlow) or not record_of(flow).get("side"):
            return self.not_ours
        found = siblings_of(flow)
        if found.client is None:
            return self.without_client(flow)
        return self.told(flow, found, on_answer=metadata.http_message is flow.response)

    @abstractmethod
    def told(self, flow: http.HTTPFlow, found: Siblings, *, on_answer: bool) -> str:
        """What it shows of the flows `found`, the client's among them. `on_answer`: beside the answer of `flow`."""

    def without_client(self, flow: http.HTTPFlow) -> str:
        """What it shows of an attempt while the client's flow is not there."""
        return f"The client's flow of this exchange ({record_of(flow).get('id')}) is not here, and it is what tells."
