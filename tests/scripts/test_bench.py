"""bench.py: a short run that is really one, what counts as a wrong answer, the ratios, and the picture."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from scripts import bench, bootstrap
from scripts.benching import bodies, load, machine, measures, picture, report, stage, stub
from scripts.benching.measures import WORKS, Record

SVG = "{http://www.w3.org/2000/svg}"


# --- the command line


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        ("--only unary,speed", "there is no work 'speed'; there are unary, connect, stream,"),
        ("--rounds 0", "'0' is no number of rounds"),
        ("--rounds many", "'many' is no number of rounds"),
        ("--seconds 0", "'0' is no time to measure"),
        ("--seconds nan", "'nan' is no time to measure"),
        ("--stub-port 99999", "'99999' is no port"),
        ("--url other", "'other' is not NAME=http://HOST:PORT/PATH"),
        ("--url other=https://127.0.0.1/v1", "is not NAME=http://HOST:PORT/PATH"),
        ("--url other=http://127.0.0.1:99999/v1", "is not NAME=http://HOST:PORT/PATH"),
        ("--url gateway=http://127.0.0.1:1/v1", "'gateway' is measured anyway"),
        ("--url other=http://127.0.0.1:1/v1,kye=x", "no 'kye'"),
        ("--url other=http://127.0.0.1:1/v1", "--url wants --stub-port"),
        ("--stub-port 9 --url a=http://127.0.0.1:1 --url a=http://127.0.0.1:2", "two --url have the same name"),
        ("--svg no/such/folder/b.svg", "there is no folder for no/such/folder/b.svg"),
    ],
)
def test_odd_arguments(argv: str, complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as e:
        bench.parse(argv.split())
    assert e.value.code == 2
    assert complaint in capsys.readouterr().err


def test_arguments() -> None:
    options = bench.parse(
        ["--quick", "--only", "start,unary", "--stub-port", "9", "--url", "a=http://localhost:4000/v1/,key=k"]
    )
    assert (options.rounds, options.seconds, options.only) == (*bench.QUICK, ("unary", "start"))
    assert options.url == [("a", "localhost", 4000, "/v1", {"key": "k"})]
    assert bench.parse(["--quick", "--rounds", "7"]).rounds == 7


def test_what_the_script_says_without_its_environment_is_so() -> None:
    assert bench.GROUPS == measures.GROUPS
    assert bench.ALWAYS == (stage.DIRECT, stage.MITMDUMP, stage.GATEWAY)


# --- a run


def test_a_short_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = tmp_path / "b.json", tmp_path / "b.svg"
    options = bench.parse(["--rounds", "1", "--seconds", "0.05", "--json", str(files[0]), "--svg", str(files[1])])
    assert bench.bench(options)
    printed = capsys.readouterr().out
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in printed.splitlines() if line.startswith("|")]
    assert rows[0] == ["work", "", "direct", "mitmdump", "gateway", "gateway ×"]
    known = sys.platform == "linux"
    figures = [(work, figure) for work in WORKS for figure in work.figures if known or figure.name in KNOWN_ANYWHERE]
    assert [row[:2] for row in rows[2:]] == [[work.title, figure.title] for work, figure in figures]
    assert not [row for row in rows[2:] if "-" in row[3:]]
    assert "No wrong answers" in printed
    records = json.loads(files[0].read_text(encoding="utf-8"))["records"]
    assert {record["target"] for record in records} == {*bench.ALWAYS, stage.STREAMING}
    assert all(record["answers"] and not record["wrong"] for record in records)
    drawn = sum(figure.drawn for _, figure in figures)
    assert len(bars(files[1].read_text(encoding="utf-8"))) == drawn


KNOWN_ANYWHERE = {"rate", "pieces", "whole", "first", "delay", "start"}
"""Figures that every system tells."""


def test_a_gateway_that_is_not_there() -> None:
    options = bench.parse(
        f"--stub-port {stage.free_port()} --url other=http://127.0.0.1:{stage.free_port()}/v1".split()
    )
    with pytest.raises(bootstrap.SetupError, match="other gives no right answer to the first request: no connection"):
        bench.bench(options)


def test_a_stub_port_that_is_taken() -> None:
    async def run() -> None:
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(bootstrap.SetupError, match="The stub upstream cannot listen"):
            bench.bench(bench.parse(["--stub-port", str(port)]))
        server.close()

    asyncio.run(run())


# --- the clients and the stub


def ask(tmp_path: Path, *, stream: bool = False, orders: stub.Orders | None = None, reply: bytes = b"") -> load.Result:
    """Three clients ask the stub, or an upstream that always sends the same bytes and hangs up."""
    request = tmp_path / "request"
    head = stage.Target("x", bodies.GEMINI).head(1000, stream=stream)
    request.write_bytes(head + b" " * 1000)
    orders = orders or stub.Orders(pieces=5)

    async def send_reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(len(head) + 1000)
        writer.write(reply)
        writer.close()

    async def run() -> load.Result:
        answering = stub.Stub()
        answering.answers = stub.Answers(orders)
        loop = asyncio.get_running_loop()
        if reply:
            server: asyncio.Server = await asyncio.start_server(send_reply, "127.0.0.1", 0)
        else:
            server = await loop.create_server(lambda: stub.Connection(answering), "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            pieces = orders.pieces if stream else 1
            apart = 0.001 if orders.pause else 0.0
            job = load.LoadJob("127.0.0.1", port, str(request), bodies.GEMINI, stream, pieces, 3, 0.0, apart=apart)
            return await load.perform(job)

    return asyncio.run(run())


def test_whole_answers(tmp_path: Path) -> None:
    result = ask(tmp_path)
    assert (result.answers, result.wrong, result.error) == (3, 0, "")
    assert result.whole


def test_streams(tmp_path: Path) -> None:
    result = ask(tmp_path, stream=True)
    assert (result.answers, result.wrong, result.error) == (3, 0, "")
    assert result.whole
    assert result.first
    assert result.first < result.whole
    assert result.delay is None


def test_paced_streams(tmp_path: Path) -> None:
    result = ask(tmp_path, stream=True, orders=stub.Orders(pieces=5, pause=0.002))
    assert (result.answers, result.wrong) == (3, 0)
    assert result.whole
    assert result.whole >= 8
    assert result.delay
    assert result.late
    assert result.late >= result.delay


def test_a_body_of_which_half_was_left_out(tmp_path: Path) -> None:
    result = ask(tmp_path, orders=stub.Orders(least=2000))
    assert result.answers == 0
    assert result.wrong >= 3
    assert "only 1000 bytes came" in result.error


def chunked(body: bytes, size: int) -> bytes:
    """An answer whose body is cut into chunks of so many bytes."""
    parts = [body[n : n + size] for n in range(0, len(body), size)]
    framed = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + framed + b"0\r\n\r\n"


def events(count: int, text: str = "") -> bytes:
    answers = (
        bodies.gemini_answer(text or bodies.piece(n, bodies.PIECE), last=n + 1 == count, count=1) for n in range(count)
    )
    return b"".join(b"data: " + answer + b"\r\n\r\n" for answer in answers)


GOOD = bodies.gemini_answer(bodies.piece(0, bodies.WHOLE), last=True, count=1)


@pytest.mark.parametrize(
    ("stream", "reply", "error"),
    [
        (False, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(GOOD) + GOOD, ""),
        (False, b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + GOOD, ""),
        (False, chunked(GOOD, 7), ""),
        (True, chunked(events(5), 7), ""),
        (True, chunked(events(5), 4000), ""),
        (False, b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", "502 Bad Gateway"),
        (False, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", "the connection ended"),
        (False, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "0 pieces of 1 came"),
        (False, chunked(GOOD.replace(b"words", b"wards"), 4000), "the text is not what the stub said"),
        (True, chunked(events(5), 4000)[:-9], "the connection ended"),
        (True, chunked(events(4), 4000), "4 pieces of 5 came"),
        (True, chunked(events(4), 4000).replace(b"\r\n\r\n", b"\r\n\r\n?", 1), "damaged framing"),
        (True, chunked(events(5).replace(b"STOP", b""), 4000), "5 pieces of 5 came"),
        (True, chunked(events(5, bodies.piece(0, bodies.PIECE)), 4000), "the text is not what the stub said"),
    ],
)
def test_wrong_answers_are_counted(tmp_path: Path, stream: bool, reply: bytes, error: str) -> None:
    result = ask(tmp_path, stream=stream, reply=reply)
    assert error in result.error
    assert bool(result.wrong) is bool(error)


def test_the_stub_takes_bodies_in_chunks_and_tells_its_models() -> None:
    async def run() -> list[bytes]:
        answering = stub.Stub()
        server = await asyncio.get_running_loop().create_server(lambda: stub.Connection(answering), "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            answers = []
            for request in (
                b"POST /x:generateContent HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
                b"GET /v1beta/models HTTP/1.1\r\n\r\n",
                b"GET /healthz HTTP/1.1\r\n\r\n",
            ):
                writer.write(request)
                head = await reader.readuntil(b"\r\n\r\n")
                answers.append(await reader.readexactly(int(head.partition(b"Content-Length: ")[2].split(b"\r")[0])))
            writer.close()
            return answers

    whole, models, health = asyncio.run(run())
    assert bodies.text_of(bodies.GEMINI, whole, stream=False) == bodies.expected(1, stream=False)
    assert json.loads(models)["models"][0]["name"] == f"models/{bodies.MODEL}"
    assert json.loads(health) == {"status": "ok"}


@pytest.mark.parametrize("kind", [bodies.SMALL, bodies.HISTORY, bodies.PICTURE])
@pytest.mark.parametrize("dialect", [bodies.GEMINI, bodies.OPENAI])
def test_requests_are_as_large_as_the_stub_wants_them(dialect: str, kind: str) -> None:
    assert len(bodies.request(dialect, kind, stream=False, model="m")) >= measures.LEAST[kind]


def test_a_busy_machine_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getloadavg", lambda: (2.345, 0.0, 0.0), raising=False)
    assert machine.busy() == "the machine was busy with other things (load 2.3)"
    monkeypatch.setattr(os, "getloadavg", lambda: (0.2, 0.0, 0.0), raising=False)
    assert machine.busy() == ""


# --- what came of it

UNARY = WORKS[1]


def records(**rates: tuple[float, float, float]) -> Iterator[Record]:
    for name, values in rates.items():
        for number, rate in enumerate(values):
            figures = {"rate": rate, "whole": 1000 / rate}
            yield Record(UNARY.title, name, number, figures, 10)


def test_ratios_are_taken_within_a_round() -> None:
    """The machine was slow in the second round; the median of the rounds' ratios does not show it."""
    rate, whole = report.lines(list(records(direct=(900, 900, 900), mitmdump=(100, 10, 80), gateway=(300, 20, 240))))
    assert rate.values == {"direct": 900, "mitmdump": 80, "gateway": 240}
    assert rate.ratios == {"gateway": 3}
    assert rate.limited == {"direct"}
    assert whole.ratios["gateway"] == pytest.approx(3)


