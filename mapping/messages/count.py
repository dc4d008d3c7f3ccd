"""`POST /v1/messages/count_tokens`, by Gemini's countTokens.

Clients ask for many counts at once (Claude Code's `/context` for 25, most of them as before), and a number that is
nearly right serves them better than an error. So

* what was counted before is not asked for again: the number is remembered as a model's turn is, by a digest of what was
  counted;
* what Gemini can't be asked now is estimated. What Gemini refuses in the request itself is an error.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import override

from mapping import jsonio
from mapping.answer.count import CountAnswer, CountAnswering
from mapping.dialect import Given
from mapping.faults import Fault
from mapping.gemini.count import estimated
from mapping.notes import Notes
from mapping.request.plan import Translated
from mapping.values import RawTurn

_OF_THE_REQUEST = (400, 404, 413, 422)
"""Statuses of what is wrong with the request, and would be wrong with the message too."""
_COUNT = "totalTokens"


class TokenCount(CountAnswering):
    """See the module."""

    def __init__(self, translated: Translated, given: Given) -> None:
        super().__init__(translated, given, _shown)
        self.recall = given.recall
        self._notes = given.notes
        self._body = translated.body

    @cached_property
    def key(self) -> str:
        """By what the number is remembered: the same for the same question to the same model."""
        counted = self.calls[0]
        return "count_" + hashlib.sha256(jsonio.dumps([counted.model, counted.body])).hexdigest()

    @override
    def unasked(self) -> tuple[CountAnswer, bytes] | None:
        """The number of an earlier count."""
        turn = self.recall(self.key)
        if turn is None:
            return None
        self._notes.add("counted")
        answer = self.whole(self._notes)
        answer.add(turn.parts[0])
        return answer, answer.finish()

    @override
    def whole(self, notes: Notes) -> CountAnswer:
        return _Remembered(self)

    def estimate(self, fault: Fault) -> bytes | None:
        """See `mapping.answer.count.Estimates`."""
        if fault.status in _OF_THE_REQUEST:
            return None
        self._notes.add("estimated", "input_tokens")
        return _shown(estimated(self._body))


class _Remembered(CountAnswer):
    """A count that is there again for the next who asks."""

    def __init__(self, asked: TokenCount) -> None:
        super().__init__(_shown)
        self._asked = asked

    @override
    def remember(self) -> dict[str, RawTurn]:
        return {self._asked.key: RawTurn(self._asked.calls[0].model, [{_COUNT: self.count}], [])}


def _shown(tokens: int) -> bytes:
    return jsonio.dumps({"input_tokens": tokens})
