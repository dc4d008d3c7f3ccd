"""A client's body -> JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mapping import jsonio
from mapping.faults import Fault
from mapping.values import JSON


def json_object(data: bytes, loads: Callable[[bytes], Any] = jsonio.loads) -> JSON:
    """A body that is a JSON object. Raises Fault (400) for any other. `loads` parses it."""
    if not data:
        raise Fault(400, "The request has no body; a JSON object is expected.")
    try:
        value = loads(data)
    except ValueError as e:
        raise Fault(400, f"The request body is not valid JSON: {str(e)[:200]}") from None
    if not isinstance(value, dict):
        raise Fault(400, "The request body must be a JSON object.")
    return value
