"""The list of the content blocks of a message, and those that grow while the answer comes.

Rules of this module (Anthropic's API reference; the SDKs' accumulators raise when they are broken):

* The index of a block is its place in the list, dense from 0 on.
* A block starts, grows and stops before the next one starts.
* A block starts without what grows: an `input` is told by one `input_json_delta`, because some clients look at nothing
  else, and a `signature` by one `signature_delta`, because of several the last alone is kept.
"""

from __future__ import annotations

from collections.abc import Sequence

from mapping import jsonio
from mapping.gemini.errors.upstream_errors import broken
from mapping.messages.answer.events import BlockEvents
from mapping.values import JSON


class BlockList:
    """The blocks. One that is begun and not done is there as it began. `live`: the events are all that is wanted."""

    __slots__ = ("_live", "blocks", "events")

    def __init__(self, events: BlockEvents, *, live: bool) -> None:
        self._live = live
        self.events = events
        self.blocks: list[JSON] = []

    def begin(self, block: JSON) -> int:
        """Add a block that grows; gives its index."""
        index = len(self.blocks)
        self.events.start(index, block)
        self.blocks.append(block)
        return index

    def done(self, index: int, block: JSON) -> None:
        """Put the finished block in its place."""
        self.blocks[index] = block
        self.events.stop(index)

    def add(self, block: JSON) -> None:
        """A block that comes at once, and does not grow."""
        self.done(self.begin(block), block)

    def add_use(self, block: JSON, arguments: str) -> None:
        """A use of a tool. `arguments` is its complete input as JSON. Raises UpstreamError for what can't be read."""
        begun = {**block, "input": {}}
        index = self.begin(begun)
        self.events.delta(index, {"type": "input_json_delta", "partial_json": arguments})
        self.done(index, begun if self._live else {**block, "input": _read(arguments)})


def _read(arguments: str) -> JSON:
    try:
        found: JSON = jsonio.loads(arguments)
    except ValueError:
        raise broken("The upstream's answer is nested too deeply.") from None
    return found


class OpenText:
    """A text, and what it rests on. `start` is where it begins in that of the whole answer."""

    __slots__ = ("_citations", "_delta", "_index", "_list", "_pieces", "start")

    def __init__(self, blocks: BlockList, start: int) -> None:
        self.start = start
        self._list = blocks
        self._pieces: list[str] = []
        self._citations: list[JSON] = []
        self._index = blocks.begin({"type": "text", "text": ""})
        self._delta = blocks.events.deltas(self._index, "text_delta")

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join(self._pieces)

    def add(self, text: str) -> None:
        """A piece of the text, as an event of its own."""
        self._pieces.append(text)
        self._delta(text)

    def cite(self, citations: Sequence[JSON]) -> None:
        """What the text rests on."""
        for citation in citations:
            self._list.events.delta(self._index, {"type": "citations_delta", "citation": citation})
        self._citations += citations

    def close(self) -> None:
        """The text is over."""
        block: JSON = {"type": "text", "text": self.text}
        self._list.done(self._index, {**block, "citations": self._citations} if self._citations else block)


class OpenThinking:
    """A run of thoughts."""

    __slots__ = ("_delta", "_index", "_list", "_pieces")

    def __init__(self, blocks: BlockList) -> None:
        self._list = blocks
        self._pieces: list[str] = []
        self._index = blocks.begin({"type": "thinking", "thinking": "", "signature": ""})
        self._delta = blocks.events.deltas(self._index, "thinking_delta")

    def add(self, text: str) -> None:
        """A piece of the thoughts."""
        self._pieces.append(text)
        self._delta(text)

    def close(self, signature: str) -> None:
        """The thoughts are over; the signature says whose they are, and carries what goes with them."""
        self._list.events.delta(self._index, {"type": "signature_delta", "signature": signature})
        self._list.done(self._index, {"type": "thinking", "thinking": "".join(self._pieces), "signature": signature})
