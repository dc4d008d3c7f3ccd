"""The same requests over each kind of upstream: the client sees no difference, and the wire is each upstream's own.

The accounts have API keys here, that of Code Assist too: it takes one only because it has a base URL of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.conftest import start_gateway

if TYPE_CHECKING:
    from tests.e2e.conftest import Answer, Gateway, Starter, Upstream

ACCOUNTS = {
    "gemini": "",
    "vertex": 'upstream = "vertex"\nproject = "my-project"\nlocation = "global"',
    "vertex-express": 'upstream = "vertex"',
    "code-assist": 'upstream = "code-assist"\nproject = "my-project"',
}
PATHS = {
    "gemini": "/v1beta/models/",
    "vertex": "/v1beta1/projects/my-project/locations/global/publishers/google/models/",
    "vertex-express": "/v1beta1/publishers/google/models/",
    "code-assist": "/v1internal:",
}
MODEL = "gemini-3.8-flash"
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def account(kind: str) -> str:
    return f'[[accounts]]\nemail = "{kind}"\napi_key = "key-{kind}"\nbase_url = "UPSTREAM"\n{ACCOUNTS[kind]}\n'


type Gateways = dict[str, Gateway]


@pytest.fixture(scope="module")
def gateways(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateways]:
    """A gateway for each kind, with one account."""
    running = {
        kind: start_gateway(tmp_path_factory.mktemp(kind), account(kind).replace("UPSTREAM", upstream.url))
        for kind in ACCOUNTS
    }
    yield running
    for gateway in running.values():
        gateway.stop()


@pytest.fixture(params=[kind for kind in ACCOUNTS if kind != "gemini"])
def kind(request: pytest.FixtureRequest, upstream: Upstream) -> str:
    upstream.forget()
    return str(request.param)


def seen(value: Any) -> Any:
    """An answer without what is new in each: ids, times, signatures."""
    if isinstance(value, list):
        return [seen(item) for item in value]
    if isinstance(value, dict):
        new = ("id", "created", "extra_content", "thought_signature", "obfuscation")
        return {name: seen(item) for name, item in value.items() if name not in new}
    return value


def same(gateways: Gateways, kind: str, body: Any, path: str = "/v1/chat/completions") -> Answer:
    """The answer over one kind, after a look that it is that of the public API."""
    expected, answer = (gateways[name].call("POST", path, body) for name in ("gemini", kind))
    assert (expected.status, answer.status) == (200, 200), expected.body + answer.body
    if expected.headers["content-type"] == "application/json":
        assert seen(answer.json) == seen(expected.json)
    else:
        assert seen(answer.events) == seen(expected.events)
    return answer


def wire(upstream: Upstream, kind: str) -> Any:
    """The last request as it reached the upstream, out of its envelope."""
    received = upstream.requests[-1]
    assert received.path.startswith(PATHS[kind])
    assert received.headers["x-goog-api-key"] == f"key-{kind}"
    body = received.body
    if kind == "code-assist":
        assert (body["model"], body["project"]) == (MODEL, "my-project")
        body = body["request"]
        assert body.pop("session_id")
    return body


def chat(*messages: Any, **more: Any) -> dict[str, Any]:
    return {"model": MODEL, "messages": list(messages) or [{"role": "user", "content": "Hello!"}], **more}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_chat(gateways: Gateways, upstream: Upstream, kind: str, stream: bool) -> None:
    system = {"role": "system", "content": "Be brief."}
    answer = same(gateways, kind, chat(system, {"role": "user", "content": "Hello!"}, stream=stream))
    assert "Hello!" in answer.body.decode()
    assert wire(upstream, kind) == {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [{"role": "user", "parts": [{"text": "Hello!"}]}],
    }
    assert upstream.requests[-1].path.endswith("streamGenerateContent" if stream else "generateContent")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_tools_over_two_turns(gateways: Gateways, upstream: Upstream, kind: str, stream: bool) -> None:
    question = {"role": "user", "content": "Weather in Paris?"}
    asked = chat(question, tools=[WEATHER], tool_choice="required", stream=stream)
    calls = calls_of(same(gateways, kind, asked), stream)
    assert [call["function"]["name"] for call in calls] == ["get_weather"]
    history = (
        question,
        {"role": "assistant", "content": None, "tool_calls": calls},
        {"role": "tool", "tool_call_id": calls[0]["id"], "content": "18 C"},
    )
    answer = gateways[kind].call("POST", "/v1/chat/completions", chat(*history, tools=[WEATHER], stream=stream))
    assert answer.status == 200, answer.body
    assert "18 C" in answer.body.decode()
    call, result = (content["parts"] for content in wire(upstream, kind)["contents"][1:])
    [made] = [part for part in call if "functionCall" in part]
    assert made["thoughtSignature"]
    assert made["functionCall"]["id"] == result[0]["functionResponse"]["id"]


def calls_of(answer: Answer, stream: bool) -> list[Any]:
    """The tool calls of an answer, without what is not OpenAI's."""
    if not stream:
        found = answer.json["choices"][0]["message"]["tool_calls"]
    else:
        deltas = [event["choices"][0]["delta"] for event in answer.events[:-1] if event["choices"]]
        pieces = [piece for delta in deltas for piece in delta.get("tool_calls", ())]
        found = [piece for piece in pieces if "id" in piece]
        for piece in pieces:
            if "id" not in piece:
                found[piece["index"]]["function"]["arguments"] += piece["function"]["arguments"]
    return [{name: call[name] for name in ("id", "type", "function")} for call in found]


