"""The list of the output items of a response, and the events that tell how it grows.

Rules of this module (OpenAI API reference; the SDKs' accumulators raise when they are broken):

* `output_index` is the place in the list, dense from 0 on.
* An item is added, told and done before the next one is added.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from mapping.values import JSON

IN_PROGRESS = "in_progress"
COMPLETED = "completed"
INCOMPLETE = "incomplete"
FAILED = "failed"

type Deltas = Callable[[str], None]
"""Takes the pieces of one text."""


class Events(Protocol):
    """Where the events of a streamed answer go, in their order."""

    def add(self, type: str, members: JSON) -> None:
        """An event with its members, `type` and `sequence_number` apart."""

    def deltas(self, type: str, place: JSON, rest: JSON) -> Deltas:
        """What takes the pieces of one text; in each event `place` stands before the `delta`, `rest` after it."""


class NoEvents:
    """For answers that are not streamed."""

    def add(self, type: str, members: JSON) -> None:
        """Nothing."""

    def deltas(self, type: str, place: JSON, rest: JSON) -> Deltas:
        """What does nothing."""
        return _nothing


def _nothing(text: str) -> None:
    pass


@dataclass(frozen=True, slots=True)
class ItemPlace:
    """Where an item is in the output."""

    item_id: str
    index: int

    def members(self) -> JSON:
        """What events name it by: `item_id` and `output_index`."""
        return {"item_id": self.item_id, "output_index": self.index}


class ItemList:
    """The output items. `items` has them in order; one that is begun and not done is there as it was added."""

    __slots__ = ("events", "items")

    def __init__(self, events: Events) -> None:
        self.events = events
        self.items: list[JSON] = []

    def begin(self, item: JSON) -> ItemPlace:
        """Add an item that is in progress."""
        place = ItemPlace(item["id"], len(self.items))
        self.events.add("response.output_item.added", {"output_index": place.index, "item": item})
        self.items.append(item)
        return place

    def done(self, place: ItemPlace, item: JSON) -> None:
        """Put the finished item in its place."""
        self.items[place.index] = item
        self.events.add("response.output_item.done", {"output_index": place.index, "item": item})

    def tell(self, type: str, place: ItemPlace, **members: Any) -> None:
        """An event about an item: `members` beside what names the item."""
        self.events.add(type, {**place.members(), **members})
