"""What a response has told of the prompt cache, beside another one: `prompt_cache_diagnostics`.

A client names an earlier response (`prompt_cache_options.comparison_response_id`), and its own answer says whether it
could use what was cached for that, and if not, why (OpenAI API reference, `Response`, SDK of version 3.57). Rules:

* Both are compared as the client wrote them: what the earlier one was asked is kept with it, if it is stored.
* What makes another prompt of it for Gemini is a miss, from the first difference on: another model, other tools, other
  instructions or input. How many tokens that are is estimated by bytes.
* The other reasons that OpenAI knows (`WEAK`) change no prompt of Gemini's. They are told where nothing else differs
  and nothing was cached all the same.
* `unavailable`: nothing differs and nothing was cached (a short prompt, another account, a cache that has gone), or the
  store could not be read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from mapping import faults, jsonio
from mapping.responses.request.echo import echo
from mapping.responses.request.input_list import listed_items
from mapping.totals import Totals
from mapping.values import JSON

NAME = "prompt_cache_options"
NOT_FOUND: JSON = {"found": False}
UNREADABLE: JSON = {"unavailable": True}

WEAK = (
    ("prompt_cache_key_changed", ("prompt_cache_key",)),
    ("text_format_changed", ("text", "format")),
    ("reasoning_effort_changed", ("reasoning", "effort")),
    ("verbosity_changed", ("text", "verbosity")),
    ("service_tier_changed", ("service_tier",)),
)
"""Reasons, and the members of a response that they are about."""
_OWN = frozenset({"id", "status", "annotations", "logprobs", "encrypted_content", "phase"})
"""Members of an item that clients leave out when they give it back."""
_TEXTS = ("input_text", "output_text", "text")


def wanted(body: JSON) -> str | None:
    """The response to compare with. Raises Fault (400) where that is no text."""
    options = body.get(NAME)
    id = options.get("comparison_response_id") if isinstance(options, dict) else None
    if id is not None and not isinstance(id, str):
        raise faults.wrong_type(f"{NAME}.comparison_response_id", "a string", id)
    return id


def options(body: JSON) -> JSON:
    """What a response repeats of the request's options, with OpenAI's defaults."""
    given = body[NAME]
    return {
        "mode": given.get("mode") or "implicit",
        "ttl": given.get("ttl") or "30m",
        "comparison_response_id": given["comparison_response_id"],
    }


def compare(
    body: JSON,
    history: Sequence[JSON],
    items: Mapping[str, JSON],
    response: JSON | None,
    inputs: Sequence[JSON],
) -> JSON:
    """What there is to say of a request beside an earlier response, for `diagnostics`. It holds no text.

    `history` and `items` are those of `mapping.dialect.Given`; `response` and `inputs` what is stored of the earlier
    one: the Response object, and all input items that it has answered. None: it is not there.
    """
    if response is None:
        return NOT_FOUND
    now = _asked(body)
    own = listed_items(body, mint=_no_id, resolve=items.get)
    before = list(_prompt(response, inputs))
    after = list(_prompt(now, [*history, *own]))
    same = 0
    for one, other in zip(before, after, strict=False):
        if one != other:
            break
        same += len(other)
    strong = _strong(response, now, before, after)
    usage = response.get("usage")
    tokens = usage.get("input_tokens", 0) if isinstance(usage, dict) else 0
    if strong == "model_changed":
        same = 0
    return {
        "found": True,
        "strong": strong,
        "weak": next((reason for reason, path in WEAK if _at(response, path) != _at(now, path)), None),
        "missed": round(1 - same / sum(map(len, after)), 4) if strong else 1.0,
        "reusable": round(tokens * same / (sum(map(len, before)) or 1)) if strong else tokens,
    }


def diagnostics(compared: JSON, totals: Totals) -> JSON:
    """The value of `prompt_cache_diagnostics`. `compared` is what `compare` has said, `totals` what the answer took."""
    if not compared.get("found"):
        return {"type": "unavailable" if compared.get("unavailable") else "comparison_response_not_found"}
    reason = compared["strong"]
    if reason is None and totals.cached:
        return {"type": "cache_hit"}
    reason = reason or compared["weak"]
    if reason is None:
        return {"type": "unavailable"}
    return {
        "type": "cache_miss",
        "reason": reason,
        "cache_missed_tokens": round(totals.prompt * compared["missed"]),
        "comparison_reusable_tokens": compared["reusable"],
    }


def _no_id(prefix: str, size: int = 12) -> str:
    """Ids are not compared."""
    return prefix


def _asked(body: JSON) -> JSON:
    """The members of a request as a response repeats them."""
    reasoning, text = (value if isinstance(value := body.get(name), dict) else {} for name in ("reasoning", "text"))
    effort = reasoning.get("effort") or body.get("reasoning_effort")
    return {**echo(body, reasoning={**reasoning, "effort": effort}, text=text), "model": body.get("model")}


def _prompt(asked: JSON, items: Sequence[JSON]) -> Iterator[bytes]:
    """What stands in a prompt, in order: tools, instructions, items."""
    yield jsonio.dumps(asked.get("tools"))
    yield jsonio.dumps(asked.get("instructions"))
    for item in items:
        if item.get("type") != "reasoning":  # clients may leave it out, and Gemini has it in signatures
            yield jsonio.dumps(_plain(item))


def _plain(item: JSON) -> JSON:
    made = {name: value for name, value in item.items() if name not in _OWN}
    if isinstance(content := made.get("content"), list):
        made["content"] = [_part(part) for part in content]
    return made


def _part(part: Any) -> Any:
    if not isinstance(part, dict):
        return part
    if part.get("type") in _TEXTS:
        return part.get("text")
    return {name: value for name, value in part.items() if name not in _OWN}


def _strong(response: JSON, now: JSON, before: Sequence[bytes], after: Sequence[bytes]) -> str | None:
    """What has made another prompt of it; None: one is the beginning of the other."""
    if response.get("model") != now["model"]:
        return "model_changed"
    if before[0] != after[0]:
        return "tools_changed"
    if all(one == other for one, other in zip(before, after, strict=False)):
        return None
    known = set(before)
    compacted = any(b'"compaction"' in other and other not in known for _, other in zip_longest(before, after) if other)
    return "context_compacted" if compacted else "input_changed"


def _at(value: Any, path: Sequence[str]) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value
