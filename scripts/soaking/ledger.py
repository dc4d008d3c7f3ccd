"""The stored responses of a soak run: each whose id a client was given has to be found from then on, and be the same.

What a worker tells of a response while the shared state is away may be an error (503), but not that there is none. Only
what was stored before the shared state lost all may be lost.
"""

from __future__ import annotations

import collections
import json
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from mapping import dialects
from mapping.trial import Wrong
from scripts.soaking.asks import GOOD, check_error

RECENT = 300
"""Of the stored responses, how many are asked for; the others are looked at in the end."""
MAX_SHOWN = 10
NOT_FOUND = ("not_found", "previous_response_not_found", "response_not_found")
UNFINISHED = ("queued", "in_progress")

GET, ITEMS, FOLLOW, BEGIN, CANCEL, DELETE = "get", "input_items", "follow", "background", "cancel", "delete"
_KINDS, _WEIGHTS = (GET, ITEMS, FOLLOW, BEGIN, CANCEL, DELETE), (10, 2, 6, 3, 1, 2)


@dataclass(slots=True)
class Acknowledged:
    """A response that a client knows of. Times are of `time.monotonic`."""

    id: str
    since: float
    """When the client asked for it, or for a response before this one, whichever was first: at that time nothing of it
    was stored."""
    output: str | None = None
    """What it was, None while it is made."""
    followed: bool = False
    deleting: bool = False
    """Somebody wants it deleted: it may be there or not."""
    deleted: float | None = None
    """When that was confirmed."""


class Visit(NamedTuple):
    """A request about a stored response. `of` is None where one is made."""

    kind: str
    method: str
    path: str
    body: dict[str, Any] | None
    of: Acknowledged | None
    begun: float


