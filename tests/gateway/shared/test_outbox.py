"""What waits for the shared state outlives the worker that has acknowledged it, and is found by the others."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from addons.gateway.shared import hub as hub_module
from addons.gateway.shared.contract import Away, Change, Claim, Drop, Put, Revise, Swap
from addons.gateway.shared.hub import Hub
from addons.gateway.shared.outbox import Outbox
from tests.gateway.shared.test_hub import Weather

CHANGES: list[Change] = [
    Put("a", b"\x00\n\xff", 60.0),
    Revise("b", b"!final", 60.0),
    Claim("c", b"", 60.0),
    Drop("d"),
    Drop("e", b"held"),
]
WORKER = """
import sys
from pathlib import Path
from addons.gateway.shared.contract import Put
from addons.gateway.shared.outbox import Outbox
Outbox(Path(sys.argv[1]), "other").keep([Put("a", b"1", 60.0), Put("b", b"2", 60.0)])
print("kept", flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "AGAIN_AFTER", 0.001)


def left(outbox: Outbox) -> list[Change]:
    found: list[Change] = []
    outbox.take_over(found.extend)
    return found


def release(outbox: Outbox) -> None:
    """As the system does with what a process has open that is killed."""
    os.close(outbox._handle)


def test_what_is_kept_comes_back_as_it_was(tmp_path: Path) -> None:
    one, two = Outbox(tmp_path / "new", "one"), Outbox(tmp_path / "new", "two")
    one.keep([*CHANGES, Swap("board", "field", None, b"x", 60.0)])
    assert left(two) == []  # it lives
    assert two.find(["a", "d", "z"]) == {"a": b"\x00\n\xff", "d": None}
    release(one)
    assert left(two) == CHANGES
    assert left(two) == []
    assert not [*(tmp_path / "new").iterdir()]


def test_what_is_written_is_kept_no_more(tmp_path: Path) -> None:
    one, two = Outbox(tmp_path, "one"), Outbox(tmp_path, "two")
    one.keep(CHANGES)
    one.clear()
    assert (one.size, two.find(["a"]), [*tmp_path.iterdir()]) == (0, {}, [])
    one.keep(CHANGES[:1])
    assert two.find(["a"]) == {"a": b"\x00\n\xff"}


def test_half_a_line_was_not_acknowledged(tmp_path: Path) -> None:
    one = Outbox(tmp_path, "one")
    one.keep(CHANGES[:2])
    release(one)
    path = tmp_path / "one.outbox"
    path.write_bytes(path.read_bytes()[:-3])
    assert left(Outbox(tmp_path, "two")) == CHANGES[:1]


def test_a_folder_that_can_not_be_written_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    Outbox(tmp_path / "file" / "below", "one").keep(CHANGES)
    assert "can't be kept" in caplog.text


def test_a_worker_that_is_killed_leaves_what_it_kept(tmp_path: Path) -> None:
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )
    assert worker.stdout
    assert worker.stdout.readline() == b"kept\n"
    mine = Outbox(tmp_path, "mine")
    assert left(mine) == []
    worker.send_signal(signal.SIGKILL)
    worker.communicate()
    assert left(mine) == [Put("a", b"1", 60.0), Put("b", b"2", 60.0)]


def test_a_full_disk_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = Outbox(tmp_path, "one"), Outbox(tmp_path, "two")
    one.keep(CHANGES[:1])
    write, room = os.write, [5]

    def full(handle: int, data: bytes) -> int:
        if not room:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(handle, data[: room.pop()])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        one.keep(CHANGES[1:2])
    one.keep(CHANGES[2:])
    release(one)
    assert left(two) == [CHANGES[0], *CHANGES[2:]]


