"""Errors as the Gemini API sends them: `{"error": {"code", "message", "status", "details"}}`."""

from __future__ import annotations

from typing import Any

_SERVICE = "generativelanguage.googleapis.com"
_TYPES = "type.googleapis.com/google.rpc."


class Refusal(Exception):
    """An answer other than 2xx. `name` is the gRPC name of the status."""

    def __init__(self, status: int, name: str, message: str, details: list[dict[str, Any]] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.name = name
        self.message = message
        self.details = details

    def as_json(self) -> dict[str, Any]:
        """The JSON object of the answer."""
        error: dict[str, Any] = {"code": self.status, "message": self.message, "status": self.name}
        if self.details:
            error["details"] = self.details
        return {"error": error}


def invalid(message: str, fields: list[tuple[str, str]] | None = None) -> Refusal:
    """400 INVALID_ARGUMENT. `fields` are (path, description) pairs of a BadRequest detail."""
    violations = [{"field": f, "description": d} if f else {"description": d} for f, d in fields or []]
    details = [{"@type": _TYPES + "BadRequest", "fieldViolations": violations}] if violations else None
    return Refusal(400, "INVALID_ARGUMENT", message, details)


def violation(field: str, message: str) -> Refusal:
    """400 for a value that the field's own rules forbid, in the form `* GenerateContentRequest.field: message`."""
    return invalid(f"* GenerateContentRequest.{field}: {message}\n")


def bad_key(message: str = "API key not valid. Please pass a valid API key.") -> Refusal:
    """400: the API key is wrong."""
    return Refusal(400, "INVALID_ARGUMENT", message, [_info("API_KEY_INVALID")])


def no_key() -> Refusal:
    """403: there is no credential."""
    return Refusal(
        403,
        "PERMISSION_DENIED",
        "Method doesn't allow unregistered callers (callers without established identity). "
        "Please use API Key or other form of API consumer identity to call this API.",
    )


def bad_token() -> Refusal:
    """401: the bearer token is wrong or expired."""
    return Refusal(
        401,
        "UNAUTHENTICATED",
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid "
        "authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
        [_info("ACCESS_TOKEN_TYPE_UNSUPPORTED")],
    )


def no_model(model: str, method: str, version: str) -> Refusal:
    """404: the model does not exist, or does not have the method."""
    return Refusal(
        404,
        "NOT_FOUND",
        f"models/{model} is not found for API version {version}, or is not supported for {method}. "
        "Call ListModels to see the list of available models and their supported methods.",
    )


def quota(model: str, *, period: str, limit: int, delay: float | None) -> Refusal:
    """429. `period` is `PerMinute` or `PerDay`; `delay` is in seconds, None leaves RetryInfo away."""
    metric = f"{_SERVICE}/generate_content_free_tier_requests"
    message = (
        "You exceeded your current quota, please check your plan and billing details. For more information on this "
        "error, head to: https://ai.google.dev/gemini-api/docs/rate-limits.\n"
        f"* Quota exceeded for metric: {metric}, limit: {limit}, model: {model}"
    )
    broken = {
        "quotaMetric": metric,
        "quotaId": f"GenerateRequests{period}PerProjectPerModel-FreeTier",
        "quotaDimensions": {"location": "global", "model": model},
        "quotaValue": str(limit),
    }
    details: list[dict[str, Any]] = [{"@type": _TYPES + "QuotaFailure", "violations": [broken]}]
    if delay is not None:
        message += f"\nPlease retry in {delay:g}s."
        details.append({"@type": _TYPES + "RetryInfo", "retryDelay": f"{delay:g}s"})
    return Refusal(429, "RESOURCE_EXHAUSTED", message, details)


def overloaded() -> Refusal:
    """503: the model has too much to do."""
    return Refusal(
        503,
        "UNAVAILABLE",
        "This model is currently experiencing high demand. Spikes in demand are usually temporary. "
        "Please try again later.",
    )


def internal() -> Refusal:
    """500: what a passing failure of Google's looks like."""
    return Refusal(
        500,
        "INTERNAL",
        "An internal error has occurred. Please retry or report in https://developers.generativeai.google/guide/troubleshooting",
    )


def _info(reason: str) -> dict[str, Any]:
    return {
        "@type": _TYPES + "ErrorInfo",
        "reason": reason,
        "domain": "googleapis.com",
        "metadata": {"service": _SERVICE},
    }
