"""A recorded answer of Gemini's, in whatever form it came -> the one answer that it is."""

from __future__ import annotations

from addons.gateway.views import body as bodies
from mapping.native.folded import folded, unwrapped
from mapping.values import JSON


def whole_answer(data: bytes) -> JSON | None:
    """The one answer in a body, whatever it came as; None, if it holds none."""
    body = bodies.read(data)
    values = body.values
    listed = not body.stream and bool(values) and isinstance(values[0], list)
    objects = [unwrapped(value) for value in (values[0] if listed else values) if isinstance(value, dict)]
    if not objects:
        return None
    return folded(objects) if body.stream or listed else objects[0]
