"""The spans of an exchange: one of the whole of it, and below it one of each attempt, as OTLP has them.

The one of the exchange is of kind SERVER, under the span that the client named; those of the attempts are of kind
CLIENT, also those at further calls (`n` above 1), which run beside one another. Tokens stand with the exchange alone,
so that sums over spans count them once.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

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
_REMEMBERED = 500
"""Of how many kinds of exchanges, and of attempts, it is remembered how what they have in common is written."""

_IDS = struct.Struct("<2s16s2s8s").pack
_TIMES = struct.Struct("<BQBQ").pack
_TRACE, _SPAN, _BEGIN, _END = b"\x0a\x10", b"\x12\x08", 7 << 3 | 1, 8 << 3 | 1
"""What comes before the members of a span that are always there, and always as long."""


class WrittenSpans(NamedTuple):
    """What an exchange has to send, without what was said."""

    id: str
    """Of the exchange."""
    exchange: bytes
    """The members of its span."""
    attempts: bytes
    """Spans of its attempts, each a member of `ScopeSpans`."""

    def whole(self, contents: Mapping[str, str]) -> bytes:
        """The spans, each a member of `ScopeSpans`. `contents`: further attributes of the exchange's."""
        own = self.exchange + protobuf.attributes(9, contents) if contents else self.exchange
        return protobuf.part(2, own) + self.attempts


def encoded(ended: Ended) -> WrittenSpans:
    """The spans of an exchange."""
    summary, parent, operation, error = ended.summary, ended.parent, ended.operation, ended.error
    attempts = summary.attempts + summary.further
    random = os.urandom(24 + 8 * len(attempts))
    trace = parent.trace if parent else random[:16]
    own = random[16:24]
    state = protobuf.text(3, parent.state) if parent and parent.state else b""
    begin = int(summary.time * _NANO)
    members = [
        _IDS(_TRACE, trace, _SPAN, own),
        _TIMES(_BEGIN, begin, _END, begin + int(summary.total * _NANO)),
        _common(
            operation,
            ended.provider,
            summary.method,
            summary.path[:_LONGEST],
            summary.endpoint,
            summary.client_model and summary.client_model[:_LONGEST],
            summary.model and summary.model[:_LONGEST],
            summary.status,
            error,
            summary.streamed,
            summary.finish,
            tuple([code for code, _ in summary.notes]),
            summary.fault and summary.fault[:_LONGEST],
        ),
        protobuf.attributes(9, attributes_of(ended, operation)),
    ]
    if parent:
        members += (state, protobuf.part(4, parent.span), _flags(_IS_REMOTE))
    else:
        members.append(_flags(0))
    if error is not None:
        members.append(_error(summary.message or ""))
    below = state + protobuf.part(4, own)
    made = b""
    for number, attempt in enumerate(attempts):
        at = 24 + 8 * number
        made += _attempt(
            ended, operation, number, attempt, begin, _IDS(_TRACE, trace, _SPAN, random[at : at + 8]) + below
        )
    return WrittenSpans(summary.id, b"".join(members), made)


def _attempt(
    ended: Ended, operation: str | None, number: int, attempt: AttemptSummary, begin: int, ids: bytes
) -> bytes:
    """The span of one attempt, from 0 on. `begin`: of the exchange. `ids`: the members that say whose it is."""
    started, model = begin + int(attempt.began * _NANO), ended.summary.model
    members = (
        ids,
        _TIMES(_BEGIN, started, _END, started + int(attempt.seconds * _NANO)),
        _common_of_attempts(
            operation,
            model and model[:_LONGEST],
            attempt.account,
            attempt.upstream,
            ended.servers[number] if number < len(ended.servers) else None,
            attempt.status,
            number if not attempt.part else _before(ended.summary.further, number - len(ended.summary.attempts)),
            attempt.part,
            error_of(attempt),
        ),
        protobuf.attributes(9, {names.WAITED: attempt.waited}) if attempt.waited else b"",
    )
    return protobuf.part(2, b"".join(members))


def _before(further: Sequence[AttemptSummary], at: int) -> int:
    """How many attempts at the same further call came before this one."""
    return sum(one.part == further[at].part for one in further[:at])


@lru_cache(4)
def _flags(more: int) -> bytes:
    return protobuf.fixed32(16, _SAMPLED | _KNOWS_REMOTE | more)


def _error(message: str) -> bytes:
    """That something went wrong."""
    return protobuf.part(15, protobuf.text(2, message) + protobuf.number(3, _ERROR))


