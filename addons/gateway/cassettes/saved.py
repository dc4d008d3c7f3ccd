"""A cassette made of what mitmproxy saved, and a recording as an exchange, to be looked at like others."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from mitmproxy import http

from addons.gateway.cases.exchanges import TakenCall, TakenExchange
from addons.gateway.cases.export import without_secrets
from addons.gateway.cassettes import canonical, files
from addons.gateway.cassettes.canonical import RecordedRequest
from addons.gateway.cassettes.files import CassetteError, CassetteRecording, RecordedAnswer
from addons.gateway.cassettes.folder import CassetteFolder
from addons.gateway.cassettes.taping import NOT_TO_THE_END, broke_off, needed
from addons.gateway.record.flow_record import ATTEMPT, CLIENT, record_of
from addons.gateway.views.gemini_stream import whole_answer
from addons.gateway.wire.bodies import decompressed
from mapping import jsonio
from mapping.gemini.model_classes import CLASSES, newest
from mapping.values import GENERATING, JSON, GeminiCall, PlainCall

_PATH = re.compile(r"/(?P<version>v1beta1|v1beta|v1internal)(?P<rest>[/:].*)")
_METHOD = re.compile(r"(?:/projects/[^/]+/locations/[^/]+)?(?:/publishers/google)?/models/([^/:?]+):(\w+)(\?.*)?")
_CODE_ASSIST = re.compile(r":(\w+)(\?.*)?")
_MODELS = re.compile(r"/models(\?.*)?")


def record_flows(
    exchanges: Mapping[str, Sequence[http.HTTPFlow]],
    folder: Path,
    *,
    ignored: Iterable[str] = (),
    mask: bool = False,
) -> Iterator[CassetteRecording | str]:
    """Write the calls of saved exchanges into a folder, one by one; a text says why one is left out.

    What the folder had of the same requests is replaced. Raises CassetteError.
    """
    tape = CassetteFolder(folder, ignored)
    models: dict[str, None] = {}
    flows = [flow for group in exchanges.values() for flow in group]
    for flow in _last_of_each(flow for flow in flows if record_of(flow).get("side") == ATTEMPT):
        asked = _asked(flow)
        if isinstance(asked, str) or not (answer := _answer(flow)):
            what = asked if isinstance(asked, str) else "its answer has not come to its end"
            yield f"{record_of(flow).get('id')}: a call is left out: {what}"
            continue
        if asked.model:
            models[asked.model] = None
        yield tape.add(asked, answer, tape.reserve(asked), mask=mask)
    day = min((_day(flow) for flow in flows if record_of(flow).get("side") == CLIENT), default=date.today())
    if classes := {kind: model for kind in CLASSES if (model := newest(kind, models, day))}:
        files.write_json(folder / files.MODELS, classes)


def _day(flow: http.HTTPFlow) -> date:
    return datetime.fromtimestamp(record_of(flow).get("time") or flow.request.timestamp_start, UTC).date()


def _last_of_each(attempts: Iterable[http.HTTPFlow]) -> list[http.HTTPFlow]:
    """The attempts in the order in which they went up; of those that were made again with the same request the last."""
    kept: list[http.HTTPFlow] = []
    for flow in sorted(attempts, key=lambda flow: flow.request.timestamp_start):
        for before in reversed(kept):
            if _place(before) == _place(flow):
                if _said(before) == _said(flow):
                    kept.remove(before)
                break
        kept.append(flow)
    return kept


def _place(flow: http.HTTPFlow) -> tuple[Any, str]:
    """Further calls that make up an answer have a connection of their own, and may ask for the same."""
    return record_of(flow).get("id"), flow.client_conn.id


def _said(flow: http.HTTPFlow) -> object:
    asked = _asked(flow)
    return asked if isinstance(asked, RecordedRequest) else flow.id


def _asked(flow: http.HTTPFlow) -> RecordedRequest | str:
    """The call in terms of the public API; a text says why that can't be told."""
    request = flow.request
    found = _PATH.search(request.path)
    if found is None:
        return f"{request.path.partition('?')[0]} is no path of Gemini's"
    content, rest = decompressed(request), found["rest"]
    if listed := _MODELS.fullmatch(rest):
        return canonical.of_call(GeminiCall("", "", None, listed[1] or ""))
    method = (_CODE_ASSIST if found["version"] == "v1internal" else _METHOD).fullmatch(rest)
    if method is None:
        upload = request.path.find("/upload/")
        path = request.path[upload if upload >= 0 else found.start() :]
        return canonical.of_call(GeminiCall("", "", plain=PlainCall(request.method, path, (), content or None)))
    try:
        body = jsonio.loads(content)
    except ValueError:
        return "its body is no JSON"
    if found["version"] == "v1internal":
        return _of_code_assist(body, method[1], method[2] or "")
    if found["version"] == "v1beta1" and method[2] not in GENERATING:
        return f"Vertex AI has a form of its own for {method[2]}, which does not say what was asked"
    return canonical.of_call(GeminiCall(unquote(method[1]), method[2], body, method[3] or ""))


def _of_code_assist(body: Any, method: str, query: str) -> RecordedRequest | str:
    inner = body.get("request") if isinstance(body, dict) else None
    if method not in GENERATING or not isinstance(inner, dict):
        return f"the Cloud Code API has a form of its own for {method}, which does not say what was asked"
    request: JSON = {name: value for name, value in inner.items() if name != "session_id"}
    return canonical.of_call(GeminiCall(str(body.get("model", "")), method, request, query))


def _answer(flow: http.HTTPFlow) -> RecordedAnswer | None:
    """What came, at its times; None: it did not come to its end, or is not in the file."""
    record, response = record_of(flow), flow.response
    outcome = str(record.get("outcome", ""))
    if response is None or response.raw_content is None or outcome in NOT_TO_THE_END:
        return None
    content = without_secrets(decompressed(response), whole=response.status_code >= 300)
    pieces, begin, last = [], 0, 0.0
    for end, at in record.get("arrived") or ():
        pieces.append((at, content[begin:end]))
        begin, last = end, at
    if content[begin:]:
        pieces.append((last, content[begin:]))
    return RecordedAnswer(response.status_code, needed(response), pieces, last, broken=broke_off(outcome))


# --- looking


def taken(path: Path) -> TakenExchange:
    """A recording as an exchange: a native one, whose one call it is. Raises CassetteError."""
    recording = files.read(path)
    asked, answer = recording.asked, recording.answer
    if not asked.model:
        raise CassetteError(f"{path} is no call of a model.")
    told: JSON = {"id": path.stem, "account": "cassette", "status": answer.status, "outcome": str(answer.status)}
    told |= {"number": 1, "count": 1, "seconds": answer.seconds, "arrived": list(_arrived(answer))}
    record: JSON = {
        **told,
        "endpoint": asked.method,
        "client_model": asked.model,
        "model": asked.model,
        "streamed": "stream" in asked.method,
        "total": answer.seconds,
        "attempts": [told],
    }
    if recording.recorded:
        record["time"] = datetime.fromisoformat(recording.recorded).timestamp()
    folded = whole_answer(answer.content)
    call = TakenCall(told, asked.body, folded)
    address = f"/v1beta/models/{asked.model}:{asked.method}{asked.query}"
    return TakenExchange(record, "POST", address, asked.body, jsonio.dumps(asked.body), folded, "", [call])


def _arrived(answer: RecordedAnswer) -> Iterator[list[float]]:
    size = 0
    for at, data in answer.pieces:
        size += len(data)
        yield [size, at]
