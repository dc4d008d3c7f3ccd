"""Which view is shown unless another one is chosen."""

from __future__ import annotations

from mitmproxy.contentviews import Metadata

from addons.gateway.views.body import begins_as_json, begins_as_stream

BEST = 3.0
"""mitmproxy's own views say at most 2; JSON says 1."""
NOT_MINE = -1.0


def is_json_or_stream(data: bytes, metadata: Metadata) -> bool:
    """By the content type, or by how the body begins: clients do send JSON without saying so."""
    if not data:
        return False
    kind = metadata.content_type or ""
    return kind == "text/event-stream" or kind.endswith("json") or begins_as_json(data) or begins_as_stream(data)
