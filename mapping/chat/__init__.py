"""The Chat Completions dialect: `POST /v1/chat/completions`."""

NAMES = ("chat",)
