"""What the turns of a conversation have in common, where nothing names it: what the user has said so far.

Each turn of a client without a memory repeats what was before. A digest of all that the user said up to each turn is
therefore the last one of an earlier request, if there was one. What the model said is left out: clients leave out parts
of it, and the gateway puts thought signatures in.
"""

from __future__ import annotations

import hashlib
from typing import Any

from mapping import jsonio
from mapping.inspect.transcript import elements, members
from mapping.request.conversation.beginning import shortened

MOST = 2000
"""Turns that are looked at."""


def chain(begin: bytes, body: Any) -> list[bytes]:
    """For each turn of the user's in a Gemini request the digest of it and all before; `begin` counts as the first."""
    made: list[bytes] = []
    digest = hashlib.blake2b(begin, digest_size=12)
    for content in elements(members(body).get("contents"))[:MOST]:
        if members(content).get("role") != "model":
            digest.update(jsonio.dumps(shortened(content)))
            made.append(digest.digest())
    return made
