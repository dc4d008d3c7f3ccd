"""A candidate of a Gemini answer as the content blocks of a message.

Rules of this module (Anthropic's API reference; what clients need was tried with them):

* A whole answer is what a stream of it adds up to: both are written here, with events or without.
* One block is open at most. What belongs to another block closes it.
* Thoughts are a block for each run of them, where the client asked to see them.
* The thought signature of a call travels in the `signature` of a thinking block before it, for clients that take such
  blocks; for the others in the id of the call (`MessagesPlan.signs_ids`).
* What Gemini tells of its searches comes last, and so do they in a stream; in a whole answer they stand before the
  text, as at Anthropic's.
* The signature of a text, and turns that signatures do not restore, travel in a thinking block, too. It is never the
  last one: Claude Code (2.1.332, tried) then prints nothing. So it stands at the beginning of a whole answer, behind
  the calls of a stream; the stream of a mere text has none, and Gemini does well without.
* For the same reason thoughts behind what was said wait until something follows them. Nothing may, where the answer was
  cut short: then they are left out, with a note.
* There is no empty answer: a text says why there is nothing else. Claude Code shows nothing at all otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mapping.answer.parts.calls import Call
from mapping.answer.parts.grounding import Citation
from mapping.answer.reader import AnswerReader
from mapping.gemini.errors.upstream_errors import broken
from mapping.messages.answer import server_tools, stops
from mapping.messages.answer.blocks import BlockList, OpenText, OpenThinking
from mapping.messages.answer.events import BlockEvents
from mapping.messages.answer.exchange import AskedMessage
from mapping.messages.answer.stops import StopWatch
from mapping.request.conversation import carrier
from mapping.values import JSON

_SAYING = frozenset({"text", "tool_use", "image"})
"""Types of blocks that are an answer. Without one, clients show nothing, or ask again."""


class MessageOutput:
    """Writes the one candidate of an answer; implements `mapping.answer.writer.Writer`.

    `finish` only tells the reason: when the answer is known as a whole, `close` ends the output.
    """

    def __init__(self, asked: AskedMessage, events: BlockEvents, *, live: bool) -> None:
        """`live`: blocks go out at once, and stay where they are."""
        self.length = 0
        self._live = live
        self._asked = asked
        self._plan = plan = asked.plan
        self._list = BlockList(events, live=live)
        self._open: OpenText | OpenThinking | None = None
        self._waiting: list[str] = []
        """Thoughts that may be the last of the answer."""
        self._texts: list[OpenText] = []
        self._watch = StopWatch(plan.stops) if plan.stops else None
        self._shows_thoughts = plan.thinking and plan.display == "summarized"
        self._calls = 0
        self._code_id = ""
        """Of code that has no result yet."""
        self._reason = ""
        self._refusal = ""
        self._signature = ""
        self._free: JSON | None = None
        """The first thinking block that carries nothing."""
        self._citations: Sequence[Citation] = ()
        self._grounding: JSON = {}
        self._searches = self._fetches = 0

    @property
    def content(self) -> str:
        """The visible text so far."""
        return "".join([text.text for text in self._texts])

    @property
    def blocks(self) -> list[JSON]:
        """The content, once `close` was called."""
        return self._list.blocks

    # the parts of the answer

    def thought(self, text: str) -> None:
        """A piece of the thoughts."""
        if not self._shows_thoughts or self.stopped:
            return
        if isinstance(self._open, OpenThinking):
            self._open.add(text)
            return
        self._end_text()
        self._waiting.append(text)
        if self._calls or not self._said_something:
            self._think()

    def text(self, text: str) -> None:
        """A piece of the text."""
        if self._watch is None or (text := self._watch.add(text)):
            self._write(text)

    def call(self, call: Call) -> None:
        """A use of a tool, and before it the carrier of its signature."""
        self._end_text()
        if self.stopped:
            return
        self._calls += 1
        if self._plan.one_call and self._calls > 1:
            self._asked.notes.add("call-left", call.name)
            return
        carried = None
        if call.signature and self._plan.thinking:
            carried = carrier.pack(self._plan.model, calls={call.id: call.signature})
        self._go_on(carried)
        self._list.add_use({"type": "tool_use", "id": call.id, "name": call.name}, call.arguments)

    def image(self, mime: str, data: str) -> None:
        """An image, as clients send them. Anthropic's answers have none."""
        self._end_text()
        if self.stopped:
            return
        self._go_on()
        self._list.add({"type": "image", "source": {"type": "base64", "media_type": mime, "data": data}})

    def audio(self, mime: str, data: str) -> None:
        """A message has no place for it."""
        self._asked.notes.add("part-unknown", "inlineData audio")

    def code(self, language: str, code: str) -> None:
        """A use of code execution; its result follows."""
        self._end_text()
        if not self.stopped:
            self._go_on()
            self._end_code()
            self._code_id = server_tools.add_code(self._list, code, self._asked.mint)

    def code_result(self, outcome: str, output: str) -> None:
        """What the code gave."""
        self._end_text()
        if self.stopped:
            return
        if not self._code_id:
            self.code("", "")
        self._go_on()
        server_tools.add_code_result(self._list, self._code_id, outcome, output)
        self._code_id = ""

    def file(self, mime: str, uri: str) -> None:
        """The address, on a line of its own."""
        text = self._open.text if isinstance(self._open, OpenText) else ""
        self.text(f"{uri}\n" if not text or text.endswith("\n") else f"\n{uri}\n")

    def logprobs(self, entries: list[JSON]) -> None:
        """Nobody can ask for them."""

    def refusal(self, text: str) -> None:
        """A text, and the explanation of the stop."""
        self._refusal = text
        self._open_text().add(text)

    # what belongs behind them

    def annotations(self, citations: Sequence[Citation]) -> None:
        """They go with the text that is open at the end."""
        self._citations = citations

    def extra_content(self, google: JSON) -> None:
        """The signature of the text, and the searches."""
        self._signature = google.get("thought_signature", "")
        self._grounding = google.get("grounding_metadata", {})

    def finish(self, reason: str) -> None:
        """The end of the candidate."""
        self._reason = reason

    # the end

    def close(self, reader: AnswerReader) -> None:
        """The answer is over: close what is open, and add what belongs behind it. Raises UpstreamError."""
        try:
            self._close(reader)
        except RecursionError:
            raise broken("The upstream's answer is nested too deeply.") from None

    def _close(self, reader: AnswerReader) -> None:
        self._end_text()
        if self._waiting:
            self._asked.notes.add("part-unknown", "thoughts behind the answer")
        if self._citations and isinstance(self._open, OpenText):
            opened = self._open
            opened.cite(server_tools.citations(self._citations, opened.text, opened.start))
        self._close_open()
        self._end_code()
        if not self._said_something and not self._plan.prewarm:
            self._open_text().add(self._why_empty(reader))
            self._close_open()
        if self._live and self._calls and (payload := self._rest(reader)) is not None:
            self._add_carrier(payload)
        used = len(self._list.blocks)
        self._searches = server_tools.add_searches(self._list, self._grounding, self._asked.mint)
        self._fetches = server_tools.add_fetches(self._list, reader.fetched, self._asked.mint)
        if not self._live:
            self._in_order(used, self._rest(reader))

    def interrupt(self) -> None:
        """The answer is broken off: no block stays open."""
        self._close_open()

    def end(self, reader: AnswerReader) -> JSON:
        """Why the message ended, as `message_delta` tells it."""
        if self._plan.prewarm:
            return {"stop_reason": stops.MAX_TOKENS, "stop_sequence": None, "stop_details": None}
        found = self._watch.found if self._watch else None
        reason = stops.stop_reason(self._reason, reader.ended_by, stopped=found is not None, calls=self._calls > 0)
        if reason == stops.MAX_TOKENS and stops.fills_window(
            self._plan.model, reader.usage.totals(), self._plan.max_tokens
        ):
            reason = stops.WINDOW_EXCEEDED
        details = None
        if reason == stops.REFUSAL:
            details = {"type": "refusal", "category": None, "explanation": self._refusal or reader.why_empty or None}
        told = found if reason == stops.STOP_SEQUENCE else None
        return {"stop_reason": reason, "stop_sequence": told, "stop_details": details}

    @property
    def uses(self) -> dict[str, int]:
        """How often Gemini used the web: `searches`, `fetches`."""
        return {"searches": self._searches, "fetches": self._fetches}

    # inside

    @property
    def stopped(self) -> bool:
        """A stop sequence came: what Gemini said behind it is not the client's."""
        return self._watch is not None and self._watch.found is not None

    @property
    def until_stopped(self) -> Callable[[], bool] | None:
        """Asks for `stopped`; None: it never will be."""
        watch = self._watch
        return None if watch is None else lambda: watch.found is not None

    @property
    def _said_something(self) -> bool:
        return any(block["type"] in _SAYING for block in self._list.blocks)

    def _why_empty(self, reader: AnswerReader) -> str:
        if self.stopped:
            return f"[The answer began with the stop sequence {self._watch and self._watch.found!r}.]"
        return f"[Gemini gave no answer. {reader.why_empty}]"

    def _end_text(self) -> None:
        """What may have been the beginning of a stop sequence was none."""
        if self._watch is not None and (text := self._watch.end()):
            self._write(text)

    def _write(self, text: str) -> None:
        opened = self._open
        if self._waiting or not isinstance(opened, OpenText):
            opened = self._open_text()
        self.length += len(text)
        opened.add(text)

    def _rest(self, reader: AnswerReader) -> JSON | None:
        """What is to be carried beside the signatures of calls."""
        turn = reader.turn() if self._plan.thinking and not self.stopped else None
        payload = carrier.pack_turn(turn) if turn else None
        if payload is None and turn and self._signature and not self._calls:
            payload = carrier.pack(turn.model, text=self._signature)
        return payload

    def _add_carrier(self, payload: JSON) -> None:
        self._open = OpenThinking(self._list)
        self._close_open(payload)

    def _in_order(self, used: int, payload: JSON | None) -> None:
        """Of a whole answer: the blocks from `used` on belong before what is said. What is carried goes into thoughts
        that carry nothing, or to the front."""
        blocks = self._list.blocks
        searches, blocks[used:] = blocks[used:], []
        at = next((at for at, block in enumerate(blocks) if block["type"] != "thinking"), len(blocks))
        blocks[at:at] = searches
        if payload is None:
            return
        signature = self._asked.seal(payload)
        if self._free is not None:
            self._free["signature"] = signature
        else:
            blocks.insert(0, {"type": "thinking", "thinking": "", "signature": signature})

    def _end_code(self) -> None:
        """Code that has no result gets one that says so."""
        if self._code_id:
            server_tools.add_no_result(self._list, self._code_id)
            self._code_id = ""

    def _open_text(self) -> OpenText:
        self._go_on()
        opened = OpenText(self._list, self.length)
        self._open = opened
        self._texts.append(opened)
        return opened

    def _think(self) -> None:
        """Open a block of thoughts, unless one is open, with those that waited."""
        if not isinstance(self._open, OpenThinking):
            self._close_open()
            self._open = OpenThinking(self._list)
        if self._waiting:
            self._open.add("".join(self._waiting))
            self._waiting.clear()

    def _go_on(self, carried: JSON | None = None) -> None:
        """Something follows: close what is open, behind thoughts that waited for it, or that take what is carried."""
        if self._waiting or carried:
            self._think()
        self._close_open(carried)

    def _close_open(self, carried: JSON | None = None) -> None:
        """Close the open block; one of thoughts takes what is to be carried."""
        opened, self._open = self._open, None
        if isinstance(opened, OpenThinking):
            opened.close(self._asked.seal(carried or carrier.pack(self._plan.model)))
            if carried is None and self._free is None:
                self._free = self._list.blocks[-1]
        elif opened is not None:
            opened.close()
