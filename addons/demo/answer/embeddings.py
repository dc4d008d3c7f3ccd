"""The demo's embeddings: a vector of its own for each text, in the forms of the public API and of Vertex AI.

* What is too long for the model is cut off; Vertex AI refuses it where it is told not to cut.
* The public API tells the tokens of one content and not those of a batch; Vertex AI tells those of each.

Sources: the Gemini API reference, the Vertex AI API reference ("Text embeddings API"), and recorded answers.
"""

from __future__ import annotations

from collections.abc import Callable

from addons.demo.answer import media
from addons.demo.answer.answer import count_prompt
from addons.demo.refusal import invalid
from addons.demo.request import rules
from addons.demo.request.proto import JSON
from mapping.gemini.catalogue import BY_NAME

BATCH = 100
_PREDICTED = 250
_PREDICTED_TOKENS = 20_000
_LIMIT = 2048
"""Tokens of a content, for models that nothing is known of."""
_CHARACTERS = 4
"""Of a token, as the demo counts."""
_INSTANCE = frozenset({"content", "task_type", "title", "mimeType"})
_PARAMETERS = frozenset({"outputDimensionality", "autoTruncate"})


def embed(method: str, body: JSON, name: str, *, vertex: bool) -> JSON:
    """The answer to a request in canonical form. Raises `Refusal`."""
    return (_VERTEX if vertex else _PUBLIC)[method](body, name)


# --- the public API


def _one(body: JSON, name: str) -> JSON:
    rules.check_embed(body, name)
    return {"embedding": {"values": _values(body, name)}, "usageMetadata": {"promptTokenCount": _tokens(body)}}


def _several(body: JSON, name: str) -> JSON:
    requests = _batch(body)
    for index, request in enumerate(requests):
        rules.check_embed(request, name, index)
    return {"embeddings": [{"values": _values(request, name)} for request in requests]}


def _batch(body: JSON) -> list[JSON]:
    requests: list[JSON] = body.get("requests", [])
    if not requests:
        raise invalid("* BatchEmbedContentsRequest.requests: at least one request is needed\n")
    if len(requests) > BATCH:
        raise invalid(f"* BatchEmbedContentsRequest.requests: at most {BATCH} requests can be in one batch\n")
    return requests


# --- Vertex AI


def _vertex_one(body: JSON, name: str) -> JSON:
    request = _flat(body, name)
    rules.check_embed(request, name)
    tokens, truncated = _fitting(request, name)
    return {
        "embedding": {"values": _values(request, name)},
        "usageMetadata": {"promptTokenCount": tokens, "totalTokenCount": tokens},
        "truncated": truncated,
    }


def _vertex_several(body: JSON, name: str) -> JSON:
    requests = [_flat(request, name) for request in _batch(body)]
    for index, request in enumerate(requests):
        rules.check_embed(request, name, index)
    return {"embeddings": [_told(request, name, "tokenCount") for request in requests]}


def _predict(body: JSON, name: str) -> JSON:
    instances, parameters = body.get("instances", []), body.get("parameters", {})
    if not 1 <= len(instances) <= _PREDICTED:
        raise invalid(f"{len(instances)} instance(s) were given; 1 to {_PREDICTED} are allowed per prediction.")
    if strange := {*parameters} - _PARAMETERS | {name for instance in instances for name in {*instance} - _INSTANCE}:
        raise invalid(f"Invalid parameters: {', '.join(sorted(strange))}")
    requests = []
    for instance in instances:
        if not isinstance(instance.get("content"), str) or not instance["content"]:
            raise invalid("The text content is empty.")
        requests.append({"content": {"parts": [{"text": instance["content"]}]}, **parameters})
    tokens = sum(min(_tokens(request), _limit(name)) for request in requests)
    if tokens > _PREDICTED_TOKENS:
        raise invalid(
            f"Unable to submit request because the input token count is {tokens} but the model supports up to "
            f"{_PREDICTED_TOKENS}. Reduce the input token count and try again."
        )
    return {"predictions": [{"embeddings": _told(request, name, "token_count")} for request in requests]}


def _flat(request: JSON, name: str) -> JSON:
    """The settings beside the content, as in the public API."""
    return {
        "model": f"models/{name}",
        "content": request.get("content", {}),
        **request.get("embedContentConfig", {}),
    }


def _told(request: JSON, name: str, count: str) -> JSON:
    tokens, truncated = _fitting(request, name)
    return {"values": _values(request, name), "statistics": {count: tokens, "truncated": truncated}}


def _fitting(request: JSON, name: str) -> tuple[int, bool]:
    """The tokens that are read, and whether there were more. Raises `Refusal` where nothing may be cut off."""
    tokens, limit = _tokens(request), _limit(name)
    if tokens > limit and request.get("autoTruncate", True) is False:
        raise invalid(
            f"Unable to submit request because the input token count is {tokens} but the model supports up to {limit}. "
            "Reduce the input token count and try again."
        )
    return min(tokens, limit), tokens > limit


# --- both


def _limit(name: str) -> int:
    known = BY_NAME.get(name)
    return known.inputs if known else _LIMIT


def _tokens(request: JSON) -> int:
    return sum(count_prompt({"contents": [request["content"]]}).values())


def _values(request: JSON, name: str) -> list[float]:
    text = "\n".join(part.get("text", "") for part in request["content"]["parts"])
    return media.vector(text[: _limit(name) * _CHARACTERS], request.get("outputDimensionality", media.DIMENSIONS))


_PUBLIC: dict[str, Callable[[JSON, str], JSON]] = {"embedContent": _one, "batchEmbedContents": _several}
_VERTEX: dict[str, Callable[[JSON, str], JSON]] = {
    "embedContent": _vertex_one,
    "batchEmbedContents": _vertex_several,
    "predict": _predict,
}
METHODS = frozenset(_VERTEX)