def test_a_rate_near_the_direct_one_is_limited() -> None:
    rate, _ = report.lines(list(records(direct=(100,) * 3, mitmdump=(60,) * 3, gateway=(80,) * 3)))
    assert rate.limited == {"direct", "gateway"}


def test_the_table_shows_what_was_wrong_and_who_was_the_limit() -> None:
    some = list(records(direct=(900, 900, 900), mitmdump=(100, 10, 80), gateway=(300, 20, 240)))
    some[-1].wrong, some[-1].error, some[-1].limited = 3, "HTTP/1.1 502", True
    text = report.table(some)
    assert f"WRONG: {UNARY.title}, gateway: 3 of 33 answers; for instance: 'HTTP/1.1 502'" in text
    assert "240*" in text
    assert report.LIMITED in text
    assert "No wrong answers" not in text


def of_class(svg: str, tag: str, *kinds: str) -> list[ElementTree.Element]:
    return [e for e in ElementTree.fromstring(svg).iter(SVG + tag) if e.get("class") in kinds]


def bars(svg: str) -> list[ElementTree.Element]:
    return of_class(svg, "rect", "c0", "c1", "c2", "c3")


def test_the_picture_tells_targets_apart() -> None:
    some = list(records(mitmdump=(100, 10, 80), gateway=(300, 20, 240), **{"<b>&": (30, 3, 24)}))
    svg = picture.picture(report.lines(some), "2026-11-29", 'a "machine" & more', "about")
    assert [e.text for e in of_class(svg, "text", "key")] == ["gateway", "<b>&"]
    better, worse = bars(svg)
    assert (better.get("class"), worse.get("class")) == ("c0", "c1")
    one = float(str(better.get("x")))
    assert float(str(worse.get("x"))) + float(str(worse.get("width"))) == pytest.approx(one, abs=0.2)
    assert "prefers-color-scheme: dark" in svg


def test_a_picture_without_ratios() -> None:
    svg = picture.picture(report.lines(list(records(direct=(9, 9, 9)))), "2026-11-29", "machine", "about")
    assert not bars(svg)
