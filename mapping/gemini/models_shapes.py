"""The list of models for clients that speak another API than OpenAI's: Gemini's own, and Anthropic's.

Gemini: `{"models": [{"name": "models/x", ...}], "nextPageToken"?}`, as Google lists them, in pages.
Anthropic: `{"data": [{"type": "model", "id", "display_name", "created_at"}], "has_more", "first_id", "last_id"}`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from mapping import faults, jsonio
from mapping.faults import Fault
from mapping.gemini.models import strip_prefixes
from mapping.gemini.models_list import entries, name_of
from mapping.values import JSON

_PAGE, _LARGEST_PAGE = 50, 1000
"""Models in a page, where the client does not say, and at most."""


def gemini(models: Iterable[JSON], names: Mapping[str, str], wanted: str | None, *, query: Mapping[str, str]) -> bytes:
    """Google's own list, and behind it `names` (further names -> the model that serves them); or one model.

    `query`: `pageSize`, `pageToken`. Raises Fault: 404 when `wanted` is in neither, 400 for a page that is none.
    """
    known = {name_of(model): model for model in models}
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


def anthropic(models: Iterable[JSON], names: Mapping[str, str], wanted: str | None) -> bytes:
    """Anthropic's list, all in one page: `names` first, then Gemini's; or one model. Raises Fault 404."""
    found = entries(models, names, all_models=wanted is not None)
    if wanted is None:
        data = [_described(entry) for entry in found.values()]
        ends = {"first_id": data[0]["id"], "last_id": data[-1]["id"]} if data else {"first_id": None, "last_id": None}
        return jsonio.dumps({"data": data, "has_more": False, **ends})
    entry = found.get(wanted) or found.get(strip_prefixes(wanted))
    if entry is None:
        raise _not_found(f"model: {wanted[:200]}")
    return jsonio.dumps(_described(entry))


def _described(entry: JSON) -> JSON:
    when = datetime.fromtimestamp(entry["created"], UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    name = entry["id"]
    return {"type": "model", "id": name, "display_name": entry.get("display_name") or name, "created_at": when}


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
        return int(base64.urlsafe_b64decode((token or "") + "==") or 0) if token else 0
    except (ValueError, binascii.Error):
        raise faults.bad_value("pageToken", "pageToken is none that this list has given.") from None


def _not_found(message: str) -> Fault:
    return Fault(404, message, code="model_not_found", param="model")
