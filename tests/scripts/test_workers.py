"""The launcher of several workers: when it starts one again, and how many there are."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from typing import Any

import pytest

from scripts import bootstrap, serve
from scripts.workers.fork import LoaderGone
from scripts.workers.parent import Parent
from scripts.workers.pauses import LONGEST, WELL, Pauses
from scripts.workers.place import listen
from tests.scripts.test_launching import LEFT_OUT


def test_the_loader_loads_what_the_workers_need_and_starts_nothing() -> None:
    script = (
        "import os, sys; from scripts.workers import loader; loader.load(); before = set(sys.modules);"
        "print(len(os.listdir('/proc/self/task')));"
        f"print([name for name in {LEFT_OUT} if name in before]);"
        "import addons.antigravity;"
        "print(*sorted(name for name in set(sys.modules) - before if name.startswith(('addons', 'mapping'))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=bootstrap.ROOT, capture_output=True, text=True, check=True
    )
    threads, left_in, later = done.stdout.splitlines()
    assert threads == "1"
    assert left_in == "[]"
    assert later == "addons.antigravity"


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 0.0


def test_the_pauses_grow_while_a_worker_does_not_live_long() -> None:
    clock, pauses = Clock(), Pauses()
    starts = []
    for _ in range(9):
        born = clock.now
        clock.now += 1.0
        clock.now += pauses.after(clock.now - born)
        starts.append(clock.now)
    pauses_made = [later - earlier - 1 for earlier, later in zip([0.0, *starts], starts, strict=False)]
    assert pauses_made == [0, 0.5, 1, 2, 4, 8, 16, 30, 30]
    assert max(pauses_made) == LONGEST


def test_a_worker_that_was_well_is_started_at_once() -> None:
    pauses = Pauses()
    assert [pauses.after(1.0) for _ in range(4)] == [0, 0.5, 1, 2]
    assert [pauses.after(WELL), pauses.after(1.0)] == [0, 0.5]


class FakeLink:
    """A worker of a number, which gets ready when the test says so."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.dismissed = False
        self.ready: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.ended = asyncio.Event()

    def drain(self) -> None:
        self.dismissed = True
        self.ended.set()


class FakeParent(Parent):
    """Its workers are no processes."""

    def __init__(self, count: int) -> None:
        super().__init__(count, [], [], {})
        self.made: list[FakeLink] = []
        self._loader: Any = FakeLoader()

    async def _fork(self, number: int, *, greets: bool = False, by: Any = None) -> Any:
        self.made.append(FakeLink(number))
        self._links.append(self.made[-1])  # type: ignore[arg-type]
        return self.made[-1]

    @property
    def staying(self) -> list[int]:
        return sorted(link.number for link in self._links if not link.dismissed)


class FakeLoader:
    is_gone = False

    async def end(self) -> None: ...


def test_one_that_ends_while_it_is_replaced_is_not_started_twice() -> None:
    async def work() -> None:
        parent = FakeParent(1)
        loader: Any = FakeLoader()
        replacing = asyncio.create_task(parent._replace_all(loader))
        await asyncio.sleep(0)
        await parent._again(1, 0.0)  # the old one has ended meanwhile
        new, another = parent.made
        new.ready.set_result(True)
        await replacing
        assert (parent.staying, another.dismissed) == ([1], True)
        await parent._again(1, 0.0)  # another has ended before that
        assert parent.staying == [1]
        assert len(parent.made) == 2

    asyncio.run(work())


def test_a_restart_that_fails_halfway_leaves_one_of_each_number() -> None:
    async def work() -> None:
        parent = FakeParent(2)
        for number in (1, 2):
            await parent._again(number, 0.0)
        loader: Any = FakeLoader()
        replacing = asyncio.create_task(parent._replace_all(loader))
        await asyncio.sleep(0)
        parent.made[2].ready.set_result(True)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        parent.made[3].ready.set_result(False)
        with pytest.raises(LoaderGone):
            await replacing
        assert [link.dismissed for link in parent.made] == [True, False, False, True]

    asyncio.run(work())


def test_the_shared_port_is_listened_on_by_all_addresses_of_a_host() -> None:
    first = listen("127.0.0.1", 0)
    assert [one.getsockname()[0] for one in first] == ["127.0.0.1"]
    with pytest.raises(OSError):
        listen("127.0.0.1", first[0].getsockname()[1])
    everywhere = listen("", 0)
    assert {one.family for one in everywhere} <= {socket.AF_INET, socket.AF_INET6}
    for one in (*first, *everywhere):
        one.close()


def test_what_is_started() -> None:
    options, extra = serve.parse(["--workers", "3", "--port", "9000", "--", "--set", "a=b"])
    _, *arguments = serve.command(options, extra, settings=None, demo=False, lan=False)
    environment = bootstrap.Environment()
    python, folder, *rest = serve.several(environment, options, arguments, lan=False)
    assert (python, folder) == (environment.python, os.path.join(bootstrap.ROOT, "scripts", "workers"))
    assert rest == ["--workers", "3", "--host", "127.0.0.1", "--port", "9000", "--", *arguments]
    assert arguments[-2:] == ["--set", "a=b"]


@pytest.mark.parametrize(("text", "count"), [("1", 1), ("4", 4), ("256", 256)])
def test_how_many(text: str, count: int) -> None:
    assert serve.parse(["--workers", text])[0].workers == count
    assert serve.parse([])[0].workers == 1


def test_one_per_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 2, 5}, raising=False)
    assert serve.parse(["--workers", "auto"])[0].workers == 3


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ("--workers 2 --web", "--web and --console show the requests of one process: leave --workers out"),
        ("--workers 2 --console", "--web and --console show the requests of one process: leave --workers out"),
        ("--workers 0", "'0' is no number of workers; it is 1 to 256, or auto"),
        ("--workers many", "'many' is no number of workers"),
        ("--workers 257", "'257' is no number of workers"),
    ],
)
def test_what_is_refused(argv: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        serve.parse(argv.split())
    assert said in " ".join(capsys.readouterr().err.split())


def test_without_fork(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delattr(os, "fork")
    assert serve.parse(["--workers", "1", "--web"])[0].workers == 1
    with pytest.raises(SystemExit):
        serve.parse(["--workers", "2"])
    assert "--workers needs a system that can fork" in capsys.readouterr().err