@lru_cache(_REMEMBERED)
def _common(
    operation: str | None,
    provider: str,
    method: str,
    path: str,
    endpoint: str,
    client_model: str | None,
    model: str | None,
    status: int | None,
    error: str | None,
    streamed: bool,
    finish: tuple[str, ...],
    notes: tuple[str, ...],
    fault: str | None,
) -> bytes:
    """What the spans of many exchanges have in common: name, kind, attributes."""
    told: dict[str, Value] = {names.METHOD: method, names.PATH: path, names.ENDPOINT: endpoint}
    name = operation or f"{method} {endpoint}"
    if status is not None:
        told[names.STATUS] = status
    if error is not None:
        told[names.ERROR] = error
    if notes:
        told[names.NOTES] = tuple(dict.fromkeys(notes))[:_NOTES]
    if fault:
        told[names.FAULT] = fault
    if operation is not None:
        told[names.OPERATION], told[names.PROVIDER] = operation, provider
        if asked := client_model or model:
            name = f"{operation} {asked}"
            told[names.REQUEST_MODEL] = asked
        if model:
            told[names.RESPONSE_MODEL] = model
        if finish:
            told[names.FINISH_REASONS] = finish
        if streamed:
            told[names.STREAM] = True
    return protobuf.text(5, name) + protobuf.number(6, SERVER) + protobuf.attributes(9, told)


@lru_cache(_REMEMBERED)
def _common_of_attempts(
    operation: str | None,
    model: str | None,
    account: str,
    upstream: str,
    server: tuple[str, int] | None,
    status: int | None,
    number: int,
    part: int,
    error: str,
) -> bytes:
    """The same of attempts, with their state and flags."""
    told: dict[str, Value] = {names.ACCOUNT: account}
    if operation is not None:
        told[names.OPERATION] = operation
    told[names.PROVIDER] = names.PROVIDERS.get(upstream, upstream)
    if model:
        told[names.REQUEST_MODEL] = model
    if server is not None:
        told[names.SERVER], told[names.PORT] = server
    if status is not None:
        told[names.STATUS] = status
    if number:
        told[names.RESENT] = number
    if part:
        told[names.PART] = part
    if error:
        told[names.ERROR] = error
    name = f"{operation or 'GET'} {model}" if model else "GET models"
    return b"".join(
        (
            protobuf.text(5, name),
            protobuf.number(6, CLIENT),
            protobuf.attributes(9, told),
            _error("") if error else b"",
            _flags(0),
        )
    )


def attributes_of(ended: Ended, operation: str | None) -> dict[str, Value]:
    """Of the exchange's span, those that each has of its own."""
    summary = ended.summary
    told: dict[str, Value] = {names.REQUEST_ID: summary.id}
    if operation is None:
        return told
    if summary.conversation:
        told[names.CONVERSATION] = summary.conversation
    if summary.cost is not None:
        told[names.COST] = float(summary.cost)
    if ended.response_id:
        told[names.RESPONSE_ID] = ended.response_id
    if summary.streamed and summary.first is not None:
        told[names.FIRST_CHUNK] = summary.first
    if tokens := summary.tokens:
        told[names.INPUT_TOKENS], told[names.OUTPUT_TOKENS] = tokens.prompt, tokens.completion
        if tokens.cached:
            told[names.CACHED_TOKENS] = tokens.cached
        if tokens.reasoning:
            told[names.REASONING_TOKENS] = tokens.reasoning
    _add_parameters(told, ended)
    return told


def _add_parameters(told: dict[str, Value], ended: Ended) -> None:
    """What the client asked for, in the words of the conventions."""
    asked = ended.parameters
    for member, value in asked.items():
        name = names.PARAMETERS.get(member)
        if name is not None and (said := _number_or_texts(value, member)) is not None:
            told[name] = said
    wanted = names.OUTPUT_TYPES.get(ended.summary.endpoint)
    if wanted is None and asked.get("responseMimeType") == names.JSON_TYPE:
        wanted = "json"
    if wanted is not None:
        told[names.OUTPUT_TYPE] = wanted


def _number_or_texts(value: Any, member: str) -> Value | None:
    """A value of `generationConfig` as its attribute has it; None: it is none that it may be."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return int(value) if member in names.WHOLE_NUMBERS else float(value)
    if isinstance(value, list):
        return tuple(one[:_LONGEST] for one in value if isinstance(one, str))
    return None


def error_of(attempt: AttemptSummary) -> str:
    """Why an attempt failed; empty: it did not."""
    return "" if attempt.outcome == "200" else attempt.outcome
