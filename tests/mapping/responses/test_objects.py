"""The Response object in all its states, and the errors in it."""

from __future__ import annotations

from typing import Any

import pytest
from openai.types.responses import Response

from mapping.faults import Fault, FaultKind
from mapping.responses.failures import error_event, failure
from mapping.responses.objects import ResponseObject, failed, in_progress
from mapping.responses.plan import ResponsesPlan
from mapping.responses.request.echo import echo
from mapping.totals import Totals

CREATED = 1_700_000_000

MEMBERS = {
    "id", "object", "created_at", "completed_at", "status", "background", "error", "incomplete_details", "instructions",
    "max_output_tokens", "max_tool_calls", "model", "output", "parallel_tool_calls", "previous_response_id",
    "prompt_cache_key", "reasoning", "safety_identifier", "service_tier", "store",
    "temperature", "text", "tool_choice", "tools", "top_logprobs", "top_p", "truncation", "usage", "user", "metadata",
}  # fmt: skip


def plan(**body: Any) -> ResponsesPlan:
    return ResponsesPlan("gpt-x", "gemini-3.8-flash", echo=echo(body, reasoning={}, text={}))


def an_object(**body: Any) -> ResponseObject:
    return ResponseObject(plan(**body), "resp_1", CREATED)


def checked(response: dict[str, Any]) -> dict[str, Any]:
    """Every member is there, and the SDK takes them all."""
    assert set(response) >= MEMBERS
    model = Response.model_validate(response, strict=True)
    assert set(model.model_extra or ()) == {"store"}  # OpenAI sends it, the SDK does not know it
    return response


@pytest.mark.parametrize("status", ["queued", "in_progress", "cancelled"])
def test_without_an_answer(status: Any) -> None:
    response = checked(in_progress(plan(), response_id="resp_1", created=CREATED, status=status))
    assert (response["id"], response["object"], response["model"]) == ("resp_1", "response", "gpt-x")
    assert (response["created_at"], response["completed_at"]) == (CREATED, None)
    assert (response["status"], response["output"], response["usage"]) == (status, [], None)


@pytest.mark.parametrize(
    ("reason", "status", "details", "completed_at"),
    [
        ("stop", "completed", None, CREATED + 2),
        ("tool_calls", "completed", None, CREATED + 2),
        ("length", "incomplete", {"reason": "max_output_tokens"}, None),
        ("content_filter", "incomplete", {"reason": "content_filter"}, None),
    ],
)
def test_ended(reason: str, status: str, details: Any, completed_at: int | None) -> None:
    response = checked(an_object().ended(reason, [], Totals(), at=CREATED + 2))
    assert (response["status"], response["incomplete_details"], response["error"]) == (status, details, None)
    assert response["completed_at"] == completed_at
    assert response["usage"] == {
        "input_tokens": 0,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": 0,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 0,
    }


def test_usage() -> None:
    totals = Totals(prompt=10, completion=7, total=17, cached=4, reasoning=5)
    assert checked(an_object().ended("stop", [], totals, at=CREATED))["usage"] == {
        "input_tokens": 10,
        "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 0},
        "output_tokens": 7,
        "output_tokens_details": {"reasoning_tokens": 5},
        "total_tokens": 17,
    }


def test_failed() -> None:
    error = Fault(500, "broken", kind=FaultKind.SERVER)
    response = checked(failed(plan(), response_id="resp_1", created=CREATED, error=error))
    assert response["error"] == {"code": "server_error", "message": "broken"}
    assert (response["status"], response["output"], response["usage"]) == ("failed", [], None)


def test_what_the_client_asked_for_is_repeated() -> None:
    tool = {"type": "function", "name": "a.b", "description": "d", "parameters": {"type": "object"}, "strict": True}
    body = {"instructions": "Be brief.", "temperature": 0.5, "tools": [tool], "metadata": {"a": "b"}, "store": False}
    response = checked(an_object(**body).unfinished("in_progress"))
    assert {name: response[name] for name in body} == body
    assert response["top_p"] == 1.0
    assert response["text"] == {"format": {"type": "text"}, "verbosity": "medium"}


def test_the_plan_stays_as_it_is() -> None:
    asked = plan(metadata={"a": "b"})
    ResponseObject(asked, "resp_1", CREATED).unfinished("queued")["output"].append(1)
    assert asked == plan(metadata={"a": "b"})
    assert in_progress(asked, response_id="resp_1", created=CREATED)["output"] == []


# errors


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, "context_length_exceeded", "context_length_exceeded"),
        (429, "insufficient_quota", "insufficient_quota"),
        (429, "rate_limit_exceeded", "rate_limit_exceeded"),
        (429, None, "rate_limit_exceeded"),
        (400, None, "invalid_prompt"),
        (400, "content_policy_violation", "invalid_prompt"),
        (404, "model_not_found", "invalid_prompt"),
        (413, "request_too_large", "invalid_prompt"),
        (401, "invalid_api_key", "server_error"),
        (403, "account_restricted", "server_error"),
        (409, "conflict", "server_error"),
        (499, "cancelled", "server_error"),
        (500, "malformed_function_call", "server_error"),
        (503, None, "server_error"),
        (504, "timeout", "server_error"),
    ],
)
def test_codes_that_clients_act_on(status: int, code: str | None, expected: str) -> None:
    assert failure(Fault(status, "x", code=code)) == {"code": expected, "message": "x"}


@pytest.mark.parametrize(
    ("message", "retry_after", "expected"),
    [
        pytest.param("Slow down.", 34.07, "Slow down. Please try again in 34.07s.", id="fraction"),
        pytest.param("Slow down.", 5.0, "Slow down. Please try again in 5s.", id="whole"),
        pytest.param("Slow down.", 0.25, "Slow down. Please try again in 0.25s.", id="below-a-second"),
        pytest.param("Slow down.", None, "Slow down.", id="unknown"),
        pytest.param("Slow. Please try again in 7s.", 7.0, "Slow. Please try again in 7s.", id="told-already"),
    ],
)
def test_a_rate_limit_says_when_to_try_again(message: str, retry_after: float | None, expected: str) -> None:
    error = Fault(429, message, kind=FaultKind.REQUEST_LIMIT, code="rate_limit_exceeded", retry_after=retry_after)
    assert failure(error)["message"] == expected
    assert error_event(error)["message"] == error_event(error)["error"]["message"] == expected


def test_other_errors_say_nothing_of_trying_again() -> None:
    assert failure(Fault(503, "Overloaded.", retry_after=3.0))["message"] == "Overloaded."


def test_the_error_event_is_flat_and_nested() -> None:
    error = Fault(502, "gone", kind=FaultKind.SERVER, code="upstream_unreachable", param="input")
    assert error_event(error) == {
        "code": "upstream_unreachable",
        "message": "gone",
        "param": "input",
        "error": {"message": "gone", "type": "server_error", "param": "input", "code": "upstream_unreachable"},
    }
