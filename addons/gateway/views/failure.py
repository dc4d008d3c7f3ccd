"""Why an exchange failed: what the upstream said, what the client got, and which members of the request it is about."""

from __future__ import annotations

import re
from collections.abc import Iterable

from mitmproxy import http

from addons.gateway.exchange.summary import CLIENT_LEFT
from addons.gateway.record.flow_record import record_of
from addons.gateway.views import body as bodies
from addons.gateway.views.explained import wrapped
from addons.gateway.views.siblings import Siblings, is_answer
from addons.gateway.wire.bodies import decompressed
from mapping import dialects
from mapping.inspect.explain_call import BODY
from mapping.inspect.explain_diff import dotted
from mapping.inspect.explain_rows import Explanation, Row
from mapping.inspect.transcript import clipped, elements, members, string
from mapping.values import JSON

_FIELD = re.compile(r"[A-Za-z_]\w*(?:\[\d+\])?(?:\.[A-Za-z_]\w*(?:\[\w+\])?)+")
"""A member of a request as Gemini's errors name it: `tools[0].function_declarations[1].parameters`."""
_QUOTED = re.compile(r"[`'\"]([\w.:-]{3,64})[`'\"]")
"""A name in quotes."""
_WHOLE = ("GenerateContentRequest", "request")
"""What a path may begin with that is no member."""
_STEP = re.compile(r"\w+")
_UNDERSCORE = re.compile(r"_([a-z])")


def told(siblings: Siblings, explanation: Explanation | None) -> list[str]:
    """Lines; none for an exchange that went well, and that nobody has ordered to go wrong."""
    client = siblings.client
    failed = siblings.failed()
    ordered = record_of(client).get("fault") if client is not None else None
    if client is None or not (_failed(client) or failed or ordered):
        return []
    lines = [wrapped(f"ordered: {ordered}, a fault on demand")] if ordered else []
    before = ""
    for flow in failed:
        record, message = record_of(flow), gemini_message(flow.response)
        about = "" if not message else ", with the same words" if message == before else f": {message}"
        lines.append(wrapped(_attempt(record) + about))
        if explanation is not None and message and message != before:
            lines += [f"    it names {row.name} of the client's request" for row in named(message, explanation)]
        before = message
    answered = [_attempt(record_of(flow)) for flow in siblings.attempts if is_answer(flow)]
    if _failed(client):
        lines.append(wrapped(f"the client got: {client_got(client)}"))
    elif answered:
        lines.append(f"{answered[-1]}: the client got this answer")
    return lines


def _attempt(record: JSON) -> str:
    return f"attempt {record.get('number')} · {record.get('account')} · {record.get('outcome')}"


def left(record: JSON) -> bool:
    """The client did not wait for the end."""
    return record.get("outcome") == CLIENT_LEFT or record.get("status") is None


def client_got(client: http.HTTPFlow) -> str:
    """The status and the error that a client got."""
    record = record_of(client)
    if left(record):
        had = "nothing, it left" if record.get("status") is None else "a part, and left"
        return f"{had} after {record.get('total') or 0.0:.2f} s"
    message = client_message(client)
    about = f"{record['status']} {string(record.get('error'))}".rstrip()
    return f"{about}: {message}" if message else about


def client_message(client: http.HTTPFlow) -> str:
    """The message of the error that a client got. Empty, if there is none."""
    record, data = record_of(client), decompressed(client.response)
    told = dialects.spoken(string(record.get("endpoint"))).read_error(record.get("status") or 0, data)
    return "" if told is None else clipped(told.message) or told.name


def gemini_message(response: http.Response | None) -> str:
    """The message of the error in an answer of Gemini's, whole or in a stream. Empty, if there is none."""
    data = decompressed(response)
    if not data:
        return ""
    for value in bodies.read(data).values:
        for item in [value, *elements(value)]:
            message = message_of(members(item))
            if message:
                return message
    return ""


def named(message: str, explanation: Explanation) -> list[Row]:
    """The rows of the client's request that became what an error message of Gemini's names, by path or by value."""
    sent = [(row, place) for row in explanation.leaves() for place in row.became if place.path[:1] == (BODY,)]
    found: list[Row] = []
    for match in _FIELD.finditer(message):
        wanted = _steps(match[0])
        alike = [(_alike(wanted, _steps(dotted(place.path[1:]))), row) for row, place in sent]
        most = max((count for count, _ in alike), default=0)
        found += [row for count, row in alike if count == most > 1]
    if not found:
        quoted = set(_QUOTED.findall(message))
        found = [row for row, place in sent if isinstance(place.value, str) and place.value in quoted]
    return list({row.name: row for row in found}.values())[:5]


def _failed(client: http.HTTPFlow) -> bool:
    record = record_of(client)
    return record.get("error") is not None or record.get("status") is None or record["status"] >= 400 or left(record)


def message_of(value: JSON) -> str:
    """The message of the error that an answer of Gemini's is. Empty, if it is none."""
    error = value.get("error") or members(value.get("response")).get("error")
    if isinstance(error, str):
        return error
    about = members(error)
    return clipped(about.get("message")) or string(about.get("status") or about.get("code") or about.get("type"))


def _steps(path: str) -> list[str]:
    """`tools[0].function_declarations` -> tools, 0, functionDeclarations."""
    steps = [_UNDERSCORE.sub(lambda m: m[1].upper(), step) for step in _STEP.findall(path)]
    return steps[1:] if steps[:1] and steps[0] in _WHOLE else steps


def _alike(wanted: list[str], path: Iterable[str]) -> int:
    """How many steps at the beginning are the same; a schema may be named either way."""
    count = 0
    for one, other in zip(wanted, path, strict=False):
        if one != other and not (one == "parameters" and other == "parametersJsonSchema"):
            break
        count += 1
    return count
