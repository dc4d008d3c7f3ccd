"""Errors in OpenAI's shape.

`{"error": {"message", "type", "param", "code"}}`, all four members always present (OpenAI's OpenAPI `Error`).
The status decides what the SDKs do: 408, 409, 429 and 5xx are retried by them unless `x-should-retry` says otherwise.
"""

from __future__ import annotations

from typing import Any

from mapping import jsonio

INVALID_REQUEST = "invalid_request_error"
SERVER_ERROR = "server_error"


class Fault(Exception):
    """An error that the client gets: as an HTTP answer, or as the error event of a stream.

    `retry_after` is in seconds; `should_retry` becomes the header `x-should-retry` (None: not sent).
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type: str = INVALID_REQUEST,
        code: str | None = None,
        param: str | None = None,
        retry_after: float | None = None,
        should_retry: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.type = type
        self.code = code
        self.param = param
        self.retry_after = retry_after
        self.should_retry = should_retry

    def __repr__(self) -> str:
        return f"Fault({self.status}, {self.message!r}, code={self.code!r}, param={self.param!r})"

    def as_json(self) -> dict[str, Any]:
        """The JSON object of the answer."""
        return {"error": {"message": self.message, "type": self.type, "param": self.param, "code": self.code}}

    def body(self) -> bytes:
        """The bytes of the answer."""
        return jsonio.dumps(self.as_json())


def missing(param: str) -> Fault:
    """400: a required parameter is absent or null."""
    return Fault(400, f"Missing required parameter: '{param}'.", code="missing_required_parameter", param=param)


def wrong_type(param: str, expected: str, got: object) -> Fault:
    """400: a parameter has another JSON type than the API takes. `expected` reads like "a string"."""
    return Fault(
        400,
        f"Invalid type for '{param}': expected {expected}, but got {json_type(got)} instead.",
        code="invalid_type",
        param=param,
    )


def bad_value(param: str, message: str) -> Fault:
    """400: the type is right, the value is not. `message` says what would be."""
    return Fault(400, message, code="invalid_value", param=param)


def unsupported_parameter(param: str, message: str) -> Fault:
    """400: OpenAI knows the parameter, Gemini has nothing like it, and ignoring it would give a wrong answer."""
    return Fault(400, message, code="unsupported_parameter", param=param)


def unsupported_value(param: str, message: str) -> Fault:
    """400: OpenAI takes the value, Gemini has nothing like it, and ignoring it would give a wrong answer."""
    return Fault(400, message, code="unsupported_value", param=param)


def json_type(value: object) -> str:
    """The JSON type of a parsed value, with its article, as OpenAI's messages name it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int):
        return "an integer"
    if isinstance(value, float):
        return "a decimal"
    if isinstance(value, str):
        return "a string"
    return "an array" if isinstance(value, list) else "an object"
