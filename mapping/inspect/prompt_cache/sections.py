"""A Gemini request as the sections that its prompt begins with, in the order in which Gemini is taken to read them.

Gemini's implicit cache goes by common beginnings of prompts (documentation, "Context caching"). In which order tools,
system instruction and messages are put into the prompt is not documented: they are taken in the order of OpenAI and
Anthropic, who document theirs. What is no part of the prompt (`generationConfig`, `safetySettings`) is no section.

A section is made of pieces: of a text its UTF-8 bytes, of anything else its JSON as it was sent. Offsets count them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mapping import jsonio
from mapping.inspect.transcript import elements, members
from mapping.values import JSON

MODEL = "model"
TOOLS = "tools"
CHOICE = "tool choice"
SYSTEM = "system"
MESSAGE = "message"
"""The names of sections; that of a message has its number behind it, from 1 on."""

HEAD = 4
"""How many sections there are before the messages."""

_MEDIA = 1032
"""Bytes of text that a picture is taken for: 258 tokens, of some four bytes each (documentation, "Token counting")."""
BESIDE = ("thoughtSignature", "thought", "videoMetadata", "mediaResolution")
"""Members beside what a part holds; a piece of their own, because they change by themselves."""
_UNREAD = frozenset({"thoughtSignature"})
"""Of them what is no text of the prompt: it weighs nothing."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Some bytes of a section."""

    data: bytes
    weight: int
    """How much of the prompt it is, in bytes of text."""
    name: str = ""
    """Of a tool."""
    value: Any = None
    """What the bytes are of."""


@dataclass(frozen=True, slots=True)
class Section:
    """See the module."""

    name: str
    pieces: Sequence[Piece]
    role: str = ""
    """Of a message."""

    @property
    def data(self) -> bytes:
        """All its bytes."""
        return b"".join(piece.data for piece in self.pieces)

    @property
    def size(self) -> int:
        """In bytes."""
        return sum(len(piece.data) for piece in self.pieces)

    @property
    def weight(self) -> int:
        """See `Piece`."""
        return sum(piece.weight for piece in self.pieces)


def sections(model: str, request: Any) -> list[Section]:
    """The sections of a Gemini request to a model: model, tools, tool choice, system, then each message."""
    body = members(request)
    choice = body.get("toolConfig", body.get("tool_config"))
    system = body.get("systemInstruction", body.get("system_instruction"))
    return [
        Section(MODEL, [Piece(model.encode("utf-8", "replace"), 0)]),
        Section(TOOLS, list(_tools(body))),
        Section(CHOICE, [_json(choice)] if choice else []),
        Section(SYSTEM, list(_parts(system))),
        *(
            Section(f"{MESSAGE} {number}", list(_parts(content)), str(members(content).get("role") or "user"))
            for number, content in enumerate(elements(body.get("contents")), 1)
        ),
    ]


def _tools(body: JSON) -> Iterator[Piece]:
    """Each function by itself, and each other tool."""
    for tool in elements(body.get("tools")):
        for kind, value in members(tool).items():
            if kind in ("functionDeclarations", "function_declarations"):
                for one in elements(value):
                    yield _json(one, str(members(one).get("name") or "?"))
            else:
                yield _json({kind: value}, kind)


def _parts(content: Any) -> Iterator[Piece]:
    for part in elements(members(content).get("parts")):
        told = members(part)
        rest = {name: told[name] for name in BESIDE if name in told}
        main = {name: value for name, value in told.items() if name not in rest}
        text = main.get("text")
        if isinstance(text, str) and len(main) == 1:
            data = text.encode("utf-8", "replace")
            yield Piece(data, len(data), value=text)
        elif main or not rest:
            yield _json(main if told else part)
        for name, value in rest.items():
            yield Piece(jsonio.dumps({name: value}), 0 if name in _UNREAD else len(name), value={name: value})


def _json(value: Any, name: str = "") -> Piece:
    data = jsonio.dumps(value)
    media = any(kind in members(value) for kind in ("inlineData", "inline_data", "fileData", "file_data"))
    return Piece(data, min(len(data), _MEDIA) if media else len(data), name, value)
