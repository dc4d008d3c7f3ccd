"""The soak run with several workers: each of its checks fails where it has to, and a short run that is really one."""

from __future__ import annotations

import json
import os
import random
import sys
from pathlib import Path
from typing import Any

import pytest

from mapping.trial import Wrong
from scripts import soak as command
from scripts.commands.soak_run import SoakPlan, run
from scripts.soaking import ledger as ledgers
from scripts.soaking import verdict
from scripts.soaking.chaos import BACK_WITHIN, Chaos, Outage
from scripts.soaking.clients import TORN, WRONG, Clients
from scripts.soaking.ledger import Acknowledged, Ledger, Visit
from scripts.soaking.stage import Pages
from scripts.soaking.upstream import GAP, QUOTA, Cooling, Excuse, Refused, while_cooling

JSON_TYPE = "application/json"
NOT_FOUND = {"error": {"message": "no", "type": "invalid_request_error", "param": None, "code": "not_found"}}
AWAY = {"error": {"message": "no", "type": "server_error", "param": None, "code": "store_unavailable"}}


# --- cooldowns


@pytest.mark.parametrize(
    ("times", "excuses", "expected"),
    [
        ([0, QUOTA], [], (2, 0, 0)),
        ([0, GAP / 2, QUOTA + 1], [], (2, 0, 0)),
        ([0, GAP + 0.1], [], (1, 0, 1)),
        ([0, GAP + 0.1, GAP + 0.2, 2 * GAP + 0.3], [], (1, 0, 2)),
        ([0, GAP + 0.1], [Excuse(-1, 0, 1)], (1, 1, 0)),
        ([0, GAP + 0.1], [Excuse(QUOTA + 1, 99, 9)], (1, 0, 1)),
        ([0, 1.5, 3], [Excuse(-1, 9, 1)], (1, 1, 1)),
        ([0, 1.5, 3], [Excuse(-1, 9, 1), Excuse(2, 3, 1)], (1, 2, 0)),
        ([], [], (0, 0, 0)),
    ],
)
def test_who_is_asked_while_cooling(times: list[float], excuses: list[Excuse], expected: tuple[int, int, int]) -> None:
    asked = [Refused(at, "one") for at in times]
    assert while_cooling(asked, excuses) == expected
    assert while_cooling([*asked, Refused(0.5, "two")], excuses)[2] == expected[2]


def test_when_workers_can_not_know() -> None:
    chaos = Chaos(Nobody(), 600, 20, None, random.Random(1))
    assert chaos.excuses(3) == []
    chaos.kills += [50, 110]
    chaos.outages += [Outage(100, 130, False), Outage(200, 201, True)]
    kills = [Excuse(50 - GAP, 50 + GAP, 1), Excuse(110 - GAP, 110 + GAP, 1)]
    away = [Excuse(100 - GAP, 130 + BACK_WITHIN, 3), Excuse(200 - GAP, 201 + BACK_WITHIN, 2)]
    assert chaos.excuses(3) == [*kills, *away]
    assert chaos.emptied == 200
    assert [chaos.tore(since) for since in (40, 60, 111, 112)] == [True, True, True, False]


class Nobody:
    def workers(self) -> dict[int, int]:
        return {}

    def log(self) -> list[str]:
        return []


# --- stored responses


class Books:
    """A ledger on a clock of the test's."""

    def __init__(self) -> None:
        self.now = 100.0
        self.emptied: float | None = None
        self.ledger = Ledger(lambda: self.emptied, clock=lambda: self.now)

    def stored(self, id: str = "resp_1", **more: Any) -> Acknowledged:
        self.ledger.acknowledge(response(id, **more), self.now)
        return self.ledger._stored[-1]

    def visit(self, kind: str, of: Acknowledged | None) -> Visit:
        self.now += 1
        return Visit(kind, "GET", "/v1/responses/x", {"stream": False}, of, self.now)

    def take(self, visit: Visit, status: int, content: Any) -> str:
        self.now += 1
        return self.ledger.take(visit, status, JSON_TYPE, json.dumps(content).encode())


def response(id: str = "resp_1", text: str = "Hello!", status: str = "completed") -> dict[str, Any]:
    return {"id": id, "status": status, "output": [] if status == "queued" else [{"text": text}]}


def test_a_stored_response_is_found_and_the_same() -> None:
    books = Books()
    one = books.stored()
    assert books.take(books.visit(ledgers.GET, one), 200, response()) == "answer"
    assert books.take(books.visit(ledgers.GET, one), 503, AWAY) == "503"
    assert verdict.of_responses(books.ledger.counts) == []


