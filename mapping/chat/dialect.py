"""Chat Completions behind the contract of `mapping.dialect`."""

from __future__ import annotations

from typing import TYPE_CHECKING, override

from mapping.chat.answer import ChatAnswer
from mapping.chat.request import translate
from mapping.chat.stream import ChatStream
from mapping.dialect import Answering, Given, Lookups
from mapping.late import late
from mapping.openai.contract import ChoicesAnswering, ChoicesDialect, understood
from mapping.values import JSON

if TYPE_CHECKING:
    from mapping.responses import dialect as responses
else:
    responses = late("mapping.responses.dialect")


class Chat(ChoicesDialect):
    """`POST /v1/chat/completions`.

    A body that has `input` and no `messages` is one of the Responses API that came by the wrong path; it is understood
    as such, and answered as this path answers.
    """

    name = "chat"

    def likeness(self, body: JSON) -> int:
        """It has messages. What has nothing that tells is most likely meant for here."""
        return 3 if body.get("messages") is not None else 1

    def lookups(self, body: JSON) -> Lookups | None:
        """What a body of the Responses API refers to."""
        return responses.referred(body) if _is_responses(body) else None

    @override
    def translate(self, body: JSON, given: Given) -> Answering:
        if _is_responses(body):
            translated = responses.understand(body, given)
            given.notes.add("path", "a body with input")
        else:
            translated = understood(translate, body, given)
        return ChoicesAnswering(translated, translated.plan, given, ChatAnswer, ChatStream)


def _is_responses(body: JSON) -> bool:
    return body.get("messages") is None and body.get("input") is not None


DIALECTS = (Chat(),)
