"""What a client's request says of itself in its header fields: the client, its session, its helper.

One pass over the fields, for each request that is recorded. Nothing here is a credential, and none of it is shown as it
came: sessions become digests, names are cut to what a product's name is made of.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from addons.gateway.accounts.affinity import SESSION_HEADERS

_SESSIONS = {name.encode(): name for name in SESSION_HEADERS}
_AGENT_ID = (b"x-claude-code-agent-id",)
_AGENT_KIND = (b"x-claude-code-agent-type", b"x-openai-subagent")
_CLASS = b"x-claude-code-request-class"
_THREAD = b"thread-id"
_PARENT = b"x-codex-parent-thread-id"
_KNOWN = frozenset((*_SESSIONS, *_AGENT_ID, *_AGENT_KIND, _CLASS, _PARENT, b"user-agent"))
"""Claude Code 2.1 tells of a sub agent by an id and a type, and what kind of request it is (`main`, `subagent`,
`compaction`, `auxiliary`, ...); Codex of a child's thread by that of its parent, and by a label."""
_MAIN = "main"

_SDK = re.compile(r"(?:Async)?(OpenAI|Anthropic)/(Python|JS) (\d[\w.+-]{0,20})")
_PRODUCT = re.compile(r"([A-Za-z][A-Za-z._-]{1,30})(?:/v?(\d[\w.+-]{0,20}))?(?=[\s/;,(]|\Z)")
_LABEL = re.compile(r"[^A-Za-z0-9._:-]+")
_LONGEST = 24
"""Characters of a label."""


@dataclass(slots=True)
class Introduction:
    """See the module."""

    client: str | None = None
    """Its product, `openai-python 2.3.0`."""
    agent: str | None = None
    """The helper that asks, where the client tells of one: `Explore 3f2a`; None: the main thread."""
    session: tuple[str, str] | None = None
    """What names the session, and the name."""
    responses: list[str] = field(default_factory=list)
    """The ids of the responses that were made for it: who goes on from them goes on with it."""
    previous: str | None = None
    """The response that it goes on from."""


def introduced(fields: Iterable[tuple[bytes, bytes]]) -> Introduction:
    """What the header fields of a request say."""
    found: dict[bytes, str] = {}
    for name, value in fields:
        name = name.lower()
        if name in _KNOWN and value:
            found[name] = value.decode("utf-8", "replace")
    made = Introduction()
    if not found:
        return made
    if agent := found.get(b"user-agent"):
        made.client = product(agent)
        if len(found) == 1:  # as a rule
            return made
    made.agent = _agent(found)
    for name, shown in _SESSIONS.items():
        if name in found:
            made.session = shown, found[name]
            break
    if parent := found.get(_PARENT):
        made.session = made.session if made.session and made.session[0] == "session-id" else ("thread-id", parent)
    return made


@lru_cache(256)
def product(agent: str) -> str | None:
    """The client's product from its `User-Agent`: its first one, in small letters, with its version.

    What does not look like a name is left out: people have put keys into stranger places.
    """
    if sdk := _SDK.match(agent):
        return f"{sdk[1]}-{sdk[2]} {sdk[3]}".lower()
    if agent.startswith("Mozilla/"):
        return "browser"
    found = _PRODUCT.match(agent)
    return " ".join(filter(None, found.groups())).lower() if found else None


def _agent(found: dict[bytes, str]) -> str | None:
    kind = next((label for name in _AGENT_KIND if (label := _label(found.get(name, "")))), "")
    id = found.get(_AGENT_ID[0]) or (found.get(_THREAD) if _PARENT in found else None)
    if id:
        return f"{kind or 'agent'} {hashlib.blake2b(id.encode('utf-8', 'replace'), digest_size=2).hexdigest()}"
    if kind:
        return kind
    kind = _label(found.get(_CLASS, ""))
    return kind if kind not in ("", _MAIN) else None


def _label(text: str) -> str:
    return _LABEL.sub(" ", text).strip().rpartition(":")[2][:_LONGEST]
