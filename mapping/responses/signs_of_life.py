"""Takes the signs of life out of a client's stream: how many there are depends on how long the upstream was silent.

`response.in_progress` is repeated, and the events after that are numbered on.
"""

from __future__ import annotations

import re

_REPEATED = b"event: response.in_progress\n"
_NUMBER = re.compile(rb',"sequence_number":(\d+)\}$')


def removed(stream: bytes) -> bytes:
    """The same stream as it would be without them, byte for byte. `stream` is one that this package made."""
    if stream.count(_REPEATED) < 2:
        return stream
    kept: list[bytes] = []
    seen = left_out = 0
    for event in stream.split(b"\n\n"):
        if event.startswith(_REPEATED):
            seen += 1
            if seen > 1:
                left_out += 1
                continue
        number = _NUMBER.search(event) if left_out else None
        kept.append(
            event
            if number is None
            else b'%b,"sequence_number":%d}' % (event[: number.start()], int(number[1]) - left_out)
        )
    return b"\n\n".join(kept)
