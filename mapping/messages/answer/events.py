"""The events of a Messages stream as bytes.

Rules of this module (Anthropic's API reference, "Streaming messages"; what clients need was tried with them):

* Each event is framed as `event: <type>` and `data: <JSON>`: without the first line SDKs see an empty stream.
* `message_start` and a `ping` are the first events. They go out before the first block, or when they are asked for.
* Deltas of one kind for one block differ by a text alone: all around it is made once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from mapping import jsonio
from mapping.messages.answer.usage import known_later
from mapping.values import JSON

PING = b'event: ping\ndata: {"type":"ping"}\n\n'
"""A sign of life."""

type Deltas = Callable[[str], None]
"""Takes the pieces of one text."""

DELTAS = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}
"""Types of deltas that bring a piece of a text -> the member that has it."""


class BlockEvents(Protocol):
    """Where the events about blocks go, in their order."""

    def start(self, index: int, block: JSON) -> None:
        """A block begins."""

    def delta(self, index: int, delta: JSON) -> None:
        """Something is added to a block."""

    def deltas(self, index: int, type: str) -> Deltas:
        """What takes the pieces of one text of a block; `type` is a key of `DELTAS`."""

    def stop(self, index: int) -> None:
        """A block is complete."""


class NoBlockEvents:
    """For answers that are not streamed."""

    def start(self, index: int, block: JSON) -> None:
        """Nothing."""

    def delta(self, index: int, delta: JSON) -> None:
        """Nothing."""

    def deltas(self, index: int, type: str) -> Deltas:
        """What does nothing."""
        return _nothing

    def stop(self, index: int) -> None:
        """Nothing."""


def _nothing(text: str) -> None:
    pass


class BehindSummary:
    """Where the events of an answer go that begins with a block which is complete: `block`, a summary. It goes out
    together with what follows."""

    def __init__(self, events: BlockEvents, block: JSON) -> None:
        self._events = events
        self._block: JSON | None = block

    def start(self, index: int, block: JSON) -> None:
        """A block begins."""
        if self._block is not None:
            summary, self._block = self._block, None
            add_summary(self._events, 0, summary)
        self._events.start(index + 1, block)

    def delta(self, index: int, delta: JSON) -> None:
        """Something is added to a block."""
        self._events.delta(index + 1, delta)

    def deltas(self, index: int, type: str) -> Deltas:
        """What takes the pieces of one text of a block."""
        return self._events.deltas(index + 1, type)

    def stop(self, index: int) -> None:
        """A block is complete."""
        self._events.stop(index + 1)


def add_summary(events: BlockEvents, index: int, block: JSON) -> None:
    """A `compaction` block, by one delta: of several, SDKs keep the last alone."""
    told = {name: block[name] for name in ("content", "encrypted_content")}
    begun = {name: value for name, value in block.items() if name not in told}
    events.start(index, {**begun, "content": None})
    events.delta(index, {"type": "compaction_delta", **told})
    events.stop(index)


class MessageLog:
    """Writes the events of one stream into `out`. `opening` gives the message that `message_start` tells; True: nothing
    is known of it yet."""

    __slots__ = ("_opening", "_out", "begun")

    def __init__(self, out: list[bytes], opening: Callable[[bool], JSON]) -> None:
        self.begun = False
        """The first events are out."""
        self._out = out
        self._opening = opening

    def begin(self, *, early: bool = False) -> None:
        """The first events, unless they are out. `early`: nothing has come from the upstream yet."""
        if not self.begun:
            self.begun = True
            self.add("message_start", {"message": self._opening(early)})
            self._out.append(PING)

    def start(self, index: int, block: JSON) -> None:
        """A block begins."""
        self.begin()
        self.add("content_block_start", {"index": index, "content_block": block})

    def delta(self, index: int, delta: JSON) -> None:
        """Something is added to a block."""
        self.add("content_block_delta", {"index": index, "delta": delta})

    def deltas(self, index: int, type: str) -> Deltas:
        """What takes the pieces of one text of a block."""
        member, before = DELTAS[type].encode(), b"event: content_block_delta\ndata: "
        before += b'{"type":"content_block_delta","index":%d,"delta":{"type":"%b","%b":' % (
            index,
            type.encode(),
            member,
        )
        append, dumps = self._out.append, jsonio.dumps

        def delta(text: str) -> None:
            append(before + dumps(text) + b"}}\n\n")

        return delta

    def stop(self, index: int) -> None:
        """A block is complete."""
        self._out.append(b'event: content_block_stop\ndata: {"type":"content_block_stop","index":%d}\n\n' % index)

    def add(self, type: str, members: JSON) -> None:
        """An event with its members, `type` apart."""
        self._out.append(event(type, members))


def event(type: str, members: JSON) -> bytes:
    """One event."""
    return b"event: %b\ndata: %b\n\n" % (type.encode(), jsonio.dumps({"type": type, **members}))


def without_signs_of_life(stream: bytes) -> bytes:
    """A stream as it would be if the upstream had never been silent: without the pings behind the first one.

    Where the message began before anything was known of it, its first event tells of the tokens that went in what
    `message_delta` does.
    """
    start, ping, rest = stream.partition(PING)
    rest = rest.replace(PING, b"")
    told, ended = _data(start), _data(rest.partition(b"event: message_delta\n")[2].partition(b"\n\n")[0])
    if told is None or ended is None:
        return start + ping + rest
    told["message"]["usage"] = known_later(told["message"]["usage"], ended["usage"])
    return event("message_start", {"message": told["message"]}) + ping + rest


def _data(event: bytes) -> JSON | None:
    """The value of an event's data; None: there is none."""
    try:
        value: JSON = jsonio.loads(event.partition(b"data: ")[2])
    except ValueError:
        return None
    return value
