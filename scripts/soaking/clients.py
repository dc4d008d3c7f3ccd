"""The clients of a soak run: threads that ask, some of which leave in the middle, and what they have met."""

from __future__ import annotations

import collections
import contextlib
import http.client
import json
import random
import socket
import struct
import threading
import time
from typing import Protocol

from mapping import dialects
from mapping.trial import Wrong
from scripts.soaking.asks import Request, check, make_request, name_of
from scripts.soaking.ledger import Ledger, Visit, finished

MAX_SHOWN = 10
"""How many wrong answers are kept to be shown."""
VISITS = 0.3
"""The share of requests about stored responses, where they are watched."""
PATIENCE = 20.0
"""Seconds that a client waits for anything."""

TORN, LEFT, WRONG = "torn", "left", "WRONG"
GROUPS = ("whole", "error", TORN, LEFT, WRONG)
"""What becomes of requests, for the table."""
_GROUP = {"answer": "whole", "stream": "whole", TORN: TORN, LEFT: LEFT, WRONG: WRONG}


class Faults(Protocol):
    """What tears connections, and is meant to."""

    def tore(self, since: float) -> bool:
        """Whether there was something of the kind since then (`time.monotonic`)."""


class NoFaults:
    """Nothing does."""

    def tore(self, since: float) -> bool:
        """No."""
        return False


class Clients:
    """They ask until they are told to stop. `ledger` watches stored responses, if any are to be watched."""

    def __init__(
        self, port: int, count: int, seed: int, faults: Faults | None = None, ledger: Ledger | None = None
    ) -> None:
        self.ends: collections.Counter[str] = collections.Counter()
        self.groups: collections.Counter[tuple[str, str]] = collections.Counter()
        """(endpoint, one of `GROUPS`) -> how many."""
        self.wrong: list[str] = []
        self.wrong_count = 0
        self._port = port
        self._faults = faults or NoFaults()
        self._ledger = ledger
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._work, args=(random.Random(f"{seed} {number}"),), daemon=True)  # noqa: S311
            for number in range(count)
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let the requests under way end. A client that does not end is wrong, too."""
        self._stop.set()
        for thread in self._threads:
            thread.join(30)
            if thread.is_alive():
                self._note_wrong("a request does not end")

    def _work(self, choose: random.Random) -> None:
        connection: http.client.HTTPConnection | None = None
        good = 0.0
        while not self._stop.is_set():
            visit = self._ledger.next(choose) if self._ledger and choose.random() < VISITS else None
            request = make_request(choose)
            if connection is None:
                connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)
                good = time.monotonic()
            try:
                end = self._visit(connection, visit) if visit else self._send(connection, request, choose)
            except (Wrong, OSError, http.client.HTTPException, ValueError, LookupError, TypeError) as e:
                end = self._failed(visit or request, e, good)
            with self._lock:
                self.ends[end] += 1
                self.groups[visit.kind if visit else name_of(request), _GROUP.get(end, "error")] += 1
            good = time.monotonic()
            if end in (LEFT, WRONG, TORN) or choose.random() < 0.05:
                connection.close()
                connection = None

    def _failed(self, what: Request | Visit, e: Exception, good: float) -> str:
        """A connection that broke may be that of a worker that was killed since it was `good`."""
        broke = isinstance(e, (ConnectionError, http.client.IncompleteRead, http.client.BadStatusLine))
        if broke and self._faults.tore(good):
            return TORN
        self._note_wrong(f"{what.path} {json.dumps(what.body)[:200]}: {e!r:.500}")
        return WRONG

    def _send(self, connection: http.client.HTTPConnection, request: Request, choose: random.Random) -> str:
        begun = time.monotonic()
        connection.request("POST", request.path, json.dumps(request.body), {"Content-Type": "application/json"})
        if request.leaves:
            self._leave(connection, choose)
            return LEFT
        response = connection.getresponse()
        try:
            content = response.read()
        except http.client.IncompleteRead as e:
            if not dialects.spoken(name_of(request)).breaks_off or self._faults.tore(begun):
                raise
            content = e.partial
            connection.close()  # it is opened anew for the next request
        kind = response.headers.get("Content-Type", "")
        end = check(request, response.status, kind, content)
        if self._ledger and name_of(request) == "responses" and end in ("answer", "stream"):
            self._ledger.acknowledge(finished(kind, content), begun)
        return end

    def _visit(self, connection: http.client.HTTPConnection, visit: Visit) -> str:
        assert self._ledger is not None
        body = None if visit.body is None else json.dumps(visit.body)
        connection.request(visit.method, visit.path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        content = response.read()
        return self._ledger.take(visit, response.status, response.headers.get("Content-Type", ""), content)

    def _leave(self, connection: http.client.HTTPConnection, choose: random.Random) -> None:
        """Hang up at some time or other, now and then with a reset."""
        if choose.random() < 0.5:
            with contextlib.suppress(http.client.IncompleteRead):  # where a failed stream breaks its connection off
                connection.getresponse().read(choose.randrange(1, 500))
        else:
            self._stop.wait(choose.random() * 0.05)
        if connection.sock and choose.random() < 0.5:
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    def _note_wrong(self, what: str) -> None:
        with self._lock:
            self.wrong_count += 1
            if len(self.wrong) < MAX_SHOWN:
                self.wrong.append(what)
