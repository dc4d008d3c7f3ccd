"""The Chat Completions dialect: `POST /v1/chat/completions`."""

from mapping.chat.answer import ChatAnswer
from mapping.chat.request import translate
from mapping.chat.stream import ChatStream

__all__ = ["ChatAnswer", "ChatStream", "translate"]
