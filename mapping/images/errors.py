"""Errors of the Images API: OpenAI's, with a type of their own for what its safety system refuses."""

from __future__ import annotations

from mapping.faults import Fault
from mapping.openai import errors
from mapping.values import JSON

BLOCKED = "moderation_blocked"
"""OpenAI's code for what its safety system refuses."""
_USER_ERROR = "image_generation_user_error"


def error_object(fault: Fault) -> JSON:
    """`{"error": {...}}`."""
    made = errors.error_object(fault)
    if fault.code == BLOCKED:
        made["error"]["type"] = _USER_ERROR
    return made
