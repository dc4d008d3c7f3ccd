"""The Responses dialect: `POST /v1/responses`."""

from mapping.responses.answer import ResponsesAnswer
from mapping.responses.plan import ResponsesPlan, ToolKind
from mapping.responses.request import is_chat_shaped, translate
from mapping.responses.stream import ResponsesStream

__all__ = ["ResponsesAnswer", "ResponsesPlan", "ResponsesStream", "ToolKind", "is_chat_shaped", "translate"]
