"""A gateway over an upstream that goes wrong as told, and the proof that nothing is left when a fault is over."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.conftest import Gateway, start_gateway, wait_until
from tests.e2e.faults.faulty_upstream import FaultyUpstream, whole

LEFT = ("gateway_requests_in_flight", "gateway_tasks", "process_open_fds")
"""What has to be the same before and after. The last one exists on Linux only."""

SETTINGS = """
[proxy]
keep_alive = "LIFE"

[limits]
deadline = "DEADLINE"

[retry]
cooldown = false

[[accounts]]
email = "one"
api_key = "key-one"
base_url = "UPSTREAM"
models = ["gemini-2.5-flash", "gemini-3-flash-preview"]

[[accounts]]
email = "first of two"
api_key = "key-two"
base_url = "UPSTREAM"
models = ["gemini-2.5-pro"]

[[accounts]]
email = "second of two"
api_key = "key-three"
base_url = "UPSTREAM"
models = ["gemini-2.5-pro"]

[[accounts]]
email = "person"
credentials = "person.json"
base_url = "UPSTREAM"
models = ["gemini-2.5-flash-lite"]
"""
ONE, PARALLEL, TWO, PERSON = "gemini-2.5-flash", "gemini-3-flash-preview", "gemini-2.5-pro", "gemini-2.5-flash-lite"
"""Models: of one account; of one, and with a call for each choice; of two; of one with a token that is fetched."""


def numbers(gateway: Gateway) -> dict[str, float]:
    """The numbers without labels of a gateway's metrics."""
    page = gateway.call("GET", "/metrics").body.decode()
    families = text_string_to_metric_families(page)
    return {sample.name: sample.value for family in families for sample in family.samples if not sample.labels}


def left(gateway: Gateway) -> dict[str, float]:
    """What a gateway holds at this moment, the look itself included."""
    found = numbers(gateway)
    return {name: found[name] for name in LEFT if name in found}


class Watched:
    """A gateway, and what it held when nothing went on."""

    def __init__(self, gateway: Gateway, upstream: FaultyUpstream) -> None:
        self.gateway, self.upstream = gateway, upstream
        self.idle: dict[str, float] = {}
        self._read = 0

    def settle(self) -> None:
        """Have everything made that is made with the first requests, and take the numbers."""
        self.upstream.play(whole())
        for path, body in (
            ("chat/completions", {"messages": [{"role": "user", "content": "hi"}]}),
            ("responses", {"input": "hi"}),
        ):
            assert self.gateway.call("POST", f"/v1/{path}", {"model": ONE, **body}).status == 200
        wait_until(lambda: self.upstream.open == 0)
        self.idle = left(self.gateway)

    def check(self) -> None:
        """It lives, and holds what it held before."""
        assert self.gateway.call("GET", "/healthz").status == 200
        wait_until(lambda: numbers(self.gateway)["gateway_requests_in_flight"] == 1)
        self.upstream.hang_up()  # on connections that are kept for the next call
        wait_until(lambda: self.upstream.open == 0)
        now: dict[str, Any] = {}

        def same() -> bool:
            now.update(left(self.gateway))
            return now == self.idle

        try:
            wait_until(same)
        except AssertionError:
            raise AssertionError(f"left over: {now}, before: {self.idle}") from None
        log = self.gateway.log[self._read :]
        self._read += len(log)
        assert "Traceback" not in log, log[-3000:]


@pytest.fixture(scope="session")
def faulty_upstream() -> Iterator[FaultyUpstream]:
    server = FaultyUpstream()
    yield server
    server.close()


@pytest.fixture(scope="session")
def token_server() -> Iterator[FaultyUpstream]:
    server = FaultyUpstream()
    yield server
    server.close()


def write_credentials(folder: Path, tokens: FaultyUpstream, name: str = "person.json") -> None:
    """A credentials file whose tokens come from there."""
    secrets = {"client_id": "id", "client_secret": "client-secret-5f", "refresh_token": "refresh-secret-6a"}
    file = folder / name
    file.write_text(json.dumps({"type": "authorized_user", "token_uri": f"{tokens.url}/token", **secrets}))
    file.chmod(0o600)


def _watched(
    upstream: FaultyUpstream, tokens: FaultyUpstream, folder: Path, deadline: str, life: str = "30s"
) -> Iterator[Watched]:
    """`life`: after how much silence a sign of life is sent, which begins a stream."""
    write_credentials(folder, tokens)
    settings = SETTINGS.replace("UPSTREAM", upstream.url).replace("DEADLINE", deadline).replace("LIFE", life)
    watched = Watched(start_gateway(folder, settings), upstream)
    watched.settle()
    yield watched
    watched.gateway.stop()


@pytest.fixture(scope="session")
def patient_gateway(
    faulty_upstream: FaultyUpstream, token_server: FaultyUpstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Watched]:
    yield from _watched(faulty_upstream, token_server, tmp_path_factory.mktemp("patient"), "60s")


@pytest.fixture(scope="session")
def lively_gateway(
    faulty_upstream: FaultyUpstream, token_server: FaultyUpstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Watched]:
    yield from _watched(faulty_upstream, token_server, tmp_path_factory.mktemp("lively"), "60s", "2s")


@pytest.fixture(scope="session")
def hurried_gateway(
    faulty_upstream: FaultyUpstream, token_server: FaultyUpstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Watched]:
    yield from _watched(faulty_upstream, token_server, tmp_path_factory.mktemp("hurried"), "400ms")


@pytest.fixture
def patient(patient_gateway: Watched) -> Iterator[Gateway]:
    """A gateway with time; after the test nothing is left over."""
    yield patient_gateway.gateway
    patient_gateway.check()


@pytest.fixture
def hurried(hurried_gateway: Watched) -> Iterator[Gateway]:
    """A gateway whose requests may take 400 ms; after the test nothing is left over."""
    yield hurried_gateway.gateway
    hurried_gateway.check()
