"""A recorded exchange -> the tokens of its prompt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mitmproxy import ctx

from addons.gateway.cases.exchanges import TakenCall, TakenExchange, models_of
from mapping.gemini.catalogue import input_limit
from mapping.inspect.printable import one_line
from mapping.inspect.prompt_tokens.counts import answers
from mapping.inspect.prompt_tokens.report import PromptTokens, prompt_tokens
from mapping.inspect.transcript import members, string
from mapping.native.folded import unwrapped
from mapping.values import COUNTED, JSON

NOTHING = "Gemini was asked nothing that has a prompt, or it is not here any more."

type Limit = Callable[[str], int | None]
"""A model -> the tokens that its window takes; None: unknown."""


def tokens_of(taken: TakenExchange, limit: Limit = input_limit) -> PromptTokens | None:
    """The tokens of what Gemini was asked; None: nothing was asked that can be told of."""
    call = asked_call(taken)
    if call is None:
        return None
    record = taken.record
    model = string(record.get("model"))
    told = [taken.id, f"{taken.method} {taken.path.partition('?')[0]}", models_of(record)]
    return prompt_tokens(
        asked_body(call),
        _usage(call),
        answers(record),
        id=taken.id,
        title=one_line(" · ".join(part for part in told if part)),
        model=model,
        limit=limit(model),
    )


def limit_here() -> Limit:
    """What the accounts' lists say, where a gateway runs in this process; else what the catalogue does."""
    master: Any = getattr(ctx, "master", None)
    addon = master.addons.get("antigravity") if master is not None else None
    found: Limit = addon.gateway.models.input_limit if addon is not None else input_limit
    return found


def asked_call(taken: TakenExchange) -> TakenCall | None:
    """The call whose prompt is told of: the first with an answer that tells its tokens, else the last.

    What follows an answer that is continued has the answer in its prompt.
    """
    own = [call for call in taken.own_calls if "contents" in asked_body(call)]
    return next((call for call in own if "promptTokenCount" in _usage(call)), own[-1] if own else None)


def asked_body(call: TakenCall) -> JSON:
    """The request to generate; of a count the one that was counted."""
    body = members(call.request)
    return members(body.get(COUNTED)) or body


def _usage(call: TakenCall) -> JSON:
    """What Gemini told of the tokens; of a count that is the whole."""
    answer = members(unwrapped(members(call.answer)))
    counted = answer.get("totalTokens")
    return members(answer.get("usageMetadata")) or ({"promptTokenCount": counted} if counted is not None else {})
