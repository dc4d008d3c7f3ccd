"""The clients of a benchmark: a process that asks as quickly as it gets answers, on some connections at a time.

    python -m scripts.benching.load     # jobs as lines of JSON come in, results as lines of JSON go out

It does little for each answer, for it must not be what is measured: it looks at the status and counts the marks. Only
the last answer of each connection is read whole, after the time is over.
"""

from __future__ import annotations

import asyncio
import gc
import json
import statistics
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from scripts.benching import bodies

PATIENCE = 30.0
"""Seconds after its time that a job may take."""
MANY = 10
"""Wrong answers after which a job is given up."""


@dataclass
class LoadJob:
    """What is to be asked, and for how long."""

    host: str
    port: int
    request: str
    """A file with the bytes of the request, head and body."""
    dialect: str
    stream: bool
    pieces: int
    """How many pieces of text a right answer has."""
    connections: int
    seconds: float
    """How long is measured; 0: one request on each connection."""
    warm: float = 0.0
    """Seconds before that, in which nothing counts."""
    keep: bool = True
    """Whether a connection serves one request after the other."""
    least: int = 1
    """How many answers are measured, even where that takes longer."""
    apart: float = 0.0
    """Seconds between the beginnings of two connections. If any, it is noted how long each piece was under way."""


@dataclass
class Result:
    """What came of a job. Times are medians, in milliseconds; rates are per second."""

    answers: int = 0
    """Right ones, also those that came before the measured time or after."""
    wrong: int = 0
    error: str = ""
    """What was wrong, once."""
    rate: float | None = None
    pieces: float | None = None
    """How many pieces of text came in a second."""
    whole: float | None = None
    """From the request to the end of the answer. The first on a connection counts from before connecting."""
    first: float | None = None
    """From the request to the first piece."""
    delay: float | None = None
    """From when the stub sent a piece to its arrival."""
    late: float | None = None
    """The same, for one piece in a hundred: the others were quicker."""
    seconds: float = 0.0
    cpu: float = 0.0
    """CPU seconds of this process."""


class Run:
    """A job at work."""

    def __init__(self, job: LoadJob) -> None:
        self.job = job
        self.request = Path(job.request).read_bytes()
        self.last_word = bodies.LAST_WORD[job.dialect, job.stream]
        self.result = Result()
        self.last: dict[int, bytes] = {}
        """Connection -> the last answer that came on it."""
        self._begin = time.monotonic() + job.warm
        self._end = self._begin + job.seconds
        self._closed: float | None = None
        """When measuring ended."""
        self._counted = 0
        self._pieces = 0
        self._wholes: list[float] = []
        self._firsts: list[float] = []
        self._delays: list[float] = []

    def over(self) -> bool:
        """Whether no further request is to be sent."""
        now = time.monotonic()
        if self._closed is None and now >= self._end and len(self._wholes) >= self.job.least:
            self._closed = now
        return self._closed is not None or self.result.wrong >= MANY

    def arrived(self, now: float, data: bytes, count: int) -> None:
        """Pieces of text have come."""
        if now >= self._begin and self._closed is None:
            self._pieces += count
        if self.job.apart:
            sent = (int(mark[2]) for mark in bodies.MARK.finditer(data))
            self._delays += (now * 1000 - time_sent / 1e6 for time_sent in sent)

    def answered(self, number: int, answer: bytes, began: float, first: float, now: float) -> None:
        """An answer has come to its end."""
        try:
            error = self._judge(answer)
        except ValueError as e:
            error = f"damaged framing ({e})"
        if error:
            self.wrong(error)
            return
        self.last[number] = answer
        self.result.answers += 1
        if now >= self._begin and self._closed is None:
            self._counted += 1
        if began >= self._begin:
            self._wholes.append((now - began) * 1000)
            if first:
                self._firsts.append((first - began) * 1000)

    def _judge(self, answer: bytes) -> str:
        """What is wrong with an answer; empty if nothing is."""
        if answer[9:12] != b"200":
            return answer[:300].decode("latin-1")
        count = answer.count(bodies.MARK_BEGINS)
        if count != self.job.pieces or self.last_word not in answer:
            body = body_of(answer)  # marks may be cut by the framing
            count = body.count(bodies.MARK_BEGINS)
            if count != self.job.pieces or self.last_word not in body:
                return f"{count} pieces of {self.job.pieces} came: {answer[-300:].decode('latin-1')}"
        return ""

    def wrong(self, error: str) -> None:
        self.result.wrong += 1
        self.result.error = self.result.error or error

    def read_whole(self) -> None:
        """Read the last answers, each to its last letter."""
        expected = bodies.expected(self.job.pieces, stream=self.job.stream)
        for answer in self.last.values():
            try:
                text = bodies.text_of(self.job.dialect, body_of(answer), stream=self.job.stream)
            except (ValueError, LookupError, TypeError) as e:
                text = repr(e)
            if text != expected:
                self.wrong(f"the text is not what the stub said: {text[:300]}")

    def finish(self) -> Result:
        result = self.result
        result.whole, result.first, result.delay = (
            statistics.median(times) if times else None for times in (self._wholes, self._firsts, self._delays)
        )
        if len(self._delays) > 1:
            result.late = statistics.quantiles(self._delays, n=100)[-1]
        if self.job.seconds and self._closed is not None:
            measured = self._closed - self._begin
            result.rate, result.pieces = self._counted / measured, self._pieces / measured
        return result


