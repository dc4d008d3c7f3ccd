"""The span that a client's request comes from: W3C Trace Context, https://www.w3.org/TR/trace-context/.

It is for spans of the exchange alone. What goes up to Gemini has none of the client's header fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

TRACEPARENT, TRACESTATE = b"traceparent", b"tracestate"
_FORM = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?\Z")
_LONGEST_STATE = 512
"""Characters that others have to pass on; more is left out."""


class ClientSpan(NamedTuple):
    """See the module."""

    trace: bytes
    span: bytes
    state: str
    sampled: bool
    """False: the client's span is kept nowhere, so those below it are none either."""


def parent_of(fields: Iterable[tuple[bytes, bytes]]) -> ClientSpan | None:
    """What header fields name; None: nothing, or nothing that is valid."""
    found: list[str] = []
    states: list[str] = []
    for name, value in fields:
        if len(name) in (10, 11):  # most fields have other lengths
            lower = name.lower()
            if lower == TRACEPARENT:
                found.append(value.decode("latin-1").strip())
            elif lower == TRACESTATE:
                states.append(value.decode("latin-1").strip())
    if len(found) != 1 or not (form := _FORM.match(found[0])):
        return None
    version, trace, span, flags, more = form.groups()
    if version == "ff" or (version == "00" and more) or not int(trace, 16) or not int(span, 16):
        return None
    state = ",".join(filter(None, states))
    if len(state) > _LONGEST_STATE or not state.isascii():
        state = ""
    return ClientSpan(bytes.fromhex(trace), bytes.fromhex(span), state, bool(int(flags, 16) & 1))
