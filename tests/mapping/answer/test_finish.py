"""Finish reasons."""

from __future__ import annotations

import pytest

from mapping.answer.finish import RULES, Ending, prompt_blocked, settle
from mapping.gemini.errors.rules import Kind
from mapping.gemini.errors.upstream_errors import UpstreamError
from mapping.notes import Notes
from mapping.openai.errors import error_object

OPENAI = {"stop", "length", "tool_calls", "content_filter"}

FILTERED = [
    "SAFETY",
    "RECITATION",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "SPII",
    "MODEL_ARMOR",
    "ESCALATION",
    "IMAGE_SAFETY",
    "IMAGE_PROHIBITED_CONTENT",
    "IMAGE_RECITATION",
    "LANGUAGE",
]
PARTIAL = ["NO_IMAGE", "IMAGE_OTHER", "OTHER", "TOO_MANY_TOOL_CALLS", "FINISH_REASON_UNSPECIFIED", "FROM_THE_FUTURE"]
SPOILT = ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "MALFORMED_RESPONSE"]

CALLS = {"output": True, "calls": True, "declared_call": True}


@pytest.mark.parametrize(
    ("reason", "state", "expected"),
    [
        ("STOP", {}, "stop"),
        ("STOP", {"output": True}, "stop"),
        ("STOP", CALLS, "tool_calls"),
        ("MAX_TOKENS", {}, "length"),
        ("MAX_TOKENS", CALLS, "length"),
        ("CONTINUATION", {"output": True}, "length"),
        *((reason, {}, "content_filter") for reason in FILTERED),
        *((reason, CALLS, "content_filter") for reason in FILTERED),
        *((reason, {"output": True}, "stop") for reason in PARTIAL),
        *((reason, CALLS, "tool_calls") for reason in PARTIAL),
        *((reason, {"output": True, "sent": True}, "stop") for reason in SPOILT),
        ("UNEXPECTED_TOOL_CALL", CALLS, "tool_calls"),
        ("PUP_LIMITED_DISABLED", {"output": True, "sent": True}, "content_filter"),
    ],
)
def test_answers(reason: str, state: dict[str, bool], expected: str) -> None:
    assert settle(Ending(reason, **state), Notes()) == expected


@pytest.mark.parametrize(
    ("reason", "state", "kind", "status", "code"),
    [
        (None, {}, Kind.ANSWER, 500, "upstream_incomplete"),
        (None, {"output": True, "sent": True}, Kind.ANSWER, 500, "upstream_incomplete"),
        *((reason, {}, Kind.ANSWER, 500, None) for reason in PARTIAL),
        ("MALFORMED_FUNCTION_CALL", {}, Kind.ANSWER, 500, "malformed_function_call"),
        ("MALFORMED_FUNCTION_CALL", {"output": True}, Kind.ANSWER, 500, "malformed_function_call"),
        ("MALFORMED_FUNCTION_CALL", CALLS, Kind.ANSWER, 500, "malformed_function_call"),
        ("UNEXPECTED_TOOL_CALL", {"output": True, "calls": True}, Kind.ANSWER, 500, "unexpected_tool_call"),
        ("MALFORMED_RESPONSE", {"output": True}, Kind.ANSWER, 500, "malformed_response"),
        ("PUP_LIMITED_DISABLED", {"output": True}, Kind.AUTH, 403, "account_restricted"),
        ("MISSING_THOUGHT_SIGNATURE", {}, Kind.SIGNATURE, 400, None),
        ("MISSING_THOUGHT_SIGNATURE", {"output": True, "sent": True}, Kind.SIGNATURE, 400, None),
    ],
)
def test_faults(reason: str | None, state: dict[str, bool], kind: Kind, status: int, code: str | None) -> None:
    with pytest.raises(UpstreamError) as caught:
        settle(Ending(reason, **state), Notes())
    fault = caught.value
    assert (fault.kind, fault.error.status, fault.error.code) == (kind, status, code)
    assert fault.error.should_retry is (kind is Kind.ANSWER)


@pytest.mark.parametrize("reason", [*RULES, "FROM_THE_FUTURE"])
def test_only_openai_values_go_out(reason: str) -> None:
    notes = Notes()
    try:
        assert settle(Ending(reason, output=True, sent=True, declared_call=True), notes) in OPENAI
    except UpstreamError:
        assert reason == "MISSING_THOUGHT_SIGNATURE"
        return
    known = reason in ("STOP", "MAX_TOKENS", "SAFETY", "CONTINUATION")
    assert list(notes) == ([] if known else [("finish", reason)])


def test_the_message_of_a_fault_tells_why_but_not_what_the_model_wrote() -> None:
    with pytest.raises(UpstreamError, match=r"finishReason OTHER\. Because\."):
        settle(Ending("OTHER", "Because."), Notes())
    with pytest.raises(UpstreamError) as caught:
        settle(Ending("MALFORMED_FUNCTION_CALL", "Malformed function call: secret("), Notes())
    assert "secret" not in str(caught.value)


def test_a_blocked_prompt_as_error() -> None:
    fault = prompt_blocked("SAFETY", "No.")
    assert fault.kind is Kind.REQUEST
    assert error_object(fault.error)["error"] == {
        "message": "The prompt was blocked by Gemini (blockReason=SAFETY). No.",
        "type": "invalid_request_error",
        "param": None,
        "code": "content_policy_violation",
    }
