"""Upstream errors: what each one means for the next attempt, and what the client is told."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapping.gemini.errors.google_errors import MAX_DELAY, duration, redact
from mapping.gemini.errors.rules import Kind
from mapping.gemini.errors.upstream_errors import (
    UpstreamError,
    broken,
    broken_off,
    connect_failed,
    from_event,
    from_http,
    timed_out,
)
from mapping.openai.errors import TYPES, error_body

WIRE = Path(__file__).parents[3] / "data" / "wire"
SAMPLES = [s for s in json.loads((WIRE / "manifest.json").read_text())["samples"] if s["http_status"] >= 400]

KINDS = {
    "error_400_invalid_argument_field.json": Kind.REQUEST,
    "error_400_api_key_invalid.json": Kind.AUTH,
    "error_400_context_length.json": Kind.REQUEST,
    "error_400_missing_thought_signature.json": Kind.SIGNATURE,
    "error_400_function_response_count.json": Kind.REQUEST,
    "error_400_failed_precondition_location.json": Kind.AUTH,
    "error_400_array_wrapped.json": Kind.REQUEST,
    "error_401_unauthenticated.json": Kind.AUTH,
    "error_403_service_disabled.json": Kind.AUTH,
    "error_404_model_not_found.json": Kind.REQUEST,
    "error_429_per_minute_retryinfo.json": Kind.QUOTA,
    "error_429_per_day_quota.json": Kind.QUOTA,
    "error_429_retry_ms.json": Kind.QUOTA,
    "error_500_internal.json": Kind.SERVER,
    "error_502_html.html": Kind.SERVER,
    "error_503_overloaded.json": Kind.CAPACITY,
    "error_504_deadline.json": Kind.SERVER,
    "v1internal_429_rate_limit.json": Kind.QUOTA,
    "v1internal_429_quota_exhausted.json": Kind.QUOTA,
    "v1internal_429_capacity.json": Kind.CAPACITY,
    "v1internal_403_validation_required.json": Kind.AUTH,
    "v1internal_400_array_errors.json": Kind.REQUEST,
}


def sample(name: str) -> UpstreamError:
    status = next(s["http_status"] for s in SAMPLES if s["file"] == name)
    return from_http(status, (WIRE / name).read_bytes())


def google(
    status: int, message: str = "No.", name: str = "", details: list[Any] | None = None, **more: Any
) -> UpstreamError:
    error = {"code": status, "message": message, "status": name, "details": details or [], **more}
    return from_http(status, json.dumps({"error": error}).encode())


def detail(kind: str, **members: Any) -> dict[str, Any]:
    return {"@type": f"type.googleapis.com/google.rpc.{kind}", **members}


RETRY = detail("RetryInfo", retryDelay="3s")
RESET = detail("ErrorInfo", reason="RATE_LIMIT_EXCEEDED", metadata={"quotaResetDelay": "1h2m3.5s"})


@pytest.mark.parametrize("row", SAMPLES, ids=lambda row: row["file"])
def test_recorded_errors(row: dict[str, Any]) -> None:
    failure, expect = sample(row["file"]), row["expect"]
    assert failure.kind is KINDS[row["file"]]
    assert failure.status == row["http_status"]
    error = failure.error
    assert error.status == expect.get("openai_status", error.status)
    told = TYPES[error.kind]
    assert told == (expect.get("type") or told)
    assert error.code == expect.get("code")
    if "retry_after" in expect:
        assert error.retry_after is not None
        assert math.ceil(error.retry_after) == expect["retry_after"]
    if "should_retry" in expect:
        assert error.should_retry is expect["should_retry"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("error_400_array_wrapped.json", "* GenerateContentRequest.contents: contents is not specified"),
        ("error_400_api_key_invalid.json", "API key not valid. Please pass a valid API key."),
        (
            "error_400_context_length.json",
            "The input token count (1200293) exceeds the maximum number of tokens allowed (1048576). "
            "This model's maximum context length is 1048576 tokens. However, your messages resulted in 1200293 tokens.",
        ),
        (
            "error_403_service_disabled.json",
            "Generative Language API has not been used in project [redacted] before or it is disabled. "
            "(SERVICE_DISABLED)",
        ),
        (
            "v1internal_403_validation_required.json",
            "Verify your account to continue. (VALIDATION_REQUIRED) https://accounts.google.com/validate-sample",
        ),
        ("error_429_retry_ms.json", "Rate limit reached: try again in 1 s."),
        (
            "error_502_html.html",
            'Gemini answered 502 with a page instead of an answer ("Error 502 (Server Error)!!1"). '
            "This passes: try again in a minute.",
        ),
    ],
)
def test_messages_keep_googles_words(name: str, text: str) -> None:
    assert sample(name).error.message == text


@pytest.mark.parametrize(
    ("name", "delay", "per_day"),
    [
        ("error_429_per_minute_retryinfo.json", 34.0, False),
        ("error_429_per_day_quota.json", 51203.5, True),
        ("v1internal_429_rate_limit.json", 12.5, False),
        ("v1internal_429_quota_exhausted.json", None, True),
        ("error_503_overloaded.json", None, False),
    ],
)
def test_recorded_delays(name: str, delay: float | None, per_day: bool) -> None:
    failure = sample(name)
    assert (failure.delay, failure.per_day) == (delay, per_day)


@pytest.mark.parametrize(
    ("failure", "kind", "status", "code"),
    [
        (google(400, "API key expired. Please renew the API key."), Kind.AUTH, 401, "invalid_api_key"),
        (
            google(400, "Request payload size exceeds the limit: 20971520 bytes."),
            Kind.REQUEST,
            413,
            "request_too_large",
        ),
        (google(400, "Corrupted thought signature."), Kind.SIGNATURE, 400, None),
        (google(400, "Thought signature is not valid"), Kind.SIGNATURE, 400, None),
        (
            google(400, "Gemini API free tier is not available in your country. Please enable billing."),
            Kind.AUTH,
            403,
            "unsupported_country_region_territory",
        ),
        (
            google(403, details=[detail("ErrorInfo", reason="BILLING_DISABLED")]),
            Kind.AUTH,
            403,
            "billing_not_active",
        ),
        (
            google(403, "You do not have permission to access the File abc or it may not exist."),
            Kind.REQUEST,
            403,
            "permission_denied",
        ),
        (google(403, "CachedContent not found (or permission denied)"), Kind.REQUEST, 403, "permission_denied"),
        (google(404, "Publisher Model `projects/x-1/y` was not found"), Kind.REQUEST, 404, "model_not_found"),
        (google(404, "Requested entity was not found."), Kind.REQUEST, 404, "not_found"),
        (google(405), Kind.REQUEST, 405, None),
        (google(408), Kind.SERVER, 408, "timeout"),
        (google(409, name="ABORTED"), Kind.SERVER, 409, "conflict"),
        (google(413), Kind.REQUEST, 413, "request_too_large"),
        (google(429, "The model is overloaded."), Kind.CAPACITY, 503, None),
        (google(429, "No capacity available for model x on the server"), Kind.CAPACITY, 503, None),
        (
            google(429, details=[detail("ErrorInfo", reason="MODEL_CAPACITY_EXHAUSTED"), RETRY]),
            Kind.CAPACITY,
            503,
            None,
        ),
        (google(503, "Quota exceeded", details=[RETRY]), Kind.CAPACITY, 503, None),
        (google(429, "Quota exceeded for metric: x, limit: 0, model: y"), Kind.QUOTA, 429, "insufficient_quota"),
        (google(429, "Quota exceeded for metric: x, limit: 0.5"), Kind.QUOTA, 429, "rate_limit_exceeded"),
        (
            google(429, details=[detail("ErrorInfo", reason="INSUFFICIENT_G1_CREDITS_BALANCE")]),
            Kind.QUOTA,
            429,
            "insufficient_quota",
        ),
        (google(429), Kind.QUOTA, 429, "rate_limit_exceeded"),
        (google(499, name="CANCELLED"), Kind.SERVER, 499, "cancelled"),
        (google(501), Kind.REQUEST, 400, "unsupported_parameter"),
        (google(529), Kind.CAPACITY, 503, None),
        (google(599), Kind.SERVER, 599, None),
        (from_http(302, b""), Kind.SERVER, 502, None),
        (broken("Cut off.", code="malformed_function_call"), Kind.ANSWER, 500, "malformed_function_call"),
        (connect_failed("refused"), Kind.SERVER, 502, "upstream_unreachable"),
        (timed_out(), Kind.SERVER, 504, "upstream_timeout"),
    ],
    ids=lambda value: value.reason if isinstance(value, UpstreamError) else "",
)
def test_table(failure: UpstreamError, kind: Kind, status: int, code: str | None) -> None:
    assert (failure.kind, failure.error.status, failure.error.code) == (kind, status, code)


@pytest.mark.parametrize(
    ("message", "field"),
    [
        ("Thinking level is not supported for this model.", "generationConfig.thinkingConfig"),
        ("Budget 0 is invalid. This model only works in thinking mode.", "generationConfig.thinkingConfig"),
        (
            "Invalid JSON payload received. Unknown name \"thinkingLevel\" at 'generation_config.thinking_config'",
            "generationConfig.thinkingConfig",
        ),
        (
            "The specified schema produces a constraint that has too many states for serving.",
            "schemas",
        ),
        (
            "Requests ending with a model turn are not supported unless the last part is a function response.",
            "contents",
        ),
        ("Multiple candidates is not enabled for this model", "generationConfig.candidateCount"),
        ("Invalid value at 'generation_config.candidate_count': must be 1", "generationConfig.candidateCount"),
        (
            "Function calling with a response mime type: 'application/json' is unsupported",
            "generationConfig.responseMimeType",
        ),
        (
            "Unable to submit request because controlled generation is not supported with google_search tool.",
            "generationConfig.responseMimeType",
        ),
        ("Tool use with function calling is unsupported", "tools.google"),
        (
            "Built-in tools ({google_search}) and Function Calling cannot be combined in the same request.",
            "tools.google",
        ),
        ("Multiple tools are supported only when they are all search tools.", "tools.google"),
        ("Unsupported parameter: temperature is not supported by this model.", "generationConfig.temperature"),
        ("The schema exceeds the maximum allowed nesting depth.", "generationConfig.responseJsonSchema.depth"),
        (
            "Unable to submit request because `f` functionDeclaration `parameters.tags` schema didn't specify the "
            "schema type field.",
            "tools",
        ),
        (
            "Unable to submit request because one or more response schemas specified incorrect schema type field.",
            "generationConfig.responseJsonSchema",
        ),
        ("Request contains an invalid argument.", "request"),
        ("Unknown name \"x\" at 'generation_config.response_schema'", "generationConfig.responseJsonSchema"),
        (
            "* GenerateContentRequest.tools[0].function_declarations[0].parameters.properties: "
            "should be non-empty for OBJECT type",
            "tools",
        ),
    ],
)
def test_schema_complaints_name_the_field(message: str, field: str) -> None:
    failure = google(400, message)
    assert (failure.kind, failure.field) == (Kind.SCHEMA, field)
    assert failure.error.should_retry is False


def test_param_is_the_violated_field() -> None:
    assert sample("error_400_invalid_argument_field.json").error.param == "generation_config.temperature"


@pytest.mark.parametrize(
    ("message", "details", "delay"),
    [
        ("Please retry in 5s.", [RESET, RETRY], 3.0),
        ("Please retry in 5s.", [RETRY, RESET], 3.0),
        ("Please retry in 5s.", [RESET], 3723.5),
        ("Please retry in 34.5s.", [], 34.5),
        ("Please retry in 900ms.", [], 0.9),
        ("Your quota will reset after 1m30s.", [], 90.0),
        ("Your quota will reset after 2h0m12.5s.", [], 7212.5),
        ("Please retry in 5s.", [detail("ErrorInfo", metadata={"quotaResetDelay": "soon"})], 5.0),
        ("Please retry in 5s.", [detail("ErrorInfo", metadata={"quotaResetDelay": "2h30m"}), detail("Help")], 9000.0),
        ("Please retry later.", [detail("RetryInfo", retryDelay="soon")], 20.0),
        ("No.", [detail("RetryInfo", retryDelay={"seconds": "7", "nanos": 500000000})], 7.5),
        ("No.", [detail("RetryInfo", retryDelay={"seconds": 7})], 7.0),
        ("No.", [detail("RetryInfo", retryDelay={})], 20.0),
        ("No.", [detail("RetryInfo", retryDelay="-3s")], 20.0),
        ("No.", [], 20.0),
    ],
)
def test_delay_sources_in_their_order(message: str, details: list[Any], delay: float) -> None:
    body = json.dumps({"error": {"code": 429, "message": message, "details": details}}).encode()
    assert from_http(429, body, {"Retry-After": "20"}).delay == delay


@pytest.mark.parametrize(
    ("value", "delay"),
    [("2", 2.0), ("0.5", 0.5), ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("-1", None), ("nan", None), ("", None)],
)
def test_retry_after_header(value: str, delay: float | None) -> None:
    assert from_http(503, b"", {"retry-after": value}).error.retry_after == delay


def test_a_delay_beyond_the_sdks_patience_tells_them_not_to_retry() -> None:
    assert google(429, "Please retry in 120s.").error.should_retry is None
    assert google(429, "Please retry in 121s.").error.should_retry is False


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("34.074824224s", 34.074824224),
        ("900ms", 0.9),
        ("1h2m3.5s", 3723.5),
        ("1d", 86400.0),
        ("0s", 0.0),
        ("999999999999s", MAX_DELAY),
        ("12", None),
        ("s", None),
        ("1s later", None),
        ("٣s", None),
        (12, None),
        (None, None),
        ({"seconds": True}, None),
        ({"seconds": 10**400}, MAX_DELAY),
        ({"seconds": float("inf")}, None),
        ({"nanos": 5e8}, 0.5),
    ],
)
def test_duration(value: Any, seconds: float | None) -> None:
    assert duration(value) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("POST /v1beta/x?alt=sse&key=AIzaSyA-0123456789abcdef failed", "POST /v1beta/x?alt=sse&key=[redacted] failed"),
        ("Consumer 'api_key:AIzaSyA-0123456789abcdef' suspended", "Consumer 'api_key:[redacted]' suspended"),
        ("key AQ.Ab8RN6KabcdefghIJK bad", "key [redacted] bad"),
        ("Authorization: Bearer ya29.a0Abc-def_123", "Authorization: Bearer [redacted]"),
        ("Bearer token expired", "Bearer token expired"),
        ("token ya29.a0Abc-def_123 expired", "token [redacted] expired"),
        ("projects/my-project-7/locations/global", "projects/[redacted]/locations/global"),
        ("for 'project_number:123456789012' on", "for 'project_number:[redacted]' on"),
        ("?project=123456789012", "?project=[redacted]"),
        ("in project 123456789012 before", "in project [redacted] before"),
        ("limit: 1000000", "limit: 1000000"),
    ],
)
def test_redaction(text: str, redacted: str) -> None:
    assert redact(text) == redacted
    assert google(500, text).error.message == redacted
    assert redacted in connect_failed(text).detail
    assert broken(text).error.message == redacted


def test_an_error_inside_a_message_is_unwrapped() -> None:
    inner = json.dumps({"error": {"code": 429, "message": "Please retry in 2s.", "status": "RESOURCE_EXHAUSTED"}})
    failure = google(429, inner)
    assert failure.error.message == "Rate limit reached: try again in 2 s."
    assert failure.reason == "429 RESOURCE_EXHAUSTED"


@pytest.mark.parametrize(
    ("obj", "status", "kind"),
    [
        ({"error": {"code": 503, "message": "High demand.", "status": "UNAVAILABLE"}}, 503, Kind.CAPACITY),
        ([{"error": {"code": 429, "message": "m"}}], 429, Kind.QUOTA),
        ({"error": {"message": "m", "status": "DEADLINE_EXCEEDED"}}, 504, Kind.SERVER),
        ({"error": {"code": 8, "message": "m"}}, 429, Kind.QUOTA),
        ({"error": {"message": "m"}}, 500, Kind.SERVER),
        ({"error": "bad"}, 500, Kind.SERVER),
        ([], 500, Kind.SERVER),
        (None, 500, Kind.SERVER),
    ],
)
def test_events(obj: Any, status: int, kind: Kind) -> None:
    failure = from_event(obj)
    assert (failure.status, failure.error.status, failure.kind) == (status, status, kind)
    assert failure.error.message


def test_reasons_are_short() -> None:
    assert sample("error_429_retry_ms.json").reason == "429 RESOURCE_EXHAUSTED"
    assert sample("v1internal_429_capacity.json").reason == "429 RESOURCE_EXHAUSTED MODEL_CAPACITY_EXHAUSTED"
    assert sample("error_502_html.html").reason == "502 not JSON"
    assert google(400, name="bad\r\nname").reason == "400"


def test_bodies_that_are_not_json() -> None:
    assert '("Bad gateway")' in from_http(502, b"Bad\ngateway").error.message
    for body in (b"", b"\x80\xff\x00", b"<html>", b"x" * 10000):
        assert from_http(502, body).error.message.startswith("Gemini answered 502 with a page instead of an answer. ")
    assert "Check the account's base_url" in from_http(404, b"<title>Not Found</title>").error.message


def test_a_limit_that_passes_is_told_in_openais_words() -> None:
    quota = detail("QuotaFailure", violations=[{"quotaId": "RequestsPerMinute", "quotaMetric": "x"}])
    told = google(429, "You exceeded your current quota, please check your plan.", details=[quota, RETRY])
    assert told.error.message == "Rate limit reached: try again in 3 s. The limit is RequestsPerMinute."
    metric = google(429, "Quota exceeded for metric: example.com/requests, limit: 10. Please retry in 7.2s.")
    assert metric.error.message == "Rate limit reached: try again in 8 s. The limit is example.com/requests."


def test_google_words_of_a_day_and_of_money_stay() -> None:
    day = google(429, "You exceeded your current quota. Limit per day.\nPlease retry in 37.2s.")
    assert (day.per_day, day.error.message) == (True, "You exceeded your current quota. Limit per day.")
    assert google(429, "Your prepayment credits are depleted.").error.message == "Your prepayment credits are depleted."


@pytest.mark.parametrize(
    ("detail", "words"),
    [
        ("[Errno -3] Temporary failure in name resolution", "its name could not be looked up"),
        ("[Errno 111] Connect call failed: Connection refused", "the connection was refused"),
        ("TLS handshake failed: certificate verify failed", "TLS failed"),
        ("connection timed out", "did not take the connection in time"),
        ("[Errno 101] Network is unreachable", "there is no way to it"),
        ("[Errno 24] Too many open files", "ulimit -n"),
        ("server disconnected", "closed before an answer came"),
        ("", "closed before an answer came"),
    ],
)
def test_a_failed_connection_is_told_in_plain_words(detail: str, words: str) -> None:
    failure = connect_failed(detail)
    assert failure.error.message.startswith("Gemini could not be reached: ")
    assert words in failure.error.message
    assert not detail or detail not in failure.error.message
    assert failure.detail == detail


def test_a_stream_that_broke_off_is_told_in_plain_words() -> None:
    failure = broken_off("HTTP/1 protocol error: peer closed connection")
    told = "The stream was interrupted: Gemini's connection closed in the middle of the answer."
    assert (failure.error.message, failure.detail) == (told, "HTTP/1 protocol error: peer closed connection")


def info(reason: str) -> list[Any]:
    return [detail("ErrorInfo", reason=reason)]


OF_THE_ACCOUNT = [
    # what Google says, its kind, status and code for the client, a word of what the owner can do
    (google(403, "Your API key was reported as leaked."), Kind.AUTH, 401, "invalid_api_key", "another key"),
    (google(400, details=info("API_KEY_INVALID")), Kind.AUTH, 401, "invalid_api_key", "another key"),
    (google(401, name="UNAUTHENTICATED"), Kind.AUTH, 401, "invalid_api_key", "another key"),
    (google(403, details=info("API_KEY_SERVICE_BLOCKED")), Kind.AUTH, 403, "permission_denied", "restrictions"),
    (google(403, details=info("API_KEY_IP_ADDRESS_BLOCKED")), Kind.AUTH, 403, "permission_denied", "restrictions"),
    (google(403, details=info("SERVICE_DISABLED")), Kind.AUTH, 403, "permission_denied", "Enable the API"),
    (google(403, details=info("CONSUMER_SUSPENDED")), Kind.AUTH, 403, "permission_denied", "project"),
    (google(403, details=info("ACCESS_TOKEN_SCOPE_INSUFFICIENT")), Kind.AUTH, 403, "permission_denied", "scope"),
    (google(401, details=info("ACCESS_TOKEN_SCOPE_INSUFFICIENT")), Kind.AUTH, 403, "permission_denied", "scope"),
    (google(403, "Forbidden"), Kind.AUTH, 403, "permission_denied", "permission"),
    (google(403, details=info("BILLING_DISABLED")), Kind.AUTH, 403, "billing_not_active", "Switch on billing"),
    (
        google(403, "User location is not supported for the API use."),
        Kind.AUTH,
        403,
        "unsupported_country_region_territory",
        "Vertex",
    ),
    (google(403, details=info("RATE_LIMIT_EXCEEDED")), Kind.QUOTA, 429, "rate_limit_exceeded", ""),
    (google(403, errors=[{"reason": "userRateLimitExceeded"}]), Kind.QUOTA, 429, "rate_limit_exceeded", ""),
    (google(403, errors=[{"reason": "dailyLimitExceeded"}]), Kind.QUOTA, 429, "insufficient_quota", ""),
    (google(429, details=info("RATE_LIMIT_EXCEEDED")), Kind.QUOTA, 429, "rate_limit_exceeded", ""),
    (
        google(429, "Your prepayment credits are depleted. Please go to AI Studio."),
        Kind.BILLING,
        429,
        "insufficient_quota",
        "Add credits",
    ),
    (
        google(429, "Your project has exceeded its monthly spending cap."),
        Kind.BILLING,
        429,
        "insufficient_quota",
        "raise the cap",
    ),
    (google(402, "Your prepayment credits are depleted."), Kind.BILLING, 429, "insufficient_quota", "Add credits"),
    (google(402, "Payment Required"), Kind.BILLING, 429, "insufficient_quota", "Add credits"),
    (
        google(404, "This model models/gemini-x is no longer available to new users."),
        Kind.CLOSED,
        404,
        "model_not_found",
        "",
    ),
    (google(404, "This model is closed to new users."), Kind.CLOSED, 404, "model_not_found", ""),
    (
        google(404, "Publisher Model `m` was not found or your project does not have access to it."),
        Kind.CLOSED,
        404,
        "model_not_found",
        "",
    ),
    (google(404, "models/m is not found for API version v1beta"), Kind.REQUEST, 404, "model_not_found", ""),
]


@pytest.mark.parametrize(("failure", "kind", "status", "code", "todo"), OF_THE_ACCOUNT)
def test_what_is_wrong_with_an_account(failure: UpstreamError, kind: Kind, status: int, code: str, todo: str) -> None:
    assert (failure.kind, failure.error.status, failure.error.code) == (kind, status, code)
    assert todo in failure.todo
    if kind is not Kind.QUOTA:
        assert failure.error.should_retry is False


def test_broken_answers_are_for_the_sdks_to_retry() -> None:
    assert broken("Cut off.").error.should_retry is True


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
details = st.fixed_dictionaries(
    {"@type": st.sampled_from(["x.ErrorInfo", "x.RetryInfo", "x.QuotaFailure", "x.BadRequest", "x.Help"])},
    optional=dict.fromkeys(
        ("reason", "metadata", "retryDelay", "violations", "fieldViolations", "links", "nanos"), json_values
    ),
)
errors = st.fixed_dictionaries(
    {},
    optional={
        "code": json_values,
        "message": json_values,
        "status": json_values,
        "details": st.lists(details) | json_values,
        "errors": json_values,
    },
)


def check(failure: UpstreamError) -> None:
    assert isinstance(failure.kind, Kind)
    assert 400 <= failure.error.status <= 599
    assert set(json.loads(error_body(failure.error))["error"]) == {"message", "type", "param", "code"}
    assert failure.delay is None or 0 <= failure.delay <= MAX_DELAY
    assert failure.reason.isascii()
    assert failure.reason.isprintable()


@given(st.integers(100, 999), st.binary() | st.builds(lambda value: json.dumps(value).encode(), json_values))
def test_no_body_raises(status: int, body: bytes) -> None:
    check(from_http(status, body))


@given(json_values | st.builds(lambda error: {"error": error}, errors))
def test_no_event_raises(obj: Any) -> None:
    check(from_event(obj))


def test_deep_nesting_does_not_raise() -> None:
    check(from_http(500, b"[" * 100_000))
    check(from_http(500, b'{"error":' * 5000 + b"1" + b"}" * 5000))
