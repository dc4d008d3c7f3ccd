"""Recorded flows -> a case: which of them belong to an exchange, and what of them goes into its folder."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mitmproxy import http

from addons.gateway.cases import files as case_files
from addons.gateway.cases.files import PROJECT, Case, CaseError, UpstreamCall
from addons.gateway.cases.masking import masked
from addons.gateway.record import retranslation
from addons.gateway.record.flow_record import ATTEMPT, CLIENT, record_of
from addons.gateway.wire.bodies import decompressed, received
from mapping import dialects, jsonio
from mapping.faults import Fault
from mapping.gemini.errors.google_errors import redact
from mapping.inspect.json_text import Leaf, rewrite
from mapping.notes import Notes

__all__ = ["CaseError", "by_exchange", "export", "from_flows"]

_OUTSIDE = frozenset(
    {
        *("upstream_unreachable", "upstream_broke_off", "upstream_timeout", "no_credential", "no_account"),
        *("gateway_error", "previous_response_not_found", "store_unavailable"),
    }
)
"""Codes of errors that no translation makes."""

_OF_THE_POOL = re.compile(
    r"Rate limit reached for|The quota for .* is used up|accounts for .* rest|No account has money left|Gemini refused "
)
"""What the gateway says instead of the error that the translation made."""
_OF_ACCOUNTS = (
    (re.compile(r"(Gemini refused (?:the key of )?account) .*?:(?= )"), r"\1:"),
    (re.compile(r"(No account has money left\.) .*"), r"\1"),
    (re.compile(r"(No account can serve .*?\.) .*"), r"\1"),
    (re.compile(r"(The account has no valid credential): .*"), r"\1."),
)
"""What the gateway says of its accounts, with their labels and files."""

_STALE = "idle connection closed"
_LOCATION = re.compile(rb"/locations/([^/]+)/")


def by_exchange(flows: Iterable[Any]) -> dict[str, list[http.HTTPFlow]]:
    """The flows of each exchange that has its client's flow among them, by its id, in the order of the exchanges."""
    latest = {flow.id: flow for flow in flows if isinstance(flow, http.HTTPFlow)}  # some are saved more than once
    found: dict[str, list[http.HTTPFlow]] = {}
    for flow in latest.values():
        if isinstance(id := record_of(flow).get("id"), str):
            found.setdefault(id, []).append(flow)
    complete = {id: group for id, group in found.items() if any(map(_is_clients, group))}
    return dict(sorted(complete.items(), key=lambda item: record_of(_client(item[1])).get("time", 0.0)))


def export(flows: Sequence[http.HTTPFlow], folder: Path | str, *, mask: bool = False) -> Path:
    """Write the exchange that these flows show (the client's and its attempts) into a folder; gives the folder.

    `mask`: with fillers in the place of what was said (see `mapping.inspect.masking`). Raises CaseError.
    """
    case = from_flows(flows)
    path = Path(folder)
    case_files.write(masked(case) if mask else case, path)
    return path


def from_flows(flows: Sequence[http.HTTPFlow]) -> Case:
    """The case of one exchange. Raises CaseError."""
    clients = [flow for flow in flows if _is_clients(flow)]
    if len(clients) != 1:
        what = "more than one exchange is" if clients else "the client's request is not"
        raise CaseError(f"These flows can't be exported: {what} among them.")
    client, record = clients[0], record_of(clients[0])
    attempts = [flow for flow in flows if record_of(flow).get("side") == ATTEMPT]
    try:
        if problem := _problem(client, record):
            raise CaseError(problem)
        return _case(client, attempts, record)
    except (CaseError, Fault) as e:
        raise CaseError(f"{record.get('id')} can't be exported: {e}") from None
    except (LookupError, TypeError, ValueError) as e:
        why = f"its record is not that of this version of the gateway ({type(e).__name__}: {e})."
        raise CaseError(f"{record.get('id')} can't be exported: {why}") from None


def _case(client: http.HTTPFlow, attempts: list[http.HTTPFlow], record: dict[str, Any]) -> Case:
    assert client.response is not None
    answer = client.response.raw_content or b""
    told = None
    if record["error"]:
        told = dialects.spoken(record["endpoint"]).read_error(record["status"], answer)
    if told is not None:
        said, told.message = told.message, without_accounts(told.message)
        answer = _with_text(answer, said, told.message)
    return Case(
        endpoint=record["endpoint"],
        method=record["method"],
        path=record["path"],
        model=record["model"],
        client_model=record["client_model"] or "",
        status=record["status"],
        streamed=record["streamed"],
        notes=[[code, detail] for code, detail in record["notes"]],
        given=record["given"],
        seeds=record["seeds"],
        request=retranslation.body_of(record, received(client.request)),
        answer=answer,
        calls=_calls(client, attempts),
        ended=case_files.plain_fault(told, record["status"]) if told is not None and _is_from_outside(told) else None,
    )


