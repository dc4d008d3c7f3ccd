"""Faults: what went wrong with a request, in words that belong to no dialect.

A fault says what (`kind`, `code`, `message`), where (`param`), and whether it makes sense to come back. Each dialect
makes its own error of it (`mapping.dialect.Dialect.error`): shape, header fields, the name of the error's type.
Statuses are those of HTTP. Codes are OpenAI's where it has one, since that is the longest list that exists.
"""

from __future__ import annotations

import enum


class FaultKind(enum.Enum):
    """Whose fault it is, or which limit was reached. A dialect's error types come from it; the values are for logs."""

    REQUEST = "invalid_request_error"
    """The request asks for what can't be had."""
    SERVER = "server_error"
    """The gateway, or Gemini, failed."""
    REQUEST_LIMIT = "requests"
    """Too many requests within a time."""
    TOKEN_LIMIT = "tokens"  # noqa: S105 - no secret
    """Too many tokens within a time."""
    QUOTA = "insufficient_quota"
    """What was paid for, or is free, is used up."""
    PERMISSION = "permission_error"
    """The account may not do this."""


class Fault(Exception):
    """What a client is told: as an HTTP answer, or as the error event of a stream.

    `status` is the HTTP status, `message` is for people, `code` for programs. `param` is the path of the member that
    is at fault, as the client wrote it. `retry_after` is in seconds. `should_retry`: whether the same request can
    succeed later; None: the status says it. `per_day`: a quota of the day is used up. `request_id` is that of the
    request that it ends, where there is one; who tells the client sets it.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: FaultKind = FaultKind.REQUEST,
        code: str | None = None,
        param: str | None = None,
        retry_after: float | None = None,
        should_retry: bool | None = None,
        per_day: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind
        self.code = code
        self.param = param
        self.retry_after = retry_after
        self.should_retry = should_retry
        self.per_day = per_day
        self.request_id: str | None = None

    def __repr__(self) -> str:
        return f"Fault({self.status}, {self.message!r}, code={self.code!r}, param={self.param!r})"

    @property
    def name(self) -> str:
        """A word for logs and metrics: the code, else the kind."""
        return self.code or self.kind.value


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
