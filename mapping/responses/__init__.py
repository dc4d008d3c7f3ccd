"""The Responses dialect: `POST /v1/responses`."""

from mapping.responses.answer.answer import ResponsesAnswer
from mapping.responses.answer.stream import ResponsesStream
from mapping.responses.plan import ResponsesPlan, ToolKind
from mapping.responses.request.request import is_chat_shaped, translate

__all__ = ["ResponsesAnswer", "ResponsesPlan", "ResponsesStream", "ToolKind", "is_chat_shaped", "translate"]