class Client(asyncio.Protocol):
    """One connection."""

    def __init__(self, run: Run, number: int) -> None:
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._run = run
        self._number = number
        self._began = time.monotonic()
        self._asking = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._ask()

    def _ask(self) -> None:
        self._asking = True
        self._parts: list[bytes] = []
        self._size = 0
        self._whole: int | None = None
        """Bytes of head and body; -1 where the body comes in chunks, -2 where it ends with the connection."""
        self._first = 0.0
        self._transport.write(self._run.request)

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        self._parts.append(data)
        self._size += len(data)
        if self._run.job.stream:
            count = data.count(bodies.MARK_BEGINS)
            if count:
                self._first = self._first or now
                self._run.arrived(now, data, count)
        if self._whole is None:
            self._read_head()
        if self._whole is not None and (0 < self._whole <= self._size or (self._whole == -1 and self._ends())):
            self._finish(now)

    def _read_head(self) -> None:
        head, found, _ = b"".join(self._parts).partition(b"\r\n\r\n")
        if not found:
            return
        fields = head.lower()
        _, has_length, rest = fields.partition(b"\ncontent-length:")
        if has_length:
            self._whole = len(head) + 4 + int(rest.partition(b"\r\n")[0])
        else:
            self._whole = -1 if b"\ntransfer-encoding:" in fields else -2
        self._keep = self._run.job.keep and b"\nconnection: close" not in fields and self._whole != -2

    def _ends(self) -> bool:
        end = self._parts[-1]
        if len(end) < 7 and len(self._parts) > 1:
            end = b"".join(self._parts[-7:])
        return end.endswith(b"\r\n0\r\n\r\n")

    def _finish(self, now: float) -> None:
        self._asking = False
        self._run.answered(self._number, b"".join(self._parts), self._began, self._first, now)
        if not self._keep or self._run.over():
            self._transport.close()
        else:
            self._began = time.monotonic()
            self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._asking and self._whole == -2:
            self._finish(time.monotonic())
        elif self._asking:
            self._run.wrong(f"the connection ended after {self._size} bytes of an answer ({exc or 'closed'})")
        if not self.ended.done():
            self.ended.set_result(None)


def body_of(answer: bytes) -> bytes:
    """The body of an answer, its chunks put together."""
    head, _, body = answer.partition(b"\r\n\r\n")
    if b"\ntransfer-encoding:" not in head.lower():
        return body
    parts = []
    at = 0
    while (end := body.find(b"\r\n", at)) > 0:
        length = int(body[at:end].partition(b";")[0], 16)
        parts.append(body[end + 2 : end + 2 + length])
        at = end + length + 4
    return b"".join(parts)


async def one(run: Run, number: int) -> None:
    """One connection at a time, until the job is over."""
    loop = asyncio.get_running_loop()
    await asyncio.sleep(number * run.job.apart)
    first = True
    while first or not run.over():
        first = False
        try:
            _, client = await loop.create_connection(lambda: Client(run, number), run.job.host, run.job.port)
        except OSError as e:
            run.wrong(f"no connection: {e}")
            continue
        await client.ended


async def perform(job: LoadJob) -> Result:
    """Do a job."""
    run = Run(job)
    begun, cpu = time.monotonic(), time.process_time()
    try:
        async with asyncio.timeout(job.warm + job.seconds + PATIENCE):
            await asyncio.gather(*(one(run, number) for number in range(job.connections)))
    except TimeoutError:
        run.wrong(f"no answer in {PATIENCE:.0f} s")
    run.result.seconds, run.result.cpu = time.monotonic() - begun, time.process_time() - cpu
    run.read_whole()
    return run.finish()


def main() -> None:
    gc.disable()  # a pause would look like the gateway's
    for line in sys.stdin:
        result = asyncio.run(perform(LoadJob(**json.loads(line))))
        print(json.dumps(asdict(result)), flush=True)
        gc.collect()


if __name__ == "__main__":
    main()
