"""The view "Client conversation": what a client sent, and what it got, in whatever dialect.

The path tells the dialect, and the dialect how its bodies are shown (`mapping.inspect.bodies`), and what a form says.
A body that somebody shows with this view on purpose tells by itself. What comes in pieces is shown as the one answer
that it makes, and after it the events.
"""

from __future__ import annotations

from dataclasses import replace
from typing import override

from mitmproxy import http
from mitmproxy.contentviews import Contentview, Metadata

from addons.gateway.http import routes
from addons.gateway.record.flow_record import CLIENT, record_of
from addons.gateway.views import attempts_view
from addons.gateway.views import body as bodies
from addons.gateway.views.body import Body
from addons.gateway.views.priority import BEST, NOT_MINE, is_json_or_stream
from mapping import dialects
from mapping.dialect import Received
from mapping.faults import Fault
from mapping.inspect.bodies import Bodies
from mapping.inspect.transcript import Transcript, bytes_media, clipped, elements, string


class ClientConversation(Contentview):
    """Turns, tools and settings of a request, or what an answer says."""

    @override
    def render_priority(self, data: bytes, metadata: Metadata) -> float:
        taken = is_json_or_stream(data, metadata) or _is_form(metadata) or _is_sound(metadata)
        return BEST if taken and _dialect(metadata) else NOT_MINE

    @override
    def prettify(self, data: bytes, metadata: Metadata) -> str:
        if _is_sound(metadata):
            return _sound(data, metadata)
        body = _form(data, metadata) if _is_form(metadata) else bodies.read(data, bodies.arrivals(metadata))
        if body.values and isinstance(listed := body.values[0], list) and _dialect(metadata):
            body = replace(body, values=listed or body.values, stream=bool(listed), times=[])  # events as one array
        if not body.values:
            return data.decode("utf-8", "replace")
        shown = dialects.bodies(_dialect(metadata), body.values[0])
        out = Transcript()
        _show_emptiness(out, metadata)
        if body.stream:
            if not _show_stream(out, shown, body):
                return data.decode("utf-8", "replace")
        elif isinstance(body.values[0], dict):
            shown.show(out, body.values[0])
        else:
            out.line(clipped(body.values[0]))
        if body.cut or (body.stream and not any(map(shown.is_last, body.values))):
            out.remark(bodies.CUT)
        flow = metadata.flow
        if isinstance(flow, http.HTTPFlow) and metadata.http_message is flow.response:
            attempts_view.in_short(out, record_of(flow))
        return out.render()


def _dialect(metadata: Metadata) -> str:
    """The name of the dialect of the path; empty, if it has none."""
    flow = metadata.flow
    if not isinstance(flow, http.HTTPFlow):
        return ""
    try:
        match = routes.resolve(flow.request.method, flow.request.path.partition("?")[0])
    except Fault:
        return ""
    dialect = match.endpoint.dialect
    if dialect is None or (dialect.own_names and record_of(flow).get("side") != CLIENT):
        return ""  # on Gemini's own paths only the record tells a client's request from a call to Gemini
    return dialect.name


def _is_sound(metadata: Metadata) -> bool:
    """An answer that is to be heard."""
    flow = metadata.flow
    return (
        isinstance(flow, http.HTTPFlow)
        and metadata.http_message is flow.response
        and (metadata.content_type or "").startswith("audio/")
    )


def _sound(data: bytes, metadata: Metadata) -> str:
    """What it is, and how to hear it: no view can play it."""
    out = Transcript()
    out.turn("speech")
    out.line(bytes_media("sound", metadata.content_type, len(data)))
    out.line("To hear it, download the body, and play that.")
    assert isinstance(metadata.flow, http.HTTPFlow)
    attempts_view.in_short(out, record_of(metadata.flow))
    return out.render()


def _is_form(metadata: Metadata) -> bool:
    """A request with files."""
    flow = metadata.flow
    if not isinstance(flow, http.HTTPFlow) or metadata.http_message is not flow.request:
        return False
    return str(flow.request.headers.get("content-type", "")).startswith("multipart/form-data")


def _form(data: bytes, metadata: Metadata) -> Body:
    """The value that the dialect reads of a form; nothing where it can't be read."""
    flow, dialect = metadata.flow, dialects.named(_dialect(metadata))
    assert isinstance(flow, http.HTTPFlow)
    if dialect is None:
        return Body()
    try:
        return Body(values=[dialect.read(Received(data, flow.request.headers.get("content-type", "")))])
    except Fault:
        return Body()


def _show_stream(out: Transcript, shown: Bodies, body: Body) -> bool:
    """The answer that the events make, and the events. False: none of them can be read."""
    described = [shown.described(event) for event in body.values]
    told = body.where([row is not None for row in described])
    if not told.values:
        return False
    # Of a last event that breaks off, the ones before it tell more.
    broken = body.cut and shown.is_last(body.values[-1])
    shown.show_stream(out, told.values[:-1] if broken else told.values)
    out.timeline((row for row in described if row is not None), told.times)
    unreadable = [row is None and not shown.is_last(event) for event, row in zip(body.values, described, strict=True)]
    if any(unreadable):
        out.remark(f"({sum(unreadable)} events are not JSON)")
    return True


def _show_emptiness(out: Transcript, metadata: Metadata) -> None:
    """Of an answer without content, why there is none: the record says so."""
    flow = metadata.flow
    if isinstance(flow, http.HTTPFlow) and metadata.http_message is flow.response:
        for note in elements(record_of(flow).get("notes")):
            if isinstance(note, list | tuple) and list(note[:1]) == ["empty"]:
                out.line(f"empty: {string(note[1]) if len(note) > 1 else ''}")