class Ledger:
    """See the module. `emptied` tells when the shared state lost all, None: never. `clock` is in seconds."""

    def __init__(self, emptied: Callable[[], float | None], clock: Callable[[], float] = time.monotonic) -> None:
        self.counts: collections.Counter[str] = collections.Counter()
        """Of `stored`, `lost`, `changed`, `came back`, `unfinished`, and `emptied`: gone with all else that was."""
        self.shown: list[str] = []
        self._emptied = emptied
        self._clock = clock
        self._lock = threading.Lock()
        self._stored: list[Acknowledged] = []

    def acknowledge(self, response: dict[str, Any], begun: float, before: Acknowledged | None = None) -> None:
        """A client was given this response, which is finished, or is made in the background. It asked at `begun`."""
        output = None if response["status"] in UNFINISHED else _output(response)
        with self._lock:
            self.counts["stored"] += 1
            self._stored.append(Acknowledged(response["id"], min(begun, before.since) if before else begun, output))

    def next(self, choose: random.Random) -> Visit:
        """What a client asks next."""
        with self._lock:
            kind = choose.choices(_KINDS, _WEIGHTS)[0]
            recent = [one for one in self._stored[-RECENT:] if not one.deleting]
            fit = [one for one in recent if _FITS.get(kind, _any)(one)]
            one = choose.choice(fit) if fit else None
            if one is None:
                kind = BEGIN
            elif kind == DELETE:
                one.deleting = True
            elif kind == FOLLOW:
                one.followed = True
        path = "/v1/responses"
        if kind == BEGIN or one is None:
            body = {"model": choose.choice((*GOOD, "demo-slow-0.3")), "input": "hi", "background": True}
            return Visit(BEGIN, "POST", path, body, None, self._clock())
        if kind == FOLLOW:
            body = {"model": choose.choice(GOOD), "input": "And then?", "previous_response_id": one.id}
            return Visit(kind, "POST", path, {**body, "stream": choose.random() < 0.5}, one, self._clock())
        method, end = {GET: ("GET", ""), ITEMS: ("GET", "/input_items"), CANCEL: ("POST", "/cancel")}.get(
            kind, ("DELETE", "")
        )
        return Visit(kind, method, f"{path}/{one.id}{end}", None, one, self._clock())

    def take(self, visit: Visit, status: int, content_type: str, content: bytes) -> str:
        """What kind of end an answer has, in a word. Raises as `asks.check` does."""
        if status >= 400:
            check_error("responses", status, content)
            if _is_missing(status, content):
                self._missing(visit)
            return str(status)
        if visit.kind in (BEGIN, FOLLOW):
            return self._made(visit, content_type, content)
        one, found = visit.of, json.loads(content)
        assert one is not None
        if one.deleted is not None and one.deleted < visit.begun:
            self._wrong("came back", f"{one.id} was deleted, and is there")
        if visit.kind == DELETE:
            one.deleted = self._clock()
        elif visit.kind != ITEMS:
            self._compare(one, found)
        return "answer"

    def look_again(self, ask: Callable[[str], tuple[int, bytes]], patience: float = 60.0) -> None:
        """Ask for each response once more, in the end. `ask` gives the status and the body of an answer to a GET.

        Those that are made in the background have so many seconds for that.
        """
        end = self._clock() + patience
        for one in list(self._stored):
            if one.deleting and one.deleted is None:
                continue  # nobody knows
            visit = Visit(GET, "GET", f"/v1/responses/{one.id}", None, one, self._clock())
            while True:
                status, content = ask(visit.path)
                unfinished = status == 200 and json.loads(content)["status"] in UNFINISHED
                if not (unfinished or status == 503) or self._clock() > end:
                    break
                time.sleep(0.2)
            try:
                if unfinished:
                    self._wrong("unfinished", f"{one.id} is not finished")
                self.take(visit, status, "application/json", content)
                if status != 200 and not _is_missing(status, content):
                    self._wrong("lost", f"{one.id}: {status} {content[:200]!r}")
            except (Wrong, ValueError, LookupError, TypeError) as e:
                if len(self.shown) < MAX_SHOWN:
                    self.shown.append(f"in the end: {e!r:.300}")

    # --- inside

    def _made(self, visit: Visit, content_type: str, content: bytes) -> str:
        trial = dialects.trials()["responses"]
        if visit.kind == BEGIN:
            self.acknowledge(json.loads(content), visit.begun)
            return "answer"
        assert visit.body is not None
        if content_type.startswith("text/event-stream"):
            if not trial.check_stream(visit.body, content):
                return "broken stream"
        else:
            trial.check_whole(visit.body, content)
        self.acknowledge(finished(content_type, content), visit.begun, visit.of)
        return "stream" if visit.body["stream"] else "answer"

    def _missing(self, visit: Visit) -> None:
        """There is no such response, a client is told."""
        one, emptied = visit.of, self._emptied()
        if one is None or one.deleting:
            return
        if emptied is not None and one.since <= emptied:
            self.counts["emptied"] += 1
        else:
            ago = self._clock() - one.since
            self._wrong("lost", f"{visit.kind}: {one.id} was stored {ago:.1f} s ago, and is not there")

    def _compare(self, one: Acknowledged, found: dict[str, Any]) -> None:
        if found["id"] != one.id:
            self._wrong("changed", f"{found['id']} came for {one.id}")
        if found["status"] in UNFINISHED:
            if one.output is not None:
                self._wrong("changed", f"{one.id} was finished, and is not")
        elif one.output is None:
            one.output = _output(found)
        elif one.output != _output(found):
            self._wrong("changed", f"{one.id} is another: {one.output[:200]} and now {_output(found)[:200]}")

    def _wrong(self, what: str, shown: str) -> None:
        with self._lock:
            self.counts[what] += 1
        raise Wrong(f"{what}: {shown}")


def finished(content_type: str, content: bytes) -> dict[str, Any]:
    """The finished response of a whole answer or a stream."""
    if content_type.startswith("text/event-stream"):
        last = [line for line in content.decode().splitlines() if line.startswith("data: {")][-1]
        made: dict[str, Any] = json.loads(last.removeprefix("data: "))["response"]
        return made
    whole: dict[str, Any] = json.loads(content)
    return whole


def _is_missing(status: int, content: bytes) -> bool:
    told = dialects.spoken("responses").read_error(status, content)
    return status == 404 or (told is not None and told.code in NOT_FOUND)


def _output(response: dict[str, Any]) -> str:
    return json.dumps([response["status"], response["output"]], sort_keys=True)


def _any(one: Acknowledged) -> bool:
    return True


_FITS: dict[str, Callable[[Acknowledged], bool]] = {
    FOLLOW: lambda one: one.output is not None,
    CANCEL: lambda one: one.output is None,
    DELETE: lambda one: not one.followed,
}