def test_google_search_beside_functions(gateways: Gateways, upstream: Upstream, kind: str) -> None:
    tools = [WEATHER, {"type": "google_search"}]
    same(gateways, kind, chat(tools=tools))
    assert wire(upstream, kind)["toolConfig"] == {"functionCallingConfig": {"mode": "VALIDATED"}}


def test_service_tiers(gateways: Gateways, upstream: Upstream, kind: str) -> None:
    answer = gateways[kind].chat(MODEL, service_tier="flex")
    assert answer.status == 200, answer.body
    assert "serviceTier" not in wire(upstream, kind)
    sent = upstream.requests[-1].headers.get("x-vertex-ai-llm-shared-request-type")
    noted = "service_tier" in answer.headers.get("x-antigravity-notes", "")
    assert (sent, noted) == ((None, True) if kind == "code-assist" else ("flex", False))


def test_an_image_by_its_address(gateways: Gateways, upstream: Upstream, kind: str) -> None:
    image = {"type": "image_url", "image_url": {"url": "https://example.com/picture"}}
    answer = gateways[kind].call("POST", "/v1/chat/completions", chat({"role": "user", "content": [image]}))
    assert answer.status == 200, answer.body
    assert wire(upstream, kind)["contents"][0]["parts"][0]["fileData"]["mimeType"] == "image/jpeg"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_response(gateways: Gateways, kind: str, stream: bool) -> None:
    answer = gateways[kind].call("POST", "/v1/responses", {"model": MODEL, "input": "Hello!", "stream": stream})
    assert answer.status == 200, answer.body
    assert "Hello!" in answer.body.decode()


def test_counting_tokens(gateways: Gateways, kind: str) -> None:
    body = {"model": MODEL, "instructions": "Be brief.", "input": "Hello!"}
    answer = same(gateways, kind, body, "/v1/responses/input_tokens")
    assert answer.json["input_tokens"] > 0


def test_several_choices(gateways: Gateways, upstream: Upstream, kind: str) -> None:
    answer = same(gateways, kind, chat(n=2))
    assert len(answer.json["choices"]) == 2
    assert wire(upstream, kind) == upstream.requests[0].body


