"""What tests of several workers need: who they are, and an upstream whose streams go on when the test says so."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import socket
import threading
from pathlib import Path
from typing import Any

from tests.e2e.conftest import Gateway
from tests.patience import PATIENCE

CHAT = {"model": "gemini-2.5-flash", "messages": [{"role": "user", "content": "Hello!"}]}


def event(text: str, **more: Any) -> bytes:
    """An event of Gemini's, as a chunk."""
    told = {"candidates": [{"content": {"role": "model", "parts": [{"text": text}]}, **more}]}
    data = b"data: " + json.dumps(told).encode() + b"\r\n\r\n"
    return b"%x\r\n%s\r\n" % (len(data), data)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
FIRST = HEAD + event("Once upon")
REST = event(" a time.", finishReason="STOP") + b"0\r\n\r\n"


class GatedUpstream:
    """Begins each stream at once, and ends it when `gate` is open."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.gate = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        self.gate.set()
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection, connection.makefile("rb") as file:  # who asked may be killed
            while file.readline():
                length = 0
                while (line := file.readline()) not in (b"\r\n", b""):
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                file.read(length)
                connection.sendall(FIRST)
                self.gate.wait()
                connection.sendall(REST)


class Stream(threading.Thread):
    """A streamed answer on a connection of its own, read on a thread of its own."""

    def __init__(
        self, port: int, connection: http.client.HTTPConnection | None = None, *, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(daemon=True)
        self._headers = headers or {}
        self.connection = connection or http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        self.received = b""
        self.torn = False
        self.start()

    def run(self) -> None:
        try:
            self.connection.request("POST", "/v1/chat/completions", json.dumps({**CHAT, "stream": True}), self._headers)
            response = self.connection.getresponse()
            while data := response.read1():
                self.received += data
        except (OSError, http.client.HTTPException):
            self.torn = True

    @property
    def whole(self) -> bool:
        return not self.torn and self.received.endswith(b"data: [DONE]\n\n")


def workers_of(gateway: Gateway) -> list[int]:
    """The processes that were ready at the start."""
    found = re.search(r"workers are ready: processes ([\d, ]+)\.", gateway.log)
    assert found
    return [int(pid) for pid in found[1].split(", ")]


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def lives(pid: int) -> bool:
    """Whether a process has not ended. One that has, but was not yet waited for, has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
