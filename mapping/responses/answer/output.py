"""A candidate of a Gemini answer as the output items of a response.

Rules of this module (OpenAI API reference; what clients need was tried with them):

* A whole answer is what a stream of it adds up to: both are written here, with events or without.
* One item is open at most. What belongs to another item closes it.
* Thoughts are a reasoning item for each run of them, where the client asked for summaries.
* A thought signature travels in the `encrypted_content` of a reasoning item: that of a call in the item before the
  call, the others in one behind all items. Only clients that asked for it get such items; `stored` has them always.
* The searches come last, because Gemini tells of them last.
* There is a message, a call or the like in every output, if need be an empty message: clients ask again otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mapping.answer import finish
from mapping.answer.parts import grounding
from mapping.answer.parts.calls import Call, Mint
from mapping.answer.parts.grounding import Citation
from mapping.notes import Notes
from mapping.request.conversation import carrier
from mapping.responses.answer import output_items
from mapping.responses.answer.call_items import add_call
from mapping.responses.answer.item_list import COMPLETED, IN_PROGRESS, INCOMPLETE, Events, ItemList
from mapping.responses.answer.open_items import CodeRun, Message, OpenReasoning
from mapping.responses.plan import ResponsesPlan
from mapping.values import JSON, RawTurn

type Seal = Callable[[JSON], str]
"""Makes an `encrypted_content` of its payload."""

_CUT = frozenset({finish.LENGTH, finish.CONTENT_FILTER})
"""Finish reasons of answers that are not complete."""


class Output:
    """Writes the one candidate of an answer; implements `mapping.answer.writer.Writer`.

    `finish` only tells the reason: when the turn is known as a whole, `close` ends the output.
    """

    def __init__(self, plan: ResponsesPlan, *, mint: Mint, notes: Notes, seal: Seal, events: Events) -> None:
        self.length = 0
        self.reason = ""
        """OpenAI's finish reason of the candidate, as chat has it."""
        self.grounding: JSON = {}
        """Gemini's `groundingMetadata`."""
        self._plan = plan
        self._mint = mint
        self._notes = notes
        self._seal = seal
        self._list = ItemList(events)
        self._open: OpenReasoning | Message | CodeRun | None = None
        self._messages: list[Message] = []
        self._entries: list[JSON] = []
        """`logprobs` of the text that follows."""
        self._signature = ""
        self._turn: RawTurn | None = None
        self._substance = False
        """There is an item that is neither reasoning nor a search."""

    @property
    def content(self) -> str:
        """The visible text so far."""
        return "".join([message.text for message in self._messages])

    @property
    def items(self) -> list[JSON]:
        """The output; an item that is not done is there with what it has."""
        found = [*self._list.items]
        if self._open is not None:
            found[self._open.place.index] = self._open.item(INCOMPLETE)
        return found

    def stored(self) -> list[JSON]:
        """The output with all that a later request needs to go on with the turn, whatever the client asked for."""
        if self._turn is None:
            return self.items
        try:
            return [*self.items, self._carrier(carrier.pack(self._turn.model, turn=self._turn))]
        except RecursionError:  # parts that are nested too deeply to be written
            return self.items

    # the parts of the answer

    def thought(self, text: str) -> None:
        """A piece of a reasoning summary."""
        if not self._plan.summary:
            return
        if not isinstance(self._open, OpenReasoning):
            self._close_open()
            self._open = OpenReasoning(self._list, self._mint("rs_"), carries=self._plan.carry)
        self._open.add(text)

    def text(self, text: str) -> None:
        """A piece of a message."""
        message = self._open
        if not isinstance(message, Message):
            message = self._open_message()
        self.length += len(text)
        if self._entries:
            message.add_with(text, self._entries)
            self._entries = []
        else:
            message.add(text)

    def call(self, call: Call) -> None:
        """A call, and before it the carrier of its signature."""
        carried = carrier.pack(self._plan.model, calls={call.id: call.signature} if call.signature else None)
        if call.signature and self._plan.carry and not isinstance(self._open, OpenReasoning):
            self._close_open()
            self._add_carrier(carried)
        self._close_open(carried=carried)
        self._substance = True
        add_call(self._list, call, self._plan.kinds.get(call.name), self._mint)

    def image(self, mime: str, data: str) -> None:
        """An image generation call."""
        self._close_open()
        self._substance = True
        id = self._mint("ig_")
        place = self._list.begin(output_items.image_generation_call(id, IN_PROGRESS, mime, None))
        for step in ("in_progress", "generating", "completed"):
            self._list.tell(f"response.image_generation_call.{step}", place)
        self._list.done(place, output_items.image_generation_call(id, COMPLETED, mime, data))

    def audio(self, mime: str, data: str) -> None:
        """The Responses API has no audio."""
        self._notes.add("part-unknown", "inlineData audio")

    def code(self, language: str, code: str) -> None:
        """A code interpreter call; its result follows."""
        self._close_open()
        self._substance = True
        show_logs = "code_interpreter_call.outputs" in self._plan.include
        self._open = CodeRun(self._list, self._mint("ci_"), self._mint("cntr_"), code, show_logs=show_logs)

    def code_result(self, outcome: str, output: str) -> None:
        """The end of a code interpreter call."""
        if not isinstance(self._open, CodeRun):
            self.code("", "")
        assert isinstance(self._open, CodeRun)
        self._open.result(outcome, output)
        self._close_open()

    def file(self, mime: str, uri: str) -> None:
        """The address, on a line of its own."""
        text = self._open.text if isinstance(self._open, Message) else ""
        self.text(f"{uri}\n" if not text or text.endswith("\n") else f"\n{uri}\n")

    def logprobs(self, entries: list[JSON]) -> None:
        """They go with the next piece of text."""
        self._entries += entries

    def refusal(self, text: str) -> None:
        """A message of its own."""
        self._close_open()
        self._substance = True
        id = self._mint("msg_")
        place = self._list.begin(output_items.message(id, IN_PROGRESS))
        tell = self._list.tell
        tell("response.content_part.added", place, content_index=0, part=output_items.refusal(""))
        tell("response.refusal.delta", place, content_index=0, delta=text)
        tell("response.refusal.done", place, content_index=0, refusal=text)
        part = output_items.refusal(text)
        tell("response.content_part.done", place, content_index=0, part=part)
        self._list.done(place, output_items.message(id, COMPLETED, part))

    # what belongs behind them

    def annotations(self, citations: Sequence[Citation]) -> None:
        """Each goes to the message that it begins in. That message may be done already."""
        for citation in citations:
            for message in reversed(self._messages):
                if message.start <= citation.start:
                    message.annotate(citation)
                    break

    def extra_content(self, google: JSON) -> None:
        """The thought signature of the text, and the searches: both go behind what is there."""
        self._signature = google.get("thought_signature", "")
        self.grounding = google.get("grounding_metadata", {})

    def finish(self, reason: str) -> None:
        """How it ended; `close` follows."""
        self.reason = reason

    def close(self, turn: RawTurn | None) -> None:
        """The end. `turn` is the turn that Gemini made; None: there is no more to it than its text."""
        self._turn = turn
        if self._entries and self._messages:
            self._messages[-1].logprobs += self._entries
        status = INCOMPLETE if self.reason in _CUT else COMPLETED
        if not self._substance:
            self._open_message()
        self._close_open(status)
        self._add_search()
        if self._plan.carry:
            self._carry_rest()

    # inside

    def _open_message(self) -> Message:
        self._close_open()
        self._substance = True
        message = Message(self._list, self._mint("msg_"), self.length)
        self._open = message
        self._messages.append(message)
        return message

    def _close_open(self, status: str = COMPLETED, *, carried: JSON | None = None) -> None:
        """Close the open item; a reasoning item takes what is to be carried."""
        item, self._open = self._open, None
        if item is None:
            return
        if isinstance(item, OpenReasoning) and self._plan.carry:
            item.encrypted_content = self._seal(carried or carrier.pack(self._plan.model))
        item.close(status)

    def _add_search(self) -> None:
        queries = grounding.searches(self.grounding)
        if not queries:
            return
        sources = None
        if "web_search_call.action.sources" in self._plan.include:
            sources = grounding.addresses(self.grounding)
        id = self._mint("ws_")
        place = self._list.begin(output_items.web_search_call(id, IN_PROGRESS, queries, None))
        for step in ("in_progress", "searching", "completed"):
            self._list.tell(f"response.web_search_call.{step}", place)
        self._list.done(place, output_items.web_search_call(id, COMPLETED, queries, sources))

    def _carry_rest(self) -> None:
        """The turn itself, if signatures alone do not restore it; else the signature of its text.

        Who stores the conversation here needs no carrier for its text.
        """
        turn = self._turn
        if turn is not None and (payload := carrier.pack_turn(turn)) is not None:
            self._add_carrier(payload)
        elif self._signature and not self._plan.store:
            self._add_carrier(carrier.pack(self._plan.model, text=self._signature))

    def _add_carrier(self, payload: JSON) -> None:
        item = self._carrier(payload)
        self._list.done(self._list.begin({**item, "encrypted_content": ""}), item)

    def _carrier(self, payload: JSON) -> JSON:
        return output_items.reasoning(self._mint("rs_"), (), self._seal(payload))
