"""The list of models for clients that speak another API than OpenAI's: Gemini's own, and Anthropic's.

Gemini: `{"models": [{"name": "models/x", ...}], "nextPageToken"?}`, as Google lists them, in pages.
Anthropic: `{"data": [{"type": "model", "id", "display_name", "created_at", "lifecycle", ...}], "has_more", "first_id",
"last_id"}`, in pages, too.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, date, datetime

from mapping import faults, jsonio
from mapping.faults import Fault
from mapping.gemini.model_classes import retiring
from mapping.gemini.models import strip_prefixes
from mapping.gemini.models_list import name_of
from mapping.lists.openai import entries
from mapping.values import JSON

_PAGE, _LARGEST_PAGE = 50, 1000
"""Models in a page of Gemini's, where the client does not say, and at most."""
_LARGEST_LIMIT = 1000
"""Models in a page of Anthropic's, at most. Where the client does not say it has as many, not 20 as Anthropic's own:
there, one page has all models, and clients expect that."""


def gemini(
    models: Iterable[JSON],
    names: Mapping[str, str],
    wanted: str | None,
    *,
    query: Mapping[str, str],
    methods: Collection[str],
) -> bytes:
    """Google's own list, and behind it `names` (further names -> the model that serves them); or one model.

    `query`: `pageSize`, `pageToken`. `methods`: those that are served; models that have others alone are not listed.
    Raises Fault: 404 when `wanted` is in neither, 400 for a page that is none.
    """
    known = {name_of(model): model for model in models if _has_any(model, methods)}
    for name, target in names.items():
        known.setdefault(name, {**known.get(target, {}), "name": f"models/{name}", "baseModelId": target})
    if wanted is not None:
        found = known.get(wanted) or known.get(strip_prefixes(wanted))
        if found is None:
            raise _not_found(f"models/{strip_prefixes(wanted)[:200]} is not found, or no account has it.")
        return jsonio.dumps(found)
    start, size = _start(query.get("pageToken")), _size(query.get("pageSize"))
    listed = list(known.values())
    page: JSON = {"models": listed[start : start + size]}
    if start + size < len(listed):
        page["nextPageToken"] = base64.urlsafe_b64encode(b"%d" % (start + size)).decode().rstrip("=")
    return jsonio.dumps(page)


def anthropic(
    models: Iterable[JSON], names: Mapping[str, str], wanted: str | None, *, query: Mapping[str, str], today: date
) -> bytes:
    """Anthropic's list: `names` first, then Gemini's; or one model.

    `query`: `limit`, `after_id`, `before_id`, `lifecycle`. Raises Fault: 404 when `wanted` is in neither, 400 for a
    page that is none.
    """
    found = entries(models, names, all_models=wanted is not None)
    if wanted is None:
        asked = query.get("lifecycle[]", query.get("lifecycle", ""))
        listed = [_described(entry, names, today) for entry in found.values()]
        data, more = _page([entry for entry in listed if not asked or entry["lifecycle"] in asked.split(",")], query)
        ends = {"first_id": data[0]["id"], "last_id": data[-1]["id"]} if data else {"first_id": None, "last_id": None}
        return jsonio.dumps({"data": data, "has_more": more, **ends})
    entry = found.get(wanted) or found.get(strip_prefixes(wanted))
    if entry is None:
        raise _not_found(f"model: {wanted[:200]}")
    return jsonio.dumps(_described(entry, names, today))


def _described(entry: JSON, names: Mapping[str, str], today: date) -> JSON:
    """An entry of OpenAI's list -> Anthropic's. A model that Google retires soon is deprecated."""
    name = entry["id"]
    retirement = retiring(names.get(name, name), today)
    retires = retirement and datetime(retirement.day.year, retirement.day.month, retirement.day.day, tzinfo=UTC)
    return {
        "type": "model",
        "id": name,
        "display_name": entry.get("display_name") or name,
        "created_at": _time(datetime.fromtimestamp(entry["created"], UTC)),
        "lifecycle": "deprecated" if retires else "active",
        "deprecated_at": None,
        "retires_at": _time(retires) if retires else None,
        "line": None,
        "max_input_tokens": entry.get("context_length"),
        "max_tokens": entry.get("max_output_tokens"),
        "capabilities": None,
    }


def _time(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def _page(listed: list[JSON], query: Mapping[str, str]) -> tuple[list[JSON], bool]:
    """The page that is asked for, and whether there are more models in the direction in which the client goes."""
    limit = _limit(query.get("limit"))
    if before := query.get("before_id"):
        end = _position(listed, "before_id", before)
        return listed[max(0, end - limit) : end], end > limit
    after = query.get("after_id")
    start = _position(listed, "after_id", after) + 1 if after else 0
    return listed[start : start + limit], start + limit < len(listed)


def _position(listed: list[JSON], param: str, name: str) -> int:
    found = next((position for position, entry in enumerate(listed) if entry["id"] == name), None)
    if found is None:
        raise faults.bad_value(param, f"{param}: there is no model '{name[:200]}' in the list.")
    return found


def _limit(text: str | None) -> int:
    if text is None:
        return _LARGEST_LIMIT
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:9]) <= _LARGEST_LIMIT):
        raise faults.bad_value("limit", f"limit: has to be a number from 1 to {_LARGEST_LIMIT}.")
    return int(text)


def _has_any(model: JSON, methods: Collection[str]) -> bool:
    """Whether a model has one of these methods, or Google does not say which it has."""
    has = model.get("supportedGenerationMethods")
    return not isinstance(has, list) or not has or any(method in methods for method in has)


def _size(text: str | None) -> int:
    try:
        size = int(text or 0)
    except ValueError:
        size = -1
    if size < 0:
        raise faults.bad_value("pageSize", "pageSize has to be a number that is not negative.")
    return min(size or _PAGE, _LARGEST_PAGE)


def _start(token: str | None) -> int:
    try:
        start = int(base64.urlsafe_b64decode((token or "") + "==") or 0) if token else 0
    except (ValueError, binascii.Error):
        start = -1
    if start < 0:
        raise faults.bad_value("pageToken", "pageToken is none that this list has given.")
    return start


def _not_found(message: str) -> Fault:
    return Fault(404, message, code="model_not_found", param="model")
