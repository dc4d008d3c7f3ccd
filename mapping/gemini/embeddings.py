"""Gemini's embeddings: texts in, vectors out. The calls, the forms that Vertex AI takes, and what answers hold.

The public API: `embedContent` for one content, `batchEmbedContents` for several. Vertex AI has the same two for the
models with `gemini` in their names, with the settings in `embedContentConfig`, and `predict` for its older ones. Rules:

* One text is one content of one part: models that take pictures too make one vector of all parts of a content.
* Vertex AI is told not to cut off what is too long for the model; the public API has no member for that.

Sources: the Gemini API reference (v1beta), the Vertex AI API reference ("Text embeddings API"), and what google-genai
3.6 sends to either.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mapping.gemini import payload
from mapping.gemini.errors.upstream_errors import broken
from mapping.notes import Notes
from mapping.values import JSON, GeminiCall

ONE, SEVERAL = "embedContent", "batchEmbedContents"
METHODS = (ONE, SEVERAL)

MOST = 100
"""Contents of one call."""
_MOST_BYTES = 40_000
"""Bytes of the texts of one call of `predict`, which takes 20,000 tokens: more than two bytes are a token."""

_TASKS = frozenset(
    (
        *("RETRIEVAL_QUERY", "RETRIEVAL_DOCUMENT", "SEMANTIC_SIMILARITY", "CLASSIFICATION", "CLUSTERING"),
        *("QUESTION_ANSWERING", "FACT_VERIFICATION", "CODE_RETRIEVAL_QUERY"),
    )
)
_WITHOUT_TASKS = re.compile(r"gemini-embedding-[1-9].*")
_PREDICTING = re.compile(r"(?!.*gemini)(?!demo-).*")

NATIVE = 3072
"""The length of the vectors of the models with `gemini` in their names, if no other is asked for."""


def tasks(model: str) -> frozenset[str]:
    """The values of `taskType` that a model takes; none where the task is said in the text, as Gemini Embedding 2 has
    it."""
    return frozenset() if _WITHOUT_TASKS.fullmatch(model) else _TASKS


# --- calls


def calls(model: str, texts: Sequence[str], settings: JSON, notes: Notes) -> list[GeminiCall]:
    """The calls that embed the texts, in their order. `settings`: members of each `EmbedContentRequest`."""
    return [_call(model, texts[start:end], settings, notes) for start, end in _portions(model, texts)]


def size(call: GeminiCall) -> int:
    """How many vectors a call asks for."""
    assert call.body is not None
    return len(call.body["requests"]) if call.method == SEVERAL else 1


def _call(model: str, texts: Sequence[str], settings: JSON, notes: Notes) -> GeminiCall:
    requests = [{"model": f"models/{model}", "content": {"parts": [{"text": text}]}, **settings} for text in texts]
    if len(requests) == 1:
        return GeminiCall(model, ONE, requests[0], notes=notes)
    return GeminiCall(model, SEVERAL, {"requests": requests}, notes=notes)


def _portions(model: str, texts: Sequence[str]) -> list[tuple[int, int]]:
    """From where to where the texts of each call go."""
    if not _PREDICTING.fullmatch(model):
        return [(start, min(start + MOST, len(texts))) for start in range(0, len(texts), MOST)]
    ends, held, count = [], 0, 0
    for index, text in enumerate(texts):
        length = len(text.encode("utf-8", "replace"))
        if count and (count == MOST or held + length > _MOST_BYTES):
            ends.append(index)
            held, count = 0, 0
        held, count = held + length, count + 1
    return list(zip([0, *ends], [*ends, len(texts)], strict=True))


# --- Vertex AI


def vertex_method(call: GeminiCall) -> str:
    """The method that Vertex AI has for a call of any kind."""
    return "predict" if call.method in METHODS and _PREDICTING.fullmatch(call.model) else call.method


def vertex(body: JSON, notes: Notes) -> JSON:
    """The body of either method for Vertex AI, or of `predict` where the model has that."""
    requests: list[JSON] = body.get("requests", [body])  # a native one may have none: that is for Google to refuse
    if requests and _PREDICTING.fullmatch(str(requests[0].get("model", "")).removeprefix("models/")):
        return _predict(requests)
    made = [
        {
            "content": {"role": "user", **request["content"]},
            "embedContentConfig": {
                **{name: request[name] for name in ("taskType", "title", "outputDimensionality") if name in request},
                "autoTruncate": False,
            },
        }
        for request in requests
    ]
    return {"requests": made} if "requests" in body else made[0]


def _predict(requests: Sequence[JSON]) -> JSON:
    parameters: JSON = {"autoTruncate": False}
    if "outputDimensionality" in requests[0]:
        parameters["outputDimensionality"] = requests[0]["outputDimensionality"]
    instances = []
    for request in requests:
        instance = {"content": "".join(part.get("text", "") for part in request["content"]["parts"])}
        instance |= {
            to: request[name] for name, to in (("taskType", "task_type"), ("title", "title")) if name in request
        }
        instances.append(instance)
    return {"instances": instances, "parameters": parameters}


# --- answers


@dataclass(frozen=True, slots=True)
class Embedded:
    """What one answer holds."""

    vectors: list[array[float]]
    """In the order of the contents."""
    tokens: int | None
    """Of all contents. None: Gemini did not tell."""
    cut: bool
    """Gemini has cut off a content that was too long for the model."""


def read(data: bytes | JSON) -> Embedded:
    """An answer of any of the methods, as it came or parsed. Raises UpstreamError for what holds no vectors."""
    found = payload.responses(data) if isinstance(data, bytes) else payload.unwrap(data)
    answer = found[0] if found else {}
    if "predictions" in answer:
        told = [_object(prediction).get("embeddings") for prediction in _list(answer["predictions"])]
    elif "embeddings" in answer:
        told = _list(answer["embeddings"])
    else:
        told = [answer.get("embedding")]
    embeddings = [_object(one) for one in told]
    vectors = [_vector(one.get("values")) for one in embeddings]
    if not vectors:
        raise broken("The upstream's answer holds no embedding.", code="upstream_empty")
    statistics = [_object(one.get("statistics")) for one in embeddings]
    return Embedded(
        vectors,
        _tokens(_object(answer.get("usageMetadata")), statistics),
        answer.get("truncated") is True or any(one.get("truncated") is True for one in statistics),
    )


def _tokens(usage: JSON, statistics: Sequence[JSON]) -> int | None:
    """The count of the whole, or the sum of those of the contents, if each is told. They may be decimals."""
    whole = _count(usage.get("promptTokenCount"))
    if whole is not None:
        return whole
    counts = [_count(one.get("token_count", one.get("tokenCount"))) for one in statistics]
    return sum(count for count in counts if count is not None) if None not in counts else None


def _count(value: Any) -> int | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return int(value) if is_number and 0 < value < 2**53 else None


def _vector(values: Any) -> array[float]:
    try:
        vector = array("d", values if isinstance(values, list) else ())
    except (TypeError, OverflowError):
        vector = array("d")
    if not vector:
        raise broken("The upstream's answer holds something else than an embedding.", code="upstream_empty")
    return vector


def _object(value: Any) -> JSON:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
