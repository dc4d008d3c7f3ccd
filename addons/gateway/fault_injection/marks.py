"""Tool calls that are to be broken: marked in Gemini's answer, and cut where the mark comes out in the client's words.

No dialect has to know of it. The arguments of each call that Gemini makes get a mark: in the middle of each text in
them, and as a member of their own. Whatever a dialect makes of them, a JSON text in one event or in several, an object,
the bare input of a tool, the mark says where in its JSON the arguments stand, and where their middle is. There

* a text is cut at the mark: `{"city":"Pa`;
* an object of arguments becomes the same cut text: of the wrong type, since an object can't be cut.

What is remembered or stored of such an answer is as Gemini gave it (`without`). Each exchange has a mark of its own.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import replace
from typing import Any

from mapping import jsonio
from mapping.dialect import Kept
from mapping.values import JSON, RawTurn


class CallMark:
    """The mark of one exchange, a word of ASCII that stands nowhere else. `text` is in texts, `member` is a name."""

    def __init__(self) -> None:
        word = secrets.token_hex(8)
        self.text, self.member = f"<<{word}>>", f"mark-{word}"
        self._texts = (self.text, self.member)
        member = re.escape(f"{self.member}").encode()
        self._any = re.compile(rb",?\\*\"" + member + rb"\\*\":0|" + re.escape(self.text).encode())
        self._first = re.compile(re.escape(self.text).encode() + rb"|" + member)

    def put(self, args: JSON) -> JSON:
        """The arguments of a call with the mark in them."""
        marked = {name: self._in_texts(value) for name, value in args.items()}
        # In the middle, for arguments that hold no text; never the first of several.
        names = list(marked)
        middle = (len(names) + 1) // 2
        return {name: marked.get(name, 0) for name in [*names[:middle], self.member, *names[middle:]]}

    def find(self, data: bytes) -> int:
        """Where the first mark is; -1: nowhere."""
        found = self._first.search(data)
        return found.start() if found else -1

    def cut(self, value: Any) -> Any:
        """JSON of an answer with the marked arguments cut. Nothing is changed in place."""
        if isinstance(value, str):
            at = min((at for mark in self._texts if (at := value.find(mark)) >= 0), default=None)
            return value if at is None else value[:at]
        if isinstance(value, list):
            return [self.cut(item) for item in value]
        if isinstance(value, dict):
            if self.member in value:
                text: str = self.cut(jsonio.dumps(value).decode())
                return text
            return {name: self.cut(item) for name, item in value.items()}
        return value

    def without(self, data: bytes) -> bytes:
        """JSON, or events, as if there had been no mark."""
        return self._any.sub(b"", data)

    def without_in(self, value: Any) -> Any:
        """The same of a value."""
        return jsonio.loads(self.without(jsonio.dumps(value)))

    def turn(self, turn: RawTurn) -> RawTurn:
        """What is remembered, as Gemini gave it."""
        return replace(turn, parts=self.without_in(turn.parts))

    def kept(self, kept: Kept) -> Kept:
        """What is stored, as it would be without the fault."""
        return replace(
            kept,
            response=self.without_in(kept.response),
            output_items=self.without_in(kept.output_items),
            events=None if kept.events is None else self.without(kept.events),
        )

    def _in_texts(self, value: Any) -> Any:
        if isinstance(value, str):
            middle = (len(value) + 1) // 2
            return value[:middle] + self.text + value[middle:]
        if isinstance(value, list):
            return [self._in_texts(item) for item in value]
        if isinstance(value, dict):
            return {name: self._in_texts(item) for name, item in value.items()}
        return value
