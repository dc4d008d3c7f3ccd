"""Whatever the client sends, what comes back is valid in OpenAI's shape, and the gateway lives."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion

from tests.patience import PATIENCE

if TYPE_CHECKING:
    from tests.e2e.conftest import Gateway

ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
PART = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "image_url", "input_audio", "file", "refusal", "x"])},
    optional={"text": ANY, "image_url": ANY | st.fixed_dictionaries({"url": ANY}), "file": ANY},
)
CALL = st.fixed_dictionaries(
    {"id": ANY, "type": st.sampled_from(["function", "custom", None])},
    optional={"function": ANY | st.fixed_dictionaries({"name": ANY, "arguments": ANY})},
)
MESSAGE = st.fixed_dictionaries(
    {"role": st.sampled_from(["system", "developer", "user", "assistant", "tool", "function", "x"])},
    optional={"content": st.text() | st.lists(PART, max_size=3) | ANY, "tool_calls": st.lists(CALL, max_size=2) | ANY,
              "tool_call_id": ANY, "name": ANY},
)  # fmt: skip
TOOL = st.fixed_dictionaries(
    {"type": st.sampled_from(["function", "custom", "google_search", "x"])},
    optional={"function": ANY | st.fixed_dictionaries({"name": st.text(max_size=5)}, optional={"parameters": ANY})},
)
NAMES = ["temperature", "n", "stop", "response_format", "tool_choice", "max_tokens", "reasoning_effort"]
NAMES += ["stream_options", "logit_bias", "google", "modalities"]
BODY = st.fixed_dictionaries(
    {
        "model": st.sampled_from(["gpt-4o", "gemini-3-flash", "gpt-5-mini"]),
        "messages": st.lists(MESSAGE, max_size=5) | ANY,
    },
    optional=dict.fromkeys(NAMES, ANY)
    | {"tools": st.lists(TOOL, max_size=3) | ANY, "stream": st.sampled_from([None, False, True, "x"])},
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=BODY | ANY)
def test_any_json(shared_gateway: Gateway, body: Any) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", shared_gateway.port, timeout=PATIENCE)
    connection.request("POST", "/v1/chat/completions", json.dumps(body), {"Content-Type": "application/json"})
    response = connection.getresponse()
    content = response.read()
    connection.close()
    assert response.headers["x-request-id"]
    assert "gateway_error" not in content.decode()
    if response.headers["content-type"].startswith("text/event-stream"):
        assert b"[DONE]" in content or b'"error"' in content
    elif response.status == 200:
        ChatCompletion.model_validate_json(content)
    else:
        assert set(json.loads(content)["error"]) == {"message", "type", "param", "code"}
        assert response.status in (400, 404)
        # The demo upstream checks requests as Google does; what passes here must pass there.
        assert "X-Account-Email" not in response.headers, (body, content)