@pytest.mark.parametrize("kind", [ledgers.GET, ledgers.ITEMS, ledgers.FOLLOW, ledgers.CANCEL])
def test_one_that_is_not_there_is_lost(kind: str) -> None:
    books = Books()
    with pytest.raises(Wrong, match="lost"):
        books.take(books.visit(kind, books.stored()), 404, NOT_FOUND)
    assert verdict.of_responses(books.ledger.counts) == ["1 stored responses were lost"]


def test_only_what_was_stored_before_valkey_was_emptied_may_be_lost() -> None:
    books = Books()
    before = books.stored()
    books.emptied = books.now = 110
    books.now = 120
    follows = books.ledger._stored[0]
    books.ledger.acknowledge(response("resp_2"), 120, follows)
    for one in books.ledger._stored:
        assert books.take(books.visit(ledgers.GET, one), 404, NOT_FOUND) == "404"
    assert (books.ledger.counts["emptied"], books.ledger.counts["lost"], before.since) == (2, 0, 100)
    with pytest.raises(Wrong, match="lost"):
        books.take(books.visit(ledgers.GET, books.stored("resp_3")), 404, NOT_FOUND)


def test_what_was_stored_before_that_may_be_told_later() -> None:
    books = Books()
    visit = books.visit(ledgers.BEGIN, None)
    books.emptied = books.now = 110
    assert books.take(visit, 200, response(status="queued")) == "answer"
    one = books.ledger._stored[-1]
    assert books.take(books.visit(ledgers.GET, one), 404, NOT_FOUND) == "404"
    assert (books.ledger.counts["emptied"], books.ledger.counts["lost"]) == (1, 0)


def test_one_that_is_another_now_is_wrong() -> None:
    books = Books()
    one = books.stored()
    for found in (response(text="Good bye."), response("resp_2"), response(status="queued")):
        with pytest.raises(Wrong, match="changed"):
            books.take(books.visit(ledgers.GET, one), 200, found)
    assert books.ledger.counts["changed"] == 3


def test_one_that_was_deleted_does_not_come_back() -> None:
    books = Books()
    one = books.stored()
    one.deleting = True
    early = books.visit(ledgers.GET, one)
    assert books.take(books.visit(ledgers.DELETE, one), 200, {"deleted": True}) == "answer"
    assert books.take(early, 200, response()) == "answer"
    assert books.take(books.visit(ledgers.GET, one), 404, NOT_FOUND) == "404"
    with pytest.raises(Wrong, match="came back"):
        books.take(books.visit(ledgers.GET, one), 200, response())


def test_an_error_has_to_be_one() -> None:
    books = Books()
    with pytest.raises((Wrong, LookupError, TypeError)):
        books.take(books.visit(ledgers.GET, books.stored()), 503, {"error": "no"})


def test_all_are_looked_at_in_the_end() -> None:
    books = Books()
    for number in range(4):
        books.stored(f"resp_{number}")
    books.stored("resp_4", status="queued")
    answers: dict[str, tuple[int, Any]] = {
        "resp_0": (200, response("resp_0")),
        "resp_1": (404, NOT_FOUND),
        "resp_2": (500, AWAY),
        "resp_3": (200, response("resp_3", "Good bye.")),
        "resp_4": (200, response("resp_4", status="queued")),
    }

    def ask(path: str) -> tuple[int, bytes]:
        status, content = answers[path.rpartition("/")[2]]
        return status, json.dumps(content).encode()

    books.ledger.look_again(ask, patience=-1)
    counts = books.ledger.counts
    assert {what: counts[what] for what in ("lost", "changed", "unfinished")} == {
        "lost": 2,
        "changed": 1,
        "unfinished": 1,
    }
    assert len(books.ledger.shown) == 4


# --- clients, log, ends


def test_a_connection_may_break_only_when_a_worker_was_killed() -> None:
    chaos = Chaos(Nobody(), 600, 20, None, random.Random(1))
    clients = Clients(1, 1, 1, chaos)
    visit = Books().visit(ledgers.GET, None)
    assert clients._failed(visit, ConnectionResetError(), 100.0) == WRONG
    chaos.kills.append(101.0)
    assert clients._failed(visit, ConnectionResetError(), 100.0) == TORN
    assert clients._failed(visit, ConnectionResetError(), 102.5) == WRONG
    assert clients._failed(visit, TimeoutError(), 100.0) == WRONG
    assert clients._failed(visit, Wrong("half an answer"), 100.0) == WRONG
    assert clients.wrong_count == 4


