"""What a recorded flow says of its exchange: plain values in mitmproxy's metadata, saved with the flow.

The client's flow (`side` is `client`) has the members of `summary.Summary`, and further:

* `seeds`: the ids, times and encrypted texts of the answer (`seeds.Seeds.plain`);
* `given`: what the translation was given beside the body: `options` (`mapping.values.Options`), `remembered` (key ->
  members of `mapping.values.RawTurn`), and for the Responses API `history` and `items` (id -> item) of the store,
  `compared` (see `mapping.dialect.Given`), `unsealed` (`digest` of an encrypted text -> what was in it) and
  `chat_shape` (answers have `choices` too).

An attempt's flow (`side` is `attempt`) has `id`, its `number` of `count`, and the members of `summary.AttemptSummary`.
Of an attempt whose answer is a part of another one (`n`, several prompts) `id` is that of the client's exchange too.

Both have `arrived`: of the answer how many bytes had come, or had been sent, after how many seconds, as pairs.

Of a flow that was replayed, `replay_of` is the id of the exchange that it was of before.
"""

from __future__ import annotations

import hashlib
from typing import Any

from mitmproxy import http

KEY = "antigravity"
CLIENT = "client"
ATTEMPT = "attempt"
REPLAY_OF = "replay_of"


def digest(text: str) -> str:
    """The key of an encrypted text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def record_of(flow: http.HTTPFlow) -> dict[str, Any]:
    """The record; empty for a flow that is none of the gateway's."""
    found = flow.metadata.get(KEY)
    return found if isinstance(found, dict) else {}
