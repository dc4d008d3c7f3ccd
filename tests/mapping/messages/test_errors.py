"""mapping.messages.errors: faults as Anthropic tells them, and back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mapping.faults import Fault, FaultKind
from mapping.gemini.errors.upstream_errors import from_http
from mapping.messages import errors
from mapping.messages.answer.events import event
from tests.e2e.message_checks import check_error

SERVER, LIMIT, QUOTA = FaultKind.SERVER, FaultKind.REQUEST_LIMIT, FaultKind.QUOTA
NEVER = {"x-should-retry": "false"}
LONG = "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."

TOLD: list[tuple[Fault, int, str, dict[str, str]]] = [
    # fault, status, type, header fields
    (Fault(400, "no"), 400, "invalid_request_error", {}),
    (Fault(401, "no key"), 401, "authentication_error", NEVER),
    (Fault(401, "wrong", code="invalid_api_key"), 401, "authentication_error", NEVER),
    (Fault(403, "no", kind=FaultKind.PERMISSION), 403, "permission_error", {}),
    (Fault(404, "no", code="model_not_found"), 404, "not_found_error", {}),
    (Fault(405, "no"), 405, "invalid_request_error", {}),
    (Fault(408, "no", kind=SERVER, code="timeout"), 504, "timeout_error", {}),
    (Fault(413, "no", code="request_too_large"), 413, "request_too_large", {}),
    (Fault(429, "no", kind=LIMIT, retry_after=17.2), 429, "rate_limit_error", {"retry-after": "18"}),
    (Fault(429, "no", kind=LIMIT, retry_after=0.1), 429, "rate_limit_error", {"retry-after": "1"}),
    (Fault(429, "no", kind=LIMIT, retry_after=100), 429, "rate_limit_error", {"retry-after": "60"}),
    (Fault(429, "no", kind=LIMIT, retry_after=300, should_retry=False), 429, "rate_limit_error", NEVER),
    (
        Fault(429, "no", kind=QUOTA, code="insufficient_quota", retry_after=9, should_retry=False, per_day=True),
        429,
        "rate_limit_error",
        NEVER,
    ),
    (Fault(500, "no", kind=SERVER, should_retry=True), 500, "api_error", {"x-should-retry": "true"}),
    (Fault(502, "no", kind=SERVER, code="upstream_unreachable"), 500, "api_error", {}),
    (Fault(503, "busy", kind=SERVER), 529, "overloaded_error", {}),
    (
        Fault(503, "busy", kind=SERVER, code="too_many_requests_in_flight", retry_after=1),
        529,
        "overloaded_error",
        {"retry-after": "1"},
    ),
    (Fault(503, "no", kind=SERVER, code="no_account", should_retry=False), 500, "api_error", NEVER),
    (Fault(504, "no", kind=SERVER, code="upstream_timeout"), 504, "timeout_error", {}),
    (Fault(599, "no", kind=SERVER), 599, "api_error", {}),
]

UPSTREAM: list[tuple[int, str, list[Any], int, str, dict[str, str]]] = [
    # Gemini's status, message and details; status, type, header fields
    (400, "API key not valid. Please pass a valid API key.", [], 403, "permission_error", NEVER),
    (401, "Request had invalid authentication credentials.", [], 403, "permission_error", NEVER),
    (403, "Permission denied on resource.", [], 403, "permission_error", NEVER),
    (429, "Quota exceeded, GenerateRequestsPerDayPerProject", [], 429, "rate_limit_error", NEVER),
    (429, "Resource has been exhausted", [], 429, "rate_limit_error", {}),
    (500, "Internal error encountered.", [], 500, "api_error", {}),
    (503, "The model is overloaded. Please try again later.", [], 529, "overloaded_error", {}),
    (504, "Deadline exceeded", [], 504, "timeout_error", {}),
]


def fields(answer: Any) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in answer.fields if name != b"Content-Type"}


def check(fault: Fault, status: int, kind: str, headers: dict[str, str]) -> dict[str, Any]:
    fault.request_id = "req_1"
    answer = errors.error_answer(fault)
    body: dict[str, Any] = json.loads(answer.body)
    check_error(body, answer.status)
    assert (answer.status, body["error"]["type"], fields(answer)) == (status, kind, {**headers, "request-id": "req_1"})
    return body


@pytest.mark.parametrize(("fault", "status", "kind", "headers"), TOLD)
def test_a_fault_and_back(fault: Fault, status: int, kind: str, headers: dict[str, str]) -> None:
    body = check(fault, status, kind, headers)
    passes = body["error"]["type"] in ("api_error", "timeout_error") and fault.should_retry is not False
    assert body["error"]["message"] == fault.message + (" You can retry your request." if passes else "")
    for answer in (json.dumps(body).encode(), event("error", errors.error_object(fault, "req_1"))):
        found = errors.read_error(status, answer)
        assert found is not None
        assert (found.message, found.code, found.param) == (fault.message, fault.code, fault.param)
        assert found.kind is fault.kind
    told = errors.read_error(200, event("error", errors.error_object(fault, None)))
    assert told is not None
    assert errors.error_object(told, None) == errors.error_object(fault, None)


@pytest.mark.parametrize(("status", "message", "details", "told", "kind", "headers"), UPSTREAM)
def test_what_Gemini_says(
    status: int, message: str, details: list[Any], told: int, kind: str, headers: dict[str, str]
) -> None:
    error = {"error": {"code": status, "message": message, "details": details}}
    check(from_http(status, json.dumps(error).encode()).error, told, kind, headers)


def test_a_prompt_that_is_too_long_is_told_in_numbers() -> None:
    fault = from_http(400, json.dumps({"error": {"code": 400, "message": LONG}}).encode()).error
    body = check(fault, 400, "invalid_request_error", NEVER)
    assert body["error"]["message"] == "prompt is too long: 1200000 tokens > 1048576 maximum"
    fault.message = "Too much."
    assert check(fault, 400, "invalid_request_error", NEVER)["error"]["message"] == "prompt is too long. Too much."


def test_the_member_is_named() -> None:
    told = errors.error_object(Fault(400, "Too odd.", code="invalid_value", param="tools[0]"), None)
    assert told == {
        "error": {
            "type": "invalid_request_error",
            "message": "In tools[0]: Too odd.",
            "details": {"error_code": "invalid_value", "param": "tools[0]"},
        },
        "request_id": None,
    }
    found = errors.read_error(400, event("error", told))
    assert found is not None
    assert found.message == "Too odd."


@pytest.mark.parametrize(
    ("message", "param", "told"),
    [
        ("'model' is odd.", "model", "'model' is odd."),
        ("messages[0].content[1].text is odd.", "messages[0].content[1]", "messages[0].content[1].text is odd."),
        ("No field thinkingConfig.", "thinking", "In thinking: No field thinkingConfig."),
    ],
)
def test_a_member_is_named_once(message: str, param: str, told: str) -> None:
    found = errors.error_object(Fault(400, message, param=param), None)
    assert found["error"]["message"] == told


@pytest.mark.parametrize("answer", [b"", b"{}", b"<html>", b"[]", b'{"type":"message"}', b'{"error":"x"}'])
def test_what_is_no_error(answer: bytes) -> None:
    assert errors.read_error(500, answer) is None
