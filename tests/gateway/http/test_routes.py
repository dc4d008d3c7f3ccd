"""addons.gateway.http.routes: which endpoint a path means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.gateway.http import routes
from mapping.faults import Fault

FOUND = [
    # method, path, endpoint, id, unusual
    ("GET", "/", "status", "", False),
    ("HEAD", "/", "status", "", False),
    ("GET", "//", "status", "", False),
    ("GET", "/status.json", "status_json", "", False),
    ("GET", "/healthz", "health", "", False),
    ("GET", "/metrics", "metrics", "", False),
    ("GET", "/v1/models", "models", "", False),
    ("GET", "/v1/models/gemini-2.5-flash", "model", "gemini-2.5-flash", False),
    ("GET", "/v1/models/models%2Fgemini-2.5-flash", "model", "models/gemini-2.5-flash", False),
    ("GET", "/v1/models/google/gemini-2.5-flash", "model", "google/gemini-2.5-flash", False),
    ("POST", "/v1/chat/completions", "chat", "", False),
    ("POST", "/v1/chat/completions/", "chat", "", False),
    ("POST", "/chat/completions", "chat", "", True),
    ("POST", "/v1/v1/chat/completions", "chat", "", True),
    ("POST", "//v1//chat/completions", "chat", "", False),
    ("POST", "/v1/chat/completions/chat/completions", "chat", "", True),
    ("POST", "/v1/responses/chat/completions", "chat", "", True),
    ("POST", "/v1/models/chat/completions", "chat", "", True),
    ("POST", "/v1/embeddings/chat/completions", "chat", "", True),
    ("POST", "/v1/messages/chat/completions", "chat", "", True),
    ("GET", "/v1/models/embeddings", "model", "embeddings", False),
    ("GET", "/v1/models/gpt-4o:free", "model", "gpt-4o:free", False),
    ("GET", "/models", "models", "", True),
    ("GET", "/v1/chat/completions/models", "models", "", True),
    ("GET", "/v1/healthz", "health", "", True),
    ("HEAD", "/healthz", "health", "", False),
    ("POST", "/v1/completions", "completions", "", False),
    ("POST", "/v1/responses", "responses", "", False),
    ("POST", "/v1/chat/completions/responses", "responses", "", True),
    ("POST", "/responses", "responses", "", True),
    ("GET", "/v1/responses/resp_1", "response", "resp_1", False),
    ("DELETE", "/v1/responses/resp_1", "delete_response", "resp_1", False),
    ("GET", "/v1/responses/resp_1/input_items", "input_items", "resp_1", False),
    ("POST", "/v1/responses/resp_1/cancel", "cancel", "resp_1", False),
    ("POST", "/v1/responses/input_tokens", "input_tokens", "", False),
    ("POST", "/v1/responses/compact", "compact", "", False),
    ("POST", "/v1/responses/completions", "completions", "", True),
    ("POST", "/v1/audio/speech", "speech", "", False),
    ("POST", "/v1/audio/transcriptions", "transcriptions", "", False),
    ("POST", "/openai/audio/translations", "translations", "", True),
    ("POST", "/v1/embeddings", "embeddings", "", False),
    ("POST", "/embeddings", "embeddings", "", True),
    ("POST", "/v1/chat/completions/embeddings", "embeddings", "", True),
]


@pytest.mark.parametrize(("method", "path", "name", "id_", "unusual"), FOUND)
def test_found(method: str, path: str, name: str, id_: str, unusual: bool) -> None:
    match = routes.resolve(method, path)
    assert (match.endpoint.name, match.id, match.unusual) == (name, id_, unusual)


@pytest.mark.parametrize(
    ("method", "path", "status", "code", "said"),
    [
        ("POST", "/v1/chat/completion", 404, "unknown_url", "/v1/chat/completions"),
        ("POST", "/v1/models/x:embedContent", 404, "unknown_url", "Use POST /v1/embeddings"),
        ("GET", "/v1/embeddings", 405, "method_not_supported", "POST"),
        ("POST", "/v1/images/variations", 404, "unknown_url", "Use POST /v1/images/edits with a prompt"),
        ("POST", "/v1/messages", 404, "unknown_url", "Use POST /v1/chat/completions"),
        ("POST", "/v1/messages/count_tokens", 404, "unknown_url", "/v1/responses/input_tokens"),
        ("POST", "/v1beta/models/gemini-3.8-flash:generateContent", 404, "unknown_url", "does not serve"),
        ("POST", "/v1/models/x:streamGenerateContent", 404, "unknown_url", "Use POST /v1/chat/completions"),
        ("POST", "/v1/files", 404, "unknown_url", "inside the request"),
        ("POST", "/", 405, "method_not_supported", "takes GET."),
        ("GET", "/v1", 404, "unknown_url", "nearest path is /v1/"),
        ("GET", "/v1/", 404, "unknown_url", "nearest path is /v1/"),
        ("GET", "/v1/v1", 404, "unknown_url", "nearest path is /v1/"),
        ("GET", "/favicon.ico", 404, "unknown_url", "nearest"),
        ("GET", "/v1/chat/completions", 405, "method_not_supported", "POST"),
        ("DELETE", "/v1/models/x", 405, "method_not_supported", "GET"),
        ("PUT", "/v1/responses", 405, "method_not_supported", "GET, POST"),
        ("POST", "/v1/responses/resp_1", 405, "method_not_supported", "DELETE, GET"),
        ("GET", "/v1/responses/resp_1/nothing", 404, "unknown_url", "/v1/responses"),
        ("POST", "/healthz", 405, "method_not_supported", "GET"),
        ("POST", "/somewhere/v1/chat/completions", 404, "unknown_url", "/v1/chat/completions"),
    ],
)
def test_refused(method: str, path: str, status: int, code: str, said: str) -> None:
    with pytest.raises(Fault) as e:
        routes.resolve(method, path)
    assert (e.value.status, e.value.code) == (status, code)
    assert said in e.value.message


@given(st.text(max_size=60))
def test_any_path_is_found_or_refused(path: str) -> None:
    status = 200
    try:
        routes.resolve("POST", "/" + path)
    except Fault as e:
        status = e.status
    assert status in (200, 404, 405)
