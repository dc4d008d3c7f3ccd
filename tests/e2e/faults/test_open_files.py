"""A gateway that may open no further file: connections wait, the log says so once, and all goes on afterwards."""

from __future__ import annotations

import os
import resource
import socket
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

from tests.e2e.conftest import TWO_ACCOUNTS, wait_until
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from tests.e2e.conftest import Starter

FURTHER = 8
CLIENTS = 40
SAID = "New connections can't be taken"

if sys.platform == "linux":

    def test_more_clients_than_files(starter: Starter) -> None:
        gateway = starter(TWO_ACCOUNTS)
        pid = gateway.process.pid
        assert len(set(resource.prlimit(pid, resource.RLIMIT_NOFILE))) == 1, "it has not asked for what it may have"
        most = len(os.listdir(f"/proc/{pid}/fd")) + FURTHER
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (most, most))
        with ExitStack() as clients:
            held = [
                clients.enter_context(socket.create_connection(("127.0.0.1", gateway.port), PATIENCE))
                for _ in range(CLIENTS)
            ]
            wait_until(lambda: SAID in gateway.log)
            held[0].sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert held[0].recv(100).startswith(b"HTTP/1.1 200 ")
        assert gateway.call("GET", "/healthz").status == 200
        assert gateway.log.count(SAID) == 1
        assert "Traceback" not in gateway.log
