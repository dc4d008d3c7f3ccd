"""The view "Gemini conversation": requests and answers of `generateContent`, `streamGenerateContent` and `countTokens`,
and of the methods that embed.

The forms of the Gemini API, of Vertex AI and of the Cloud Code API (`{"request": ...}`, `{"response": ...}`). What
comes in pieces is shown as the one answer that it makes, and after it the events.
"""

from __future__ import annotations

import re
from typing import Any, override

from mitmproxy import http
from mitmproxy.contentviews import Contentview, Metadata

from addons.gateway.views import body as bodies
from addons.gateway.views.body import Body
from addons.gateway.views.priority import BEST, NOT_MINE, is_json_or_stream
from mapping.inspect.transcript import Transcript, members
from mapping.native import shown
from mapping.native.folded import folded
from mapping.values import JSON

_PATH = re.compile(r":(?:generateContent|streamGenerateContent|countTokens|embedContent|batchEmbedContents|predict)\Z")
_WRAPPERS = ("request", "generateContentRequest", "response")
"""Members that hold the whole of a request or an answer."""


class GeminiConversation(Contentview):
    """Turns, tools and settings of a Gemini request, or the candidates of an answer."""

    @override
    def render_priority(self, data: bytes, metadata: Metadata) -> float:
        flow = metadata.flow
        if not isinstance(flow, http.HTTPFlow) or not _PATH.search(flow.request.path.partition("?")[0]):
            return NOT_MINE
        return BEST if is_json_or_stream(data, metadata) else NOT_MINE

    @override
    def prettify(self, data: bytes, metadata: Metadata) -> str:
        body = bodies.read(data, bodies.arrivals(metadata))
        body, unreadable = _readable(body)
        if not body.values:
            return data.decode("utf-8", "replace")
        out = Transcript()
        values = body.values
        if not body.stream and isinstance(values[0], list):
            # Streams without alt=sse are one list of answers; errors may come in a list too.
            values = values[0]
        objects = [_unwrapped(out, value) for value in values]
        if body.stream or isinstance(body.values[0], list):
            shown.show_answer(out, folded(objects))
            out.timeline(map(shown.event, objects), body.times)
        elif "contents" in objects[0] or "systemInstruction" in objects[0]:
            shown.show_request(out, objects[0])
        elif shown.is_to_embed(objects[0]):
            shown.show_texts(out, objects[0])
        elif shown.is_embedded(objects[0]):
            shown.show_vectors(out, objects[0])
        else:
            shown.show_answer(out, objects[0])
        if unreadable:
            out.remark(f"({unreadable} events are not JSON)")
        if body.cut or (body.stream and not any(shown.is_last(value) for value in objects)):
            out.remark(bodies.CUT)
        return out.render()


def _readable(body: Body) -> tuple[Body, int]:
    """The body without what is no JSON, and how much that is. Proxies add `[DONE]`, which says nothing."""
    if not body.stream:
        return body, 0
    is_json = [not isinstance(value, bytes) for value in body.values]
    strange = sum(isinstance(value, bytes) and value.strip() != b"[DONE]" for value in body.values)
    return body.where(is_json), strange


def _unwrapped(out: Transcript, value: Any) -> JSON:
    """The request or answer within a wrapper; of a request the rest of the wrapper is said."""
    whole = members(value)
    for name in _WRAPPERS:
        inner = whole.get(name)
        if isinstance(inner, dict):
            if name == "request":
                out.facts(whole, frozenset({name}))
            return inner
    return whole
