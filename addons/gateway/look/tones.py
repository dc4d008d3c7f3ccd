"""The colour of what became of an exchange."""

from __future__ import annotations

from addons.gateway.exchange.summary import CLIENT_LEFT
from mapping.values import JSON


def tone(record: JSON) -> str:
    """A class of `look.css`: `good`, `warn`, `bad` or `left`. `record`: `summary.Summary` as plain values."""
    if record.get("outcome") == CLIENT_LEFT or record.get("status") is None:
        return "left"
    if record["status"] >= 400 or record.get("error"):
        return "bad"
    return "warn" if len(record.get("attempts") or ()) > 1 else "good"
