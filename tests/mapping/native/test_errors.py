"""mapping.native.errors: faults as Google tells them, and back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mapping.faults import Fault, FaultKind
from mapping.native import errors

TYPE = "type.googleapis.com/google.rpc."
INFO = {"@type": TYPE + "ErrorInfo", "domain": errors.DOMAIN}

TOLD = [
    # fault, status, details
    (Fault(400, "no"), "INVALID_ARGUMENT", None),
    (
        Fault(400, "no", code="invalid_type", param="contents[0]"),
        "INVALID_ARGUMENT",
        [
            {**INFO, "reason": "INVALID_TYPE"},
            {"@type": TYPE + "BadRequest", "fieldViolations": [{"field": "contents[0]", "description": "no"}]},
        ],
    ),
    (Fault(401, "no"), "UNAUTHENTICATED", None),
    (Fault(403, "no", kind=FaultKind.PERMISSION), "PERMISSION_DENIED", None),
    (Fault(404, "no", code="model_not_found"), "NOT_FOUND", [{**INFO, "reason": "MODEL_NOT_FOUND"}]),
    (Fault(418, "no"), "INVALID_ARGUMENT", None),
    (
        Fault(429, "no", kind=FaultKind.REQUEST_LIMIT, code="rate_limit_exceeded", retry_after=17.25),
        "RESOURCE_EXHAUSTED",
        [{**INFO, "reason": "RATE_LIMIT_EXCEEDED"}, {"@type": TYPE + "RetryInfo", "retryDelay": "17.25s"}],
    ),
    (
        Fault(429, "no", kind=FaultKind.QUOTA, code="insufficient_quota", retry_after=40000, per_day=True),
        "RESOURCE_EXHAUSTED",
        [
            {**INFO, "reason": "INSUFFICIENT_QUOTA"},
            {
                "@type": TYPE + "QuotaFailure",
                "violations": [{"quotaId": "GenerateRequestsPerDay", "description": "no"}],
            },
            {"@type": TYPE + "RetryInfo", "retryDelay": "40000s"},
        ],
    ),
    (
        Fault(429, "no money", kind=FaultKind.QUOTA, code="insufficient_quota"),
        "RESOURCE_EXHAUSTED",
        [{**INFO, "reason": "INSUFFICIENT_QUOTA"}],
    ),
    (Fault(500, "no", kind=FaultKind.SERVER), "INTERNAL", None),
    (Fault(503, "no", kind=FaultKind.SERVER), "UNAVAILABLE", None),
    (Fault(599, "no", kind=FaultKind.SERVER), "INTERNAL", None),
]


@pytest.mark.parametrize(("fault", "word", "details"), TOLD)
def test_a_fault_and_back(fault: Fault, word: str, details: Any) -> None:
    answer = errors.error_answer(fault)
    error = {"code": fault.status, "message": fault.message, "status": word}
    assert answer.status == fault.status
    assert json.loads(answer.body) == {"error": error if details is None else {**error, "details": details}}
    wait = [value for name, value in answer.fields if name == b"Retry-After"]
    assert wait == ([] if fault.retry_after is None else [b"%d" % -(-fault.retry_after // 1)])
    found = errors.read_error(answer.body)
    assert found is not None
    members = ("status", "message", "kind", "code", "param", "retry_after", "per_day")
    assert [getattr(found, name) for name in members] == [getattr(fault, name) for name in members]


CHUNK = b'{"candidates":[{"content":{"parts":[{"text":"{\\"error\\":{}}"}]}}]}'
ERROR = b'{"error":{"code":503,"message":"no","status":"UNAVAILABLE"}}'


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"data: " + CHUNK + b"\n\ndata: " + ERROR + b"\n\n", "no"),
        (b"data: " + ERROR + b"\n\ndata: " + CHUNK + b"\n\n", None),
        (b"[" + CHUNK + b",\r\n" + ERROR + b"]", "no"),
        (b"[" + CHUNK + b"]", None),
        (CHUNK, None),
        (b'{"error": {}}', None),
        (b'{"error": "odd"}', None),
        (b'{"error": {"message": "odd", "code": "x", "details": [7, {"@type": 1}]}}', "odd"),
        (b"no JSON", None),
        (b"[]", None),
        (b"", None),
    ],
)
def test_the_fault_in_an_answer(answer: bytes, message: str | None) -> None:
    found = errors.read_error(answer)
    assert (found.message if found else None) == message
