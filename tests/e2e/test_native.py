"""Gemini's own paths: google-genai for Python, what goes up and what is kept, faults, replays and cases."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
from collections.abc import AsyncIterable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from google import genai
from google.genai import errors, types
from google.oauth2.credentials import Credentials
from mitmproxy import io as mitm_io
from mitmproxy.contentviews import Metadata
from mitmproxy.http import HTTPFlow

from addons.gateway import views
from addons.gateway.cases import export, files, rerun
from addons.gateway.record.flow_record import CLIENT, record_of
from tests.e2e.conftest import KEYS, TWO_ACCOUNTS, ScriptedUpstream, http_answer, start_gateway
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from tests.e2e.conftest import Answer, Gateway, Starter, Upstream

MODEL = "gemini-3.8-flash"
EMBEDDING = "gemini-embedding-001"
KEY = "the-key-of-the-gateway-5f3a"
STRICT = f'[proxy]\nauth_mode = "strict"\napi_key = "{KEY}"\n[retry]\ncooldown = false\n{TWO_ACCOUNTS}'
WIRES = [(), ("--set", "antigravity_wire=layers")]
ASK = {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}


def path(model: str = MODEL, method: str = "generateContent", version: str = "v1beta") -> str:
    return f"/{version}/models/{model}:{method}"


def client(gateway: Gateway, key: str = "any") -> genai.Client:
    return genai.Client(api_key=key, http_options={"base_url": f"http://127.0.0.1:{gateway.port}"})


def error(answer: Answer) -> dict[str, Any]:
    found = answer.json["error"]
    assert {"code", "message", "status"} <= set(found) <= {"code", "message", "status", "details"}
    assert found["code"] == answer.status
    return dict(found)


# --- google-genai


def test_the_sdk_generates(gateway: Gateway) -> None:
    sdk = client(gateway)
    whole = sdk.models.generate_content(model=MODEL, contents="Hello, 你好 🇨🇭!")
    assert "Hello, 你好 🇨🇭!" in (whole.text or "")
    assert whole.model_version == MODEL
    chunks = list(sdk.models.generate_content_stream(model="gpt-4o", contents="Hello, 你好 🇨🇭!"))
    assert "Hello, 你好 🇨🇭!" in "".join(chunk.text or "" for chunk in chunks)
    assert len(chunks) > 2
    config = types.GenerateContentConfig(response_mime_type="application/json", response_schema=list[str])
    assert isinstance(sdk.models.generate_content(model=MODEL, contents="Hi", config=config).parsed, list)


def test_the_sdk_counts_and_embeds(gateway: Gateway, upstream: Upstream) -> None:
    sdk = client(gateway)
    assert (sdk.models.count_tokens(model=MODEL, contents="Hello").total_tokens or 0) > 0
    found = sdk.models.embed_content(model="text-embedding-3-small", contents=["a", "b"]).embeddings or []
    assert len(found) == 2
    assert found[0].values != found[1].values
    sent = upstream.requests[-1]
    assert sent.path == f"/v1beta/{sent.body['requests'][0]['model']}:batchEmbedContents"


def test_the_sdk_lists_models(gateway: Gateway) -> None:
    sdk = client(gateway)
    names = [model.name for model in sdk.models.list(config={"page_size": 2})]
    assert f"models/{MODEL}" in names
    assert len(names) == len(set(names)) > 4
    found = sdk.models.get(model=MODEL)
    assert (found.name, found.thinking) == (f"models/{MODEL}", True)
    with pytest.raises(errors.ClientError) as e:
        sdk.models.get(model="no-such")
    assert (e.value.code, e.value.status) == (404, "NOT_FOUND")


def test_the_sdk_calls_functions_and_chats(gateway: Gateway) -> None:
    called = []

    def add(a: int, b: int) -> int:
        """Adds."""
        called.append((a, b))
        return a + b

    sdk = client(gateway)
    config = types.GenerateContentConfig(tools=[add])
    answer = sdk.models.generate_content(model=MODEL, contents='call add {"a": 1, "b": 2}', config=config)
    assert called == [(1, 2)]
    assert "3" in (answer.text or "")
    chat = sdk.chats.create(model=MODEL)
    for text in ("first", "second"):
        assert text in "".join(chunk.text or "" for chunk in chat.send_message_stream(text))
    assert next(content.role for content in chat.get_history()) == "user"


def said(chunks: Iterable[types.GenerateContentResponse]) -> str:
    return "".join(part.text or "" for chunk in chunks for part in chunk.parts or [] if not part.thought)


async def said_later(chunks: AsyncIterable[types.GenerateContentResponse]) -> str:
    return said([chunk async for chunk in chunks])


@pytest.mark.parametrize("model", ["gemini-2.5-flash", MODEL])
@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ('call add {"a": 1, "b": 2}', [("add", 1, 2)]),
        ('call add {"a": 1, "b": 2} then call double {"a": 4}', [("add", 1, 2), ("double", 4)]),
        ("In parallel: add and double", [("add", 1, 1), ("double", 1)]),
    ],
    ids=["one", "steps", "parallel"],
)
def test_the_sdk_calls_functions_by_itself(
    gateway: Gateway, model: str, prompt: str, expected: list[tuple[Any, ...]]
) -> None:
    """Automatic function calling: whole, streamed, in chats; the last also asynchronously. A stream is sent back in as
    many contents as it had events."""
    called: list[tuple[Any, ...]] = []

    def add(a: int, b: int) -> int:
        """Adds."""
        called.append(("add", a, b))
        return a + b

    def double(a: int) -> dict[str, int]:
        """Doubles."""
        called.append(("double", a))
        return {"twice": 2 * a}

    thinking = types.ThinkingConfig(include_thoughts=True)
    config = types.GenerateContentConfig(tools=[add, double], thinking_config=thinking)
    sdk = client(gateway)
    plain = {"model": model, "contents": prompt, "config": config}

    async def later() -> list[str]:
        own = client(gateway).aio
        async with own:
            chat, streaming = (own.chats.create(model=model, config=config) for _ in range(2))
            return [
                said([await own.models.generate_content(**plain)]),
                await said_later(await own.models.generate_content_stream(**plain)),
                *[said([await chat.send_message(prompt)]) for _ in range(2)],
                *[await said_later(await streaming.send_message_stream(prompt)) for _ in range(2)],
            ]

    chat, streaming = (sdk.chats.create(model=model, config=config) for _ in range(2))
    texts = [
        said([sdk.models.generate_content(**plain)]),
        said(sdk.models.generate_content_stream(**plain)),
        *[said([chat.send_message(prompt)]) for _ in range(2)],
        *[said(streaming.send_message_stream(prompt)) for _ in range(2)],
        *asyncio.run(later()),
    ]
    last = {"add": "add: ", "double": "double: "}[expected[-1][0]]
    assert [text for text in texts if last not in text] == []
    assert called == expected * len(texts)


FAULTS = [
    # model, streamed, code, status
    ("demo-503-all", True, 503, "UNAVAILABLE"),
    ("demo-429-all", False, 429, "RESOURCE_EXHAUSTED"),
    ("demo-400", True, 400, "INVALID_ARGUMENT"),
    ("demo-404", False, 404, "NOT_FOUND"),
    ("no-such-model", True, 404, "NOT_FOUND"),
    ("demo-error-first-event-all", True, 503, "UNAVAILABLE"),
    ("demo-error-mid-stream", True, 500, "INTERNAL"),
    ("demo-cut-mid-stream", True, 502, "UNAVAILABLE"),
    ("demo-end-without-finish", True, 500, "INTERNAL"),
]


@pytest.mark.parametrize(("model", "streamed", "code", "status"), FAULTS)
def test_the_sdk_raises(gateway: Gateway, model: str, streamed: bool, code: int, status: str) -> None:
    sdk = client(gateway)  # one that nobody holds is closed

    def ask() -> Any:
        if streamed:
            return list(sdk.models.generate_content_stream(model=model, contents="Hi"))
        return sdk.models.generate_content(model=model, contents="Hi")

    with pytest.raises(errors.APIError) as e:
        ask()
    assert (e.value.code, e.value.status) == (code, status)


@pytest.mark.parametrize("model", ["demo-429-first-native", "demo-503-first-native", "demo-cut-first-first-native"])
def test_another_account_answers(gateway: Gateway, upstream: Upstream, model: str) -> None:
    sdk = client(gateway)
    chunks = list(sdk.models.generate_content_stream(model=model, contents="Hello"))
    assert "Hello" in "".join(chunk.text or "" for chunk in chunks)
    assert len({request.headers["x-goog-api-key"] for request in upstream.requests}) == 2


# --- what goes up, and what comes down


def test_bodies_pass_through(gateway: Gateway, upstream: Upstream) -> None:
    body = {**ASK, "generation_config": {"thinking_config": {"thinking_budget": 0}}, "safety_settings": []}
    assert gateway.call("POST", path("gemini-2.5-flash"), body).status == 200
    assert upstream.requests[-1].body == body


def test_versions_and_names(gateway: Gateway, upstream: Upstream) -> None:
    for version in ("v1", "v1alpha", "v1beta"):
        answer = gateway.call("POST", path(version=version), ASK)
        assert (answer.status, answer.headers["x-mapped-model"]) == (200, MODEL)
    assert {request.path for request in upstream.requests} == {path()}
    assert gateway.call("POST", path("models%2Fgpt-4o"), ASK).headers["x-mapped-model"].startswith("gemini-")


@pytest.mark.parametrize("wire", WIRES)
def test_streams_hold_nothing_but_chunks(starter: Starter, wire: tuple[str, ...]) -> None:
    gateway = starter("[proxy]\nkeep_alive = '10ms'\n" + TWO_ACCOUNTS, *wire)
    stream = path("demo-silent-0.1", "streamGenerateContent")
    answer = gateway.call("POST", f"{stream}?alt=sse", ASK)
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = answer.body.split(b"\n\n")
    assert events.pop() == b""
    assert all(event.startswith(b"data: {") and b"\n" not in event for event in events)
    answer = gateway.call("POST", stream, ASK)
    assert answer.headers["content-type"].startswith("application/json")
    assert len(answer.json) == len(events)
    assert answer.json[-1]["candidates"][0]["finishReason"] == "STOP"


def raw(gateway: Gateway, target: str) -> bytes:
    """All bytes of an answer, to the end of the connection."""
    data = json.dumps(ASK).encode()
    head = f"POST {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(data)}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", gateway.port), PATIENCE) as connection:
        connection.sendall(head + data)
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize("wire", WIRES)
def test_a_stream_that_fails_has_no_clean_end(starter: Starter, wire: tuple[str, ...]) -> None:
    gateway = starter("[retry]\ncooldown = false\n" + TWO_ACCOUNTS, *wire)
    for model in ("demo-error-mid-stream", "demo-cut-mid-stream"):
        for query, end in (("?alt=sse", b"}}\n\n\r\n"), ("", b"}}]\r\n")):
            answer = raw(gateway, path(model, "streamGenerateContent") + query)
            assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
            assert b'"error":{"code":50' in answer
            assert answer.endswith(end)
    with pytest.raises(http.client.IncompleteRead):
        gateway.call("POST", path("demo-error-mid-stream", "streamGenerateContent"), ASK)


def test_the_gateways_own_errors(gateway: Gateway, starter: Starter) -> None:
    for body, place in ((b"{", None), ({"contents": "x"}, "contents")):
        found = error(gateway.call("POST", path(), body))
        assert found["status"] == "INVALID_ARGUMENT"
        told = [detail for detail in found.get("details", ()) if detail["@type"].endswith("BadRequest")]
        assert [violation["field"] for detail in told for violation in detail["fieldViolations"]] == [place] * bool(
            place
        )
    assert error(gateway.call("POST", path(method="embedContent"), {"content": {}}))["status"] == "INVALID_ARGUMENT"
    assert error(gateway.call("POST", "/v1beta/corpora", {}))["status"] == "NOT_FOUND"
    assert error(gateway.call("GET", "/v1/nothing", headers={"x-goog-api-client": "x"}))["status"] == "NOT_FOUND"
    assert error(starter(STRICT).call("POST", path(), ASK))["status"] == "UNAUTHENTICATED"


def test_who_asks_for_the_models(gateway: Gateway) -> None:
    def listed(**headers: str) -> Any:
        return gateway.call("GET", "/v1/models", headers={name.replace("_", "-"): v for name, v in headers.items()})

    assert listed().json["object"] == "list"
    assert set(listed(x_goog_api_key="k").json) <= {"models", "nextPageToken"}
    assert listed(x_goog_api_client="google-genai-sdk/3.6.1").json["models"][0]["name"].startswith("models/")
    anthropic = listed(anthropic_version="2023-06-01").json
    assert set(anthropic) == {"data", "has_more", "first_id", "last_id"}
    assert {entry["type"] for entry in anthropic["data"]} == {"model"}
    assert "models" in gateway.call("GET", "/v1/models?client_version=0.171.0").json  # Codex
    assert gateway.call("GET", "/v1/models?key=k").json["models"]
    one = gateway.call("GET", f"/v1/models/{MODEL}", headers={"anthropic-version": "2023-06-01"}).json
    assert (one["type"], one["id"]) == ("model", MODEL)
    for odd in ("odd!", "LTE="):  # the second says -1
        assert gateway.call("GET", f"/v1beta/models?pageToken={odd}").status == 400
    assert gateway.call("GET", "/v1beta/models?pageSize=-1").status == 400


def test_names_that_are_not_mapped(starter: Starter, upstream: Upstream) -> None:
    mapping = f'[models]\nmap_gemini_paths = false\n[models.mapping]\n"{MODEL}" = "gemini-2.5-flash"\n'
    gateway = starter(mapping + TWO_ACCOUNTS)
    assert gateway.call("POST", path(), ASK).headers["x-mapped-model"] == MODEL
    assert gateway.chat(MODEL).headers["x-mapped-model"] == "gemini-2.5-flash"
    assert error(gateway.call("POST", path("gpt-4o"), ASK))["status"] == "NOT_FOUND"
    assert upstream.requests[-1].path == path("gpt-4o")
    assert error(gateway.call("POST", path("a%20b"), ASK))["status"] == "INVALID_ARGUMENT"


VERTEX = """
[[accounts]]
email = "vertex@example.com"
upstream = "vertex"
access_token = "token-vertex"
project = "p"
location = "global"
base_url = "UPSTREAM"
"""
CODE_ASSIST = """
[[accounts]]
email = "assist@example.com"
upstream = "code-assist"
access_token = "token-assist"
base_url = "UPSTREAM"
"""


@pytest.mark.parametrize("account", [VERTEX, CODE_ASSIST])
def test_other_upstreams(starter: Starter, account: str) -> None:
    gateway = starter(account)
    body = {
        "contents": {"parts": {"text": "Hello"}},
        "system_instruction": {"parts": {"text": "Be brief."}},
        "generation_config": {"temperature": 0.5},
        "serviceTier": "flex",
    }
    whole = gateway.call("POST", path("gemini-2.5-flash"), body)
    assert (whole.status, "candidates" in whole.json) == (200, True)
    streamed = gateway.call("POST", path("gemini-2.5-flash", "streamGenerateContent"), body)
    assert [set(chunk) & {"response", "candidates"} for chunk in streamed.json] == [{"candidates"}] * len(streamed.json)
    assert gateway.call("POST", path(method="countTokens"), {"contents": ASK["contents"]}).json["totalTokens"] > 0
    batch = {"requests": [{"model": f"models/{EMBEDDING}", "content": {"parts": {"text": text}}} for text in "ab"]}
    embedded = gateway.call("POST", path(EMBEDDING, "batchEmbedContents"), batch)
    if account is VERTEX:
        assert len(embedded.json["embeddings"]) == 2
    else:
        assert "code-assist accounts have no embeddings" in error(embedded)["message"]


def test_vertex_form(starter: Starter, upstream: Upstream) -> None:
    gateway = starter(TWO_ACCOUNTS + VERTEX)
    credentials = Credentials(token="the-clients-own-token")
    sdk = genai.Client(
        vertexai=True,
        project="theirs",
        location="europe-west4",
        credentials=credentials,
        http_options={"base_url": f"http://127.0.0.1:{gateway.port}"},
    )
    upstream.forget()
    assert "Hello" in (sdk.models.generate_content(model=MODEL, contents="Hello").text or "")
    chunks = list(sdk.models.generate_content_stream(model="gpt-4o", contents="Hello"))
    assert "Hello" in "".join(chunk.text or "" for chunk in chunks)
    assert (sdk.models.count_tokens(model=MODEL, contents="Hello").total_tokens or 0) > 0
    for model in (EMBEDDING, "text-embedding-005"):
        assert sdk.models.embed_content(model=model, contents="a").embeddings
    place = "/v1beta1/projects/p/locations/global/publishers/google/models/"
    assert all(request.path.startswith(place) for request in upstream.requests)
    assert {request.headers["authorization"] for request in upstream.requests} == {"Bearer token-vertex"}
    answer = starter(TWO_ACCOUNTS).call("POST", f"/v1beta1/publishers/google/models/{MODEL}:generateContent", ASK)
    assert (answer.status, "Vertex AI" in error(answer)["message"]) == (503, True)


def test_an_answer_is_the_bytes_that_came(starter: Starter) -> None:
    odd = b'{ "candidates": [ {"finishReason": "STOP", "new": 1.0} ] }\n'
    scripted = ScriptedUpstream(http_answer(odd))
    gateway = starter(TWO_ACCOUNTS.replace("UPSTREAM", scripted.url))
    assert gateway.call("POST", path(), ASK).body == odd
    scripted.close()


# --- the client's key, and the record


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(
    ("query", "headers"),
    [
        (f"?key={KEY}&alt=sse", {}),
        ("?alt=sse", {"x-goog-api-key": KEY}),
        ("?alt=sse", {"Authorization": f"Bearer {KEY}"}),
        (f"?alt=sse&key={KEY}", {"x-goog-api-key": "another"}),
    ],
)
def test_the_clients_key(
    starter: Starter, upstream: Upstream, wire: tuple[str, ...], query: str, headers: dict[str, str]
) -> None:
    gateway = starter(STRICT, "-w", "saved.flow", *wire)
    answer = gateway.call("POST", path(method="streamGenerateContent") + query, ASK, headers=headers)
    assert answer.status == 200
    assert gateway.call("GET", f"/v1/models{query}", headers=headers).status == 200
    for request in upstream.requests:
        assert KEY not in f"{request.headers}{request.query}{request.path}"
    gateway.stop()
    assert KEY.encode() not in (gateway.folder / "saved.flow").read_bytes()
    assert KEY not in gateway.log


def flows(file: Path) -> list[HTTPFlow]:
    with file.open("rb") as data:
        return [flow for flow in mitm_io.FlowReader(data).stream() if isinstance(flow, HTTPFlow)]


RECORDED: list[tuple[str, Any]] = [
    (path(), ASK),
    (path(method="streamGenerateContent") + "?alt=sse", ASK),
    (path("gpt-4o", "streamGenerateContent"), {"contents": {"parts": {"text": "Hello"}}}),
    (path("demo-503-first-recorded"), ASK),
    (path("demo-429-all-recorded"), ASK),
    (path("demo-429-day-all-recorded"), ASK),
    (path("demo-400"), ASK),
    (path("demo-503-all-recorded", "streamGenerateContent"), ASK),
    (path(method="countTokens"), {"contents": ASK["contents"]}),
    (path(EMBEDDING, "embedContent"), {"content": {"parts": [{"text": "a"}]}}),
    (path("text-embedding-3-small", "batchEmbedContents"), {"requests": [{"content": {"parts": [{"text": "a"}]}}]}),
]
BROKEN = [path("demo-error-mid-stream", "streamGenerateContent"), path("demo-cut-mid-stream", "streamGenerateContent")]


@pytest.fixture(scope="module")
def recorded(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Answer]]:
    folder = tmp_path_factory.mktemp("native")
    settings = TWO_ACCOUNTS.replace("UPSTREAM", upstream.url)
    gateway = start_gateway(folder, "[retry]\ncooldown = false\n" + settings, "-w", "saved.flow")
    answers = [gateway.call("POST", target, body) for target, body in RECORDED]
    for target in BROKEN:
        with pytest.raises(http.client.IncompleteRead):
            gateway.call("POST", target, ASK)
        raw(gateway, target + "?alt=sse")
    gateway.stop()
    return folder / "saved.flow", answers


def test_it_is_replayed(recorded: tuple[Path, list[Answer]], starter: Starter, upstream: Upstream) -> None:
    upstream.forget()
    gateway = starter("[retry]\ncooldown = false\n" + TWO_ACCOUNTS, "-S", str(recorded[0]))
    for (target, body), before in zip(RECORDED, recorded[1], strict=True):
        answer = gateway.call("POST", target, body)
        assert (answer.status, answer.body) == (before.status, before.body)
    assert upstream.requests == []


@pytest.mark.parametrize("mask", [False, True])
def test_it_makes_cases(recorded: tuple[Path, list[Answer]], tmp_path: Path, mask: bool) -> None:
    groups = export.by_exchange(flows(recorded[0]))
    assert len(groups) == len(RECORDED) + 2 * len(BROKEN)
    for number, group in enumerate(groups.values()):
        case = files.read(export.export(group, tmp_path / str(number), mask=mask))
        assert rerun.differences(case, rerun.rerun(case)) == []
    if mask:
        written = [file for file in tmp_path.rglob("*") if file.is_file()]
        assert not [file for file in written if b"Hello" in file.read_bytes()]


def test_no_key_of_an_account_comes_down(recorded: tuple[Path, list[Answer]]) -> None:
    assert not [key for key in KEYS if key.encode() in recorded[0].read_bytes()]


def test_it_is_counted(gateway: Gateway) -> None:
    gateway.call("POST", path(method="streamGenerateContent"), ASK)
    assert 'endpoint="streamGenerateContent"' in gateway.call("GET", "/metrics").body.decode()


def test_it_is_shown(recorded: tuple[Path, list[Answer]]) -> None:
    clients = [flow for flow in flows(recorded[0]) if record_of(flow).get("side") == CLIENT]
    view = views.VIEWS[0]
    shown = []
    for flow in clients:
        for message in (flow.request, flow.response):
            assert message is not None
            about = Metadata(flow=flow, http_message=message)
            assert view.render_priority(message.raw_content or b"", about) > 0
            shown.append(view.prettify(message.raw_content or b"", about))
    assert shown[0].count("Hello") >= 1
    assert "This is the demo upstream" in shown[1]
    assert "── events ──" in shown[3]
    assert "── events ──" in shown[5]
    assert "cut off here" not in "".join(shown)
