"""The line on each exchange: under mitmdump, as text and as JSON, on a terminal and in a file."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import FLASH, ROOT, TWO_ACCOUNTS, Gateway, free_port, wait_until

if TYPE_CHECKING:
    from tests.e2e.conftest import Starter, Upstream


def lines(gateway: Gateway) -> list[str]:
    return [line for line in gateway.log.splitlines() if "/v1/chat/completions" in line and "curl" not in line]


def test_one_line_and_none_of_mitmproxys(starter: Starter) -> None:
    gateway = starter()
    gateway.chat("gpt-4o", stream=True)
    gateway.chat("demo-503-first-log")
    wait_until(lambda: len(lines(gateway)) >= 2)
    streamed, retried = lines(gateway)
    assert f" · gpt-4o -> {FLASH} · " in streamed
    assert " · 200 · first 0." in streamed
    assert " tokens" in streamed
    assert " · 2 attempts · 200 · " in retried
    assert "client connect" not in gateway.log
    assert "<<" not in gateway.log


@pytest.mark.parametrize(("arguments", "own", "mitmproxys"), [(["--flow-detail", "2"], 0, True), (["-q"], 0, False)])
def test_what_mitmproxy_was_told_counts(
    starter: Starter, arguments: list[str], own: int, mitmproxys: bool, upstream: Upstream
) -> None:
    gateway = starter(TWO_ACCOUNTS, *arguments, wait="-q" not in arguments)
    wait_until(lambda: _answers(gateway))
    gateway.chat("gpt-4o")
    wait_until(lambda: not mitmproxys or "<<" in gateway.log)
    assert (f" · gpt-4o -> {FLASH} · " in gateway.log) == bool(own)


def _answers(gateway: Gateway) -> bool:
    try:
        return gateway.call("GET", "/healthz").status == 200
    except OSError:
        return False


def test_a_load_balancer_that_asks_again_and_again_is_told_of_once(starter: Starter) -> None:
    gateway = starter()
    for _ in range(5):
        assert gateway.call("GET", "/healthz").status == 200
    gateway.chat("gpt-4o")
    wait_until(lambda: f" · gpt-4o -> {FLASH} · " in gateway.log)
    assert gateway.log.count("/healthz") == 1


def test_json_lines(starter: Starter) -> None:
    gateway = starter('[log]\nformat = "json"\n' + TWO_ACCOUNTS)
    id = gateway.chat("gpt-4o").headers["x-request-id"]
    wait_until(lambda: id in gateway.log)
    [line] = [line for line in gateway.log.splitlines() if id in line]
    assert json.loads(line)["model"] == FLASH


def test_lines_in_a_file_beside_the_settings(starter: Starter) -> None:
    gateway = starter('[log]\nformat = "json"\nfile = "exchanges.jsonl"\n' + TWO_ACCOUNTS)
    gateway.chat("gpt-4o")
    gateway.chat("demo-500-all")
    file = gateway.folder / "exchanges.jsonl"
    wait_until(lambda: file.exists() and file.read_text().count("\n") == 2)
    assert [json.loads(line)["status"] for line in file.read_text().splitlines()] == [200, 500]
    assert not lines(gateway)


def test_colours_on_a_terminal(tmp_path: Path) -> None:
    port = free_port()
    leader, follower = pty.openpty()
    command = [str(Path(sys.executable).parent / "mitmdump"), "-s", str(ROOT / "addons" / "antigravity.py")]
    command += ["--mode", f"reverse:https://gateway.invalid@127.0.0.1:{port}", "--set", f"confdir={tmp_path}"]
    environ = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    process = subprocess.Popen(
        [*command, "--set", "antigravity_demo=true"], stdin=follower, stdout=follower, stderr=follower, env=environ
    )
    gateway = Gateway(process, port, tmp_path / "none", tmp_path)
    try:
        wait_until(lambda: _answers(gateway))
        assert gateway.chat("gpt-4o").status == 200
        seen = b""
        while b"tokens" not in seen:
            seen += os.read(leader, 65536)
    finally:
        gateway.stop()
        os.close(leader)
        os.close(follower)
    assert b"\x1b[32m" in seen


@pytest.mark.parametrize("form", ["text", "json"])
def test_answers_go_on_when_nobody_reads_the_log(form: str, tmp_path: Path) -> None:
    """The reader of a pipe may end; more requests are answered than may be under way."""
    port = free_port()
    settings = tmp_path / "antigravity.toml"
    settings.write_text(f'[log]\nformat = "{form}"\n[limits]\nin_flight = 2\n')
    command = [str(Path(sys.executable).parent / "mitmdump"), "-s", str(ROOT / "addons" / "antigravity.py")]
    command += ["--mode", f"reverse:https://gateway.invalid@127.0.0.1:{port}"]
    for option in (f"confdir={tmp_path}", f"antigravity_config={settings}", "antigravity_demo=true"):
        command += ["--set", option]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    gateway = Gateway(process, port, tmp_path / "none", tmp_path)
    try:
        wait_until(lambda: _answers(gateway))
        assert process.stdout
        while b"curl" not in process.stdout.readline():
            pass
        process.stdout.close()
        assert [gateway.chat("gpt-4o").status for _ in range(5)] == [200] * 5
    finally:
        gateway.stop()
