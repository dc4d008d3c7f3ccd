"""The list of models in OpenAI's shape: `GET /v1/models`.

`{"object": "list", "data": [{"id", "object": "model", "created", "owned_by"}]}`; further members are allowed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from mapping import jsonio
from mapping.faults import Fault
from mapping.gemini.catalogue import AS_OF, BY_NAME, SHORT
from mapping.gemini.models import model_info, strip_prefixes
from mapping.gemini.models_list import GENERATE, name_of
from mapping.lists.codex import Entry, catalog
from mapping.values import JSON


def answer(
    models: Iterable[JSON], names: Mapping[str, str], wanted: str | None = None, *, for_codex: bool = False
) -> bytes:
    """OpenAI's list: `names` (further names -> the model that serves them) first, then Gemini's; or one model.

    The list holds what answers in text: clients offer it for chats. `wanted` may be any that exists.
    `for_codex`: with the member that Codex CLI looks for.
    Raises Fault 404 `model_not_found` when `wanted` is in neither.
    """
    listing = entries(models, names, all_models=wanted is not None)
    if wanted is None:
        listed: JSON = {"object": "list", "data": list(listing.values())}
        if for_codex:
            listed["models"] = catalog(
                Entry(name, names.get(name, name), str(entry.get("display_name") or name), entry.get("context_length"))
                for name, entry in listing.items()
            )
        return jsonio.dumps(listed)
    found = listing.get(wanted) or listing.get(strip_prefixes(wanted))
    if found is None:
        raise Fault(404, f"The model '{wanted[:200]}' does not exist.", code="model_not_found", param="model")
    return jsonio.dumps(found)


def entries(models: Iterable[JSON], names: Mapping[str, str], *, all_models: bool) -> dict[str, JSON]:
    """Name -> its entry of OpenAI's list. `all_models`: also of models that don't answer in text."""
    known = {name_of(model): model for model in models}
    made = {name: _entry(name, target, known.get(target, {}), "gateway") for name, target in names.items()}
    for name, model in known.items():
        if name and (all_models or _answers_in_text(name, model)):
            made.setdefault(name, _entry(name, name, model, "google"))
    return made


def _answers_in_text(name: str, model: JSON) -> bool:
    methods = model.get("supportedGenerationMethods")
    return model_info(name).outputs == ("TEXT",) and (not isinstance(methods, list) or GENERATE in methods)


def _entry(name: str, target: str, model: JSON, owner: str) -> JSON:
    """An entry of OpenAI's list. `target`: the Gemini model behind the name; `model`: what Google lists of it."""
    entry: dict[str, Any] = {"id": name, "object": "model", "created": _created(target), "owned_by": owner}
    for theirs, ours in (
        ("displayName", "display_name"),
        ("inputTokenLimit", "context_length"),
        ("outputTokenLimit", "max_output_tokens"),
    ):
        if model.get(theirs) is not None:
            entry[ours] = model[theirs]
    return entry


def _created(name: str) -> int:
    """When the model was released, in Unix seconds. Google's list does not say; new models come before new tables."""
    known = BY_NAME.get(SHORT.get(name, name))
    day = known.released if known else AS_OF
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
