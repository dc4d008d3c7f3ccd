"""Anthropic's Messages API: `POST /v1/messages`, `POST /v1/messages/count_tokens`.

Requests are read by `request`, answers are made by `answer`; both build on what all conversations have in common
(`mapping.request`, `mapping.answer`).

Source: Anthropic's API reference (Messages), and what real clients send (anthropic SDKs, Claude Code).
"""

NAMES = ("messages", "count_tokens")
