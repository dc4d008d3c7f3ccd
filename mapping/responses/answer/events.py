"""The events of a Responses stream as bytes.

Rules of this module (OpenAI API reference, `ResponseStreamEvent`; seen in recorded answers):

* Each event is framed as `event: <type>` and `data: <JSON>`; there is no `[DONE]`.
* `sequence_number` counts all events of a response from 0 on, without gaps.
* The first events name the response. They go out before the first item, or when they are asked for.
"""

from __future__ import annotations

from collections.abc import Callable

from mapping import jsonio
from mapping.responses.answer.item_list import Deltas
from mapping.values import JSON


class EventLog:
    """Numbers the events of one stream and writes them into `out`.

    `opening` gives the types of the first events, each with its members as JSON. `sequence` is the number of the next
    event; a stream that goes on from what another one sent takes that one's number.
    """

    __slots__ = ("_opening", "_out", "sequence")

    def __init__(self, opening: Callable[[], list[tuple[str, bytes]]], out: list[bytes]) -> None:
        self.sequence = 0
        self._opening = opening
        self._out = out

    def begin(self) -> None:
        """The first events, unless they are out."""
        if not self.sequence:
            for type, members in self._opening():
                self._add(type, members)

    def add(self, type: str, members: JSON) -> None:
        """An event with its members, `type` and `sequence_number` apart."""
        self.begin()
        self._add(type, jsonio.dumps(members))

    def deltas(self, type: str, place: JSON, rest: JSON) -> Deltas:
        """What takes the pieces of one text: all but the piece and the number is made once."""
        self.begin()
        name = type.encode()
        before = b'event: %b\ndata: {"type":"%b",%b,"delta":' % (name, name, jsonio.dumps(place)[1:-1])
        after = b',"sequence_number":%d}\n\n'
        if rest:
            after = b"," + jsonio.dumps(rest)[1:-1].replace(b"%", b"%%") + after
        append = self._out.append

        def delta(text: str) -> None:
            append(before + jsonio.dumps(text) + after % self.sequence)
            self.sequence += 1

        return delta

    def _add(self, type: str, members: bytes) -> None:
        name = type.encode()
        head = b'event: %b\ndata: {"type":"%b",' % (name, name)
        self._out.append(b'%b%b,"sequence_number":%d}\n\n' % (head, members[1:-1], self.sequence))
        self.sequence += 1
