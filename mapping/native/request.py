"""A request on one of Gemini's own paths: the JSON value that it is kept as, and what goes up.

Rules of this module:

* What goes up to the public API is what came, byte for byte, but for names of models in it.
* What the gateway looks at, and what the forms for other upstreams are made of, is a copy (`canonical`) with names in
  camelCase and lists where Google takes one element for a list of one: SDKs and people write both.
* Only what is looked at has to be of the right form; everything else is Google's to judge.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, unquote

from mapping import faults, jsonio
from mapping.dialect import Received
from mapping.faults import Fault
from mapping.gemini.models import model_info
from mapping.values import JSON

GENERATE, STREAM, COUNT = "generateContent", "streamGenerateContent", "countTokens"
EMBED, BATCH_EMBED = "embedContent", "batchEmbedContents"
METHODS = (GENERATE, STREAM, COUNT, EMBED, BATCH_EMBED)
PREDICT = "predict"
"""Vertex AI's for older models of embeddings, and for images."""

VERTEX = "vertex"
_PATH = re.compile(r"/models/(.+):\w+/*")
_VERTEX_PATH = "/publishers/"
_PUT_IN = ("model", "alt", "api")
"""What `read` puts into a request."""
_NAMES = ("alt", "$alt")
"""Members of the query that say in which form a stream is wanted."""


class NativeRequest(dict[str, Any]):
    """The value of a request that came just now: its bytes are still there."""

    raw = b""
    """The body, as it came."""
    came: JSON | None = None
    """The same, parsed."""


def read(received: Received) -> NativeRequest:
    """The body, with `model` as the path names it, `"alt": "sse"` where the query says so, and `"api": "vertex"` where
    it is a path of Vertex AI's. Raises Fault.
    """
    named = _PATH.search(received.path)
    body = received.json()
    asked = NativeRequest(body)
    asked.raw, asked.came = received.body, body
    if named:
        asked["model"] = unquote(named[1])
    query = dict(parse_qsl(received.query))
    if any(query.get(name) == "sse" for name in _NAMES):
        asked["alt"] = "sse"
    if _VERTEX_PATH in received.path:
        asked["api"] = VERTEX
    return asked


def without_names(asked: JSON) -> JSON:
    """The body that was sent, without what `read` has put into it, and without the model."""
    return {name: value for name, value in asked.items() if name not in _PUT_IN}


def sent(asked: JSON, method: str, model: str) -> bytes:
    """What goes up: the bytes as they came where they say nothing else than they should."""
    body = without_names(asked)
    if (rename := _RENAMED.get(method)) and asked.get("api") != VERTEX:  # whose bodies name no models
        body = rename(body, f"models/{model}")
    return asked.raw if isinstance(asked, NativeRequest) and asked.came == body else jsonio.dumps(body)


# --- names of models within a body


def _counted(body: JSON, name: str) -> JSON:
    key = next((key for key in ("generateContentRequest", "generate_content_request") if key in body), None)
    inner = body.get(key) if key else None
    return {**body, key: {**inner, "model": name}} if key and isinstance(inner, dict) else body


def _embedded(body: JSON, name: str) -> JSON:
    return {**body, "model": name}


def _all_embedded(body: JSON, name: str) -> JSON:
    requests = body.get("requests")
    if not isinstance(requests, list):
        return body
    return {**body, "requests": [_embedded(one, name) if isinstance(one, dict) else one for one in requests]}


_RENAMED: dict[str, Callable[[JSON, str], JSON]] = {COUNT: _counted, EMBED: _embedded, BATCH_EMBED: _all_embedded}
"""The methods whose bodies name the model, too."""


# --- the form that is looked at

type _Shape = dict[str, tuple[str, bool]]

_SHAPES: dict[str, _Shape] = {
    "Request": {
        "contents": ("Content", True),
        "systemInstruction": ("Content", False),
        "tools": ("Tool", True),
        "toolConfig": ("", False),
        "generationConfig": ("", False),
    },
    "Count": {"contents": ("Content", True), "generateContentRequest": ("Request", False)},
    "Embed": {"content": ("Content", False)},
    "BatchEmbed": {"requests": ("Embed", True)},
    "Content": {"parts": ("Part", True)},
    "Part": {
        "inlineData": ("", False),
        "fileData": ("", False),
        "functionCall": ("", False),
        "functionResponse": ("Response", False),
    },
    "Response": {"parts": ("Part", True)},
    "Tool": {"functionDeclarations": ("", True)},
}
"""A message -> those of its members that are looked into: the message that each is, and whether it is a list."""
_NEEDED: dict[str, JSON] = {
    "Request": {"contents": []},
    "Content": {"parts": []},
    "Embed": {"content": {"parts": []}},
    "BatchEmbed": {"requests": []},
}
"""What is there, empty, where it is left out."""

_MESSAGES = {
    GENERATE: "Request",
    STREAM: "Request",
    COUNT: "Count",
    EMBED: "Embed",
    BATCH_EMBED: "BatchEmbed",
    PREDICT: "",
}


def canonical(asked: JSON, method: str, model: str) -> JSON:
    """The body in one form, for all but the public API; it is a body of the public API, too. Raises Fault."""
    if method in (EMBED, BATCH_EMBED) and not model_info(model).embedding:
        raise Fault(
            400,
            f"models/{model} makes no embeddings, so that {method} is not supported. Use a model that does, such as "
            "gemini-embedding-001.",
            code="invalid_value",
            param="model",
        )
    body = _message(_MESSAGES[method], without_names(asked), "")
    if method == COUNT:
        inner = body.get("generateContentRequest") or {"contents": body.get("contents", [])}
        return {"generateContentRequest": {**inner, "model": f"models/{model}"}}
    if rename := _RENAMED.get(method):
        body = rename(body, f"models/{model}")
    return body


def _message(kind: str, value: Any, path: str) -> JSON:
    if not isinstance(value, dict):
        raise faults.wrong_type(path, "an object", value)
    shape = _SHAPES.get(kind, {})
    made: JSON = {}
    for name, member in value.items():
        if member is None:
            continue
        camel = _camel(name)
        if (known := shape.get(camel)) is None:
            made[camel] = member
            continue
        inner, is_list = known
        where = f"{path}.{name}" if path else name
        if not is_list:
            made[camel] = _message(inner, member, where)
        elif isinstance(member, list):
            made[camel] = [_message(inner, one, f"{where}[{index}]") for index, one in enumerate(member)]
        else:
            made[camel] = [_message(inner, member, where)]
    return {**_NEEDED.get(kind, {}), **made}


def _camel(name: str) -> str:
    """`function_declarations` -> `functionDeclarations`."""
    if "_" not in name:
        return name
    first, *others = name.split("_")
    return first + "".join(other[:1].upper() + other[1:] for other in others)
