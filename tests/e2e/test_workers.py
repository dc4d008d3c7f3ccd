"""Several workers behind one port: who answers, who ends, and what clients see of it."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import ROOT, TWO_ACCOUNTS, free_port, wait_until
from tests.e2e.test_responses_socket import answered, socket_to
from tests.e2e.workers import CHAT, GatedUpstream, Stream, lives, parent_of, workers_of
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from tests.e2e.conftest import Gateway, Starter

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="several workers need a system that can fork")


@pytest.fixture
def gated() -> Iterator[GatedUpstream]:
    upstream = GatedUpstream()
    yield upstream
    upstream.close()


def begun(gateway: Gateway, gated: GatedUpstream, count: int) -> list[Stream]:
    """So many streams, all of which have their first words."""
    streams = [Stream(gateway.port) for _ in range(count)]
    wait_until(lambda: all(b"Once upon" in stream.received for stream in streams))
    return streams


def kept(gateway: Gateway) -> http.client.HTTPConnection:
    """A connection that has had an answer, and is kept open."""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=PATIENCE)
    assert health(connection) == 200
    return connection


def health(connection: http.client.HTTPConnection) -> int:
    connection.request("GET", "/healthz")
    response = connection.getresponse()
    response.read()
    return response.status


def status(gateway: Gateway, state: str) -> int:
    """How many workers are in a state."""
    return [one["state"] for one in gateway.call("GET", "/status.json").json["workers"]].count(state)


def test_a_killed_worker_takes_only_its_own_with_it(starter: Starter, gated: GatedUpstream) -> None:
    gateway = starter(TWO_ACCOUNTS.replace("UPSTREAM", gated.url), workers=2)
    first, second = workers_of(gateway)
    streams = begun(gateway, gated, 4)
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: sum(stream.torn for stream in streams) == 2)
    assert gateway.call("GET", "/healthz").status == 200
    gated.gate.set()
    for stream in streams:
        stream.join(PATIENCE)
    assert sorted(stream.whole for stream in streams) == [False, False, True, True]
    assert lives(second)
    wait_until(lambda: f"Worker 1 (process {first}) has ended; another takes its place at once." in gateway.log)


@pytest.mark.parametrize("is_killed", [True, False], ids=["killed", "stuck"])
def test_what_waits_for_a_worker_that_is_gone_is_served_by_another(starter: Starter, *, is_killed: bool) -> None:
    gateway = starter(workers=2)
    first, _ = workers_of(gateway)
    os.kill(first, signal.SIGSTOP)
    connections = [socket.create_connection(("127.0.0.1", gateway.port), PATIENCE) for _ in range(4)]
    for connection in connections:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    answered = [0]

    def read(connection: socket.socket) -> None:
        if connection.recv(100).startswith(b"HTTP/1.1 200"):
            answered[0] += 1

    readers = [threading.Thread(target=read, args=(connection,)) for connection in connections]
    for reader in readers:
        reader.start()
    if is_killed:
        os.kill(first, signal.SIGKILL)
    for reader in readers:
        reader.join(PATIENCE)
    assert answered[0] == 4
    if not is_killed:  # one that goes on finds none of them
        os.kill(first, signal.SIGCONT)
        wait_until(lambda: status(gateway, "ready") == 2)
        assert [health(kept(gateway)) for _ in range(4)] == [200] * 4
        assert "Traceback" not in gateway.log
    for connection in connections:
        connection.close()


def test_a_restart_loses_nothing(starter: Starter, gated: GatedUpstream) -> None:
    """Streams under way, connections that ask without a pause, and idle ones: none sees anything of it."""
    gateway = starter(TWO_ACCOUNTS.replace("UPSTREAM", gated.url), workers=2)
    old = workers_of(gateway)
    streams = begun(gateway, gated, 2)
    idle = [kept(gateway) for _ in range(4)]
    over = threading.Event()
    statuses: list[int] = []
    failures: list[Exception] = []

    def ask() -> None:
        connection = kept(gateway)
        try:
            while not over.is_set():
                statuses.append(health(connection))
                kept(gateway).close()
        except Exception as e:
            failures.append(e)

    askers = [threading.Thread(target=ask) for _ in range(3)]
    for asker in askers:
        asker.start()
    gateway.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "All workers have been replaced." in gateway.log or bool(failures))
    more = len(statuses) + 20
    wait_until(lambda: len(statuses) > more or bool(failures))
    over.set()
    for asker in askers:
        asker.join(PATIENCE)
    assert not failures
    assert set(statuses) == {200}
    assert [health(connection) for connection in idle] == [200] * 4
    assert all(lives(pid) for pid in old)
    gated.gate.set()
    for stream in streams:
        stream.join(PATIENCE)
        assert stream.whole
    wait_until(lambda: not any(lives(pid) for pid in old))
    assert [health(stream.connection) for stream in streams] == [200] * 2


def test_a_restart_waits_for_what_mitmproxys_layers_carry(starter: Starter, gated: GatedUpstream) -> None:
    layers = ("--set", "antigravity_wire=layers")
    gateway = starter(TWO_ACCOUNTS.replace("UPSTREAM", gated.url), *layers, workers=2)
    old = workers_of(gateway)
    streams = begun(gateway, gated, 2)
    gateway.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "All workers have been replaced." in gateway.log)
    assert all(lives(pid) for pid in old)
    gated.gate.set()
    for stream in streams:
        stream.join(PATIENCE)
        assert stream.whole
    wait_until(lambda: not any(lives(pid) for pid in old))


def test_a_websocket_keeps_its_worker(starter: Starter) -> None:
    gateway = starter(workers=2)
    old = workers_of(gateway)
    with socket_to(gateway) as connection:
        first = answered(connection, model="gemini-2.5-flash", input="My name is Ada.", store=False)
        gateway.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "All workers have been replaced." in gateway.log)
        id = first[-1]["response"]["id"]
        again = answered(connection, model="gemini-2.5-flash", input="And now?", store=False, previous_response_id=id)
        assert again[-1]["type"] == "response.completed"
        wait_until(lambda: [lives(pid) for pid in old].count(True) == 1)
    wait_until(lambda: not any(lives(pid) for pid in old))


def copied(folder: Path) -> Path:
    """A copy of the code, which a test may change."""
    for part in ("addons", "mapping", "scripts"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def test_a_script_that_is_loaded_anew_goes_on_as_before(starter: Starter, tmp_path: Path) -> None:
    copy = copied(tmp_path / "copy")
    script = copy / "addons" / "antigravity.py"
    gateway = starter(workers=2, script=script)
    old = workers_of(gateway)
    connections = [kept(gateway) for _ in range(4)]
    script.write_text(script.read_text() + "\n# changed\n")
    wait_until(lambda: gateway.log.count("OpenAI-compatible gateway") == 2)
    gateway.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "All workers have been replaced." in gateway.log)
    wait_until(lambda: not any(lives(pid) for pid in old))
    assert [health(connection) for connection in connections] == [200] * 4
    assert "Traceback" not in gateway.log


def test_a_restart_brings_new_code_and_settings_and_broken_code_changes_nothing(
    starter: Starter, tmp_path: Path
) -> None:
    copy = copied(tmp_path / "copy")
    gateway = starter(workers=2, script=copy / "addons" / "antigravity.py")
    old = workers_of(gateway)
    file = copy / "addons" / "gateway" / "endpoints" / "own.py"
    code = file.read_text()
    file.write_text("this is no Python\n")
    gateway.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "The restart has failed" in gateway.log)
    assert all(lives(pid) for pid in old)
    file.write_text(code.replace('{"message":"hello"}', '{"message":"Good evening!"}'))
    settings = gateway.folder / "antigravity.toml"
    settings.write_text(settings.read_text() + '\n[models.mapping]\n"a-new-name" = "gemini-2.5-flash"\n')
    gateway.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "All workers have been replaced." in gateway.log)
    wait_until(lambda: not any(lives(pid) for pid in old))
    for _ in range(4):
        assert gateway.call("GET", "/api/hello").json == {"message": "Good evening!"}
        assert gateway.chat("a-new-name").headers["x-mapped-model"] == "gemini-2.5-flash"


def test_code_that_talks_otherwise_than_the_first_process_changes_nothing(starter: Starter, tmp_path: Path) -> None:
    """The first process is the only one that stays when code is loaded anew."""
    copy = copied(tmp_path / "copy")
    gateway = starter(workers=2, script=copy / "addons" / "antigravity.py")
    first, second = workers_of(gateway)
    file = copy / "addons" / "gateway" / "workers" / "talk.py"
    file.write_text(re.sub(r"(?m)^VERSION = (\d+)$", r"VERSION = 1\1", file.read_text()))
    gateway.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "The restart has failed" in gateway.log)
    assert "needs a new first process, too: end this one, and start it again. The restart has failed" in gateway.log
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: "Worker 1 " in gateway.log and status(gateway, "ready") == 2)
    assert lives(second)


def test_settings_that_became_unusable_let_no_worker_be_replaced(starter: Starter) -> None:
    gateway = starter(workers=2)
    old = workers_of(gateway)
    file = gateway.folder / "antigravity.toml"
    file.write_text("[proxy]\nauth_mod = 'off'\n")
    gateway.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "The restart has failed" in gateway.log)
    assert "proxy.auth_mod: no such setting" in gateway.log
    assert all(lives(pid) for pid in old)
    assert gateway.chat("gemini-2.5-flash").status == 200


def test_a_loader_that_was_killed_is_replaced(starter: Starter) -> None:
    gateway = starter(workers=2)
    first, second = workers_of(gateway)
    loader = parent_of(first)
    assert parent_of(loader) == gateway.process.pid
    os.kill(loader, signal.SIGKILL)
    wait_until(lambda: not lives(loader))
    assert gateway.chat("gemini-2.5-flash").status == 200
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: status(gateway, "ready") == 2)
    assert lives(second)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_ends_all(starter: Starter, gated: GatedUpstream, number: int) -> None:
    gateway = starter(TWO_ACCOUNTS.replace("UPSTREAM", gated.url), workers=2)
    streams = begun(gateway, gated, 4)
    gateway.process.send_signal(number)
    assert gateway.process.wait(PATIENCE) == 0
    for stream in streams:
        stream.join(PATIENCE)
        assert b'"code":"gateway_stopping"' in stream.received
    assert not any(lives(pid) for pid in workers_of(gateway))


def test_a_terminal_that_hangs_up_ends_all(starter: Starter) -> None:
    """SIGHUP comes then, too, but means the end."""
    ours, theirs = os.openpty()
    gateway = starter(workers=2, terminal=theirs)
    os.close(theirs)
    os.close(ours)
    assert gateway.process.wait(PATIENCE) == 0
    assert not any(lives(pid) for pid in workers_of(gateway))


def test_without_their_parent_the_workers_end(starter: Starter) -> None:
    gateway = starter(workers=2)
    gateway.process.kill()
    wait_until(lambda: not any(lives(pid) for pid in workers_of(gateway)))


def test_settings_that_cannot_be_used_end_the_start(starter: Starter) -> None:
    gateway = starter("[proxy]\nauth_mod = 'off'\n", workers=2, wait=False)
    assert gateway.process.wait(PATIENCE) == 1
    assert gateway.log.count("proxy.auth_mod: no such setting") == 1


@pytest.mark.parametrize(
    "arguments", [("-w", "flows"), ("-n",), ("--set", "hardump=flows.har"), ("--mode", "socks5@{port}")]
)
def test_what_one_process_only_can_do_is_refused(starter: Starter, arguments: tuple[str, ...]) -> None:
    given = [argument.format(port=free_port()) for argument in arguments]
    gateway = starter(TWO_ACCOUNTS, *given, workers=2, wait=False)
    assert gateway.process.wait(PATIENCE) == 1
    assert "leave --workers out" in gateway.log or "or the other modes out" in gateway.log


def test_a_missing_package_is_named(starter: Starter, tmp_path: Path) -> None:
    (tmp_path / "orjson.py").write_text("raise ModuleNotFoundError(\"No module named 'orjson'\", name='orjson')\n")
    gateway = starter(workers=2, environ={"PYTHONPATH": str(tmp_path)}, wait=False)
    assert gateway.process.wait(PATIENCE) == 1
    assert "lacks the package 'orjson'" in gateway.log
    assert "Traceback" not in gateway.log


def test_without_a_key_this_machine_alone_is_served(starter: Starter) -> None:
    """The launcher listens on all addresses, as `allow_lan_access` says, and the workers refuse all."""
    settings = "[proxy]\nallow_lan_access = true\n" + TWO_ACCOUNTS
    gateway = starter(settings, workers=2, host="0.0.0.0")
    local = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=PATIENCE)
    assert health(local) == 200
    local.request("GET", "/v1/models")
    assert local.getresponse().status == 401
    assert "proxy.api_key is empty" in gateway.log


def test_one_banner_for_all(starter: Starter) -> None:
    gateway = starter(workers=3)
    assert len(set(workers_of(gateway))) == 3
    assert gateway.log.count("OpenAI-compatible gateway") == 1
    assert gateway.log.count("listening at") == 1
    assert gateway.call("POST", "/v1/chat/completions", CHAT).status == 200


def test_workers_share_what_was_loaded(starter: Starter) -> None:
    """What is a worker's own is less than half of what it has in memory; of one that is alone it is three quarters."""
    gateway = starter(workers=2)
    for _ in range(20):
        assert gateway.chat("gemini-2.5-flash").status == 200
    for pid in workers_of(gateway):
        rows = (line.split() for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
        sizes = {name.rstrip(":"): int(size) for name, size, _ in rows}
        assert sizes["Private_Dirty"] + sizes["Private_Clean"] < sizes["Rss"] / 2


def test_what_all_would_say_is_said_once(starter: Starter, tmp_path: Path) -> None:
    unusable = '\n[[accounts]]\nemail = "charlie@example.com"\nupstream = "vertex"\ncredentials = "none.json"\n'
    gateway = starter(TWO_ACCOUNTS + unusable + 'project = "p"\nlocation = "global"\n', workers=3)
    assert gateway.log.count("Account charlie@example.com can't be used") == 1
    file = gateway.folder / "antigravity.toml"
    file.write_text(file.read_text() + "\n[retry]\nmax_attempts = 2\n")
    wait_until(lambda: "Settings reloaded" in gateway.log)
    file.write_text(file.read_text() + "[proxy]\nexpose_account = false\n")
    wait_until(lambda: gateway.log.count("Settings reloaded") == 2)


def test_lines_of_the_log_are_whole(starter: Starter, tmp_path: Path) -> None:
    """All workers write to one file."""
    file = tmp_path / "exchanges.jsonl"
    settings = f'[log]\nformat = "json"\nfile = "{file}"\n' + TWO_ACCOUNTS
    gateway = starter(settings, workers=2)
    threads = [threading.Thread(target=lambda: gateway.call("POST", "/v1/chat/completions", CHAT)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    wait_until(lambda: len(file.read_text().splitlines()) == 20)
    assert all(json.loads(line)["status"] == 200 for line in file.read_text().splitlines())
