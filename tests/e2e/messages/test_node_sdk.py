"""Anthropic's Node SDK: what the script `node/messages.mjs` and the upstream saw. Every answer is checked."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e import message_checks
from tests.e2e.answer_checks import Wire
from tests.e2e.sdk_tools import first_calls, is_genuine
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from tests.e2e.conftest import Gateway, Upstream

pytestmark = pytest.mark.node

SCRIPTS = Path(__file__).parents[1] / "node"

ERRORS = {
    "llama-7b": ("NotFoundError", 404, "not_found_error"),
    "demo-400": ("BadRequestError", 400, "invalid_request_error"),
    "demo-429-all": ("RateLimitError", 429, "rate_limit_error"),
    "demo-500": ("InternalServerError", 500, "api_error"),
    "demo-503-all": ("OverloadedError", 529, "overloaded_error"),
}


def test_the_node_sdk(gateway: Gateway, upstream: Upstream) -> None:
    command = ["node", "messages.mjs", gateway.base_url, "gemini-3-flash"]
    done = subprocess.run(command, cwd=SCRIPTS, capture_output=True, text=True, timeout=2 * PATIENCE)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    wire = Wire(message_checks.check_answer)
    for answer in report["wire"]:
        wire.take(answer["path"], answer["status"], answer["type"], answer["body"].encode())
    wire.verify()
    _check(report["results"])
    asked = [
        request.body for request in upstream.requests if request.path.endswith(("generateContent", "GenerateContent"))
    ]
    runs = [body for body in asked if len(body["contents"]) == 3]
    assert len(runs) == 2
    assert all(is_genuine(call) for body in runs for call in first_calls(body))


def _check(found: Any) -> None:
    text = found["whole"]["content"][0]["text"]
    assert "Hello, 你好 🇨🇭!" in text
    assert found["streamed"] == found["deltas"] == text
    assert found["events"][0] == "message_start"
    assert found["events"][-2:] == ["message_delta", "message_stop"]
    assert [block["type"] for block in found["final"]["content"]] == ["thinking", "text"]
    assert found["final"]["stop_reason"] == "end_turn"
    assert found["parsed"]["favourite"] == "red"
    assert found["called"] == [{"city": "Zürich"}] * 2
    assert all("It rains." in answer for answer in found["ran"])
    assert 0 < found["tokens"] < 30
    assert "gemini-2.5-flash" in found["models"]
    for name, (kind, status, error_type) in ERRORS.items():
        for way in (name, f"{name} streamed"):
            error = found["errors"][way]
            assert (error["class"], error["status"], error["type"]) == (kind, status, error_type), way
            assert error["requestID"].startswith("req_")
    for name in ("demo-error-mid-stream", "demo-cut-mid-stream"):
        assert found["errors"][name]["type"] == "api_error"
