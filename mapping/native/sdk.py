"""How programs make requests of Gemini's own API, with Google's SDKs. See `mapping.inspect.code.calls`.

The SDKs take a request apart: what is beside the contents goes into a `config`, that of `generationConfig` too. What
the SDKs have no name for goes by `extraBody`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, override

from mapping.faults import Fault
from mapping.inspect.code.calls import AnswerUse, Kit, Sdk, SdkCall
from mapping.inspect.code.literals import Base64
from mapping.inspect.transcript import elements, members
from mapping.native.request import BATCH_EMBED, COUNT, EMBED, GENERATE, PREDICT, STREAM, canonical, without_names
from mapping.values import JSON

_KIT = Kit(
    python="google-genai",
    python_import="from google import genai",
    python_client='genai.Client(api_key={key}, http_options={{"base_url": "{url}"}})',
    javascript="@google/genai",
    javascript_import='import { GoogleGenAI } from "@google/genai";',
    javascript_client='new GoogleGenAI({{ apiKey: {key}, httpOptions: {{ baseUrl: "{url}" }} }})',
)
_WHOLE = AnswerUse(
    ("print(answer.model_dump_json(indent=2, exclude_none=True))",),
    ("console.log(JSON.stringify(answer, null, 2));",),
)
_EVENTS = AnswerUse(
    ("for chunk in answer:", "    print(chunk.model_dump_json(exclude_none=True))"),
    ("for await (const chunk of answer) console.log(JSON.stringify(chunk));",),
)
_BESIDE = frozenset(("systemInstruction", "tools", "toolConfig", "safetySettings", "cachedContent", "serviceTier"))
"""Members of a request that are in the SDKs' config."""
_GENERATION = frozenset(
    (
        *("temperature", "topP", "topK", "candidateCount", "maxOutputTokens", "stopSequences", "responseLogprobs"),
        *("logprobs", "presencePenalty", "frequencyPenalty", "seed", "responseMimeType", "responseSchema"),
        *("responseModalities", "mediaResolution", "speechConfig", "thinkingConfig", "responseJsonSchema"),
        *("imageConfig",),
    )
)
"""Members of `generationConfig` that are."""
_EMBEDDING = frozenset(("taskType", "title", "outputDimensionality"))
_BYTES = frozenset(("data", "thoughtSignature", "thought_signature"))
"""Members of parts that are bytes for Python."""
_FREE = frozenset(("args", "response"))
"""Members of parts whose own members mean nothing here."""


@dataclass(frozen=True, slots=True)
class _Method:
    python: str
    javascript: str
    read: Callable[[JSON, str], tuple[Any, JSON] | None]
    """The contents, and the config, of a request (in one form, see `canonical`) for a model; None: the SDKs can't."""
    result: AnswerUse = _WHOLE


class NativeSdk(Sdk):
    """A method of a model; None: the SDKs have none for it."""

    key_field = ("x-goog-api-key", "")

    def __init__(self, method: _Method | None = None) -> None:
        self._method = method

    @override
    def wire(self, request: JSON) -> JSON:
        return without_names(request)

    @override
    def call(self, request: JSON, fields: Mapping[str, str], /) -> SdkCall | None:
        method, model = self._method, request.get("model")
        if method is None or "api" in request or not isinstance(model, str):
            return None
        read = method.read(request, model)
        if read is None or not read[0]:
            return None
        contents, config = read
        arguments = {"model": model, "contents": contents, **({"config": config} if config else {})}
        return SdkCall(_KIT, method.python, method.javascript, _as_python(arguments), arguments, method.result)


def _generate(request: JSON, model: str) -> tuple[Any, JSON] | None:
    try:
        body = canonical(request, GENERATE, model)
    except Fault:
        return None
    generation = members(body.get("generationConfig"))
    config = {name: value for name, value in body.items() if name in _BESIDE}
    config |= {name: value for name, value in generation.items() if name in _GENERATION}
    further = {name: value for name, value in body.items() if name not in _BESIDE | {"contents", "generationConfig"}}
    if unknown := {name: value for name, value in generation.items() if name not in _GENERATION}:
        further["generationConfig"] = unknown
    if further:
        config["httpOptions"] = {"extraBody": further}
    return body.get("contents"), config


def _count(request: JSON, model: str) -> tuple[Any, JSON] | None:
    """Only of contents: the SDKs count no whole request."""
    found = _generate(request, model)
    return None if found is None or found[1] else found


def _embed(request: JSON, model: str) -> tuple[Any, JSON] | None:
    return _all_embedded([request])


def _batch(request: JSON, model: str) -> tuple[Any, JSON] | None:
    return _all_embedded(elements(request.get("requests")))


def _all_embedded(requests: list[Any]) -> tuple[Any, JSON] | None:
    """Several contents, all with the same config."""
    told = [{name: value for name, value in members(one).items() if name != "model"} for one in requests]
    contents = [one.pop("content", None) for one in told]
    config = told[0] if told else {}
    same = all(one == config for one in told) and config.keys() <= _EMBEDDING
    return (contents, config) if same and all(contents) else None


def _as_python(value: Any) -> Any:
    """The same with bytes where the SDK for Python wants such."""
    if isinstance(value, list):
        return [_as_python(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        name: Base64(one) if name in _BYTES and isinstance(one, str) else one if name in _FREE else _as_python(one)
        for name, one in value.items()
    }


_METHODS = {
    GENERATE: _Method("client.models.generate_content", "client.models.generateContent", _generate),
    STREAM: _Method("client.models.generate_content_stream", "client.models.generateContentStream", _generate, _EVENTS),
    COUNT: _Method("client.models.count_tokens", "client.models.countTokens", _count),
    EMBED: _Method("client.models.embed_content", "client.models.embedContent", _embed),
    BATCH_EMBED: _Method("client.models.embed_content", "client.models.embedContent", _batch),
}

SDKS = {PREDICT: NativeSdk(), **{name: NativeSdk(method) for name, method in _METHODS.items()}}
