"""Content blocks of the user's and of tool results -> parts of a Gemini content.

Rules that this module keeps:

* Every block of Anthropic's API reference is taken. An unknown one is left out with a note, its text kept.
* `cache_control` is a hint about speed and is dropped. `citations` of documents, which Gemini does not make, get a
  note.
* Empty texts are left out: Gemini refuses them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mapping import faults
from mapping.notes import Notes
from mapping.request import members, unknown
from mapping.request.conversation.tool_results import tools_found
from mapping.request.parts.sources import SourceReader
from mapping.request.settings import parameters
from mapping.values import JSON, Options


def blocks(content: Any, path: str) -> list[tuple[JSON, str]]:
    """The blocks of a content, each with its path. A string is one text block. Raises Fault."""
    if isinstance(content, str):
        return [({"type": "text", "text": content}, path)] if content else []
    return members.objects(members.present(content, path), path, "a string or an array")


def kind_of(block: JSON) -> str:
    """The `type` of a block, tool or the like; "" for what is none. Complaints of that are for whoever reads it."""
    kind = block.get("type")
    return kind if isinstance(kind, str) else ""


class BlockReader:
    """Reads blocks that stand by themselves."""

    def __init__(self, *, options: Options, notes: Notes) -> None:
        self.citations = False
        """Some document wants to be cited."""
        self._options = options
        self._notes = notes
        self._sources = SourceReader(options=options, notes=notes)

    def parts(self, block: JSON, path: str) -> list[JSON]:
        """The Gemini parts of one block. Raises Fault (400) that names the member."""
        read = _BLOCKS.get(kind_of(block))
        if read is None:
            unknown.leave_out(block.get("type"), f"{path}.type", _BLOCKS, self._notes, self._options)
            return _texts(unknown.plain_text(block))
        return read(self, block, path)

    def output(self, content: Any, path: str) -> tuple[str, list[JSON]]:
        """The text and the other parts of a tool's result. A tool may return nothing."""
        if content is None:
            return "", []
        if isinstance(content, str):
            return content, []
        found = members.objects(content, path, "a string or an array")
        names = [members.string(b, "tool_name", at) for b, at in found if b.get("type") == "tool_reference"]
        parts = [part for b, at in found if b.get("type") != "tool_reference" for part in self.parts(b, at)]
        if names:
            parts.append({"text": tools_found(names)})
        text = "\n".join(part["text"] for part in parts if "text" in part)
        return text, [part for part in parts if "text" not in part]

    def _text(self, block: JSON, path: str) -> list[JSON]:
        return _texts(members.string(block, "text", path))

    def _image(self, block: JSON, path: str) -> list[JSON]:
        return self._sources.image(block, path)

    def _document(self, block: JSON, path: str) -> list[JSON]:
        self._cited(block, path)
        return self._sources.document(block, path)

    def _search_result(self, block: JSON, path: str) -> list[JSON]:
        self._cited(block, path)
        title, source = members.string(block, "title", path), members.string(block, "source", path)
        found = members.objects(members.present(block.get("content"), f"{path}.content"), f"{path}.content")
        text = "\n".join(members.string(inner, "text", at) for inner, at in found)
        return [{"text": f"[search result {title}, {source}]\n{text}\n[end of search result]"}]

    def _tool_reference(self, block: JSON, path: str) -> list[JSON]:
        return _texts(tools_found([members.string(block, "tool_name", path)]))

    def _container_upload(self, block: JSON, path: str) -> list[JSON]:
        raise faults.unsupported_value(
            path, f"{path}: there is no container to upload a file to. Send the file as a document or an image."
        )

    def _cited(self, block: JSON, path: str) -> None:
        where = f"{path}.citations"
        citations = parameters.json_object(block.get("citations"), where)
        if citations and parameters.boolean(citations.get("enabled"), f"{where}.enabled"):
            self.citations = True
            parameters.leave_out(where, self._notes, self._options)


_BLOCKS: Mapping[str, Callable[[BlockReader, JSON, str], list[JSON]]] = {
    "text": BlockReader._text,
    "image": BlockReader._image,
    "document": BlockReader._document,
    "search_result": BlockReader._search_result,
    "tool_reference": BlockReader._tool_reference,
    "container_upload": BlockReader._container_upload,
}
# Not in the reader: see `mapping.openai.chat_shape.messages`.


def _texts(text: str) -> list[JSON]:
    return [{"text": text}] if text else []
