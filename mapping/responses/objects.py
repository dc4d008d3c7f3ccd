"""The Response object.

Rules of this module (OpenAI API reference, `Response`):

* Every member is always there, null where it says nothing: clients of typed languages miss one that is not.
* What the client asked for is repeated as it asked (`ResponsesPlan.echo`).
* `prompt_cache_diagnostics` is there where the client has asked for it, null until the response has ended.
* `completed_at` belongs to completed responses only, `usage` to those that ended with an answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mapping.answer import finish
from mapping.faults import Fault
from mapping.responses.comparison import diagnostics
from mapping.responses.failures import failure
from mapping.responses.plan import ResponsesPlan
from mapping.totals import Totals
from mapping.values import JSON

_INCOMPLETE = {finish.LENGTH: "max_output_tokens", finish.CONTENT_FILTER: "content_filter"}
"""Finish reason -> `incomplete_details.reason`. With all others a response is completed."""


@dataclass(frozen=True, slots=True)
class ResponseObject:
    """What does not change in a response: the plan of its request, its id, the Unix time of its creation."""

    plan: ResponsesPlan
    id: str
    created: int

    def unfinished(self, status: str) -> JSON:
        """A response without an answer: in progress, queued or cancelled."""
        return self._object(status)

    def ended(self, reason: str, output: Sequence[JSON], usage: Totals, *, at: int) -> JSON:
        """A completed or incomplete response. `reason` is the finish reason as chat has it, `at` is Unix time."""
        incomplete = _INCOMPLETE.get(reason)
        if incomplete is None:
            return self._object("completed", output, completed_at=at, usage=usage)
        return self._object("incomplete", output, incomplete_details={"reason": incomplete}, usage=usage)

    def failed(self, error: Fault, output: Sequence[JSON] = ()) -> JSON:
        """A failed response, with what there is of its output."""
        return self._object("failed", output, error=failure(error))

    def _object(
        self,
        status: str,
        output: Sequence[JSON] = (),
        *,
        completed_at: int | None = None,
        error: JSON | None = None,
        incomplete_details: JSON | None = None,
        usage: Totals | None = None,
    ) -> JSON:
        compared = self.plan.compared
        told = diagnostics(compared, usage) if compared is not None and usage is not None else None
        return {
            "id": self.id,
            "object": "response",
            "created_at": self.created,
            "completed_at": completed_at,
            "status": status,
            "error": error,
            "incomplete_details": incomplete_details,
            "model": self.plan.client_model,
            "output": [*output],
            **self.plan.echo,
            "usage": usage_object(usage) if usage is not None else None,
            **({"prompt_cache_diagnostics": told} if compared is not None else {}),
        }


def usage_object(totals: Totals) -> JSON:
    """The `usage` of a response. Gemini does not tell of tokens written to a cache."""
    return {
        "input_tokens": totals.prompt,
        "input_tokens_details": {"cached_tokens": totals.cached, "cache_write_tokens": 0},
        "output_tokens": totals.completion,
        "output_tokens_details": {"reasoning_tokens": totals.reasoning},
        "total_tokens": totals.total,
    }


def in_progress(
    plan: ResponsesPlan,
    *,
    response_id: str,
    created: int,
    status: Literal["queued", "in_progress", "cancelled"] = "in_progress",
) -> JSON:
    """The Response object while there is no answer, or when there will be none. `created` is Unix time in seconds."""
    return ResponseObject(plan, response_id, created).unfinished(status)


def failed(plan: ResponsesPlan, *, response_id: str, created: int, error: Fault) -> JSON:
    """The Response object of a request that ended with an error, for those who ask for it later."""
    return ResponseObject(plan, response_id, created).failed(error)
