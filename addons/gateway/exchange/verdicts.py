"""Where a request stands (`State`), and what is to be done about it next (`Verdict`): what `machine` takes and gives.

The way of a request:

    NEW        it is read, admitted, translated; something is looked up for it
    CALLING    the next call has an account; its credential, the hooks of others and a connection are waited for
    SENT       it has gone up, and nothing has come back
    WHOLE      an answer comes that is looked at when it is whole: no stream, or an error
    STREAMING  an answer comes that is passed on as it comes
    GATHERING  the first call's answer is there; those of the calls beside it are waited for
    PAUSED     another attempt follows
    ANSWERED   the client's answer is a whole one, and it is there; an error, maybe
    ENDED      the client's answer is a stream, and its last bytes are there
    GONE       the client left before that
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import NamedTuple, Protocol

from mapping.faults import Fault, FaultKind
from mapping.gemini.errors.upstream_errors import UpstreamError
from mapping.values import RawTurn


class State(enum.Enum):
    """Where a request stands; see the module."""

    NEW = "new"
    CALLING = "calling"
    SENT = "sent"
    WHOLE = "whole"
    STREAMING = "streaming"
    GATHERING = "gathering"
    PAUSED = "paused"
    ANSWERED = "answered"
    ENDED = "ended"
    GONE = "gone"


class Do(enum.Enum):
    """What to do next."""

    NOTHING = "go on as before"
    SEND = "make the call, on the account that was chosen"
    PAUSE = "wait for `seconds`, then tell `waited`"
    STREAM = "send `data`, the last part of a stream, and hang up on the upstream; it has failed if there is a `fault`"
    SHOW = "send what `pending` gives"
    GATHER = "send `data`, if any; wait for the calls beside the first one, then tell `gathered`"
    ANSWER = "`data` is the whole answer"
    ERROR = "`fault` is the answer"
    END = "send `data`, the last bytes of the stream, and end it; it has failed if there is a `fault`"
    HANG_UP = "nobody is there any more"


NO_TURNS: Mapping[str, RawTurn] = {}


class Verdict(NamedTuple):
    """What to do next, and with what."""

    do: Do
    data: bytes = b""
    seconds: float = 0.0
    fault: Fault | None = None
    """What the client is told."""
    problem: UpstreamError | None = None
    """What was wrong with the attempt, where that is why."""
    turns: Mapping[str, RawTurn] = NO_TURNS
    """Of a complete answer: what the next request of the conversation will need."""


NOTHING = Verdict(Do.NOTHING)
SEND = Verdict(Do.SEND)
SHOW = Verdict(Do.SHOW)
GATHER = Verdict(Do.GATHER)
HANG_UP = Verdict(Do.HANG_UP)


class Attempts(Protocol):
    """Which account is asked next, and how often: `accounts.failover.Failover`."""

    def start(self, *, paused: float, stay: bool) -> float | None:
        """Begin an attempt. Seconds: it has to wait, and be begun after that. Raises Fault: there is none to be made.

        `paused`: the seconds just waited. `stay`: on the same account as the one before.
        """

    def discount(self, reason: str, status: int) -> None:
        """The attempt was none of the account's failures."""

    def succeeded(self) -> None:
        """The attempt has brought an answer."""

    def failed(self, problem: UpstreamError, *, stay: bool) -> float | None:
        """The attempt has failed. Seconds to pause before the next one; None: it was the last."""

    def error(self, problem: UpstreamError) -> Fault:
        """What the client is told when `problem` was the last straw."""

    def renew(self) -> bool:
        """The credential was refused: whether the same account is asked once more, with another one."""


class ImpossibleEventError(Exception):
    """An event that can't come in this state."""


def hung_up() -> Fault:
    """Nobody is there to read it, but an exchange ends with something."""
    return Fault(499, "The client hung up.", kind=FaultKind.SERVER, code="cancelled")
