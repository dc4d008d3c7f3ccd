"""What a soak run is about: a demo upstream and a gateway, with one worker or several, on a Valkey or without."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from scripts import bootstrap
from scripts.soaking import upstream
from scripts.soaking.valkey import Valkey

ONE = """
[limits]
deadline = "10s"

[proxy]
keep_alive = "200ms"

[retry]
cooldown = false

[responses]
store = "responses.db"
max_size = "8MiB"
"""
SEVERAL = """
[limits]
deadline = "10s"

[proxy]
keep_alive = "200ms"

[responses]
store = "responses.db"
max_size = "1GiB"
"""
"""Accounts cool, and no response is dropped, since that is what is looked at."""
STATE = '\n[state]\nurl = "{url}"\nkey = "the secret of a soak run"\n'
ACCOUNT = '\n[[accounts]]\nemail = "soak-{name}"\napi_key = "soak-key-{name}"\nbase_url = "{upstream}"\n'

GATEWAY_TASKS, IN_FLIGHT = "gateway_tasks", "gateway_requests_in_flight"
MEMORY, FILES = "process_resident_memory_bytes", "process_open_fds"


class Setup(NamedTuple):
    """What is started: how many workers, and whether with a Valkey."""

    workers: int = 1
    valkey: bool = False

    @property
    def is_one(self) -> bool:
        """One process, that shares nothing."""
        return self.workers == 1 and not self.valkey


class SoakStage:
    """Each is a process of its own, in a folder that goes with them."""

    def __init__(self, programs: str, folder: str, setup: Setup) -> None:
        self.setup = setup
        self.valkey: Valkey | None = None
        self._processes: list[subprocess.Popen[bytes]] = []
        self._known: dict[int, int] = {}
        """Number -> process of workers, as they were seen last."""
        self._log = os.path.join(folder, "log.txt")
        self._notes = os.path.join(folder, "notes.txt")
        demo = [sys.executable, os.path.abspath(upstream.__file__), "--notes", self._notes]
        if setup.is_one:
            demo = [sys.executable, os.path.join(bootstrap.ROOT, "scripts", "demo_upstream.py"), "--port", "0"]
        url = self._start([*demo, "--pause", "0.002"], os.path.join(folder, "demo.txt"), r"listens on (\S+)")
        if setup.valkey:
            self.valkey = Valkey(folder)
        settings = os.path.join(folder, "antigravity.toml")
        with open(settings, "w", encoding="utf-8") as file:
            file.write(self._settings(folder, url))
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port: int = s.getsockname()[1]
        arguments = ["-s", os.path.join(bootstrap.ROOT, "addons", "antigravity.py")]
        arguments += ["--mode", f"reverse:https://gateway.invalid@127.0.0.1:{self.port}"]
        for option in (f"confdir={folder}", f"antigravity_config={settings}", "flow_detail=0"):
            arguments += ["--set", option]
        if setup.workers > 1:
            launcher = [sys.executable, os.path.join(bootstrap.ROOT, "scripts", "workers")]
            launcher += ["--workers", str(setup.workers), "--host", "127.0.0.1", "--port", str(self.port), "--"]
            self._start([*launcher, *arguments], self._log, r"(\d+) workers are ready")
        else:
            self._start([os.path.join(programs, "mitmdump"), *arguments], self._log, r"OpenAI-compatible (gateway)")

    def _settings(self, folder: str, url: str) -> str:
        text = (ONE if self.setup.is_one else SEVERAL).replace(
            "responses.db", os.path.join(folder, "responses.db").replace("\\", "/")
        )
        if self.valkey:
            text += STATE.format(url=self.valkey.url)
        names = ("one", "two") if self.setup.is_one else ("one", "two", "three", "four")
        return text + "".join(ACCOUNT.format(name=name, upstream=url) for name in names)

    def _start(self, command: list[str], output: str, ready: str) -> str:
        """Start a program, and wait for what it prints when it is ready."""
        with open(output, "wb") as file:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                cwd=os.path.dirname(output),
                env={**bootstrap.child_environ(), "PYTHONUNBUFFERED": "1"},
            )
        self._processes.append(process)
        end = time.monotonic() + 30
        while time.monotonic() < end and process.poll() is None:
            with open(output, encoding="utf-8", errors="replace") as text:
                found = re.search(ready, text.read())
            if found:
                return found[1]
            time.sleep(0.05)
        with open(output, encoding="utf-8", errors="replace") as text:
            raise bootstrap.SetupError(f"{os.path.basename(command[0])} did not start:\n{text.read()[-3000:]}")

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        """Status and body of an answer. Asks again where a worker is killed meanwhile."""
        for left in reversed(range(5)):
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
            try:
                connection.request(method, path, body and json.dumps(body), {"Content-Type": "application/json"})
                response = connection.getresponse()
                return response.status, response.read()
            except (OSError, http.client.HTTPException):
                if not left or self.setup.is_one:
                    raise
            finally:
                connection.close()
        raise AssertionError

    def numbers(self) -> dict[str, float]:
        """The gateway's metrics that have no labels; of those that each worker has, the largest."""
        page = self.ask("GET", "/metrics")[1].decode()
        found: dict[str, float] = {}
        for name, value in re.findall(r'(?m)^(\w+)(?:\{worker="\d+"\})? (\S+)$', page):
            found[name] = max(found.get(name, float("-inf")), float(value))
        return found

    def workers(self) -> Mapping[int, int]:
        """Number -> process of the workers that are ready."""
        try:
            told = json.loads(self.ask("GET", "/status.json")[1])["workers"]
        except (OSError, http.client.HTTPException, ValueError, KeyError):
            return {}
        return {one["number"]: one["pid"] for one in told if one["state"] == "ready"}

    def memory(self) -> dict[str, Pages]:
        """Who -> memory: `parent`, `loader`, `worker N` of those that are or were ready. Empty where it can't be told.

        On a busy machine not each worker says each time that it is.
        """
        parent = self._processes[-1].pid
        found = {"parent": parent}
        with contextlib.suppress(OSError, ValueError):
            found["loader"] = int(_read(f"/proc/{parent}/task/{parent}/children").split()[0])
        self._known |= self.workers()
        found |= {f"worker {number}": pid for number, pid in self._known.items()}
        return {who: pages for who, pid in found.items() if (pages := pages_of(pid))}

    def faults_in_log(self) -> list[str]:
        """Lines of the gateway's log that tell of a bug."""
        return [line for line in self.log() if re.search(r"Traceback|has crashed|Unexpected error|Please report", line)]

    def log(self) -> list[str]:
        """The lines of the gateway's log."""
        with open(self._log, encoding="utf-8", errors="replace") as file:
            return [line.rstrip() for line in file]

    def asked(self) -> list[upstream.Refused]:
        """Who asked for the model that is out of quota."""
        return upstream.read_notes(self._notes)

    def stop_upstream(self) -> None:
        """So that no connection to it is kept for later calls, which is no fault."""
        _end(self._processes[:1])

    def stop(self) -> None:
        """End all."""
        _end(self._processes[::-1])
        if self.valkey:
            self.valkey.kill()


class Pages(NamedTuple):
    """Memory in bytes: a fair part of what is shared with others (PSS), what is shared with nobody, and all (RSS)."""

    fair: int
    own: int
    resident: int
    pid: int
    """Whose it is."""


def pages_of(pid: int) -> Pages | None:
    """The memory of a process; None where it can't be told, or the process has ended."""
    try:
        found = dict(re.findall(r"(\w+):\s+(\d+) kB", _read(f"/proc/{pid}/smaps_rollup")))
    except OSError:
        return None
    if "Pss" not in found:
        return None
    own = int(found["Private_Clean"]) + int(found["Private_Dirty"])
    return Pages(int(found["Pss"]) * 1024, own * 1024, int(found["Rss"]) * 1024, pid)


def _read(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()


def _end(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
