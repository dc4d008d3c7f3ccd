"""What a place for shared state does, against a plain dictionary; each kind of place, and two workers at it in turn."""

from __future__ import annotations

import atexit
import tempfile
from abc import abstractmethod
from pathlib import Path
from typing import Any, ClassVar
from unittest import mock
from uuid import uuid4

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from addons.gateway.shared import valkey_address
from addons.gateway.shared.contract import FINAL, Change, Claim, Drop, Heard, Put, Revise, SharedPlace, Swap
from addons.gateway.shared.sqlite_place import SqlitePlace
from addons.gateway.shared.valkey_place import ValkeyPlace
from tests.e2e.conftest import wait_until
from tests.gateway.shared.places import Loop, Server
from tests.patience import PATIENCE
from tests.ports import free_port

KEYS = st.sampled_from(["a", "b", "c/ä", "d"])
BOARDS = st.sampled_from(["x", "y"])
VALUES = st.one_of(st.binary(max_size=20), st.binary(max_size=5).map(FINAL.__add__), st.just(bytes(300)))
LIVES = st.sampled_from([3600.0, 86400.0, 0.0])
WORKERS = st.integers(0, 1)
CHANGES = st.one_of(
    st.builds(Put, KEYS, VALUES, LIVES),
    st.builds(Revise, KEYS, VALUES, LIVES),
    st.builds(Claim, KEYS, VALUES, LIVES),
    st.builds(Drop, KEYS),
    st.builds(Drop, KEYS, VALUES),
    st.builds(Swap, BOARDS, KEYS, st.none(), VALUES, st.just(86400.0)),
)


class Model:
    """The contract, in the fewest words."""

    def __init__(self) -> None:
        self.things: dict[str, bytes] = {}
        self.boards: dict[str, dict[str, bytes]] = {"x": {}, "y": {}}

    def make(self, change: Change) -> bytes | None:
        if isinstance(change, Swap):
            board = self.boards[change.board]
            if board.get(change.field) == change.before:
                board.pop(change.field, None)
                if change.after is not None:
                    board[change.field] = change.after
            return board.get(change.field)
        found = self.things.get(change.key)
        if isinstance(change, Drop):
            if change.holds in (None, found):
                self.things.pop(change.key, None)
        elif not (
            (isinstance(change, Claim) and found is not None)
            or (isinstance(change, Revise) and found is not None and found.startswith(FINAL))
        ):
            self.things.pop(change.key, None)
            if change.life > 0:
                self.things[change.key] = change.value
        return self.things.get(change.key)


class Contract(RuleBasedStateMachine):
    """Two workers change things in turn; what each sees is what the dictionary says."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = Loop()
        self.model = Model()
        self.workers: list[SharedPlace] = []

    @abstractmethod
    def make(self) -> SharedPlace:
        """A worker's access to the place, which is empty at the beginning of a run."""

    @initialize()
    def begin(self) -> None:
        self.workers = [self.make() for _ in range(2)]
        for worker in self.workers:
            self.loop.run(worker.open(lambda message: None))

    @rule(worker=WORKERS, changes=st.lists(CHANGES, min_size=1, max_size=4))
    def change(self, worker: int, changes: list[Change]) -> None:
        assert self.loop.run(self.workers[worker].write(changes)) == [self.model.make(one) for one in changes]

    @rule(worker=WORKERS, board=BOARDS, field=KEYS, after=st.none() | VALUES, data=st.data())
    def swap(self, worker: int, board: str, field: str, after: bytes | None, data: Any) -> None:
        found = self.model.boards[board].get(field)
        before = data.draw(st.sampled_from([found, found, b"something else"]))
        swap = Swap(board, field, before, after, 86400.0)
        assert self.loop.run(self.workers[worker].write([swap])) == [self.model.make(swap)]

    @rule(worker=WORKERS, change=CHANGES)
    def change_twice(self, worker: int, change: Change) -> None:
        """What failed half-way is made again: it may have been made already."""
        first = self.model.make(change)
        assert self.loop.run(self.workers[worker].write([change])) == [first]
        again = self.loop.run(self.workers[1 - worker].write([change]))
        if not isinstance(change, Drop) or change.holds is None:
            assert again == [first]
        assert again == [self.model.make(change)]

    @rule(worker=WORKERS)
    def come_back(self, worker: int) -> None:
        """A worker is closed, and opened again."""
        self.loop.run(self.workers[worker].close())
        self.loop.run(self.workers[worker].open(lambda message: None))

    @invariant()
    def all_see_the_same(self) -> None:
        keys = ["a", "b", "c/ä", "d", "never"]
        for worker in self.workers:
            assert self.loop.run(worker.get(keys)) == [self.model.things.get(key) for key in keys]
            for name in ("x", "y"):
                assert self.loop.run(worker.board(name)) == self.model.boards[name]

    def teardown(self) -> None:
        for worker in self.workers:
            self.loop.run(worker.close())
        self.loop.close()


class SqliteContract(Contract):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()

    def make(self) -> SharedPlace:
        return SqlitePlace(Path(self.folder.name))

    def teardown(self) -> None:
        super().teardown()
        self.folder.cleanup()


class PatientValkeyPlace(ValkeyPlace):
    """On a busy machine a server may take its time, and a failure would be none of the place's."""

    async def open(self, heard: Heard) -> None:
        with mock.patch.multiple(valkey_address, ANSWER_WITHIN=PATIENCE, CONNECT_WITHIN=PATIENCE):
            await super().open(heard)


class ValkeyContract(Contract):
    """A server for all runs: each has a prefix of its own."""

    options: ClassVar[list[str]] = []
    scheme = "valkey"
    _servers: ClassVar[dict[str, Server]] = {}

    def __init__(self) -> None:
        super().__init__()
        self.prefix = uuid4().hex

    def server(self) -> Server:
        name = type(self).__name__
        if name not in self._servers:
            folder = tempfile.TemporaryDirectory()
            self._servers[name] = made = Server(Path(folder.name), *self.options)
            atexit.register(folder.cleanup)
            atexit.register(made.stop)
            self.prepare(made)
        return self._servers[name]

    def prepare(self, server: Server) -> None:
        """A server has started."""

    def make(self) -> SharedPlace:
        url = self.server().url.replace("valkey", self.scheme, 1)
        return self.loop.run(self._make(url))

    async def _make(self, url: str) -> SharedPlace:
        return PatientValkeyPlace(url, self.prefix)


class ClusterContract(ValkeyContract):
    options: ClassVar[list[str]] = ["--cluster-enabled", "yes", "--cluster-port", str(free_port())]
    scheme = "valkey+cluster"

    def prepare(self, server: Server) -> None:
        assert server.send(b"CLUSTER ADDSLOTSRANGE 0 16383").startswith(b"+OK")
        wait_until(lambda: b"cluster_state:ok" in server.send(b"CLUSTER INFO"))


TestSqlite = SqliteContract.TestCase
TestValkey = ValkeyContract.TestCase
TestCluster = ClusterContract.TestCase
TestSqlite.settings = TestValkey.settings = settings(settings.default, stateful_step_count=20)
# A cluster's client asks for the nodes anew each time, and what is tried of it is the same place with other addresses.
TestCluster.settings = settings(settings.default, stateful_step_count=20, max_examples=10)