def test_the_log_names_what_happened() -> None:
    away, emptied = Outage(0, 1, False), Outage(2, 3, True)
    log = [f"[10:00:00] {verdict.AWAY}: no answer", f"[10:01:00] {verdict.EMPTIED}: lost"]
    assert verdict.of_log(log, [away, emptied]) == []
    assert verdict.of_log([], []) == []
    assert verdict.of_log(log[1:], [away, emptied]) == ["the log does not say that the shared state was away"]
    assert verdict.of_log(log[:1], [away, emptied]) == ["the log does not say that the shared state was emptied"]


def test_workers_end_because_they_are_killed() -> None:
    log = ["Worker 1 (process 7) has ended; another takes its place at once.", "All workers have been replaced."]
    assert verdict.of_ends(log, 1) == []
    assert verdict.of_ends(log, 0) == ["1 workers have ended, and 0 were killed", log[0]]


@pytest.mark.parametrize("seed", range(5))
def test_one_worker_is_spared_from_a_third_of_the_time_on(seed: int) -> None:
    chaos = Chaos(Nobody(), 600, 20, None, random.Random(seed))
    ready, killed = [1, 2, 3], []
    for number in range(1, 30):
        victim = chaos._victim(ready, number * 20.0)
        ready = sorted({*ready, number + 3} - {victim})
        killed.append(victim)
        if number == 9:
            before = ready
    assert len(set(killed)) == len(killed) == 29
    assert [pid for pid in ready if pid in before] == [min(before)]


def test_cooldowns_are_judged() -> None:
    assert verdict.of_cooling(Cooling(5, 2, 0)) == []
    assert verdict.of_cooling(Cooling(5, 2, 1)) == ["accounts were asked 1 times while they were cooling"]
    assert verdict.of_cooling(Cooling(0, 0, 0)) == ["no account was ever cooling"]


def test_the_table() -> None:
    groups = {("chat", "whole"): 7, ("get", "error"): 2, ("chat", WRONG): 1}
    samples = [
        {"worker 1": Pages(2**20, 2**19, 2**22, 1)},
        {"worker 1": Pages(2**21, 2**20, 2**22, 1), "parent": Pages(2**20, 2**20, 2**22, 9)},
    ]
    lines = verdict.table(
        groups, {"stored": 4, "lost": 3}, Cooling(5, 2, 1), 6, [Outage(0, 30, False), Outage(40, 41, True)], samples
    )
    cells = {line.split("|")[1].strip(): [*map(str.strip, line.split("|")[2:-1])] for line in lines if "|" in line}
    assert cells["chat"] == ["7", "0", "0", "0", "1"]
    assert cells["all"] == ["7", "2", "0", "0", "1"]
    assert "cooldowns: 5 began; asked while cooling: 1, and 2 by workers that could not know" in lines
    assert "workers killed: 6" in lines
    assert "Valkey away: 30 s, 1 s and emptied" in lines
    assert any("4 stored, 3 lost" in line for line in lines)
    assert "PSS of all             1.0             3.0" in lines[-1]


# --- the command


@pytest.mark.parametrize("argv", [["--kill-every", "5"], ["--stop-valkey"]])
def test_options_that_do_not_go_together(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.parse(argv)
    assert "--workers" in capsys.readouterr().err or "--stop-valkey" in argv


def test_the_options() -> None:
    options = command.parse(["--workers", "3", "--valkey", "--kill-every", "20", "--stop-valkey"])
    assert SoakPlan(**vars(options)) == SoakPlan(180.0, 12, 1, 3, True, 20.0, True)
    assert SoakPlan(**vars(command.parse([]))) == SoakPlan(180.0, 12, 1)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="several workers need a system that can fork")
def test_a_short_run() -> None:
    """One kill, two outages, and Valkey comes back empty."""
    said: list[str] = []
    wrong = run(SoakPlan(8, 6, 7, 2, True, 5.0, True), programs=str(Path(sys.executable).parent), tell=said.append)
    assert wrong == []
    assert "workers killed: 1" in said
    assert sum("and emptied" in line for line in said) == 1
    assert not any("WRONG" in line and "endpoint" not in line for line in said)
    assert "left over: nothing" in said
