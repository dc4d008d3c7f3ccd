"""An upstream that does to the gateway whatever a test tells it to, byte by byte."""

from __future__ import annotations

import gzip
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Sequence
from functools import cache

type Action = Callable[[socket.socket], None]
type Step = bytes | Action
type Script = Sequence[Step]
"""What is sent and done after a request has come, one step after the other; at the end the connection is closed."""


class FaultyUpstream:
    """Reads each request whole, and then plays `script`; a reply of `replies` comes first, as long as there is one.

    Where requests come side by side, `play_each` says which of them is answered how.
    `open` counts the connections that neither side has closed.
    """

    def __init__(self) -> None:
        self.script: Callable[[bytes], Script] = lambda _: ()
        self.replies: list[Script] = []
        self.requests = 0
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    @property
    def open(self) -> int:
        return len(self._connections)

    def play(self, *script: Step) -> None:
        """Answer so from now on."""
        self.play_each(lambda _: script)

    def play_each(self, script: Callable[[bytes], Script]) -> None:
        """Answer each request so from now on; `script` is given its body."""
        self.script, self.replies, self.requests = script, [], 0

    def hang_up(self) -> None:
        """Close the connections that are open."""
        for connection in list(self._connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it is closed already

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._connections.add(connection)
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        try:
            with connection:
                connection.settimeout(30)
                while (body := _take_request(connection)) is not None:
                    with self._lock:
                        self.requests += 1
                        script = self.replies.pop(0) if self.replies else self.script(body)
                    for step in script:
                        connection.sendall(step) if isinstance(step, bytes) else step(connection)
                    if not script or script[-1] is not KEEP:
                        return
        except OSError:
            pass
        finally:
            with self._lock:
                self._connections.discard(connection)


def _take_request(connection: socket.socket) -> bytes | None:
    """Its body; None: the other side has hung up."""
    received = b""
    while b"\r\n\r\n" not in received:
        data = connection.recv(65536)
        if not data:
            return None
        received += data
    head, _, body = received.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    length = int(lengths[0]) if lengths else 0
    while len(body) < length:
        if not (data := connection.recv(65536)):
            return None
        body += data
    return body


# --- steps


def KEEP(connection: socket.socket) -> None:
    """At the end of a script: the connection stays open for the next request."""


def RESET(connection: socket.socket) -> None:
    """Close with a reset, after a moment: one that comes at once can take with it what was sent before."""
    time.sleep(0.05)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def STALL(connection: socket.socket) -> None:
    """Say nothing more until the other side hangs up."""
    while connection.recv(65536):
        pass


def endless(piece: bytes) -> Action:
    """The same bytes again and again until the other side hangs up; half a gigabyte is a failure."""

    def send(connection: socket.socket) -> None:
        data = piece * max(1, 262_144 // len(piece))
        for _ in range(2**29 // len(data)):
            connection.sendall(data)
        raise AssertionError("half a gigabyte was taken")

    return send


def bomb(size: int) -> Action:
    """A whole answer that is small, and so large when it is unpacked: bytes."""
    return lambda connection: connection.sendall(_bomb(size))


@cache
def _bomb(size: int) -> bytes:
    return whole(gzip.compress(bytes(size), 1), "Content-Encoding: gzip")


def until_blocked(piece: bytes, blocked: threading.Event) -> Action:
    """The same bytes until the other side takes no more; then wait for it to hang up."""

    def send(connection: socket.socket) -> None:
        connection.settimeout(0.5)
        try:
            while True:
                connection.sendall(piece)
        except TimeoutError:
            blocked.set()
        connection.settimeout(30)
        STALL(connection)

    return send


def endless_trickle(piece: bytes) -> Action:
    """Chunk after chunk, ten milliseconds apart, until the other side hangs up."""

    def send(connection: socket.socket) -> None:
        while True:
            connection.sendall(chunk(piece))
            time.sleep(0.01)

    return send


# --- answers

EVENTS = [
    {"candidates": [{"content": {"role": "model", "parts": [{"text": "Grüße "}]}, "index": 0}]},
    {"candidates": [{"content": {"role": "model", "parts": [{"text": "aus 東京 🗼"}]}, "index": 0}]},
    {
        "candidates": [{"content": {"role": "model", "parts": [{"text": "."}]}, "finishReason": "STOP", "index": 0}],
        "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 5, "totalTokenCount": 8},
    },
]
TEXT = "Grüße aus 東京 🗼."
WHOLE = json.dumps(
    {**EVENTS[2], "candidates": [{"content": {"role": "model", "parts": [{"text": TEXT}]}, "finishReason": "STOP"}]},
    ensure_ascii=False,
).encode()
SSE = [f"data: {json.dumps(event, ensure_ascii=False)}\r\n\r\n".encode() for event in EVENTS]


def head(*fields: str, status: str = "200 OK", version: str = "1.1") -> bytes:
    """The head of an answer."""
    return "\r\n".join([f"HTTP/{version} {status}", *fields, "", ""]).encode()


def chunk(data: bytes) -> bytes:
    """One chunk of the chunked framing."""
    return b"%x\r\n%s\r\n" % (len(data), data)


JSON_TYPE, SSE_TYPE = "Content-Type: application/json", "Content-Type: text/event-stream"
CHUNKED = "Transfer-Encoding: chunked"
LAST_CHUNK = b"0\r\n\r\n"


def whole(body: bytes = WHOLE, *fields: str, status: str = "200 OK") -> bytes:
    """A whole answer with its length."""
    return head(JSON_TYPE, f"Content-Length: {len(body)}", *fields, status=status) + body


STREAM_HEAD = head(SSE_TYPE, CHUNKED)
STREAM = STREAM_HEAD + b"".join(map(chunk, SSE)) + LAST_CHUNK
