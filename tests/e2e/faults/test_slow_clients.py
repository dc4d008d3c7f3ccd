"""Clients that send more than they read: answers keep their order, and what is held for them is bounded."""

from __future__ import annotations

import json
import socket
import threading
from typing import TYPE_CHECKING

from websockets.sync.client import connect

from tests.e2e.faults.conftest import ONE, numbers
from tests.e2e.faults.faulty_upstream import KEEP, SSE, STREAM_HEAD, FaultyUpstream, chunk, until_blocked, whole
from tests.e2e.faults.test_client_faults import request
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from tests.e2e.conftest import Gateway

MODELS = b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n"


def test_pipelined_requests_are_answered_in_their_order(patient: Gateway, faulty_upstream: FaultyUpstream) -> None:
    """Also those that come just as the answer before them has ended. Each has an answer that is known by its kind."""
    faulty_upstream.play(whole(), KEEP)
    rounds = 300
    with socket.create_connection(("127.0.0.1", patient.port), PATIENCE) as s, s.makefile("rb") as answers:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else each waits until the one before was acknowledged
        free = threading.Semaphore(20)

        def send() -> None:
            for _ in range(rounds):
                free.acquire()
                s.sendall(request())
                s.sendall(MODELS)

        sender = threading.Thread(target=send)
        sender.start()
        kinds = []
        for _ in range(2 * rounds):
            length = 0
            while (line := answers.readline()) not in (b"\r\n", b""):
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            kinds.append(json.loads(answers.read(length))["object"])
            if len(kinds) % 2 == 0:
                free.release()
        sender.join()
    assert kinds == ["chat.completion", "list"] * rounds


def test_a_socket_that_is_not_read_is_not_read_either(patient: Gateway, faulty_upstream: FaultyUpstream) -> None:
    """Whatever it asks for meanwhile, in whichever lane."""
    blocked = threading.Event()
    faulty_upstream.play(STREAM_HEAD, until_blocked(chunk(SSE[0]) * 1000, blocked))
    asked = faulty_upstream.requests
    with connect(f"ws://127.0.0.1:{patient.port}/v1/responses", max_queue=1, max_size=None) as client:
        client.send(json.dumps({"type": "response.create", "model": ONE, "input": "x", "stream_id": "first"}))
        assert blocked.wait(PATIENCE)
        before = numbers(patient)["process_resident_memory_bytes"]
        for lane in range(20):
            client.send(json.dumps({"type": "response.create", "model": ONE, "input": "x", "stream_id": str(lane)}))
        for _ in range(100):
            patient.call("GET", "/healthz")
        assert faulty_upstream.requests == asked + 1
        client.socket.settimeout(0.5)
        broken = b"\x81\x81\0\0\0\0{" * 5000  # each message would have an error for its answer
        try:
            for _ in range(1000):
                client.socket.sendall(broken)
            raise AssertionError("35 MB were taken")
        except TimeoutError:
            pass
        assert numbers(patient)["process_resident_memory_bytes"] < before + 2**25
        client.socket.shutdown(socket.SHUT_RDWR)
