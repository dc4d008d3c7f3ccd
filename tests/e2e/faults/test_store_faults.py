"""The faults of the place where responses are stored: requests go on, and the log says it once in a while."""

from __future__ import annotations

import resource
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import wait_until
from tests.e2e.faults.conftest import left

if TYPE_CHECKING:
    from tests.e2e.conftest import Gateway, Starter

ACCOUNT = '[[accounts]]\nemail = "a"\napi_key = "k"\nbase_url = "UPSTREAM"\n'
REQUESTS = 12


def fill_the_disk(gateway: Gateway, store: Path) -> None:
    """No file of the gateway may grow any more: to SQLite that is a full disk."""
    size = 4096 + max(gateway.log_file.stat().st_size, 0)
    if sys.platform == "linux":
        resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (size, size))


def delete_the_folder(gateway: Gateway, store: Path) -> None:
    shutil.rmtree(store.parent)


def damage_the_file(gateway: Gateway, store: Path) -> None:
    for file in store.parent.iterdir():
        file.write_bytes(b"\xff" * 65536)


def put_a_folder_in_its_place(gateway: Gateway, store: Path) -> None:
    shutil.rmtree(store.parent)
    store.mkdir(parents=True)


FAULTS: list[Callable[[Gateway, Path], None]] = [
    delete_the_folder,
    damage_the_file,
    put_a_folder_in_its_place,
    *([fill_the_disk] if sys.platform == "linux" else []),
]


def ask(gateway: Gateway) -> None:
    """Responses, whole and streamed, each complete; then whether a stored one can be had is another matter."""
    for n in range(REQUESTS):
        body = {"model": "gemini-2.5-flash", "input": f"{n} " * 2000, "stream": n % 2 == 0}
        answer = gateway.call("POST", "/v1/responses", body)
        assert answer.status == 200, answer.body
        if n % 2:
            found = gateway.call("GET", f"/v1/responses/{answer.json['id']}")
            assert found.status in (200, 404, 503)
            if found.status != 200:
                assert found.error["message"]
        else:
            assert b"response.completed" in answer.body


def complaints(gateway: Gateway) -> int:
    """Lines of the log about the store, beside those of exchanges, which tell each client's own error."""
    lines = [line for line in gateway.log.splitlines() if "] /v1/" not in line]
    return sum("could not be" in line or "can't be" in line for line in lines)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__.replace("_", " "))
def test_what_happens_to_the_store_while_it_is_used(
    starter: Starter, tmp_path: Path, fault: Callable[[Gateway, Path], None]
) -> None:
    store = tmp_path / "store" / "responses.db"
    gateway = starter(f'[responses]\nstore = "{store}"\n{ACCOUNT}')
    ask(gateway)
    before = left(gateway)
    assert complaints(gateway) == 0
    fault(gateway, store)
    ask(gateway)
    assert gateway.chat("gemini-2.5-flash").status == 200
    assert gateway.call("GET", "/healthz").status == 200
    wait_until(lambda: left(gateway) == before)
    assert complaints(gateway) <= 2
    assert "Traceback" not in gateway.log


PLACES = ["FOLDER", "/dev/null/responses.db", *(["/dev/full", "/proc/responses.db"] if sys.platform == "linux" else [])]


@pytest.mark.parametrize("place", PLACES)
def test_a_place_where_nothing_can_be_stored(starter: Starter, tmp_path: Path, place: str) -> None:
    """It is said at the start; responses are kept in memory then, so that conversations can go on."""
    gateway = starter(f'[responses]\nstore = "{place.replace("FOLDER", str(tmp_path))}"\n{ACCOUNT}')
    ask(gateway)
    assert gateway.call("GET", "/healthz").status == 200
    assert 1 <= complaints(gateway) <= 2
