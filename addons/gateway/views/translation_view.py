"""The view "Translation": what became of every member of the client's request, and of Gemini's answer.

The translation is run again, by the record, with each member left out in turn (`mapping.inspect.explain`); so it is
true of the bodies as they stand, edited ones too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, override

from mitmproxy import http

from addons.gateway.exchange.summary import model_words
from addons.gateway.record import retranslation
from addons.gateway.record.flow_record import record_of
from addons.gateway.views import body as bodies
from addons.gateway.views import cut_json, explained, failure
from addons.gateway.views.exchange_view import ExchangeView
from addons.gateway.views.gemini_stream import whole_answer
from addons.gateway.views.siblings import Siblings, is_answer
from addons.gateway.views.translated import GeminiAnswers, has_translation, no_collection, request_translation
from addons.gateway.wire.bodies import decompressed, received
from mapping import dialects
from mapping.faults import Fault
from mapping.inspect.explain import explain
from mapping.inspect.explain_call import BODY, generates, said
from mapping.inspect.explain_diff import difference, dotted
from mapping.inspect.explain_rows import Explanation
from mapping.inspect.transcript import Transcript, string
from mapping.notes import Notes
from mapping.values import JSON

_STEP = re.compile(r"\w+")
_CUT_BACK = 3
"""How many things at the end of a body that breaks off are left out, if that makes it one that can be translated."""


class Translation(ExchangeView):
    """What became of a request's members, or of an answer's."""

    not_ours = "This is no exchange of the gateway, so there is no translation to show."

    @override
    def told(self, flow: http.HTTPFlow, found: Siblings, *, on_answer: bool) -> str:
        with no_collection():
            return (_answer_side if on_answer else _request_side)(flow, found)


def _request_side(flow: http.HTTPFlow, siblings: Siblings) -> str:
    client = siblings.client
    assert client is not None
    record = record_of(client)
    out = Transcript()
    out.line(_headline(record))
    if flow is not client:
        out.line("What the members of the client's request became in this one:")
    body, cut = _client_body(record, client.request)
    translate = request_translation(record)
    explanation = None
    if has_translation(record) and body is not None:
        explanation = explain(body, translate)
        for _ in range(_CUT_BACK if cut and isinstance(body, dict) else 0):
            if explanation.refused is None or not body:
                break
            body = _shorter(body)
            explanation = explain(body, translate)
    _section(out, "what went wrong", failure.told(siblings, explanation))
    if explanation is None:
        out.remark(_why_none(record, body))
    elif explanation.refused is not None:
        _section(out, "the request is refused", _refusal(explanation.refused, body))
    else:
        _section(out, "left out or changed", explained.remarks(explanation))
        facts = dialects.bodies(record["endpoint"], body).facts
        _section(out, "request · each member", explained.lines(explanation, partial(said, facts=facts), explained.sent))
        _section(out, "sent otherwise", _otherwise(siblings, body, translate))
    _section(out, "further notes on the exchange", _further_notes(record, explanation))
    if cut:
        out.remark(bodies.CUT)
    return out.render()


def _answer_side(flow: http.HTTPFlow, siblings: Siblings) -> str:
    client = siblings.client
    assert client is not None
    record = record_of(client)
    out = Transcript()
    out.line(_headline(record))
    answers = _answers_of(siblings)
    body, _ = _client_body(record, client.request)
    explanation = answers.explained(record, body) if has_translation(record) else None
    _section(out, "what went wrong", failure.told(siblings, None))
    if explanation is None:
        out.remark(_why_no_answer(record, siblings))
    elif explanation.refused is not None:
        _section(out, "Gemini's answer is refused", [explanation.refused.message])
    else:
        if answers.hops or answers.others:
            count = 1 + len(answers.hops) + len(answers.others)
            out.line(f"{count} answers of Gemini make this one; the first is shown, as a part of it.")
        _section(out, "left out or changed", explained.remarks(explanation))
        _section(out, "Gemini's answer · each member", explained.lines(explanation, dotted, explained.everywhere))
    _section(out, "further notes on the exchange", _further_notes(record, explanation))
    return out.render()


# --- the parts of the view


def _headline(record: JSON) -> str:
    models = model_words(string(record.get("client_model")), string(record.get("model")), "→")
    return " · ".join(part for part in (f"{record.get('method')} {record.get('path')}", models) if part)


def _section(out: Transcript, title: str, lines: Sequence[str]) -> None:
    if lines:
        out.turn(title)
        for line in lines:
            out.row(line)


def _answers_of(siblings: Siblings) -> GeminiAnswers:
    return GeminiAnswers.of(_answers_in(siblings.attempts), _answers_in(siblings.further))


def _answers_in(flows: Sequence[http.HTTPFlow]) -> list[JSON]:
    whole = [whole_answer(decompressed(flow.response)) for flow in flows if is_answer(flow)]
    return [answer for answer in whole if answer is not None]


def _why_none(record: JSON, body: Any) -> str:
    if not retranslation.is_translated(record):
        return "Requests of this kind have no translation to show."
    if not isinstance(record.get("model"), str):
        return "The request was refused before it was translated. Gemini was not asked."
    return "The body of the request can't be read, so what became of it can't be told." if body is None else ""


def _why_no_answer(record: JSON, siblings: Siblings) -> str:
    if not has_translation(record):
        return _why_none(record, None)
    if not record.get("attempts") and not siblings.further:
        return "Gemini was not asked, so there is no answer of its to translate."
    if record.get("streamed") and any(_has_begun(flow) for flow in siblings.attempts):
        return (
            "Gemini's answer broke off. What had come of it was translated and sent, and stands in the conversation; "
            "its members can be told of a whole answer only."
        )
    if siblings.attempts or siblings.further:
        return "There is no answer of Gemini's that was translated."
    return "Gemini's answer is not here: the flows of the attempts are gone, or were not loaded."


def _has_begun(flow: http.HTTPFlow) -> bool:
    """Whether an attempt brought some of an answer."""
    response = flow.response
    return response is not None and response.status_code == 200 and bool(response.raw_content)


def _shorter(body: JSON) -> JSON:
    """A body that breaks off without the last thing in it, which is not whole."""
    name, value = list(body.items())[-1]
    rest = {other: body[other] for other in body if other != name}
    return {**rest, name: value[:-1]} if isinstance(value, list) and len(value) > 1 else rest


def _refusal(refused: Fault, body: Any) -> list[str]:
    """What is wrong, and where; Gemini was not asked then, unless the flow was edited since."""
    lines = [explained.wrapped(refused.message)]
    if refused.param:
        value = body
        for step in _STEP.findall(refused.param):
            if isinstance(value, dict) and step in value:
                value = value[step]
            elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
                value = value[int(step)]
            else:
                return [*lines, f"{refused.param} is not there"]
        lines.append(f"{refused.param}: {explained.value_text(value)}")
    return lines


def _otherwise(siblings: Siblings, body: Any, translate: Callable[[Any, Notes], JSON]) -> list[str]:
    """Where the request that went to Gemini last is not what the translation makes: it was mended, or one is edited."""
    if not siblings.attempts:
        return []
    sent, _ = _body_of(siblings.attempts[-1].request)
    if not isinstance(sent, dict):
        return []
    made = translate(body, Notes())
    if not generates(made):  # of any other call some upstreams get a part only
        return []
    found = difference(made[BODY], _inner(sent))
    paths = [dotted(path) or "all of it" for path in (*found.lost, *found.gained)]
    return (
        ["What was sent last differs: it was mended or continued, or a flow was edited.", *paths[:20]] if found else []
    )


def _inner(sent: JSON) -> JSON:
    """The request in the wrapper of the Cloud Code API."""
    inner = sent.get("request")
    return inner if isinstance(inner, dict) else sent


def _further_notes(record: JSON, explanation: Explanation | None) -> list[str]:
    """The notes of the whole exchange that are not told yet."""
    told = {note for row in explanation.all() for note in row.notes} | set(explanation.notes) if explanation else set()
    notes = [(str(note[0]), str(note[1])) for note in record.get("notes", [])]
    return [explained.wrapped(explained.note_line(note)) for note in notes if note not in told]


def _client_body(record: JSON, request: http.Request) -> tuple[Any, bool]:
    """The value of a client's request as its dialect reads it; of one that it can't read, its JSON, see `_body_of`."""
    try:
        return retranslation.body_of(record, received(request)), False
    except (Fault, retranslation.NotTranslated):
        return _body_of(request)


def _body_of(request: http.Request) -> tuple[Any, bool]:
    """The JSON value of a request, None if it has none, and whether it is cut off."""
    try:
        return cut_json.loads(decompressed(request))
    except ValueError:
        return None, False
