"""The names of functions: what OpenAI's clients call them, and what Gemini takes.

Gemini takes a letter or underscore first, then letters, digits and `_ . : -`, at most 128 in all (Gemini API
reference, `FunctionDeclaration`). A name that fits is kept. Others are changed in a way that depends on nothing but the
names of the request, so that the same conversation has the same names in every turn.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from itertools import count

from mapping.notes import Notes

MAX_LENGTH = 128
_VALID = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,127}")
_INVALID_CHARACTER = re.compile(r"[^A-Za-z0-9_.:-]")
_HASH_BYTES = 4


class ToolNames:
    """A reversible map between the client's names and Gemini's."""

    __slots__ = ("_by_client", "_notes", "by_gemini")

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._by_client: dict[str, str] = {}
        self.by_gemini: dict[str, str] = {}
        """Gemini's name -> the client's."""

    def gemini(self, name: str) -> str:
        """Gemini's name for a client's name, given out when it is asked for first."""
        known = self._by_client.get(name)
        if known is not None:
            return known
        chosen = name if _VALID.fullmatch(name) else _sanitised(name)
        if chosen in self.by_gemini:
            chosen = self._with_hash(chosen, name)
        if chosen != name:
            self._notes.add("renamed", name)
        self._by_client[name] = chosen
        self.by_gemini[chosen] = name
        return chosen

    def _with_hash(self, base: str, name: str) -> str:
        """A name that is still free. The first try is, unless a client chose that very name itself."""
        kept = base[: MAX_LENGTH - 2 * _HASH_BYTES - 1]
        for attempt in count():
            seed = f"{attempt}:{name}".encode(errors="replace")
            chosen = f"{kept}_{blake2b(seed, digest_size=_HASH_BYTES).hexdigest()}"
            if chosen not in self.by_gemini:
                return chosen
        raise AssertionError("there are always free names")


def _sanitised(name: str) -> str:
    name = _INVALID_CHARACTER.sub("_", name)
    if not name or not (name[0].isalpha() or name[0] == "_"):
        name = f"_{name}"
    return name[:MAX_LENGTH]
