"""Reads a Gemini answer, whole or streamed, and tells the writers of the client's dialect what is in it.

Rules of this module (Gemini API reference, `GenerateContentResponse`):

* Every member may be missing: proto3 JSON leaves out zeros, empty texts and empty lists. A missing `index` is 0.
* How the answer ended is settled when it is over, because token counts and text may follow the finish reason.
* All candidates are settled before the first is finished: an answer is whole or it is an error.
* Nothing but UpstreamError is raised, whatever JSON comes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from mapping.answer import finish
from mapping.answer.candidate import Candidate, Context
from mapping.answer.parts.calls import CallMaker
from mapping.answer.usage import Usage
from mapping.answer.version import Version
from mapping.answer.writer import Writer
from mapping.gemini import payload
from mapping.gemini.errors.upstream_errors import broken
from mapping.notes import Notes
from mapping.request.plan import Plan
from mapping.request.signatures import text_key
from mapping.values import JSON, RawTurn

MAX_CANDIDATES = 128
"""OpenAI's limit of `n`; Gemini's own is lower."""


class AnswerReader:
    """Reads one upstream answer. `add` takes each response, `end` is told when there are no more.

    `writer` makes the writer of a candidate by its index; indices come dense and ascending. `calls` is shared by all
    answers of an exchange. `live` says that writers send at once, so that an answer spoilt at its end cannot be taken
    back. `enough` tells that the client wants nothing of what follows. Raises UpstreamError.
    """

    __slots__ = (
        "_block_message",
        "_blocked",
        "_candidates",
        "_context",
        "_enough",
        "_tokens",
        "_version",
        "_writer",
        "continuation",
        "finish_reasons",
        "response_id",
        "usage",
        "why_empty",
    )

    def __init__(
        self,
        plan: Plan,
        calls: CallMaker,
        notes: Notes,
        writer: Callable[[int], Writer],
        *,
        live: bool = False,
        enough: Callable[[], bool] | None = None,
    ) -> None:
        self.usage = Usage()
        self.response_id: str | None = None
        self.continuation: str | None = None
        """After `end`: Gemini stopped at the limit of one request. Send the same request with this
        `continuationToken` and `add` what comes, or call `end` again to leave it at that."""
        self.finish_reasons: list[str] = []
        """After `end`: OpenAI's finish reason of each candidate."""
        self.why_empty = ""
        """After `end`: why a candidate that counts as an answer has no content, and what to do."""
        self._context = Context(plan, calls, notes, live)
        self._writer = writer
        self._enough = enough
        self._candidates: list[Candidate] = []
        self._blocked = ""
        self._block_message = ""
        self._tokens: set[str] = set()
        self._version = Version(plan.model, notes)

    @property
    def enough(self) -> bool:
        """The client has all that it wants of the answer, which counts as complete."""
        return self._enough is not None and self._enough()

    @property
    def blocked(self) -> bool:
        """The prompt was blocked: there is no answer, only a refusal."""
        return bool(self._blocked) and not any(candidate.reason for candidate in self._candidates)

    @property
    def ended_by(self) -> str | None:
        """Gemini's finish reason of the first candidate."""
        return self._candidates[0].reason if self._candidates else None

    @property
    def fetched(self) -> JSON:
        """The `urlContextMetadata` of the first candidate: the pages that Gemini has read."""
        return self._candidates[0].fetched if self._candidates else {}

    def add(self, response: JSON) -> None:
        """Take in a `GenerateContentResponse`. Once for each event of a stream: quick where there is but its text."""
        try:
            if self.continuation is not None:
                self._next_hop()
            metadata = response.get("usageMetadata")
            if type(metadata) is dict:
                self.usage.merge(metadata)
            if self.response_id is None and type(response_id := response.get("responseId")) is str:
                self.response_id = response_id
            if not self._version.is_read:
                if served := self._version.read(response):
                    self._context.plan.served = served
                self.usage.model = self._version.name
            candidates = response.get("candidates")
            if type(candidates) is not list or not candidates:
                self._feedback(response.get("promptFeedback"))
            elif len(candidates) == 1:
                if type(data := candidates[0]) is dict:
                    index = data.get("index")
                    known = self._candidates
                    (known[0] if known and not index else self._candidate(index or 0)).read(data)
            else:
                self._read_several(candidates)
        except RecursionError:
            raise _too_deep() from None

    def take(self, data: bytes | JSON, *, needs_content: bool = False) -> None:
        """Take in a whole upstream answer, as bytes or parsed, and end it."""
        for response in payload.responses(data) if isinstance(data, bytes) else payload.unwrap(data):
            self.add(response)
        self.end(needs_content=needs_content)

    def end(self, *, needs_content: bool = False) -> None:
        """The upstream answer is over: settle how, and finish the writers, unless `continuation` is set.

        `needs_content`: raise UpstreamError (`Kind.EMPTY`) for an answer that ended well and holds nothing.
        """
        if self.enough:
            for candidate in self._candidates:
                candidate.stop()
        for candidate in self._candidates:
            if grounding := candidate.grounding:
                self.usage.looked_up(grounding)
        if needs_content and self._is_empty():
            raise finish.nothing()
        again = self.continuation is not None
        self.continuation = None if again else self._continuation_token()
        if self.continuation is not None:
            self._tokens.add(self.continuation)
            return
        try:
            self._end()
        except RecursionError:
            raise _too_deep() from None

    def refuse(self, indices: Iterable[int]) -> None:
        """Answer a blocked prompt in these choices. Raises UpstreamError if the settings ask for an error."""
        if self._context.plan.options.blocked_prompt == "error":
            raise finish.prompt_blocked(self._blocked, self._block_message)
        self._context.notes.add("finish", self._blocked)
        for index in indices:
            writer = self._candidate(index).writer
            writer.refusal(finish.refusal(self._blocked, self._block_message))
            writer.finish(finish.CONTENT_FILTER)
            self.finish_reasons.append(finish.CONTENT_FILTER)

    def turn(self) -> RawTurn | None:
        """The turn of the first candidate, if there is more to it than its text."""
        first = self._candidates[0] if self._candidates else None
        if first is None or not (first.call_ids or first.rich):
            return None
        return RawTurn(self._context.plan.model, first.parts, first.call_ids)

    def turns(self, *, whole: bool = True) -> dict[str, RawTurn]:
        """What to remember: under the id of each call, or under `text_key` for a text that is more than its text.

        An answer that is not `whole` has only its calls: clients run what they have got and give it back.
        """
        found: dict[str, RawTurn] = {}
        for candidate in self._candidates:
            turn = RawTurn(self._context.plan.model, candidate.parts, candidate.call_ids)
            keys = candidate.call_ids
            if whole and not keys and candidate.rich and (text := candidate.writer.content).strip():
                keys = [text_key(text)]
            found.update(dict.fromkeys(keys, turn))
        return found

    def _read_several(self, candidates: list[Any]) -> None:
        # One that has its index says that the others' is 0; with none at all they stand in order.
        numbered = any("index" in data for data in candidates if type(data) is dict)
        for position, data in enumerate(candidates):
            if type(data) is dict:
                self._candidate(data.get("index") or (0 if numbered else position)).read(data)

    def _end(self) -> None:
        if self.blocked:
            self.refuse(range(len(self._candidates) or 1))
            return
        if not self._candidates:
            raise broken("The upstream's answer is empty.", code="upstream_empty")
        endings = [candidate.ending() for candidate in self._candidates]
        self.finish_reasons = [finish.settle(ending, self._context.notes) for ending in endings]
        for candidate, ending, reason in zip(self._candidates, endings, self.finish_reasons, strict=True):
            if not ending.output and not self._context.plan.prewarm:
                self._note_empty(ending)
            candidate.finish(reason)

    def _is_empty(self) -> bool:
        """Every candidate is, and Gemini counts no token of an answer either."""
        if not self._candidates or not all(candidate.is_empty for candidate in self._candidates):
            return False
        totals = self.usage.totals()
        return totals.completion == totals.reasoning

    def _note_empty(self, ending: finish.Ending) -> None:
        thoughts = self.usage.totals().reasoning
        self.why_empty = finish.why_empty(ending, thoughts, self._context.plan.limit_name)
        self._context.notes.add("empty", self.why_empty)

    def _candidate(self, index: Any) -> Candidate:
        candidates = self._candidates
        if type(index) is not int or not 0 <= index < MAX_CANDIDATES:
            raise broken("The upstream's answer has a candidate with an impossible index.")
        while len(candidates) <= index:
            candidates.append(Candidate(self._context, self._writer(len(candidates))))
        return candidates[index]

    def _feedback(self, feedback: Any) -> None:
        reason = feedback.get("blockReason") if type(feedback) is dict else None
        if reason and type(reason) is str:
            message = feedback.get("blockReasonMessage")
            self._blocked = reason
            self._block_message = message if type(message) is str else ""

    def _continuation_token(self) -> str | None:
        """The token of a hop that is to be continued, if it is a new one: an old one would go in circles."""
        first = self._candidates[0] if self._candidates else None
        if first is None or first.reason != finish.CONTINUATION or not first.token or first.token in self._tokens:
            return None
        return first.token

    def _next_hop(self) -> None:
        self.continuation = None
        self.usage.next_hop()
        for candidate in self._candidates:
            candidate.next_hop()


def _too_deep() -> Exception:
    return broken("The upstream's answer is nested too deeply.")
