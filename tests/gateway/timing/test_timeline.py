"""addons.gateway.timing: where the time of an exchange went."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from mitmproxy.test import tflow

from addons.gateway.cases import exchanges
from addons.gateway.cases import files as case_files
from addons.gateway.cases.exchanges import TakenCall, TakenExchange, TakenPiece
from addons.gateway.look import time_bar
from addons.gateway.record.flow_record import ATTEMPT, CLIENT, KEY
from addons.gateway.timing import TIMELINE, drawing, phases
from addons.gateway.timing.timeline import PHASES, TimedPhase, Timeline
from mapping.inspect.transcript import WIDTH
from mapping.values import JSON
from tests.gateway.cases.case_flows import flows_of

GOLDEN = Path(__file__).parents[2] / "cases"
FIRST: JSON = {
    "account": "one", "upstream": "gemini", "outcome": "503 UNAVAILABLE", "status": 503, "waited": 0.0, "seconds": 0.4,
    "began": 0.1, "token": 0.1, "connecting": 0.21, "sent": 0.3, "reused": False, "answered": 0.5,
}  # fmt: skip
SECOND: JSON = {
    "account": "two", "upstream": "gemini", "outcome": "200", "status": 200, "waited": 0.5, "seconds": 4.0,
    "began": 1.0, "token": 0.0, "connecting": None, "sent": 1.0, "reused": True, "answered": 1.5,
}  # fmt: skip
RECORD: JSON = {
    "id": "req_1", "client_model": "gpt-4o", "model": "gemini-3.8-flash", "status": 200, "outcome": "ok",
    "received": 0.05, "first": 1.6, "spoke": 3.5, "total": 5.2, "attempts": [FIRST, SECOND],
    "tokens": {"prompt": 10, "completion": 130, "cached": 0, "reasoning": 30},
}  # fmt: skip
PIECES = (
    TakenPiece(0.5, "no content", 0),
    TakenPiece(0.6, "thought", 5),
    TakenPiece(2.0, "thought", 5),
    TakenPiece(2.5, "text", 9),
    TakenPiece(3.0, "text", 9),
    TakenPiece(3.5, "text + functionCall", 0),
    TakenPiece(3.9, "STOP", 0),
)


def taken(record: JSON, *calls: TakenCall) -> TakenExchange:
    return TakenExchange(record, "POST", "/v1/chat/completions?x=1", None, b"", None, "", calls)


def call(record: JSON, number: int, **more: Any) -> TakenCall:
    return TakenCall({**record, "number": number}, None, None, **more)


def told(found: list[TimedPhase]) -> list[tuple[str, float, float]]:
    return [(phase.name, round(phase.begin, 3), round(phase.end, 3)) for phase in found]


FINE = taken(RECORD, call(FIRST, 1), call(SECOND, 2, pieces=PIECES))
COARSE = taken(RECORD)
BEFORE = [
    ("receive", 0.0, 0.05), ("queue", 0.05, 0.1),
    ("token", 0.1, 0.2), ("hooks", 0.2, 0.21), ("connect", 0.21, 0.3), ("first byte", 0.3, 0.5),
]  # fmt: skip


@pytest.mark.parametrize(
    ("exchange", "second"),
    [
        (FINE, [
            ("pause", 0.5, 1.0), ("first byte", 1.0, 1.5), ("first content", 1.5, 1.6), ("thinking", 1.6, 3.0),
            ("text", 3.0, 4.0), ("tools", 4.0, 4.5), ("end", 4.5, 5.0), ("finish", 5.0, 5.2),
        ]),
        (COARSE, [
            ("pause", 0.5, 1.0), ("first byte", 1.0, 1.5), ("first content", 1.5, 3.5), ("answer", 3.5, 5.0),
            ("finish", 5.0, 5.2),
        ]),
    ],
    ids=["with the pieces", "without a record"],
)  # fmt: skip
def test_each_step_has_its_time(exchange: TakenExchange, second: list[tuple[str, float, float]]) -> None:
    made = phases.timeline(exchange)
    assert told(made.main()) == [*BEFORE, *second]
    assert [attempt.connection for attempt in made.attempts] == ["new", "reused"]
    assert made.marks["sent"] == 1.0
    assert made.marks["first_sent"] == 1.6
    assert not any(one.end != other.begin for one, other in zip(made.main(), made.main()[1:], strict=False))


def test_silences_and_speed() -> None:
    made = phases.timeline(FINE)
    [gap] = made.attempts[1].gaps
    assert (gap.begin, gap.end, gap.before) == (1.6, 3.0, "thinking")
    assert made.speed == pytest.approx(100 / 1.5)
    assert (made.marks["first_content"], made.marks["first_text"]) == (1.6, 3.0)


ODD = {
    "never sent": ({**SECOND, "sent": None, "answered": None}, ["queue", "pause", "hooks"]),
    "no connection": ({**FIRST, "sent": None, "answered": None}, ["queue", "token", "hooks", "connect"]),
    "no answer": ({**SECOND, "answered": None}, ["queue", "pause", "first byte"]),
    "of an older gateway": (
        {name: FIRST[name] for name in ("account", "upstream", "outcome", "waited", "seconds")}, ["queue", "first byte"]
    ),
    "nonsense": ({"began": "x", "seconds": None, "sent": [], "waited": True}, ["queue"]),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_what_is_not_known_is_left_out(name: str) -> None:
    attempt, names = ODD[name]
    made = phases.timeline(taken({"total": 3.0, "attempts": [attempt]}, call(attempt, 1)))
    assert [phase.name for phase in made.main() if phase.name != "finish"] == names
    assert drawing.lines(made)


def test_further_calls_have_their_place_in_the_whole() -> None:
    """Their own times count from their own beginning."""
    further = call(
        {**SECOND, "began": 0.01, "sent": 0.02, "answered": 0.5, "seconds": 1.0, "waited": 0.0}, 1, part=1, at=2.0
    )
    made = phases.timeline(taken(RECORD, further))
    assert [(one.part, round(one.begin, 2)) for one in made.attempts] == [(0, 0.1), (0, 1.0), (1, 2.0)]
    assert [round(phase.begin, 2) for phase in made.attempts[-1].phases] == [2.0, 2.01, 2.49]
    assert len(made.main()) == len(phases.timeline(COARSE).main())


def test_an_answer_in_the_background_goes_on_after_its_receipt() -> None:
    made = phases.timeline(taken({"total": 0.1, "attempts": []}, call({**SECOND, "waited": 0.0}, 1, at=0.2)))
    [one] = made.attempts
    assert (round(one.begin, 2), round(one.end, 2), made.total) == (0.2, 4.2, one.end)
    assert told(made.before) == [("queue", 0.0, 0.2)]
    assert drawing.lines(made)


def test_it_is_drawn_to_one_scale_and_within_the_width() -> None:
    lines = drawing.lines(phases.timeline(FINE))
    assert lines[0] == "req_1 · POST /v1/chat/completions · gpt-4o -> gemini-3.8-flash · 200"
    assert "attempt 2 · 200 · two · reused connection" in lines
    assert "  ! nothing for 1.40 s, from 1.60 s on, before thinking" in lines
    [whole] = [line for line in lines if line.startswith("0 ")]
    assert whole == "0 ░░░░····░░░░▒▒▒▒▒▒▒▒▒▒▒████████▓▓▓▓░░░░░ 5.20 s"
    assert all(len(line) <= WIDTH for line in lines)
    assert "first to the client 1.60 s" in "\n".join(lines)


@pytest.mark.parametrize("name", sorted(path.parent.name for path in GOLDEN.glob("*/case.json")))
def test_every_case_has_something_to_say(name: str) -> None:
    case = case_files.read(GOLDEN / name)
    assert drawing.lines(phases.timeline(exchanges.from_case(case)))[-1].endswith("not recorded.")
    made = phases.timeline(exchanges.from_flows(flows_of(case)))
    json.dumps(made.plain())
    assert {phase.name for phase in made.main()} <= PHASES.keys()


def test_the_bytes_tell_what_the_pieces_were() -> None:
    events = [
        b'data: {"candidates": [{"content": {"parts": [{"text": "Hm", "thought": true}]}}]}\r\n\r\n',
        b'data: {"response": {"candidates": [{"content": {"parts": [{"functionCall": {"name": "f"}}]}}]}}\r\n\r\n',
    ]
    client, attempt = (tflow.tflow(resp=True) for _ in range(2))
    attempt.client_conn = client.client_conn
    client.metadata[KEY] = {"side": CLIENT, **RECORD, "attempts": [SECOND], "time": 50.0}
    attempt.metadata[KEY] = {
        "side": ATTEMPT, "id": "req_1", "number": 1, **SECOND, "reused": False,
        "arrived": [[len(events[0]), 1.0], [len(events[0] + events[1]), 2.5]],
    }  # fmt: skip
    assert attempt.response
    attempt.response.content = b"".join(events)
    attempt.request.timestamp_start = 51.0
    server = attempt.server_conn
    server.timestamp_start, server.timestamp_tcp_setup, server.timestamp_tls_setup = 51.0, 51.2, 51.5
    found = exchanges.from_flows([client, attempt])
    [one] = found.calls
    assert (one.at, one.pieces) == (1.0, [TakenPiece(1.0, "thought", 2), TakenPiece(2.5, "functionCall", 0)])
    made: Timeline = phases.timeline(found)
    assert told(made.main())[-4:-1] == [("thinking", 2.0, 2.0), ("tools", 2.0, 3.5), ("end", 3.5, 5.0)]
    assert "(TCP 200 ms, TLS 300 ms)" in "\n".join(drawing.lines(made)).replace("\n", " ")


def test_the_view_is_there_for_those_who_choose_it() -> None:
    from mitmproxy.contentviews import Metadata

    flow = tflow.tflow(resp=True)
    assert TIMELINE.render_priority(b"", Metadata(flow=flow)) < 0
    assert TIMELINE.prettify(b"", Metadata(flow=flow)).startswith("This is no exchange")
    flow.metadata[KEY] = {"side": ATTEMPT, "id": "req_9"}
    assert "(req_9) is not here" in TIMELINE.prettify(b"", Metadata(flow=flow))
    flow.metadata[KEY] = {"side": CLIENT, **RECORD}
    assert "attempt 2 · 200" in TIMELINE.prettify(b"", Metadata(flow=flow))


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (RECORD, [("waiting", 0.5), ("pause", 0.5), ("waiting", 0.5), ("thinking", 2.0), ("text", 1.7)]),
        (
            {**RECORD, "tokens": {"reasoning": 0}},
            [("waiting", 0.5), ("pause", 0.5), ("waiting", 0.5), ("waiting", 2.0), ("text", 1.7)],
        ),
        (
            {**RECORD, "spoke": None, "tokens": {}},
            [("waiting", 0.5), ("pause", 0.5), ("waiting", 0.5), ("text", 3.7)],
        ),
        (  # nothing came
            {**RECORD, "spoke": None, "tokens": None},
            [("waiting", 0.5), ("pause", 0.5), ("waiting", 0.5), ("waiting", 3.7)],
        ),
        ({**RECORD, "attempts": [], "spoke": None}, [("waiting", 5.2)]),
        ({"total": 2.0, "attempts": [{"waited": 1.0, "seconds": 1.0}]}, [("waiting", 2.0)]),
        ({"total": 0.0}, []),
        ({}, []),
    ],
)
def test_a_small_bar_of_the_summary_alone(record: JSON, said: list[tuple[str, float]]) -> None:
    made = time_bar.pieces(record)
    assert [(piece.spent, round(piece.seconds, 2)) for piece in made] == said
    assert sum(piece.share for piece in made) == pytest.approx(1.0 if made else 0.0)
