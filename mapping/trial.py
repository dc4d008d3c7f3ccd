"""How a dialect is tried: the part of the contract for soak runs and fuzzing, which live serving never loads.

A package that has a module `trial` brings `TRIALS` in it, by the names of its dialects (`mapping.dialects`). What
brings none is served like the others, but `scripts/soak.py` and `tests/fuzz` do not know what to ask, and leave it out.

The checks raise `Wrong`; what they read may also raise ValueError, LookupError and TypeError, which say the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from mapping.values import JSON

ANY_MODEL = "m"
"""In a sample: any model that answers in words."""


class Wrong(Exception):
    """An answer is neither whole nor a well-formed error. The message says why."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What a client wants, in no dialect's words. A dialect leaves out what it does not have."""

    model: str
    text: str
    """What is said."""
    stream: bool = False
    choices: int = 1
    tool: JSON | None = None
    """A function that may be called: `{"name", "parameters"}`, the latter a JSON Schema."""


class Trial(Protocol):
    """Requests of a dialect, and what its answers have to be."""

    def samples(self) -> Sequence[JSON]:
        """Good requests that use most of what the dialect has.

        The model is `ANY_MODEL`, or where that would be refused, one of Gemini's that is not.
        """

    def request(self, ask: Ask, /) -> JSON:
        """A request."""

    def check_whole(self, request: JSON, answer: bytes, /) -> None:
        """The body of a whole answer (200) to the request. Raises `Wrong`, also where a stream was asked for."""

    def check_stream(self, request: JSON, answer: bytes, /) -> bool:
        """A stream to its end. True: it is complete; False: it broke off, and the client was told. Raises `Wrong`."""

    def check_error(self, answer: bytes, /) -> None:
        """The body of an error of any status. Raises `Wrong`."""
