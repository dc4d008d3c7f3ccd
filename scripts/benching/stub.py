"""The upstream of a benchmark: a process that answers like Gemini, at once, and always the same.

    python -m scripts.benching.stub PORT        # 0 takes a free one; prints the port

`PUT /bench?pieces=200&pause=0.02&least=1000` says what the next answers are, and returns what was used up to then.
A request for a model whose body is smaller than `least` bytes gets a 400: whoever leaves half of it out is not quick.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from dataclasses import asdict, dataclass
from urllib.parse import parse_qsl

from scripts.benching import bodies

LOOPBACK = "127.0.0.1"
CONTROL = "/bench"
JSON = b"application/json; charset=UTF-8"
_HEAD = b"Vary: Origin\r\nVary: X-Origin\r\nVary: Referer\r\nServer: bench\r\nX-Content-Type-Options: nosniff\r\n"
_REASONS = {200: b"OK", 400: b"Bad Request", 404: b"Not Found"}


@dataclass
class Orders:
    """What the answers are."""

    pieces: int = 200
    """How many events a stream has, each sent on its own."""
    pause: float = 0.0
    """Seconds between them; without any they go out as quickly as this process can send them."""
    least: int = 0
    """Bytes that the body of a request for a model has to have."""


class Answers:
    """The bytes of answers, cut where the time of sending goes in."""

    def __init__(self, orders: Orders) -> None:
        self.orders = orders
        self.whole = _cut(_answer(200, bodies.gemini_answer(bodies.piece(0, bodies.WHOLE), last=True, count=250)))
        self.head = (
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n" + _HEAD + b"\r\n"
        )
        self.events = [_cut(self._chunk(number)) for number in range(orders.pieces)]

    def _chunk(self, number: int) -> bytes:
        """An event in a chunk of its own; the last one with the end of the body."""
        last = number == self.orders.pieces - 1
        text = bodies.piece(number, bodies.PIECE)
        event = b"data: " + bodies.gemini_answer(text, last=last, count=(number + 1) * 16) + b"\r\n\r\n"
        return b"%x\r\n%b\r\n" % (len(event), event) + (b"0\r\n\r\n" if last else b"")


def _cut(answer: bytes) -> tuple[bytes, bytes]:
    before, _, after = answer.partition(bodies.NO_TIME.encode())
    return before, after


def _answer(status: int, body: bytes) -> bytes:
    head = b"HTTP/1.1 %d %b\r\nContent-Type: %b\r\n" % (status, _REASONS[status], JSON)
    return head + _HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body


class Stub:
    """What all connections have in common."""

    def __init__(self) -> None:
        self.answers = Answers(Orders())

    def obey(self, query: str) -> bytes:
        """Take orders, and tell the CPU seconds that this process has used."""
        given = dict(parse_qsl(query))
        now = Orders(int(given["pieces"]), float(given["pause"]), int(given["least"])) if given else Orders()
        if asdict(now) != asdict(self.answers.orders):
            self.answers = Answers(now)
        return _answer(200, json.dumps({"cpu": time.process_time()}).encode())


class Connection(asyncio.Protocol):
    """One connection: requests one after the other."""

    def __init__(self, stub: Stub) -> None:
        self._stub = stub
        self._loop = asyncio.get_running_loop()
        self._head = b""
        self._target = ""
        self._missing = 0
        """Bytes of the body that are to come; -1 where it comes in chunks."""
        self._size = 0
        self._end = b""
        """The last bytes of a body in chunks."""
        self._in_body = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if not self._in_body:
            self._head += data
            head, found, data = self._head.partition(b"\r\n\r\n")
            if not found:
                return
            self._begin(head)
        self._size += len(data)
        if self._missing >= 0:
            self._missing -= len(data)
            whole = self._missing <= 0
        else:
            self._end = (self._end + data[-5:])[-5:]
            whole = self._end == b"0\r\n\r\n"
        if whole:
            self._in_body = False
            self._head = b""
            self._reply()

    def _begin(self, head: bytes) -> None:
        line, _, fields = head.partition(b"\r\n")
        self._target = line.split(b" ")[1].decode("latin-1")
        fields = fields.lower()
        _, found, rest = fields.partition(b"content-length:")
        self._missing = int(rest.partition(b"\r\n")[0]) if found else -int(b"transfer-encoding:" in fields)
        self._size = 0
        self._end = b""
        self._in_body = True

    def _reply(self) -> None:
        answers, target = self._stub.answers, self._target
        if ":streamGenerateContent" not in target and ":generateContent" not in target:
            self._transport.write(self._other(target))
        elif self._size < answers.orders.least:
            error = {"error": {"code": 400, "message": f"only {self._size} bytes came", "status": "INVALID_ARGUMENT"}}
            self._transport.write(_answer(400, json.dumps(error).encode()))
        elif ":streamGenerateContent" in target:
            self._transport.write(answers.head)
            self._send_event(answers, 0, self._loop.time())
        else:
            before, after = answers.whole
            self._transport.write(b"%b%019d%b" % (before, time.monotonic_ns(), after))

    def _other(self, target: str) -> bytes:
        path, _, query = target.partition("?")
        if path == CONTROL:
            return self._stub.obey(query)
        if path.endswith("/models"):
            model = {"name": f"models/{bodies.MODEL}", "supportedGenerationMethods": ["generateContent"]}
            return _answer(200, json.dumps({"models": [model]}).encode())
        return _answer(200, b'{"status": "ok"}')

    def _send_event(self, answers: Answers, number: int, due: float) -> None:
        """Send an event, and see to the next. Streams take turns, so that none comes in one go."""
        if self._transport.is_closing():
            return
        before, after = answers.events[number]
        self._transport.write(b"%b%019d%b" % (before, time.monotonic_ns(), after))
        if number + 1 == len(answers.events):
            return
        due += answers.orders.pause
        if answers.orders.pause:
            self._loop.call_at(due, self._send_event, answers, number + 1, due)
        else:
            self._loop.call_soon(self._send_event, answers, number + 1, due)


async def serve(port: int) -> None:
    """Listen, tell the port, and go on until the process is ended."""
    stub = Stub()
    server = await asyncio.get_running_loop().create_server(lambda: Connection(stub), LOOPBACK, port)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    gc.disable()  # a pause would look like the gateway's
    try:
        asyncio.run(serve(int(sys.argv[1])))
    except OSError as e:
        sys.exit(f"The stub upstream cannot listen: {e.strerror or e}")
    except KeyboardInterrupt:
        pass
