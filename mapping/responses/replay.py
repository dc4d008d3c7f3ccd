"""A whole response as the stream that it would have been, for those who ask for one later.

The text of each part comes in one piece. Events that only tell of progress are left out.
"""

from __future__ import annotations

from mapping import jsonio
from mapping.responses.answer import call_items, output_items
from mapping.responses.answer.events import EventLog
from mapping.responses.answer.item_list import IN_PROGRESS, ItemList, ItemPlace
from mapping.values import JSON

_ENDINGS = {"completed": "response.completed", "incomplete": "response.incomplete"}
"""Status of a response -> the last event. All others have failed, as far as a stream can say it."""

_UNFINISHED: JSON = {
    "status": IN_PROGRESS,
    "completed_at": None,
    "error": None,
    "incomplete_details": None,
    "output": [],
    "usage": None,
}
_EMPTY: JSON = {
    "status": IN_PROGRESS,
    "content": [],
    "summary": [],
    "encrypted_content": "",
    "result": None,
    "code": "",
}
"""What members of an item are at its beginning, if it has them."""


def events_of(response: JSON) -> bytes:
    """The events of a response that is over, from `response.created` to the last."""
    opening = jsonio.dumps({"response": {**response, **_UNFINISHED}})
    out: list[bytes] = []
    events = EventLog(lambda: [("response.created", opening), ("response.in_progress", opening)], out)
    items = ItemList(events)
    for item in response.get("output") or ():
        if item["type"] in call_items.TYPES:
            call_items.retell(items, item)
            continue
        place = items.begin({**item, **{name: value for name, value in _EMPTY.items() if name in item}})
        for index, part in enumerate(item.get("content") or ()):
            _tell_part(items, place, index, part)
        for index, part in enumerate(item.get("summary") or ()):
            _tell_summary(items, place, index, part["text"])
        items.done(place, item)
    events.add(_ENDINGS.get(str(response.get("status")), "response.failed"), {"response": response})
    return b"".join(out)


def _tell_part(items: ItemList, place: ItemPlace, index: int, part: JSON) -> None:
    member = "refusal" if part["type"] == "refusal" else "text"
    event = f"response.{part['type']}"
    rest: JSON = {"logprobs": part.get("logprobs") or []} if member == "text" else {}
    done: JSON = {member: part[member], **rest}
    lists: JSON = {name: [] for name in ("annotations", "logprobs") if name in part}
    empty: JSON = {**part, member: "", **lists}
    items.tell("response.content_part.added", place, content_index=index, part=empty)
    if part[member]:
        items.tell(f"{event}.delta", place, content_index=index, delta=part[member], **rest)
    for number, annotation in enumerate(part.get("annotations") or ()):
        items.tell(
            "response.output_text.annotation.added",
            place,
            content_index=index,
            annotation_index=number,
            annotation=annotation,
        )
    items.tell(f"{event}.done", place, content_index=index, **done)
    items.tell("response.content_part.done", place, content_index=index, part=part)


def _tell_summary(items: ItemList, place: ItemPlace, index: int, text: str) -> None:
    part, empty = output_items.summary_text(text), output_items.summary_text("")
    items.tell("response.reasoning_summary_part.added", place, summary_index=index, part=empty)
    if text:
        items.tell("response.reasoning_summary_text.delta", place, summary_index=index, delta=text)
    items.tell("response.reasoning_summary_text.done", place, summary_index=index, text=text)
    items.tell("response.reasoning_summary_part.done", place, summary_index=index, part=part)
