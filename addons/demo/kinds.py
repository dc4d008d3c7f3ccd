"""The APIs of Gemini that the demo speaks: the public one, Vertex AI's, and the Cloud Code API's.

* Vertex AI has longer paths, does not know some members of the public API, and wants others that are optional there.
* The Cloud Code API takes what Vertex AI takes, in an envelope that names the model, and wraps its answers. Its
  `countTokens` takes contents without thoughts and nothing else.

Sources: the Vertex AI API reference, what google-genai refuses to send to one API or the other, the open source of the
Gemini CLI, and recorded answers.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from addons.demo.models import DemoModel
from addons.demo.refusal import invalid
from addons.demo.request import proto, rules
from addons.demo.request.proto import JSON

_METHOD = re.compile(
    r"/(v1\w*)/((?:projects/[^/]+/locations/[^/]+/)?publishers/google/)?models/([^/:]+):(\w+)", re.ASCII
)
_INTERNAL = re.compile(r"/(v1internal):(\w+)", re.ASCII)


def _without(message: str, *names: str) -> dict[str, str]:
    return {name: kind for name, kind in proto.MESSAGES[message].items() if name not in names}


_VERTEX_MESSAGES = proto.MESSAGES | {
    "GenerateContentRequest": _without("GenerateContentRequest", "serviceTier", "store"),
    "CountTokensRequest": {
        "model": "string",
        "contents": "[] Content",
        "systemInstruction": "Content",
        "tools": "[] Tool",
        "generationConfig": "GenerationConfig",
    },
    "Part": _without("Part", "toolCall", "toolResponse", "partMetadata"),
    "Tool": _without("Tool", "fileSearch"),
    "ToolConfig": _without("ToolConfig", "includeServerSideToolInvocations"),
    "FunctionResponse": _without("FunctionResponse", "willContinue"),
    "EmbedContentRequest": {"content": "Content", "embedContentConfig": "EmbedContentConfig"},
    "EmbedContentConfig": {
        "taskType": "enum TaskType",
        "title": "string",
        "outputDimensionality": "int32",
        "autoTruncate": "bool",
    },
    "PredictRequest": {"instances": "[] Struct", "parameters": "Struct"},
}
_INTERNAL_MESSAGES = _VERTEX_MESSAGES | {
    "GenerateContentRequest": {**_VERTEX_MESSAGES["GenerateContentRequest"], "sessionId": "string"},
    "GenerateContentEnvelope": {
        "model": "string",
        "project": "string",
        "userPromptId": "string",
        "request": "GenerateContentRequest",
        "enabledCreditTypes": "[] string",
    },
    "CountTokensRequest": {"model": "string", "contents": "[] Content"},
    "CountTokensEnvelope": {"request": "CountTokensRequest"},
}


@dataclass(frozen=True, slots=True)
class DemoKind:
    """One of the APIs: what its requests look like, and what it refuses."""

    dialect: proto.ProtoForm
    bodies: Mapping[str, str] = field(default_factory=dict)
    """Method -> the message that it takes, for those that take no GenerateContentRequest."""
    check: Callable[[JSON, DemoModel], None] = rules.check
    enveloped: bool = False

    def read(self, method: str, body: Any) -> JSON:
        """The request in a body, in canonical form. Raises `Refusal`."""
        message = self.bodies.get(method, "GenerateContentRequest")
        if not self.enveloped:
            return self.dialect.read(message, body)
        request: JSON = self.dialect.read(message.replace("Request", "Envelope"), body).get("request", {})
        if method == "countTokens" and any(
            "thought" in p for c in request.get("contents", ()) for p in c.get("parts", ())
        ):
            raise invalid("Request contains an invalid argument.")
        return request

    def wrap(self, answer: JSON) -> JSON:
        """An answer to `generateContent`, or an event of one, as this API sends it."""
        return {"response": answer, "traceId": secrets.token_hex(8), "metadata": {}} if self.enveloped else answer


@dataclass(frozen=True, slots=True)
class DemoTarget:
    """What a path asks for. `model` is empty where the body names it."""

    kind: DemoKind
    version: str
    model: str
    method: str

    def named(self, body: Any) -> str:
        """The model, without `models/`."""
        if self.model or not isinstance(body, dict):
            return self.model
        request = body.get("request")
        name = body.get("model") or (request.get("model") if isinstance(request, dict) else None)
        return str(name).removeprefix("models/")


def target(path: str) -> DemoTarget | None:
    """The method that a path names; None when it names none."""
    if match := _METHOD.fullmatch(path):
        return DemoTarget(VERTEX if match[2] else PUBLIC, match[1], match[3], match[4])
    match = _INTERNAL.fullmatch(path)
    if match and match[2] in ("generateContent", "streamGenerateContent", "countTokens"):
        return DemoTarget(CODE_ASSIST, match[1], "", match[2])
    return None


def _check_vertex(request: JSON, model: DemoModel) -> None:
    for i, content in enumerate(request.get("contents", ())):
        if "role" not in content:
            raise invalid("Please use a valid role: user, model.")
        for part in content.get("parts", ()):
            if "fileData" in part and not part["fileData"].get("mimeType"):
                raise invalid(f"Unable to submit request because it must have a mimeType: contents[{i}].file_data")
    rules.check(request, model, circulation=False)


_COUNT = {"countTokens": "CountTokensRequest"}
PUBLIC = DemoKind(
    proto.PUBLIC,
    {**_COUNT, "embedContent": "EmbedContentRequest", "batchEmbedContents": "BatchEmbedContentsRequest"},
)
VERTEX = DemoKind(proto.ProtoForm(_VERTEX_MESSAGES), {**PUBLIC.bodies, "predict": "PredictRequest"}, _check_vertex)
CODE_ASSIST = DemoKind(proto.ProtoForm(_INTERNAL_MESSAGES), _COUNT, _check_vertex, enveloped=True)
