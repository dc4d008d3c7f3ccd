"""addons.gateway.exchange.summary and exchange_log: what is said of an exchange, and where."""

from __future__ import annotations

import errno
import io
import json
import logging
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from addons.gateway.exchange.summary import AttemptSummary, Summary, Tokens, line
from addons.gateway.log.exchange_log import ExchangeLog, coloured
from addons.gateway.settings.settings import LogSettings

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

GOOD = Summary(
    id="req_1",
    flow_id="f",
    time=1_700_000_000.25,
    method="POST",
    path="/v1/chat/completions",
    endpoint="chat",
    client_model="gpt-4o",
    model="gemini-2.5-flash",
    account="first@example.com",
    status=200,
    error=None,
    streamed=True,
    first=0.251,
    total=1.5,
    tokens=Tokens(12, 34, 0, 5),
    attempts=(AttemptSummary("first@example.com", "gemini", "200", 200, 0.0, 1.2),),
    notes=(),
)
TWO = (AttemptSummary("a", "gemini", "429 quota", 429, 0.0, 0.1), AttemptSummary("b", "vertex", "200", 200, 0.5, 0.1))

LINES: dict[str, tuple[dict[str, Any], str]] = {
    "a stream": (
        {},
        "/v1/chat/completions · gpt-4o -> gemini-2.5-flash · first@example.com · 200 · first 0.25 s · 1.50 s"
        " · 12 + 34 tokens",
    ),
    "the same model": ({"client_model": "gemini-2.5-flash"}, " · gemini-2.5-flash · first@"),
    "retried": ({"attempts": TWO}, " · 2 attempts · 200 · "),
    "no model": ({"path": "/healthz", "client_model": None, "model": None, "account": None}, "/healthz · 200 · "),
    "an error": (
        {"status": 429, "error": "rate_limit_exceeded", "message": "Try again in 20 s."},
        " · 429 rate_limit_exceeded · Try again in 20 s. · ",
    ),
    "broken in mid stream": ({"error": "server_error"}, " · 200 server_error · "),
    "the client left": (
        {"status": None, "outcome": "client_left", "total": 1.0, "first": None, "streamed": False},
        "first@example.com · client left after 1.00 s · 12 + 34 tokens",
    ),
    "the client left a stream": (
        {"outcome": "client_left", "total": 1.0, "events": 4},
        " · 200 client left after 1.00 s, 4 events · first 0.25 s · 12",
    ),
    "a model that there is not": ({"client_model": "gpt-9", "model": None}, "/completions · gpt-9 -> ? · first@"),
    "a finish reason": ({"finish": ("length", "stop", "length")}, " · 200 · finish length · first"),
    "the id": ({}, " tokens · req_1"),
    "notes": ({"notes": (("ignored", "logit_bias"), ("retried", ""))}, " · notes: 2 ignored=logit_bias retried"),
    "a long path": ({"path": "/v1/" + "x" * 80}, "/v1/" + "x" * 53 + "... · "),
    "a long name": ({"client_model": "m" * 80}, "m" * 57 + "... -> gemini"),
    "a path that would steer the terminal": ({"path": "/\x1b[2J\n"}, "/?[2J · "),
    "a model that would": ({"client_model": "a\x1b]0;b\x07\nc"}, "a?]0;b? c -> gemini"),
}


@pytest.mark.parametrize(("changes", "expected"), LINES.values(), ids=LINES)
def test_line(changes: dict[str, Any], expected: str) -> None:
    assert expected in line(replace(GOOD, **changes))


@pytest.mark.parametrize(
    ("changes", "colour"), [({}, "\x1b[32m"), ({"attempts": TWO}, "\x1b[33m"), ({"status": 500}, "\x1b[31m")]
)
def test_colours(changes: dict[str, Any], colour: str) -> None:
    assert colour in coloured(replace(GOOD, **changes))


@pytest.mark.parametrize(
    "changes",
    [{}, {"notes": (("ignored", "n"),), "tokens": None, "attempts": TWO, "further": TWO}],
)
def test_plain_is_what_dataclasses_make_of_it(changes: dict[str, Any]) -> None:
    summary = replace(GOOD, cost=0.5, cost_parts={"input": 0.5}, finish=("stop",), **changes)
    by_dataclasses = asdict(summary)
    by_dataclasses |= {name: list(by_dataclasses[name]) for name in ("attempts", "further")}
    by_dataclasses["notes"] = [list(note) for note in by_dataclasses["notes"]]
    plain = summary.plain()
    assert list(plain.items()) == list(by_dataclasses.items())
    assert plain["cost_parts"] is not summary.cost_parts


def test_a_link_to_the_page() -> None:
    assert "\x1b]8;" not in coloured(GOOD)
    assert coloured(GOOD, "http://127.0.0.1:8045").count("\x1b]8;;http://127.0.0.1:8045/exchanges/req_1\x1b\\") == 1
    assert coloured(GOOD, "http://127.0.0.1:8045").endswith("\x1b]8;;\x1b\\")


def test_json_lines_in_a_file(tmp_path: Path) -> None:
    log = ExchangeLog()
    log.use(LogSettings(format="json", file=Path("logs/exchanges.jsonl")), tmp_path)
    log.write(GOOD)
    log.write(replace(GOOD, attempts=TWO, id="req_2"))
    log.close()
    first, second = map(json.loads, (tmp_path / "logs" / "exchanges.jsonl").read_text().splitlines())
    assert first["tokens"] == {"prompt": 12, "completion": 34, "cached": 0, "reasoning": 5}
    assert second["id"] == "req_2"
    assert [attempt["outcome"] for attempt in second["attempts"]] == ["429 quota", "200"]


def test_text_in_a_file_has_the_time(tmp_path: Path) -> None:
    log = ExchangeLog()
    log.use(LogSettings(file=tmp_path / "log.txt"), Path())
    log.write(GOOD)
    log.close()
    when, _, rest = (tmp_path / "log.txt").read_text().partition(" ")
    assert "T" in when
    assert rest == line(GOOD) + "\n"


def test_a_file_that_can_not_be_written_is_reported_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = ExchangeLog()
    log.use(LogSettings(file=tmp_path), Path())  # it is a folder
    with caplog.at_level(logging.WARNING):
        log.write(GOOD)
        log.write(GOOD)
    assert caplog.text.count("can't be logged") == 1


class Disk(io.BytesIO):
    """A file on a disk that has room for so many bytes."""

    room = 0

    def write(self, data: ReadableBuffer, /) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = super().write(bytes(data)[: self.room])
        self.room -= taken
        return taken

    def close(self) -> None:
        """It is looked at afterwards."""


def test_half_a_line_on_a_full_disk_spoils_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    disk = Disk()
    monkeypatch.setattr(Path, "open", lambda *args, **more: disk)
    log = ExchangeLog()
    log.use(LogSettings(format="json", file=tmp_path / "log"), Path())
    for id, disk.room in (("req_1", 10_000), ("req_2", 50), ("req_3", 0), ("req_4", 10_000), ("req_5", 10_000)):
        log.write(replace(GOOD, id=id))
    first, half, *rest = disk.getvalue().decode().splitlines()
    assert [json.loads(one)["id"] for one in (first, *rest)] == ["req_1", "req_4", "req_5"]
    assert len(half) == 50
    assert caplog.text.count("can't be logged") == 1
