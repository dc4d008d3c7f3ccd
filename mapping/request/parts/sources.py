"""Images and documents as Anthropic's API has them, with a `source`, -> Gemini parts.

`source.type` is `base64` (with `media_type` and `data`), `url`, `file` (with `file_id`), and for documents also `text`
(with `data`) and `content` (a string, or text and image blocks).

Source: Anthropic's API reference (`ImageBlockParam`, `DocumentBlockParam`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mapping.notes import Notes
from mapping.request import members, unknown
from mapping.request.parts import media
from mapping.request.settings import parameters
from mapping.values import JSON, Options


class SourceReader:
    """Reads image and document blocks."""

    def __init__(self, *, options: Options, notes: Notes) -> None:
        self._options = options
        self._notes = notes

    def image(self, block: JSON, path: str) -> list[JSON]:
        """The part of an image block. Raises Fault (400) that names the member."""
        return _read(_IMAGES, self, block, path)

    def document(self, block: JSON, path: str) -> list[JSON]:
        """The parts of a document block: what it is called and told of it, if anything is, then the document."""
        parts = _read(_DOCUMENTS, self, block, path)
        title = parameters.string(block.get("title"), f"{path}.title")
        context = parameters.string(block.get("context"), f"{path}.context")
        if not (title or context):
            return parts
        head = "\n".join(filter(None, (f"[document {title}]" if title else "[document]", context)))
        if all("text" in part for part in parts):
            text = "\n".join(part["text"] for part in parts)
            return [{"text": f"{head}\n{text}\n[end of document]"}]
        return [{"text": head}, *parts]

    def _base64(self, source: JSON, path: str) -> list[JSON]:
        data, mime = source.get("data"), source.get("media_type")
        return [media.bytes_part(data, mime, path=f"{path}.data", mime_path=f"{path}.media_type", notes=self._notes)]

    def _image_url(self, source: JSON, path: str) -> list[JSON]:
        return [media.image_part(source.get("url"), path=f"{path}.url", notes=self._notes)]

    def _url(self, source: JSON, path: str) -> list[JSON]:
        return [media.url_part(source.get("url"), path=f"{path}.url", notes=self._notes)]

    def _file(self, source: JSON, path: str) -> list[JSON]:
        where = f"{path}.file_id"
        return [media.uploaded_part(source.get("file_id"), path=where, member="base64", home="Anthropic")]

    def _text(self, source: JSON, path: str) -> list[JSON]:
        text = members.string(source, "data", path)
        return [{"text": text}] if text else []

    def _content(self, source: JSON, path: str) -> list[JSON]:
        content = members.present(source.get("content"), f"{path}.content")
        if isinstance(content, str):
            return [{"text": content}] if content else []
        parts: list[JSON] = []
        for block, block_path in members.objects(content, f"{path}.content", "a string or an array"):
            kind = block.get("type")
            if kind == "image":
                parts += self.image(block, block_path)
            elif kind == "text":
                text = members.string(block, "text", block_path)
                parts += [{"text": text}] if text else []
            else:
                unknown.leave_out(kind, f"{block_path}.type", ("text", "image"), self._notes, self._options)
                text = unknown.plain_text(block)
                parts += [{"text": text}] if text else []
        return parts


type _Sources = Mapping[str, Callable[[SourceReader, JSON, str], list[JSON]]]

_IMAGES: _Sources = {
    "base64": SourceReader._base64,
    "url": SourceReader._image_url,
    "file": SourceReader._file,
}
_DOCUMENTS: _Sources = {
    "base64": SourceReader._base64,
    "url": SourceReader._url,
    "file": SourceReader._file,
    "text": SourceReader._text,
    "content": SourceReader._content,
}
# Not in the reader: see `mapping.openai.chat_shape.messages`.


def _read(sources: _Sources, reader: SourceReader, block: JSON, path: str) -> list[JSON]:
    """What a source gives. One of an unknown type is an error: without it the block says nothing."""
    source = members.json_object(block, "source", path)
    kind: Any = source.get("type")
    read = sources.get(kind) if isinstance(kind, str) else None
    if read is None:
        raise members.unknown(kind, f"{path}.source.type", sources)
    return read(reader, source, f"{path}.source")
