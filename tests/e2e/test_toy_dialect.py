"""A new dialect is one package and one row in the table of routes; everything else serves it unseen.

The tree is copied, the toy of tests/data/toy is put in as `mapping/toy`, and a gateway runs from the copy.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import ROOT, TWO_ACCOUNTS, Gateway, Upstream, start_gateway
from tests.patience import PATIENCE

TOY = ROOT / "tests" / "data" / "toy"
ROW = '    Endpoint("toy", "POST", ("toy",)),\n'
BROUGHT = {f"mapping/toy/{path.name}" for path in TOY.glob("*.py")}
TOUCHED = {"mapping/toy/__init__.py", "addons/gateway/http/routes.py", *BROUGHT}


def files(root: Path) -> dict[str, bytes]:
    found = [path for room in ("addons", "mapping", "scripts") for path in (root / room).rglob("*.py")]
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in found}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree with one dialect more."""
    root = tmp_path_factory.mktemp("tree")
    for room in ("addons", "mapping", "scripts"):
        shutil.copytree(ROOT / room, root / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", root)
    shutil.copytree(TOY, root / "mapping" / "toy", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "mapping" / "toy" / "__init__.py").write_text('"""A toy."""\n')
    routes = root / "addons" / "gateway" / "http" / "routes.py"
    before = routes.read_text()
    after = before.replace("ENDPOINTS = (\n", f"ENDPOINTS = (\n{ROW}", 1)
    assert after != before
    routes.write_text(after)
    return root


def start(tree: Path, folder: Path, upstream: Upstream, *arguments: str) -> Gateway:
    settings = TWO_ACCOUNTS.replace("UPSTREAM", upstream.url)
    return start_gateway(folder, settings, *arguments, script=tree / "addons" / "antigravity.py")


def talk(port: int, data: bytes) -> bytes:
    """All that comes back for some bytes."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
        connection.sendall(data)
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.fixture(scope="module")
def saved(tree: Path, upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Any]]:
    """What was asked and answered, and the file in which it was saved."""
    folder = tmp_path_factory.mktemp("toy")
    gateway = start(tree, folder, upstream, "-w", "saved.flow")
    asked = [
        {"model": "gemini-3-flash", "say": "Hello"},
        {"model": "gemini-3-flash", "say": "Hello", "loud": True, "stream": True},
        {"model": "demo-503-first-toy", "say": "again"},
    ]
    answered = [(body, gateway.call("POST", "/v1/toy", body)) for body in asked]
    refused = gateway.call("POST", "/v1/toy", {"model": "gemini-3-flash"})
    assert (refused.status, refused.json["where"]) == (400, "say")
    unknown = gateway.call("POST", "/v1/toy", {"model": "no-such-model", "say": "x"})
    assert (unknown.status, set(unknown.json)) == (404, {"oops", "where"})
    turned_down = gateway.call("GET", "/v1/toy")
    assert (turned_down.status, set(turned_down.json)) == (405, {"oops", "where"})
    not_http = talk(gateway.port, b"POST /v1/toy?a=b HTTP/1.1\r\nno header\r\n\r\n")
    assert not_http.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert set(json.loads(not_http.partition(b"\r\n\r\n")[2])) == {"oops", "where"}
    gateway.stop()
    return folder / "saved.flow", answered


def test_no_other_file_knows_it(tree: Path) -> None:
    before, after = files(ROOT), files(tree)
    assert {name for name in after if after[name] != before.get(name)} == TOUCHED
    assert not [name for name, content in before.items() if b"toy" in content.lower()]


def test_it_is_served_whole_streamed_and_retried(saved: tuple[Path, list[Any]]) -> None:
    (_, whole), (_, stream), (_, retried) = saved[1]
    assert "Hello" in whole.json["toy"]
    assert stream.body.startswith(b"data: toy ")
    assert b"HELLO" in stream.body
    assert stream.body.endswith(b"data: end\n\n")
    assert "again" in retried.json["toy"]
    assert "retried=" in retried.headers["x-antigravity-notes"]


@pytest.mark.parametrize("wire", ["layers", "auto"])
def test_a_stream_that_has_enough_waits_for_the_other_call(
    tree: Path, upstream: Upstream, tmp_path: Path, wire: str
) -> None:
    gateway = start(tree, tmp_path, upstream, "--set", f"antigravity_wire={wire}")
    body = {"model": "gemini-3-flash", "say": "Hello", "stream": True, "twice": True}
    for until, begun in (("demo", b'data: toy "This is the "'), ("This", b'data: toy "This is the demo')):
        pieces = gateway.call("POST", "/v1/toy", {**body, "until": until}).body.split(b"\n\n")
        assert pieces[0].startswith(begun)
        assert b"demo" in pieces[-3]
        assert pieces[-2:] == [b"data: end", b""]
    assert "Traceback" not in gateway.log
    gateway.stop()


def test_it_is_replayed(tree: Path, saved: tuple[Path, list[Any]], upstream: Upstream, tmp_path: Path) -> None:
    upstream.forget()
    gateway = start(tree, tmp_path, upstream, "-S", str(saved[0]))
    for body, answer in saved[1]:
        assert gateway.call("POST", "/v1/toy", body).body == answer.body
    gateway.stop()
    assert upstream.requests == []


def run(tree: Path, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}  # for the tests; what is in the tree comes first
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=tree, env=environ, input=given, capture_output=True, check=False)


def test_it_makes_cases(tree: Path, saved: tuple[Path, list[Any]], tmp_path: Path) -> None:
    commands = (
        "import sys; from scripts import cases as c; from scripts.commands.case_commands import run; "
        "sys.exit(run(c.parse(sys.argv[1:])))"
    )
    exported = run(tree, "-c", commands, "export", str(saved[0]), str(tmp_path / "cases"))
    assert exported.returncode == 0, exported.stderr
    checked = run(tree, "-c", commands, "run", str(tmp_path / "cases"))
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert checked.stdout == b"4 cases, all as recorded\n"
    run(tree, "-c", commands, "export", str(saved[0]), str(tmp_path / "masked"), "--mask")
    checked = run(tree, "-c", commands, "run", str(tmp_path / "masked"))
    assert checked.stdout == b"4 cases, all as recorded\n"
    assert not [path for path in (tmp_path / "masked").rglob("*") if path.is_file() and b"Hello" in path.read_bytes()]


SHOWN = """
import sys
from mitmproxy import http, io
from mitmproxy.contentviews import Metadata
from addons.gateway import views
for flow in io.FlowReader(open(sys.argv[1], "rb")).stream():
    view = views.VIEWS[0]
    for message in (flow.request, flow.response):
        about = Metadata(flow=flow, http_message=message)
        if flow.request.path == "/v1/toy" and view.render_priority(message.raw_content, about) > 0:
            print(view.prettify(message.raw_content, about))
"""


def test_it_is_shown(tree: Path, saved: tuple[Path, list[Any]]) -> None:
    shown = run(tree, "-c", SHOWN, str(saved[0]))
    text = shown.stdout.decode()
    assert "model: gemini-3-flash\nsay: Hello\n" in text, shown.stderr
    assert "toy: This is the demo upstream" in text
    assert "oops: Missing required parameter: 'say'." in text
    streamed = text.partition("── the toy says ──\n")[2]
    assert "HELLO" in streamed.partition("── events ──")[0]
    assert " said, " in streamed
    assert "cut off here" not in text


def test_it_is_on_the_command_line(tree: Path) -> None:
    given = json.dumps({"model": "gemini-3-flash", "say": "Hi"}).encode()
    done = run(tree, "-m", "mapping", "request", given=given)
    assert json.loads(done.stdout) == {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}
    refused = run(tree, "-m", "mapping", "request", "--dialect", "toy", given=b'{"model": "m"}')
    assert (refused.returncode, json.loads(refused.stdout)["where"]) == (1, "say")


SOAKED = """
import os, sys
from scripts.commands import soak_run
from scripts.soaking import asks, clients
def of_toy(choose):
    while asks.name_of(request := asks.make_request(choose)) != "toy":
        pass
    return request
ends = set()
clients.check = lambda *about: ends.add(asks.check(*about)) or "met"
clients.make_request, asks.FAULTS = of_toy, 0.2
print(soak_run.soak(2, 6, 7, programs=os.path.dirname(sys.executable), tell=lambda line: None))
print(*sorted(ends))
"""


def test_it_is_soaked(tree: Path) -> None:
    soaked = run(tree, "-c", SOAKED)
    assert soaked.returncode == 0, soaked.stderr.decode()
    wrong, ends = soaked.stdout.decode().splitlines()
    assert wrong == "[]", soaked.stderr.decode()
    assert {"answer", "stream"} <= set(ends.split())


FUZZED = """
from tests.fuzz.targets import FUZZED
from tests.patience import PATIENCE
for name, fuzzed in FUZZED.items():
    if name.startswith("toy"):
        for data in fuzzed.begin():
            fuzzed.target(data)
        print(name)
"""


def test_it_is_fuzzed(tree: Path) -> None:
    fuzzed = run(tree, "-c", FUZZED)
    assert fuzzed.stdout.decode().split() == ["toy-request", "toy-whole", "toy-sse"], fuzzed.stderr.decode()
