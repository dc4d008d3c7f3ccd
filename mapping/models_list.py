"""The list of models: Gemini's `models.list` -> OpenAI's `GET /v1/models`.

Gemini: `{"models": [{"name": "models/x", "supportedGenerationMethods": [...], ...}], "nextPageToken"}`.
OpenAI: `{"object": "list", "data": [{"id", "object": "model", "created", "owned_by"}]}`; further members are allowed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mapping import jsonio, upstream_errors
from mapping.errors import OpenAIError
from mapping.gemini import JSON

_METHODS = {"generateContent", "embedContent", "batchEmbedContents"}

_GENERATE = ["generateContent", "countTokens"]
_EMBED = ["embedContent"]

BUILT_IN: list[JSON] = [
    {"name": f"models/{name}", "supportedGenerationMethods": _EMBED if "embedding" in name else _GENERATE}
    for name in (
        "gemini-4-hydrogen",
        "gemini-4-argon",
        "gemini-3.8-flash",
        "gemini-3.6-flash",
        "gemini-3.5-flash-lite",
        "gemini-3.1-pro-preview",
        "gemini-3.1-flash-lite",
        "gemini-3-flash-preview",
        "gemini-2.5-pro",
        "gemini-2.5-flash",
        "gemini-2.5-flash-lite",
        "gemini-embedding-001",
        "gemini-embedding-2",
    )
]
"""For when the upstream can't be asked. State of November 2026."""


def read_page(content: bytes) -> tuple[list[JSON], str | None]:
    """One page of `models.list` -> (its models, the token of the next page or None). Raises UpstreamError."""
    try:
        page = jsonio.loads(content)
    except ValueError:
        page = None
    if not isinstance(page, dict):
        raise upstream_errors.broken("The upstream's list of models is not JSON.")
    models = page.get("models")
    following = page.get("nextPageToken")
    found = [m for m in models if isinstance(m, dict)] if isinstance(models, list) else []
    return found, following if isinstance(following, str) and following else None


def answer(models: Iterable[JSON], names: Iterable[str], wanted: str | None = None) -> bytes:
    """OpenAI's list: `names` (of the person's mapping) first, then Gemini's; or only the model `wanted`.

    Raises OpenAIError 404 `model_not_found` when `wanted` is in neither.
    """
    entries = {name: _entry(name, {}, "gateway") for name in names}
    for model in models:
        name = str(model.get("name", "")).removeprefix("models/")
        methods = model.get("supportedGenerationMethods")
        if name and (not isinstance(methods, list) or _METHODS.intersection(m for m in methods if isinstance(m, str))):
            entries.setdefault(name, _entry(name, model, "google"))
    if wanted is None:
        return jsonio.dumps({"object": "list", "data": list(entries.values())})
    found = entries.get(wanted) or entries.get(wanted.removeprefix("models/"))
    if found is None:
        raise OpenAIError(404, f"The model '{wanted[:200]}' does not exist.", code="model_not_found", param="model")
    return jsonio.dumps(found)


def _entry(name: str, model: JSON, owner: str) -> JSON:
    entry: dict[str, Any] = {"id": name, "object": "model", "created": 0, "owned_by": owner}
    for theirs, ours in (
        ("displayName", "display_name"),
        ("inputTokenLimit", "context_length"),
        ("outputTokenLimit", "max_output_tokens"),
    ):
        if model.get(theirs) is not None:
            entry[ours] = model[theirs]
    return entry
