"""Output items that grow while the answer comes: messages, reasoning, code that Gemini runs.

Each is added to the output when it is made, and done when it is closed. `item` gives it as it stands.
"""

from __future__ import annotations

from mapping.answer.parts.grounding import Citation
from mapping.responses.answer import output_items
from mapping.responses.answer.item_list import COMPLETED, FAILED, IN_PROGRESS, INCOMPLETE, ItemList
from mapping.values import JSON

_OUTCOME_OK = "OUTCOME_OK"


class Message:
    """A message with one part of text. `start` is where its text begins in that of the whole answer."""

    __slots__ = ("_annotations", "_delta", "_list", "_pieces", "logprobs", "place", "start")

    def __init__(self, items: ItemList, id: str, start: int) -> None:
        self.start = start
        self.logprobs: list[JSON] = []
        self._list = items
        self._pieces: list[str] = []
        self._annotations: list[JSON] = []
        self.place = items.begin(output_items.message(id, IN_PROGRESS))
        part = output_items.output_text("", [], [])
        items.tell("response.content_part.added", self.place, content_index=0, part=part)
        place = {**self.place.members(), "content_index": 0}
        self._delta = items.events.deltas("response.output_text.delta", place, {"logprobs": []})

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join(self._pieces)

    def add(self, text: str) -> None:
        """Add a piece of the text, as an event of its own."""
        self._pieces.append(text)
        self._delta(text)

    def add_with(self, text: str, logprobs: list[JSON]) -> None:
        """A piece of the text, and the `logprobs` of its tokens."""
        self._pieces.append(text)
        self.logprobs += logprobs
        self._list.tell("response.output_text.delta", self.place, content_index=0, delta=text, logprobs=logprobs)

    def annotate(self, citation: Citation) -> None:
        """A citation that begins in this text."""
        start = max(citation.start - self.start, 0)
        end = min(citation.end - self.start, sum(map(len, self._pieces)))
        annotation = output_items.url_citation(citation, start, max(start, end))
        self._list.tell(
            "response.output_text.annotation.added",
            self.place,
            content_index=0,
            annotation_index=len(self._annotations),
            annotation=annotation,
        )
        self._annotations.append(annotation)

    def item(self, status: str) -> JSON:
        """The item with the text so far. It takes on what is added to `logprobs` and annotated later."""
        return output_items.message(self.place.item_id, status, self._part())

    def close(self, status: str) -> None:
        """The text is over."""
        part = self._part()
        tell = self._list.tell
        tell("response.output_text.done", self.place, content_index=0, text=part["text"], logprobs=self.logprobs)
        tell("response.content_part.done", self.place, content_index=0, part=part)
        self._list.done(self.place, output_items.message(self.place.item_id, status, part))

    def _part(self) -> JSON:
        return output_items.output_text(self.text, self._annotations, self.logprobs)


class OpenReasoning:
    """A run of thoughts, shown as a summary of one part. `encrypted_content` is what it carries, once that is known."""

    __slots__ = ("_delta", "_list", "_pieces", "encrypted_content", "place")

    def __init__(self, items: ItemList, id: str, *, carries: bool) -> None:
        self.encrypted_content = "" if carries else None
        self._list = items
        self._pieces: list[str] = []
        self.place = items.begin(output_items.reasoning(id, (), self.encrypted_content))
        part = output_items.summary_text("")
        items.tell("response.reasoning_summary_part.added", self.place, summary_index=0, part=part)
        place = {**self.place.members(), "summary_index": 0}
        self._delta = items.events.deltas("response.reasoning_summary_text.delta", place, {})

    def add(self, text: str) -> None:
        """A piece of the summary."""
        self._pieces.append(text)
        self._delta(text)

    def item(self, status: str) -> JSON:
        """The item with the summary so far; it has no status."""
        return output_items.reasoning(self.place.item_id, ["".join(self._pieces)], self.encrypted_content)

    def close(self, status: str) -> None:
        """The thoughts are over."""
        item = self.item(status)
        (part,) = item["summary"]
        tell = self._list.tell
        tell("response.reasoning_summary_text.done", self.place, summary_index=0, text=part["text"])
        tell("response.reasoning_summary_part.done", self.place, summary_index=0, part=part)
        self._list.done(self.place, item)


class CodeRun:
    """Code that Gemini runs, and then what it gave. `show_logs`: the client asked for outputs."""

    __slots__ = ("_code", "_container", "_list", "_logs", "_show_logs", "_status", "place")

    def __init__(self, items: ItemList, id: str, container: str, code: str, *, show_logs: bool) -> None:
        self._list = items
        self._container = container
        self._code = code
        self._show_logs = show_logs
        self._logs: str | None = None
        self._status = ""
        begun = output_items.code_interpreter_call(id, IN_PROGRESS, "", container, None)
        place = self.place = items.begin(begun)
        items.tell("response.code_interpreter_call.in_progress", place)
        if code:
            items.tell("response.code_interpreter_call_code.delta", place, delta=code)
        items.tell("response.code_interpreter_call_code.done", place, code=code)
        items.tell("response.code_interpreter_call.interpreting", place)

    def result(self, outcome: str, output: str) -> None:
        """What the code gave; `outcome` as Gemini names it."""
        self._status = COMPLETED if outcome in (_OUTCOME_OK, "") else FAILED
        self._logs = output if self._show_logs else None

    def item(self, status: str) -> JSON:
        """The item as it stands. One that has its result is not cut off by the end of the answer."""
        return output_items.code_interpreter_call(
            self.place.item_id, self._status or status, self._code, self._container, self._logs
        )

    def close(self, status: str) -> None:
        """The code ran."""
        item = self.item(status)
        if item["status"] != INCOMPLETE:
            self._list.tell("response.code_interpreter_call.completed", self.place)
        self._list.done(self.place, item)
