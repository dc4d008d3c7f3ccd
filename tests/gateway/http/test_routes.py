"""addons.gateway.http.routes: which endpoint a path means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.gateway.http import routes
from addons.gateway.http.callers import ANTHROPIC, GEMINI
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
    ("HEAD", "/api/hello", "hello", "", False),
    ("POST", "/v1/messages/count_tokens", "count_tokens", "", False),
    ("POST", "/v1/v1/messages/count_tokens", "count_tokens", "", True),
    ("GET", "/v1/api/hello", "hello", "", True),
    ("POST", "/v1/completions", "completions", "", False),
    ("POST", "/v1/responses", "responses", "", False),
    ("POST", "/v1/chat/completions/responses", "responses", "", True),
    ("POST", "/responses", "responses", "", True),
    ("GET", "/v1/responses/resp_1", "response", "resp_1", False),
    ("DELETE", "/v1/responses/resp_1", "delete_response", "resp_1", False),
    ("GET", "/v1/responses/resp_1/input_items", "input_items", "resp_1", False),
    ("POST", "/v1/responses/resp_1/cancel", "cancel", "resp_1", False),
    ("POST", "/v1/messages", "messages", "", False),
    ("POST", "/v1/v1/messages", "messages", "", True),
    ("POST", "/v1/responses/input_tokens", "input_tokens", "", False),
    ("POST", "/v1/responses/compact", "compact", "", False),
    ("POST", "/v1/responses/completions", "completions", "", True),
    ("POST", "/v1/audio/speech", "speech", "", False),
    ("POST", "/v1/audio/transcriptions", "transcriptions", "", False),
    ("POST", "/openai/audio/translations", "translations", "", True),
    ("POST", "/v1/embeddings", "embeddings", "", False),
    ("POST", "/embeddings", "embeddings", "", True),
    ("POST", "/v1/chat/completions/embeddings", "embeddings", "", True),
    ("POST", "/v1beta/models/gemini-3.8-flash:generateContent", "generateContent", "gemini-3.8-flash", False),
    ("POST", "/v1alpha/models/x:streamGenerateContent", "streamGenerateContent", "x", False),
    ("POST", "/v1/models/x:countTokens", "countTokens", "x", False),
    ("POST", "/v1/models/models%2Fx:embedContent", "embedContent", "models/x", False),
    ("POST", "/v1beta/models/google/x:batchEmbedContents", "batchEmbedContents", "google/x", False),
    ("POST", "/v1beta/v1/models/x:generateContent", "generateContent", "x", True),
    ("POST", "/models/x:generateContent", "generateContent", "x", True),
    ("POST", "/v1beta1/publishers/google/models/x:generateContent", "generateContent", "x", False),
    ("POST", "/v1/projects/p/locations/l/publishers/google/models/x:predict", "predict", "x", False),
    ("POST", "/v1beta1/projects/p/locations/l/publishers/google/models/x:countTokens", "countTokens", "x", False),
    ("POST", "/upload/v1beta/files", "upload", "v1beta", False),
    ("POST", "/upload/v1/files", "upload", "v1", False),
    ("GET", "/v1beta/files", "files", "", False),
    ("GET", "/v1beta/files/a:download", "files", "a:download", False),
    ("DELETE", "/v1alpha/files/a", "files", "a", False),
    ("PATCH", "/v1beta/cachedContents/a", "cachedContents", "a", False),
    ("POST", "/v1/cachedContents", "cachedContents", "", False),
    ("POST", "/v1/interactions/a/cancel", "interactions", "a", False),
    ("GET", "/v1beta/operations/a/b", "operations", "a/b", False),
    ("GET", "/v1beta/models", "gemini_models", "", False),
    ("GET", "/v1alpha/models/x", "gemini_model", "x", False),
    ("GET", "/v1beta/openai/models", "models", "", True),
    ("GET", "/v1beta/openai/models/x", "model", "x", True),
    ("POST", "/v1beta/openai/chat/completions", "chat", "", True),
    ("POST", "/v1beta/chat/completions", "chat", "", True),
]

ASKED = [
    # method, path, who asks, endpoint, dialect of errors
    ("GET", "/v1/models", "", "models", None),
    ("GET", "/v1/models", GEMINI, "gemini_models", "generateContent"),
    ("GET", "/v1/models", ANTHROPIC, "anthropic_models", "messages"),
    ("GET", "/v1beta/models", "", "gemini_models", "generateContent"),
    ("GET", "/v1beta/models", ANTHROPIC, "gemini_models", "generateContent"),
    ("GET", "/v1/models/x", GEMINI, "gemini_model", "generateContent"),
    ("HEAD", "/v1/models/x", ANTHROPIC, "anthropic_model", "messages"),
    ("GET", "/v1beta/v1/models/x", GEMINI, "gemini_model", "generateContent"),
    ("POST", "/v1/chat/completions", GEMINI, "chat", "chat"),
    ("GET", "/v1/files", GEMINI, "files", "generateContent"),
    ("DELETE", "/v1/files/a", GEMINI, "files", "generateContent"),
]


@pytest.mark.parametrize(("method", "path", "asker", "name", "dialect"), ASKED)
def test_who_asks(method: str, path: str, asker: str, name: str, dialect: str | None) -> None:
    assert routes.resolve(method, path, asker).endpoint.name == name
    spoken = routes.dialect_of(method, path, asker)
    assert (spoken.name if spoken else None) == dialect


@pytest.mark.parametrize(
    ("path", "asker", "dialect"),
    [
        ("/v1beta/nothing", "", "generateContent"),
        ("/v1alpha", "", "generateContent"),
        ("/upload/v1/files", "", "generateContent"),
        ("/v1/nothing", GEMINI, "generateContent"),
        ("/v1/nothing", "", None),
        ("/v1beta/openai/nothing", "", None),
        ("/v1beta/models/x", "", "generateContent"),
    ],
)
def test_who_is_told_of_what_is_not_there(path: str, asker: str, dialect: str | None) -> None:
    spoken = routes.dialect_of("POST", path, asker)
    assert (spoken.name if spoken else None) == dialect


@pytest.mark.parametrize(("method", "path", "name", "id_", "unusual"), FOUND)
def test_found(method: str, path: str, name: str, id_: str, unusual: bool) -> None:
    match = routes.resolve(method, path)
    assert (match.endpoint.name, match.id, match.unusual) == (name, id_, unusual)


@pytest.mark.parametrize(
    ("method", "path", "status", "code", "said"),
    [
        ("POST", "/v1/chat/completion", 404, "unknown_url", "/v1/chat/completions"),
        ("GET", "/chat", 404, "unknown_url", "path is /v1/chat/completions."),
        ("GET", "/v1/chat", 404, "unknown_url", "path is /v1/chat/completions."),
        ("POST", "/v1/audio", 404, "unknown_url", "path is /v1/audio/speech."),
        ("POST", "/v1/image/generation", 404, "unknown_url", "path is /v1/images/generations."),
        ("POST", "/generations", 404, "unknown_url", "path is /v1/images/generations."),
        ("GET", "/v1/embeddings", 405, "method_not_supported", "POST"),
        ("POST", "/v1/images/variations", 404, "unknown_url", "Use POST /v1/images/edits with a prompt"),
        ("POST", "/v1/messages/batches", 404, "unknown_url", "Use POST /v1/messages for each"),
        ("POST", "/v1/batches", 404, "unknown_url", "Use POST /v1/chat/completions"),
        ("POST", "/v1beta/models/gemini-3.8-flash:predict", 404, "unknown_url", "does not serve"),
        ("POST", "/v1beta/models/x", 405, "method_not_supported", "takes GET."),
        ("GET", "/v1beta/nothing", 404, "unknown_url", "nearest path is /v1beta/"),
        ("POST", "/v1/files", 404, "unknown_url", "inside the request"),
        ("GET", "/v1/files", 404, "unknown_url", "inside the request"),
        ("GET", "/v1/files/file_1", 404, "unknown_url", "inside the request"),
        ("GET", "/v1/files/file_1/content", 404, "unknown_url", "inside the request"),
        ("DELETE", "/files/file_1", 404, "unknown_url", "inside the request"),
        ("GET", "/v1/messages/batches/msgbatch_1/results", 404, "unknown_url", "Use POST /v1/messages for each"),
        ("POST", "/v1/threads/thread_1/runs", 404, "unknown_url", "Use POST /v1/chat/completions"),
        ("GET", "/v1/skills/skill_1", 404, "unknown_url", "in `system`"),
        ("POST", "/v1/sessions", 404, "unknown_url", "Use POST /v1/messages"),
        ("POST", "/v1/realtime/sessions", 404, "unknown_url", "Use POST /v1/chat/completions"),
        ("GET", "/v1beta/files/../files/x", 404, "unknown_url", "Unknown request URL"),
        ("GET", "/v1beta/files/a%2F..%2Fb", 404, "unknown_url", "Unknown request URL"),
        ("DELETE", "/v1beta/cachedContents/%2e%2e", 404, "unknown_url", "Unknown request URL"),
        ("GET", "/v1beta/operations/.%2E/models/x", 404, "unknown_url", "Unknown request URL"),
        ("POST", "/v1beta/interactions/./cancel", 404, "unknown_url", "Unknown request URL"),
        ("POST", "/v1beta/models/..%2Ffiles:generateContent", 404, "unknown_url", "Unknown request URL"),
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
