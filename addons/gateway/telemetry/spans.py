"""The spans of an exchange: one of the whole of it, and below it one of each attempt, as OTLP has them.

The one of the exchange is of kind SERVER, under the span that the client named; those of the attempts are of kind
CLIENT. Tokens stand with the exchange alone, so that sums over spans count them once.
"""

from __future__ import annotations

import os
from typing import Any

from addons.gateway.exchange.summary import AttemptSummary
from addons.gateway.telemetry import conventions as names
from addons.gateway.telemetry import protobuf
from addons.gateway.telemetry.ended import Ended
from addons.gateway.telemetry.protobuf import Value

SERVER, CLIENT = 2, 3
_ERROR = 2
_SAMPLED, _KNOWS_REMOTE, _IS_REMOTE = 0x1, 0x100, 0x200
_NANO = 1_000_000_000
_LONGEST = 200
"""Characters of what a client may have made long."""
_NOTES = 20


def encoded(ended: Ended, contents: dict[str, str]) -> bytes:
    """The spans, each a member of `ScopeSpans`. `contents`: further attributes of the exchange's."""
    summary, parent = ended.summary, ended.parent
    trace = parent.trace if parent else os.urandom(16)
    own = os.urandom(8)
    begin = int(summary.time * _NANO)
    model = summary.client_model or summary.model
    operation = ended.operation
    name = operation or f"{summary.method} {summary.endpoint}"
    flags = _SAMPLED | _KNOWS_REMOTE | (_IS_REMOTE if parent else 0)
    made = _span(
        trace + own,
        parent.span if parent else b"",
        parent.state if parent else "",
        f"{name} {model[:_LONGEST]}" if operation and model else name,
        SERVER,
        (begin, begin + int(summary.total * _NANO)),
        attributes_of(ended) | contents,
        summary.message or "" if ended.error else None,
        flags,
    )
    for number, attempt in enumerate(summary.attempts):
        started = begin + int(attempt.began * _NANO)
        made += _span(
            trace + os.urandom(8),
            own,
            parent.state if parent else "",
            f"{operation or 'GET'} {summary.model}" if summary.model else "GET models",
            CLIENT,
            (started, started + int(attempt.seconds * _NANO)),
            attributes_of_attempt(ended, number),
            "" if error_of(attempt) else None,
            _SAMPLED | _KNOWS_REMOTE,
        )
    return made


def _span(
    ids: bytes,
    parent: bytes,
    state: str,
    name: str,
    kind: int,
    times: tuple[int, int],
    attributes: dict[str, Value],
    error: str | None,
    flags: int,
) -> bytes:
    """A span. `ids`: of the trace, 16 bytes, and its own. `error`: what went wrong; None: nothing did."""
    return protobuf.part(
        2,
        b"".join(
            (
                protobuf.part(1, ids[:16]),
                protobuf.part(2, ids[16:]),
                protobuf.text(3, state) if state else b"",
                protobuf.part(4, parent) if parent else b"",
                protobuf.text(5, name),
                protobuf.number(6, kind),
                protobuf.fixed64(7, times[0]),
                protobuf.fixed64(8, times[1]),
                protobuf.attributes(9, attributes),
                b"" if error is None else protobuf.part(15, protobuf.text(2, error) + protobuf.number(3, _ERROR)),
                protobuf.fixed32(16, flags),
            )
        ),
    )


def attributes_of(ended: Ended) -> dict[str, Value]:
    """Of the exchange's span."""
    summary = ended.summary
    told: dict[str, Value] = {
        names.METHOD: summary.method,
        names.PATH: summary.path[:_LONGEST],
        names.ENDPOINT: summary.endpoint,
        names.REQUEST_ID: summary.id,
    }
    if summary.status is not None:
        told[names.STATUS] = summary.status
    if (error := ended.error) is not None:
        told[names.ERROR] = error
    if summary.notes:
        told[names.NOTES] = tuple(dict.fromkeys(code for code, _ in summary.notes))[:_NOTES]
    if summary.fault:
        told[names.FAULT] = summary.fault[:_LONGEST]
    if (operation := ended.operation) is None:
        return told
    if summary.conversation:
        told[names.CONVERSATION] = summary.conversation
    if summary.cost is not None:
        told[names.COST] = float(summary.cost)
    told[names.OPERATION], told[names.PROVIDER] = operation, ended.provider
    if model := summary.client_model or summary.model:
        told[names.REQUEST_MODEL] = model[:_LONGEST]
    if summary.model:
        told[names.RESPONSE_MODEL] = summary.model
    if ended.response_id:
        told[names.RESPONSE_ID] = ended.response_id
    if summary.conversation:
        told[names.CONVERSATION] = summary.conversation
    if summary.finish:
        told[names.FINISH_REASONS] = summary.finish
    if summary.streamed:
        told[names.STREAM] = True
        if summary.first is not None:
            told[names.FIRST_CHUNK] = summary.first
    if tokens := summary.tokens:
        told[names.INPUT_TOKENS], told[names.OUTPUT_TOKENS] = tokens.prompt, tokens.completion
        if tokens.cached:
            told[names.CACHED_TOKENS] = tokens.cached
        if tokens.reasoning:
            told[names.REASONING_TOKENS] = tokens.reasoning
    told |= _parameters(ended)
    return told


def _parameters(ended: Ended) -> dict[str, Value]:
    """What the client asked for, in the words of the conventions."""
    asked = ended.parameters
    told: dict[str, Value] = {}
    for member, name in names.PARAMETERS.items():
        if member in asked and (value := _number_or_texts(asked[member], member)) is not None:
            told[name] = value
    wanted = names.OUTPUT_TYPES.get(ended.summary.endpoint)
    if wanted is None and asked.get("responseMimeType") == names.JSON_TYPE:
        wanted = "json"
    if wanted is not None:
        told[names.OUTPUT_TYPE] = wanted
    return told


def _number_or_texts(value: Any, member: str) -> Value | None:
    """A value of `generationConfig` as its attribute has it; None: it is none that it may be."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return int(value) if member in names.WHOLE_NUMBERS else float(value)
    if isinstance(value, list):
        return tuple(one[:_LONGEST] for one in value if isinstance(one, str))
    return None


def attributes_of_attempt(ended: Ended, number: int) -> dict[str, Value]:
    """Of the span of one attempt, from 0 on."""
    summary, attempt = ended.summary, ended.summary.attempts[number]
    told: dict[str, Value] = {names.ACCOUNT: attempt.account}
    if ended.operation is not None:
        told[names.OPERATION] = ended.operation
    told[names.PROVIDER] = names.PROVIDERS.get(attempt.upstream, attempt.upstream)
    if summary.model:
        told[names.REQUEST_MODEL] = summary.model
    if number < len(ended.servers):
        told[names.SERVER], told[names.PORT] = ended.servers[number]
    if attempt.status is not None:
        told[names.STATUS] = attempt.status
    if number:
        told[names.RESENT] = number
    if attempt.waited:
        told[names.WAITED] = attempt.waited
    if error := error_of(attempt):
        told[names.ERROR] = error
    return told


def error_of(attempt: AttemptSummary) -> str:
    """Why an attempt failed; empty: it did not."""
    return "" if attempt.outcome == "200" else attempt.outcome
