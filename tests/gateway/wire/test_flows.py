"""addons.gateway.wire.direct.messages: the same as mitmproxy's constructors make."""

from __future__ import annotations

import uuid

from mitmproxy import http
from mitmproxy.test import tflow

from addons.gateway.wire.direct import messages


def test_a_flow_is_that_of_the_constructor() -> None:
    client, server = tflow.tclient_conn(), tflow.tserver_conn()
    made, wanted = messages.flow(client, server), http.HTTPFlow(client, server, live=True)
    assert list(vars(made)) == list(vars(wanted))
    own = {"id": "", "timestamp_created": 0.0}
    assert vars(made) | own == vars(wanted) | own
    assert type(made.timestamp_created) is float


def test_the_ids_of_flows_are_uuids() -> None:
    for _ in range(50):
        id = messages.flow(tflow.tclient_conn(), tflow.tserver_conn()).id
        assert str(uuid.UUID(id)) == id
        assert uuid.UUID(id).version == 4
        assert uuid.UUID(id).variant == uuid.RFC_4122
