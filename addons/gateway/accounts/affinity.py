"""Which requests belong to the same conversation, so that it can stay on one account (`strategy = "sticky"`).

Gemini's prompt cache belongs to an account: a conversation that stays there pays less and is answered sooner. A request
names its conversation by the first of these that it has:

1. `prompt_cache_key` of the body;
2. `previous_response_id` of the body: the conversation in which that response was made;
3. a header in which clients send the id of a session (`SESSION_HEADERS`);
4. `metadata.user_id` of the body, where that is the text of a JSON object with a `session_id`, as Claude Code sends it;
5. otherwise what the conversation begins with: its system instruction and its first turn.

A conversation belongs to the tenant (the caller's key). What is remembered is in memory, bounded by count and idle
time, and holds no text: keys are digests.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from addons.gateway.storage.bounded import Bounded
from mapping import jsonio
from mapping.request.conversation.beginning import beginning
from mapping.values import JSON

SESSION_HEADERS = (
    "session-id",
    "session_id",
    "x-session-id",
    "x-session-affinity",
    "thread-id",
    "conversation_id",
    "x-conversation-id",
    "x-claude-code-session-id",
)
"""As Codex (`session-id`, `thread-id`), pi (`session_id`), opencode (`x-session-id`, `x-session-affinity`), Claude Code
and others send them."""

MAX_KEYS = 20_000
"""Conversations and responses that are remembered; some 6 MB."""

MAX_IDLE = 86400.0
"""Seconds. No cache lives longer: Vertex AI deletes cached data within 24 hours (its documentation, "Context caching
overview"), the Gemini API keeps it for minutes to hours."""


@dataclass(slots=True, eq=False)
class Conversation:
    """Some requests that belong together."""

    account: str | None = None
    """The label of the account that was chosen for it last."""
    moved: Callable[[str], None] | None = None
    """Is told where it goes on from now on, where other workers want to know."""

    def move(self, label: str) -> None:
        """It goes on there."""
        if label != self.account:
            self.account = label
            if self.moved:
                self.moved(label)


class Labels(Protocol):
    """What other workers know of keys: the label of the account of each. `shared.uses.labels`."""

    def get(self, key: str, /) -> str | None:
        """The label; None: nobody has told one."""

    def put(self, key: str, label: str, /) -> None:
        """It is this one from now on."""


class Affinity:
    """The conversations of late: at most `max_keys` names of them, each for `max_idle` seconds after its last use."""

    def __init__(
        self, *, max_keys: int = MAX_KEYS, max_idle: float = MAX_IDLE, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.shared: Labels | None = None
        """None: there are no other workers."""
        self._known: Bounded[bytes, Conversation] = Bounded(max_keys, seconds=max_idle, idle=True, clock=clock)

    def __len__(self) -> int:
        return len(self._known)

    def named(self, tenant: str, body: JSON, headers: Mapping[str, str]) -> Conversation | None:
        """The conversation that a client's request names, if it does."""
        name = body.get("prompt_cache_key")
        if name and isinstance(name, str):
            return self._conversation(tenant, "prompt_cache_key", name)
        previous = body.get("previous_response_id")
        if isinstance(previous, str) and (found := self._found(_key(tenant, "response", previous))):
            return found
        for header in SESSION_HEADERS:
            if value := headers.get(header):
                return self._conversation(tenant, header, value)
        session = session_of(body)
        return self._conversation(tenant, "session_id", session) if session else None

    def begun_like(self, tenant: str, body: JSON) -> Conversation | None:
        """The conversation that begins as a Gemini body does; None for a call that is no part of a conversation."""
        start = beginning(body)
        return self._conversation(tenant, "beginning", start) if start else None

    def made(self, tenant: str, response_id: str, conversation: Conversation) -> None:
        """A response was made in a conversation: whoever goes on from it goes on with that."""
        key = _key(tenant, "response", response_id)
        self._known.put(key, conversation)
        if self.shared is not None and conversation.account is not None:
            self.shared.put(key.hex(), conversation.account)

    def _conversation(self, tenant: str, kind: str, name: str | bytes) -> Conversation:
        key = _key(tenant, kind, name)
        found = self._found(key)
        if found is None:
            found = self._begun(key, None)
        return found

    def _found(self, key: bytes) -> Conversation | None:
        """What is known of a key, here or elsewhere. Where another worker has moved it, it goes on there."""
        found = self._known.use(key)
        label = None if self.shared is None else self.shared.get(key.hex())
        if label is None:
            return found
        if found is None:
            return self._begun(key, label)
        found.account = label
        return found

    def _begun(self, key: bytes, label: str | None) -> Conversation:
        made = Conversation(label)
        if (shared := self.shared) is not None:
            name = key.hex()
            made.moved = lambda label: shared.put(name, label)
        self._known.put(key, made)
        return made


def session_of(body: JSON) -> str | None:
    """The session that `metadata.user_id` tells of."""
    metadata = body.get("metadata")
    user = metadata.get("user_id") if isinstance(metadata, dict) else None
    if not isinstance(user, str) or not user.startswith("{"):
        return None
    try:
        told = jsonio.loads(user)
    except ValueError:
        return None
    session = told.get("session_id") if isinstance(told, dict) else None
    return session if isinstance(session, str) else None


def _key(tenant: str, kind: str, name: str | bytes) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for part in (tenant, kind):
        digest.update(part.encode() + b"\0")
    digest.update(name if isinstance(name, bytes) else name.encode("utf-8", "surrogatepass"))
    return digest.digest()