@pytest.mark.parametrize(
    "line", [b"{", b"7", b"[]", b'["put","a","~",1]', b'["no kind","a","",1]', b'["put","a"]', b"\xff"]
)
def test_a_line_that_nobody_can_read_is_lost_alone(
    tmp_path: Path, line: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Else every worker would stumble over it each time that it reads, and never be there."""
    one, two = Outbox(tmp_path, "one"), Outbox(tmp_path, "two")
    one.keep(CHANGES[:1])
    os.write(one._handle, line + b"\n")
    one.keep(CHANGES[1:])
    assert two.find(["a", "d"]) == {"a": b"\x00\n\xff", "d": None}
    release(one)
    assert left(two) == CHANGES
    assert "can't be read" in caplog.text
    assert not [*tmp_path.iterdir()]


def test_what_one_has_acknowledged_another_writes_when_it_dies(tmp_path: Path) -> None:
    async def run() -> None:
        weather = Weather()
        outboxes = [Outbox(tmp_path, name) for name in ("one", "two")]
        one, two = (Hub(weather.access(), outbox=outbox) for outbox in outboxes)
        await one.start()
        await two.start()
        weather.away = True
        one.soon(Put("a", b"1", 60.0))
        while one.here:  # noqa: ASYNC110 - it finds out by itself
            await asyncio.sleep(0)
        await one.settled()
        assert one.is_settled
        assert one._task
        one._task.cancel()
        release(outboxes[0])  # it is killed
        with pytest.raises(Away):
            await two.get(["a"], needed=True)
        weather.away = False
        while weather.model.things.get("a") != b"1":  # noqa: ASYNC110 - each turn it may be written
            await asyncio.sleep(0)
        assert await two.get(["a"], needed=True) == [b"1"]
        await two.settled()
        await two.stop()

    asyncio.run(run())
    assert not [*tmp_path.iterdir()]


def test_what_one_still_keeps_another_finds(tmp_path: Path) -> None:
    """Valkey is back, and the one that has something for it has not seen that yet."""

    async def run() -> None:
        weather = Weather()
        two = Hub(weather.access(), outbox=Outbox(tmp_path, "two"))
        await two.start()
        Outbox(tmp_path, "one").keep([Put("a", b"1", 60.0)])
        assert await two.get(["a", "b"], needed=True) == [b"1", None]
        two.here = False
        with pytest.raises(Away):
            await two.get(["b"], needed=True)
        await two.stop()

    asyncio.run(run())


def test_what_was_told_while_it_waited_is_kept(tmp_path: Path) -> None:
    """A background response that was finished in an outage: nobody waited for it to be written, but one was told."""

    async def run() -> None:
        weather = Weather()
        one = Hub(weather.access(), outbox=Outbox(tmp_path, "one"))
        two = Outbox(tmp_path, "two")
        await one.start()
        weather.away = True
        one.soon(Put("a", b"1", 60.0))
        assert two.find(["a"]) == {}
        assert await one.get(["a"], needed=True) == [b"1"]
        assert two.find(["a"]) == {"a": b"1"}
        await one.stop()

    asyncio.run(run())


def test_what_nobody_was_told_is_kept_soon(tmp_path: Path) -> None:
    async def run() -> None:
        weather = Weather()
        one = Hub(weather.access(), outbox=Outbox(tmp_path, "one"))
        two = Outbox(tmp_path, "two")
        await one.start()
        weather.away = True
        one.soon(Put("a", b"1", 60.0))
        while not two.find(["a"]):  # noqa: ASYNC110 - it comes by itself
            await asyncio.sleep(0.001)
        await one.stop()

    asyncio.run(asyncio.wait_for(run(), 10))


def test_the_last_of_what_one_has_left_counts(tmp_path: Path) -> None:
    """Receipt, under way, finished: three changes of one thing."""

    async def run() -> None:
        weather = Weather()
        left_one = Outbox(tmp_path, "one")
        left_one.keep([Put("a", b"1", 60.0), Put("a", b"2", 60.0), Put("a", b"3", 60.0)])
        release(left_one)
        two = Hub(weather.access(), outbox=Outbox(tmp_path, "two"))
        await two.start()
        assert await two.get(["a"], needed=True) == [b"3"]
        while two.facts()["waiting"]:
            await two.settled()
        assert weather.model.things["a"] == b"3"
        await two.stop()

    asyncio.run(asyncio.wait_for(run(), 10))
