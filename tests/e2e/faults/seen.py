"""What clients see of an upstream's faults, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.e2e.faults.faulty_upstream import TEXT

if TYPE_CHECKING:
    from tests.e2e.conftest import Answer

ANSWER = "the answer"
"""What a client sees whose upstream, after all, has answered."""
UNREACHABLE, BROKEN, TIMEOUT = "502 upstream_unreachable", "502 upstream_broke_off", "504 upstream_timeout"
NOT_JSON, EMPTY, INCOMPLETE = "500 upstream_not_json", "500 upstream_empty", "500 upstream_incomplete"
TOO_LARGE, EVENT_TOO_LARGE = "502 upstream_too_large", "500 upstream_event_too_large"
ODD_STATUS = "502 None"


def sees(answer: Answer, *, stream: bool) -> str:
    """What a client sees: `502 code` is an error answer; `200, then code` a stream that begins and ends with an error
    event. The shapes of errors, and of streams, are checked on the way.
    """
    if answer.status != 200:
        assert answer.error["type"] == "server_error"
        assert len(answer.error["message"]) < 500
        return f"{answer.status} {answer.error['code']}"
    if not stream:
        assert answer.text == TEXT
        return ANSWER
    *events, last = answer.events
    reasons = [choice["finish_reason"] for event in events for choice in event["choices"] if choice["finish_reason"]]
    if last == "[DONE]":
        assert reasons == ["stop"]
        assert "".join(c["delta"].get("content") or "" for e in events for c in e["choices"]) == TEXT
        return ANSWER
    assert not reasons, "a broken answer must not look complete"
    assert set(last["error"]) == {"message", "type", "param", "code"}
    return f"200, then {last['error']['code']}"
