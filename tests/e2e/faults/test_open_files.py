"""A process that may open no further file: connections wait, its log says so once, and all goes on afterwards."""

from __future__ import annotations

import os
import resource
import socket
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

from tests.e2e.conftest import TWO_ACCOUNTS, wait_until
from tests.e2e.workers import workers_of
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from tests.e2e.conftest import Gateway, Starter

FURTHER = 8
CLIENTS = 40
SAID = "New connections can't be taken"

if sys.platform == "linux":

    def limit(pid: int) -> None:
        """Let a process open only a few files more than it has open."""
        most = len(os.listdir(f"/proc/{pid}/fd")) + FURTHER
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (most, most))

    def connect(gateway: Gateway, clients: ExitStack) -> list[socket.socket]:
        address = "127.0.0.1", gateway.port
        return [clients.enter_context(socket.create_connection(address, PATIENCE)) for _ in range(CLIENTS)]

    def test_more_clients_than_files(starter: Starter) -> None:
        gateway = starter(TWO_ACCOUNTS)
        pid = gateway.process.pid
        assert len(set(resource.prlimit(pid, resource.RLIMIT_NOFILE))) == 1, "it has not asked for what it may have"
        assert gateway.chat("gemini-2.5-flash").status == 200  # loads what is else loaded a second after the start
        limit(pid)
        with ExitStack() as clients:
            held = connect(gateway, clients)
            wait_until(lambda: SAID in gateway.log)
            held[0].sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert held[0].recv(100).startswith(b"HTTP/1.1 200 ")
        assert gateway.call("GET", "/healthz").status == 200
        assert gateway.log.count(SAID) == 1
        assert "Traceback" not in gateway.log

    def test_more_clients_than_files_of_several_workers(starter: Starter) -> None:
        """What a worker was handed is not lost, and known to be over when it is."""
        gateway = starter(TWO_ACCOUNTS, workers=2)
        for pid in workers_of(gateway):
            limit(pid)
        with ExitStack() as clients:
            held = connect(gateway, clients)
            wait_until(lambda: gateway.log.count(SAID) == 2)
            held[0].sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert held[0].recv(100).startswith(b"HTTP/1.1 200 ")

        def connections() -> list[int]:
            return [one["connections"] for one in gateway.call("GET", "/status.json").json["workers"]]

        wait_until(lambda: sum(connections()) <= 2)  # these questions themselves
        assert gateway.log.count(SAID) == 2
        assert "Traceback" not in gateway.log
