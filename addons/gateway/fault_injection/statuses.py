"""The HTTP errors that are ordered, in the words in which clients hear of Gemini's own."""

from __future__ import annotations

from typing import Any

from addons.gateway.fault_injection.grammar import TORN, OrderedFault
from mapping import jsonio
from mapping.faults import Fault, FaultKind
from mapping.gemini.errors import upstream_errors

_NAMES = {400: "INVALID_ARGUMENT", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED"}
_MESSAGES = {
    429: "Resource has been exhausted (e.g. check quota).",
    500: "An internal error has occurred. Please retry or report in https://ai.google.dev/gemini-api/docs/troubleshooting",
    503: "The model is overloaded. Please try again later.",
    529: "The model is overloaded. Please try again later.",
}
"""As Gemini words them."""


def fault_of(ordered: OrderedFault) -> Fault:
    """What a client is told of an ordered error: what it would hear if Gemini had given it, and that it was ordered."""
    if ordered.kind in TORN:
        message = f"The connection was torn (a fault on demand: {ordered.shown})."
        return Fault(502, message, kind=FaultKind.SERVER, code="torn_on_demand")
    status = ordered.status or int(ordered.numbers.get("status", 500))
    fault = upstream_errors.from_http(status, jsonio.dumps(_body(ordered, status))).error
    fault.status = status
    fault.message = f"{fault.message} (A fault on demand: {ordered.shown}.)"
    return fault


def _body(ordered: OrderedFault, status: int) -> dict[str, Any]:
    details: list[dict[str, Any]] = []
    if (seconds := ordered.numbers.get("retry-after")) is not None:
        details.append({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{seconds:.6f}s"})
    if ordered.day:
        violation = {"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}
        details.append({"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [violation]})
    message = _MESSAGES.get(status, "The request has failed.")
    return {"error": {"code": status, "message": message, "status": _NAMES.get(status, ""), "details": details}}
