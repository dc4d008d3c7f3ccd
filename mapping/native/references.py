"""Names of what belongs to one account, in bodies of Gemini's own API: `files/abc`, `cachedContents/x`."""

from __future__ import annotations

import re

from mapping import jsonio
from mapping.gemini import sse

_NAME = re.compile(rb'(?:files|cachedContents)/[\w-]{1,128}(?=")')
_PREVIOUS = re.compile(rb'"previous_?[iI]nteraction_?[iI]d"\s*:\s*"([\w-]{1,200})"')


def within(body: bytes) -> list[str]:
    """The names that a JSON body refers to, each once. A text that ends like one is taken for one, too."""
    found: dict[str, None] = {}
    if b"files/" in body or b"cachedContents/" in body:
        found.update((name.decode(), None) for name in _NAME.findall(body))
    if b"nteraction" in body:
        found.update((f"interactions/{id.decode()}", None) for id in _PREVIOUS.findall(body))
    return list(found)


def made_by(kind: str, stream: bytes) -> list[str]:
    """The same of the beginning of a stream: of its first event that tells of one."""
    for event in sse.EventParser(limit=len(stream) + 1).feed(stream):
        try:
            value = jsonio.loads(event)
        except ValueError:
            continue
        told = value.get("interaction") if isinstance(value, dict) else None
        if isinstance(told, dict) and isinstance(id := told.get("id"), str):
            return [f"{kind}/{id}"]
    return []


def made(kind: str, answer: bytes) -> list[str]:
    """The names of what an answer to a POST tells of. `kind`: as names begin."""
    try:
        value = jsonio.loads(answer)
    except ValueError:
        return []
    if isinstance(value, dict) and isinstance(value.get("file"), dict):
        value = value["file"]
    if not isinstance(value, dict):
        return []
    if kind == "interactions" and isinstance(id := value.get("id"), str):
        return [f"interactions/{id}"]
    name = value.get("name")
    return [name] if isinstance(name, str) and len(name) < 300 else []
