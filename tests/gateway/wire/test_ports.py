"""scripts/ports.py: whether a port can be had, who has it, and which one could."""

from __future__ import annotations

import errno
import http.server
import socket
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from addons.gateway.wire import ports


class Health(http.server.BaseHTTPRequestHandler):
    """Answers as a gateway does."""

    body = b'{"status":"ok"}'

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_: object) -> None:
        pass


class Other(Health):
    """Another program that speaks HTTP."""

    body = b"<html>"


@pytest.fixture(params=["", "127.0.0.1"], ids=["all", "loopback"])
def host(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def silent() -> Iterator[int]:
    """A port on which connections are taken, and nothing is said."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        yield int(listener.getsockname()[1])


@pytest.mark.parametrize(
    ("handler", "who"),
    [(Health, "by another gateway it seems (it answers /healthz)"), (Other, "by another program")],
)
def test_who_has_a_port(host: str, handler: type[Health], who: str) -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_port
        said = ports.complaint(host, port, "--port {port}")
        server.shutdown()
    assert said
    assert said.startswith(f"Port {port} is taken, {who}: --port ")
    assert int(said.rpartition(" ")[2]) > port


def test_who_says_nothing(silent: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "PATIENCE", 0.01)
    assert "by another program" in str(ports.complaint("127.0.0.1", silent, "--port {port}"))


def test_a_free_port(host: str) -> None:
    with closing(socket.socket()) as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    assert ports.complaint(host, port, "--port {port}") is None


def test_the_port_that_is_named_is_none_of_those_that_are_wanted_otherwise(
    silent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ports, "PATIENCE", 0.01)
    monkeypatch.setattr(ports, "fault", lambda host, port: errno.EADDRINUSE if port == silent else 0)
    said = ports.complaint("127.0.0.1", silent, "--port {port}", but=[silent + 1])
    assert str(said).endswith(f": --port {silent + 2}")


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.EACCES, "Port 80 may not be used (its number is low): --port 8045"),
        (errno.EADDRNOTAVAIL, "This machine has no address 192.0.2.1 to listen on."),
        (errno.EMFILE, None),
    ],
)
def test_other_faults(number: int, said: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "fault", lambda host, port: number if port == 80 else 0)
    assert ports.complaint("192.0.2.1", 80, "--port {port}") == said
