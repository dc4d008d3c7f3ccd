"""The gateway of a drill: one of its own on the demo, or one that runs; and what it tells of its exchanges."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from scripts import bootstrap

PATIENCE = 60.0
"""Seconds for the start of a gateway."""
BROKE = "broke the call "
"""How the note on a broken call begins (`addons.gateway.fault_injection.job`)."""
_SETTINGS = "[faults]\nenabled = true\n"


class DrillGateway:
    """Where the client's requests go to in the end."""

    def __init__(self, url: str, key: str = "") -> None:
        """`url`: without `/v1`."""
        self.url = url
        self.key = key
        self._process: asyncio.subprocess.Process | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    @classmethod
    async def start(cls, port: int) -> DrillGateway:
        """Start one on the demo. Raises SetupError."""
        port = port or _free_port()
        gateway = cls(f"http://127.0.0.1:{port}")
        gateway._folder = tempfile.TemporaryDirectory(prefix="antigravity-drill-")
        settings = Path(gateway._folder.name) / "drill.toml"
        settings.write_text(_SETTINGS)
        program = Path(sys.executable).with_name("mitmdump" + Path(sys.executable).suffix)
        options = {"antigravity_demo": "true", "antigravity_config": settings, "confdir": gateway._folder.name}
        command = [str(program), "-q", "-s", os.path.join(bootstrap.ROOT, "addons", "antigravity.py")]
        command += ["--mode", f"reverse:https://gateway.invalid@127.0.0.1:{port}"]
        for name, value in options.items():
            command += ["--set", f"{name}={value}"]
        log = Path(gateway._folder.name) / "log.txt"
        with log.open("wb") as out:
            gateway._process = await asyncio.create_subprocess_exec(
                *command, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
            )
        end = asyncio.get_running_loop().time() + PATIENCE
        while not await asyncio.to_thread(gateway._answers):
            if gateway._process.returncode is not None or asyncio.get_running_loop().time() > end:
                said = log.read_text(errors="replace")
                await gateway.stop()
                raise bootstrap.SetupError(f"The gateway does not start: {said.strip()[-2000:]}")
            await asyncio.sleep(0.1)
        return gateway

    @classmethod
    async def running(cls, url: str, key: str) -> DrillGateway:
        """One that runs already. Raises SetupError where none does."""
        gateway = cls(url, key)
        await asyncio.to_thread(gateway._get, "/status.json")
        return gateway

    async def stop(self) -> None:
        """End it, if it is the drill's own."""
        if self._process and self._process.returncode is None:
            self._process.terminate()
            await self._process.wait()
        if self._folder:
            self._folder.cleanup()

    @property
    def place(self) -> tuple[str, int]:
        """Host and port."""
        parts = urlsplit(self.url)
        return parts.hostname or "127.0.0.1", parts.port or 80

    def told(self, ids: Iterable[str]) -> tuple[list[str], list[str]]:
        """(what was done on demand, the ids of broken calls) of these exchanges. Raises SetupError."""
        wanted = set(ids)
        found = [one for one in self._get("/status.json").get("exchanges", ()) if one.get("id") in wanted]
        met = [one["fault"] for one in found if one.get("fault")]
        details = [detail for one in found for code, detail in one.get("notes", ()) if code == "fault"]
        return met, [detail.removeprefix(BROKE) for detail in details if detail.startswith(BROKE)]

    def _answers(self) -> bool:
        try:
            self._get("/healthz")
        except bootstrap.SetupError:
            return False
        return True

    def _get(self, path: str) -> Any:
        connection = http.client.HTTPConnection(*self.place, timeout=10)
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {self.key or 'any'}"})
            answer = connection.getresponse()
            content = answer.read()
            if answer.status != 200:
                raise bootstrap.SetupError(f"The gateway at {self.url} answers {path} with HTTP {answer.status}.")
            return json.loads(content)
        except (OSError, ValueError, http.client.HTTPException) as e:
            raise bootstrap.SetupError(f"The gateway at {self.url} does not answer {path}: {e}") from None
        finally:
            connection.close()


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])
