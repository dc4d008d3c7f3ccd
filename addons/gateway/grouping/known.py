"""Which exchanges belong to one conversation, while they come.

A request names its conversation by the first of these that it has:

1. `previous_response_id` of the body: the conversation in which that response was made;
2. a header field in which clients send the id of a session (`affinity.SESSION_HEADERS`), as Claude Code, Codex, pi and
   opencode do;
3. `metadata.user_id` of the body, where that is JSON with a `session_id`; `conversation` of the body;
4. `prompt_cache_key` of the body: last, because whole programs use one;
5. otherwise what the user has said so far (`beginnings`).

A user (`user`, `safety_identifier`) is no conversation, and names none. A conversation belongs to the tenant. Its id is
made of digests, so a session has the same one whatever worker it comes to, and after a restart too. One that nothing
names gets its id from what its first request said; workers tell each other what they have found, and one that has not
heard of it (it was started since) takes a later turn for another conversation. What is remembered is in memory, bounded
by count and idle time, and holds no text.
"""

from __future__ import annotations

import hashlib
import time
from base64 import b32encode
from collections.abc import Callable
from typing import Any

from addons.gateway.accounts.affinity import MAX_IDLE, MAX_KEYS, session_of
from addons.gateway.grouping.beginnings import chain
from addons.gateway.grouping.introduction import Introduction
from addons.gateway.storage.bounded import Bounded
from mapping.inspect.transcript import members
from mapping.values import JSON

LENGTH = 6
"""Characters of an id: 30 bits."""
CONVERSING = frozenset(
    {"chat", "messages", "responses", "compact", "generateContent", "streamGenerateContent", "completions"}
)
"""Endpoints whose requests are turns of a conversation even where nothing names one."""


class KnownConversations:
    """The conversations of late: at most `max_keys` of what tells them, each for `max_idle` seconds after its use."""

    def __init__(
        self, *, max_keys: int = MAX_KEYS, max_idle: float = MAX_IDLE, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.tell: Callable[[bytes, str], None] | None = None
        """Tells other workers what `put` is to tell them; None: there are none."""
        self._known: Bounded[bytes, str] = Bounded(max_keys, seconds=max_idle, idle=True, clock=clock)
        """What a later request may tell -> the id of the conversation."""

    def __len__(self) -> int:
        return len(self._known)

    def of(self, tenant: str, told: Introduction, endpoint: str, request: Any) -> str | None:
        """The id of the conversation that an exchange is a part of; None: of none.

        `request`: the Gemini request, as it was sent last; None: nothing was sent.
        """
        found = self._named(tenant, told) or self._begun(tenant, told, endpoint, request)
        if found is not None:
            for id in told.responses:
                self._found(_digest(tenant, "response", id), found)
        return found

    def put(self, digest: bytes, id: str) -> None:
        """Another worker has found that what has this digest is of this conversation."""
        self._known.put(digest, id)

    def _found(self, digest: bytes, id: str) -> None:
        self._known.put(digest, id)
        if self.tell is not None:
            self.tell(digest, id)

    def _named(self, tenant: str, told: Introduction) -> str | None:
        if told.previous is not None and (found := self._known.use(_digest(tenant, "response", told.previous))):
            return found
        return _short(_digest(tenant, *told.session)) if told.session else None

    def _begun(self, tenant: str, told: Introduction, endpoint: str, request: Any) -> str | None:
        digests = chain(f"{tenant}\0{told.client}".encode(), request) if endpoint in CONVERSING else []
        if not digests:
            return None
        last = digests[-1]
        if (found := self._known.use(last)) is not None:  # the same once more
            return found
        for digest in reversed(digests):
            if (found := self._known.use(digest)) is not None:
                break
        else:
            found = _short(last)
        self._found(last, found)
        return found


def name(told: Introduction, body: JSON) -> None:
    """Add what the body says to what the header fields have said."""
    previous, key = body.get("previous_response_id"), body.get("prompt_cache_key")
    told.previous = previous if isinstance(previous, str) else None
    if told.session is not None:
        return
    given = body.get("conversation")
    conversation = given if isinstance(given, str) else members(given).get("id")
    for kind, value in (
        ("session_id", session_of(body)),
        ("conversation", conversation),
        ("prompt_cache_key", key),
    ):
        if value and isinstance(value, str):
            told.session = kind, value
            return


def _digest(tenant: str, kind: str, name: str) -> bytes:
    told = "\0".join((tenant, kind, name))
    return hashlib.blake2b(told.encode("utf-8", "surrogatepass"), digest_size=12).digest()


def _short(digest: bytes) -> str:
    return b32encode(digest)[:LENGTH].decode().lower()
