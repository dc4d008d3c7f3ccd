"""Anthropic's Messages API behind the contract of `mapping.dialect`."""

from __future__ import annotations

from typing import Any, override

from mapping.dialect import Answering, Dialect, ErrorAnswer, Given
from mapping.faults import Fault
from mapping.messages import errors
from mapping.messages.answer.events import without_signs_of_life
from mapping.messages.answering import CompactedAnswering, MessagesAnswering
from mapping.messages.count import TokenCount
from mapping.messages.plan import MessagesPlan
from mapping.messages.request.compaction import uncompacted
from mapping.messages.request.request import translate
from mapping.request.plan import Translated
from mapping.values import JSON

_MEMBERS = frozenset({"system", "stop_sequences", "output_config", "context_management"})
_BLOCKS = ("tool_use", "tool_result", "thinking", "redacted_thinking")


class _MessagesDialect(Dialect):
    """What the paths of the Messages API have in common."""

    id_field = errors.ID_FIELD
    comments = True

    def lookups(self, body: JSON) -> None:
        """Nothing is stored."""

    @override
    def error(self, fault: Fault) -> ErrorAnswer:
        return errors.error_answer(fault)

    @override
    def read_error(self, status: int, answer: bytes) -> Fault | None:
        return errors.read_error(status, answer)

    @override
    def without_keep_alives(self, stream: bytes) -> bytes:
        return without_signs_of_life(stream)


class Messages(_MessagesDialect):
    """`POST /v1/messages`."""

    name = "messages"
    breaks_off = True
    """goose does not look at error events, and opencode asks again only where a connection broke off."""

    def likeness(self, body: JSON) -> int:
        """It has messages, and something that chat does not have: a member, a tool with `input_schema`, or blocks."""
        messages = body.get("messages")
        if messages is None:
            return 0
        told = not _MEMBERS.isdisjoint(body) or any("input_schema" in tool for tool in _objects(body.get("tools")))
        blocks = (block for message in _objects(messages) for block in _objects(message.get("content")))
        return 4 if told or any(block.get("type") in _BLOCKS for block in blocks) else 0

    @override
    def translate(self, body: JSON, given: Given) -> Answering:
        translated, plan = _understood(body, given)
        if plan.goes_on:
            return CompactedAnswering(_understood, body, translated, plan, given)
        return MessagesAnswering(translated, plan, given)


class CountTokens(_MessagesDialect):
    """`POST /v1/messages/count_tokens`: how many tokens a request would have that was sent to `/v1/messages`. As with
    Anthropic's, no summary of its conversation is made for it."""

    name = "count_tokens"

    def likeness(self, body: JSON) -> int:
        """None: it is known by its path alone."""
        return 0

    @override
    def translate(self, body: JSON, given: Given) -> Answering:
        counted = {name: value for name, value in body.items() if name not in _OF_THE_ANSWER}
        return TokenCount(_understood(uncompacted(counted), given)[0], given)


_OF_THE_ANSWER = frozenset(("compaction", "max_tokens", "stream"))
"""Members that have no part in the count. Some clients send them all the same."""


def _understood(body: JSON, given: Given) -> tuple[Translated, MessagesPlan]:
    """The Gemini request. Raises Fault."""
    return translate(
        body,
        model=given.model,
        client_model=given.client_model,
        options=given.options,
        recall=given.recall,
        notes=given.notes,
        unseal=given.unseal,
    )


def _objects(value: Any) -> list[JSON]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


DIALECTS = (Messages(), CountTokens())
