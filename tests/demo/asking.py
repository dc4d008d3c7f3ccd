"""Asks the demo upstream over a real socket, and takes its answers apart."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass, field
from typing import Any

from scripts.demo_upstream import DemoServer
from tests.patience import PATIENCE

BUDGET, LEVEL, OLD = "gemini-2.5-flash", "gemini-3.8-flash", "gemini-3.1-pro-preview"
SIGNED = "bWFkZSB1cA=="
DUMMY = "skip_thought_signature_validator"
SYSTEM = {"parts": [{"text": "Be brief."}]}
JSON_MIME = {"responseMimeType": "application/json"}


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def message(self) -> str:
        return str(self.json()["error"]["message"])

    @property
    def events(self) -> list[Any]:
        assert self.body.endswith(b"\r\n\r\n")
        lines = self.body.decode().split("\r\n\r\n")[:-1]
        assert all(line.startswith("data: ") for line in lines)
        return [json.loads(line[6:]) for line in lines]

    @property
    def text(self) -> str:
        return text_of(self.json())


@dataclass
class Upstream:
    """A demo upstream in a thread of its own, with a clock that tests move."""

    demo: DemoServer
    now: list[float] = field(default_factory=lambda: [0.0])

    def send(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.demo.port, timeout=PATIENCE)
        try:
            data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
            connection.request(method, path, data, {"x-goog-api-key": "k1"} if headers is None else headers)
            response = connection.getresponse()
            return Reply(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def post(self, model: str, method: str, body: Any, key: str = "k1") -> Reply:
        return self.send("POST", f"/v1beta/models/{model}:{method}", body, {"x-goog-api-key": key})

    def whole(self, model: str, body: Any, key: str = "k1") -> Reply:
        return self.post(model, "generateContent", body, key)

    def stream(self, model: str, body: Any, key: str = "k1") -> Reply:
        return self.post(model, "streamGenerateContent?alt=sse", body, key)


def user(text: str = "Hello", *parts: Any) -> dict[str, Any]:
    return {"role": "user", "parts": [{"text": text}, *parts]}


def ask(text: str = "Hello", **more: Any) -> dict[str, Any]:
    return {"contents": [user(text)], **more}


def config(**members: Any) -> dict[str, Any]:
    return ask(generationConfig=members)


def tool(name: str = "get_weather", schema: Any = None) -> dict[str, Any]:
    schema = schema or {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    return {"name": name, "parametersJsonSchema": schema}


def tools(*declarations: Any) -> list[Any]:
    return [{"functionDeclarations": list(declarations) or [tool()]}]


def call(name: str = "get_weather", id: str | None = "a", signature: str | None = None) -> dict[str, Any]:
    part: dict[str, Any] = {"functionCall": {"name": name, "args": {}, **({"id": id} if id else {})}}
    return {**part, "thoughtSignature": signature} if signature else part


def result(name: str = "get_weather", id: str | None = "a", response: Any = None) -> dict[str, Any]:
    value = {"name": name, "response": response or {"output": "18 C"}, **({"id": id} if id else {})}
    return {"functionResponse": value}


def model_turn(*parts: Any) -> dict[str, Any]:
    return {"role": "model", "parts": list(parts)}


def user_turn(*parts: Any) -> dict[str, Any]:
    return {"role": "user", "parts": list(parts)}


def parts_of(answer: Any, candidate: int = 0) -> list[Any]:
    return answer["candidates"][candidate].get("content", {}).get("parts", [])


def text_of(answer: Any) -> str:
    return "".join(p["text"] for p in parts_of(answer) if "text" in p and not p.get("thought"))


def check_usage(usage: dict[str, Any]) -> None:
    names = ("promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount", "toolUsePromptTokenCount")
    assert usage["totalTokenCount"] == sum(usage.get(name, 0) for name in names)
    assert usage["promptTokenCount"] == sum(d["tokenCount"] for d in usage["promptTokensDetails"])
