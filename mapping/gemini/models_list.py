"""Gemini's list of models, `models.list`: asking for it, reading it, and what takes its place.

`{"models": [{"name": "models/x", "supportedGenerationMethods": [...], ...}], "nextPageToken"}`. `mapping.lists` makes
of it what clients get.
"""

from __future__ import annotations

from datetime import date
from urllib.parse import quote

from mapping import jsonio
from mapping.gemini.catalogue import KNOWN
from mapping.gemini.errors import upstream_errors
from mapping.gemini.model_classes import is_retired
from mapping.gemini.models import model_info
from mapping.values import JSON, GeminiCall

GENERATE = "generateContent"
"""The method of models that answer; the list says which each model has."""


def built_in(today: date) -> list[JSON]:
    """The list for when nobody can be asked: the catalogue's, without what is retired."""
    return [
        {
            "name": f"models/{model.name}",
            "displayName": model.title,
            "inputTokenLimit": model.inputs,
            "outputTokenLimit": model.outputs,
            "supportedGenerationMethods": ["embedContent"] if model_info(model.name).embedding else [GENERATE],
        }
        for model in KNOWN
        if not is_retired(model.name, today)
    ]


def call(page: str | None = None) -> GeminiCall:
    """The call that lists the models, from a page's token on."""
    following = f"&pageToken={quote(page, safe='')}" if page else ""
    return GeminiCall("", "", query=f"?pageSize=1000{following}")


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


def name_of(model: JSON) -> str:
    """The name of a model of `models.list`, without `models/`."""
    return str(model.get("name", "")).removeprefix("models/")
