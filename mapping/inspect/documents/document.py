"""What documents have in common: a transcript of which nothing is cut, in parts."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, override

from mapping import jsonio
from mapping.inspect.transcript import Transcript, string


class Document(Transcript):
    """A transcript as a document. Texts are other people's, and never taken for marks of the document."""

    @abstractmethod
    def part(self, title: str) -> None:
        """A part of the whole begins: the request, the answer."""

    @override
    def row(self, text: str) -> None:
        self.line(text)

    @override
    def remark(self, text: str) -> None:
        self.line(text)

    @override
    def preview(self, count: int, show: Callable[[Transcript], None]) -> None:
        """Nothing: a document is read from its beginning."""

    @override
    def call(self, name: Any, arguments: Any, id: Any = None) -> None:
        self.labelled(f"→ {string(name) or '?'}", string(id), readable(arguments))

    @override
    def result(self, name: Any, value: Any, id: Any = None) -> None:
        self.labelled(f"← {string(name)}".rstrip(), string(id), "" if value is None else readable(value))

    @abstractmethod
    def labelled(self, label: str, id: str, text: str) -> None:
        """What a tool is given or gives, as it is."""


def readable(value: Any) -> str:
    """Indented, if it is JSON, in a text too; else as it is."""
    if isinstance(value, str):
        try:
            value = jsonio.loads(value)
        except ValueError:
            return str(value)
    try:
        return json.dumps(value, ensure_ascii=False, indent=2)
    except RecursionError:
        return string(value)