def test_images(gateways: Gateways, upstream: Upstream, kind: str) -> None:
    body = {"model": "gemini-3.1-flash-image", "prompt": "A tree", "size": "512x512"}
    assert same(gateways, kind, body, "/v1/images/generations").json["size"] == "512x512"
    sent = upstream.requests[-1]
    assert sent.path.startswith(PATHS[kind])
    config = (sent.body["request"] if kind == "code-assist" else sent.body)["generationConfig"]
    assert config == {"responseModalities": ["IMAGE"], "imageConfig": {"aspectRatio": "1:1", "imageSize": "512"}}


def test_models(gateways: Gateways, kind: str) -> None:
    answer = gateways[kind].call("GET", "/v1/models")
    assert answer.status == 200
    assert "unlisted" in answer.headers["x-antigravity-notes"]
    assert "gemini-2.5-flash" in [model["id"] for model in answer.json["data"]]
    assert gateways[kind].call("GET", f"/v1/models/{MODEL}").json["id"] == MODEL


def test_models_are_asked_of_the_public_api(starter: Starter, upstream: Upstream) -> None:
    gateway = starter(account("vertex") + account("code-assist") + account("gemini"))
    answer = gateway.call("GET", "/v1/models")
    assert "x-antigravity-notes" not in answer.headers
    assert [request.path for request in upstream.requests] == ["/v1beta/models"]
    assert upstream.requests[0].headers["x-goog-api-key"] == "key-gemini"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_one_conversation_over_all_kinds(starter: Starter, upstream: Upstream, stream: bool) -> None:
    gateway = starter("".join(map(account, ACCOUNTS)))
    messages: list[Any] = []
    for turn in range(len(ACCOUNTS)):
        messages.append({"role": "user", "content": f"Weather in city {turn}?"})
        asked = chat(*messages, tools=[WEATHER], tool_choice="required", stream=stream)
        answer = gateway.call("POST", "/v1/chat/completions", asked)
        assert answer.status == 200, answer.body
        calls = calls_of(answer, stream)
        messages.append({"role": "assistant", "content": None, "tool_calls": calls})
        messages += [{"role": "tool", "tool_call_id": call["id"], "content": f"{turn} C"} for call in calls]
        answer = gateway.call("POST", "/v1/chat/completions", chat(*messages, tools=[WEATHER]))
        assert answer.status == 200, answer.body
        assert f"{turn} C" in answer.text
        messages.append({"role": "assistant", "content": answer.text})
    keys = [request.headers["x-goog-api-key"] for request in upstream.requests]
    assert keys == [f"key-{kind}" for kind in ACCOUNTS] * 2


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("last", [kind for kind in ACCOUNTS if kind != "gemini"])
def test_another_kind_saves_the_request(starter: Starter, upstream: Upstream, last: str, stream: bool) -> None:
    gateway = starter(account("gemini") + account(last))
    answer = gateway.chat(f"demo-503-first-{last.replace('-', '')}-{stream}", stream=stream)
    assert answer.status == 200, answer.body
    assert answer.headers["x-account-email"] == last
    assert [request.path.startswith(PATHS[last]) for request in upstream.requests] == [False, True]


def test_faults_of_an_enveloped_stream(gateways: Gateways) -> None:
    answer = gateways["code-assist"].chat("demo-error-mid-stream-envelope", stream=True)
    assert answer.status == 200
    assert set(answer.events[-1]["error"]) == {"message", "type", "param", "code"}
    assert json.loads(gateways["code-assist"].chat("demo-400-all").body)["error"]["type"] == "invalid_request_error"


def test_what_an_account_lacks_is_told(starter: Starter) -> None:
    gateway = starter('[[accounts]]\nemail = "mine"\napi_key = "k"\nupstream = "code-assist"\n')
    answer = gateway.chat(MODEL)
    assert (answer.status, answer.error["code"]) == (503, "no_account")
    assert "takes no api_key" in answer.error["message"]
