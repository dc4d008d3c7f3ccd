"""Conversations as documents that can be handed on: Markdown, and a page of HTML."""