def _is_clients(flow: http.HTTPFlow) -> bool:
    return record_of(flow).get("side") == CLIENT


def _client(flows: Sequence[http.HTTPFlow]) -> http.HTTPFlow:
    return next(filter(_is_clients, flows))


def _problem(client: http.HTTPFlow, record: dict[str, Any]) -> str:
    """Why there is nothing to translate again; empty if there is."""
    if record.get("status") is None or client.response is None or client.response.raw_content is None:
        return "the client left before it had its answer."
    if not retranslation.is_translated(record):
        return f"{record.get('method')} {record.get('path')} is no request that is translated."
    if record.get("model") is None:
        return f"it was answered {record['status']} {record['error'] or ''} before it was translated."
    if record.get("fault"):
        return f"a fault on demand was done to it ({record['fault']}), which is no part of its translation."
    if _is_deferred(client, record):
        return "its answer was made in the background, after the client had been answered."
    return ""


def _is_deferred(client: http.HTTPFlow, record: dict[str, Any]) -> bool:
    try:
        return (
            retranslation.translate(record, retranslation.body_of(record, received(client.request)), Notes()).deferred
            is not None
        )
    except Fault:
        return False


def _calls(client: http.HTTPFlow, attempts: list[http.HTTPFlow]) -> list[UpstreamCall]:
    """The calls of the exchange itself in order, then the further ones that made up the answer."""
    attempts = sorted(attempts, key=lambda flow: record_of(flow)["number"])
    own = [flow for flow in attempts if flow.client_conn.id == client.client_conn.id]
    found = [_call(flow, 0) for flow in own if record_of(flow)["outcome"] != _STALE]
    others: dict[str, list[http.HTTPFlow]] = {}
    for flow in attempts:
        if flow.client_conn.id != client.client_conn.id:
            others.setdefault(flow.client_conn.id, []).append(flow)
    in_order = sorted(others.values(), key=lambda flows: flows[0].client_conn.timestamp_start or 0.0)
    return found + [_call(flows[-1], part) for part, flows in enumerate(in_order, 1)]


def _call(flow: http.HTTPFlow, part: int) -> UpstreamCall:
    record, response = record_of(flow), flow.response
    body = jsonio.loads(flow.request.raw_content or b"null")
    location = _LOCATION.search(flow.request.data.path)
    has_project = location is not None
    if isinstance(body, dict) and "project" in body:
        body, has_project = {**body, "project": PROJECT}, True
    call = UpstreamCall(
        body,
        b"",
        None,
        upstream=record["upstream"],
        location=location[1].decode() if location else None,
        has_project=has_project,
        outcome=record["outcome"] if record["status"] is None else "",
        part=part,
    )
    if response is None:
        return call
    content = decompressed(response)
    return replace(
        call,
        answer=without_secrets(content, whole=response.status_code >= 300),
        status=response.status_code,
        type=response.headers.get("content-type", ""),
        retry_after=response.headers.get("retry-after"),
    )


def without_secrets(answer: bytes, *, whole: bool) -> bytes:
    """Google's errors can name keys and projects. `whole`: the answer is one; else only its members `error` are."""
    if not whole and b'"error"' not in answer:
        return answer
    text = answer.decode("utf-8", "surrogateescape")
    text = redact(text) if whole else rewrite(text, lambda leaf: redact(leaf.raw) if "error" in leaf.path else None)
    return text.encode("utf-8", "surrogateescape")


def without_accounts(message: str) -> str:
    """The message of an error; what it says of accounts is left out."""
    for pattern, kept in _OF_ACCOUNTS:
        message = pattern.sub(kept, message)
    return message


def _with_text(answer: bytes, before: str, now: str) -> bytes:
    """The client's answer with another text, wherever it has this one."""
    if before == now:
        return answer
    old, new = (jsonio.dumps(text).decode()[1:-1] for text in (before, now))

    def change(leaf: Leaf) -> str | None:
        return new if leaf.raw == old else None

    return rewrite(answer.decode("utf-8", "surrogateescape"), change).encode("utf-8", "surrogateescape")


def _is_from_outside(told: Fault) -> bool:
    """Whether the translation did not make the error."""
    return told.code in _OUTSIDE or _OF_THE_POOL.search(told.message) is not None
