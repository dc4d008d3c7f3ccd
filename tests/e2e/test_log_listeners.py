"""Addons of the user's that listen to mitmproxy's deprecated log hook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.e2e.conftest import TWO_ACCOUNTS, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.conftest import Starter

SCRIPT = """
from pathlib import Path

class Listener:
    def add_log(self, entry):
        with Path("heard.txt").open("a") as file:
            file.write(entry.msg + "\\n")

addons = [Listener()]
"""


def test_an_addon_hears_the_line_of_an_exchange(starter: Starter, tmp_path: Path) -> None:
    script = tmp_path / "listener.py"
    script.write_text(SCRIPT)
    gateway = starter(TWO_ACCOUNTS, "-s", str(script))
    answer = gateway.chat("gemini-2.5-flash")
    assert answer.status == 200
    heard = gateway.folder / "heard.txt"
    wait_until(lambda: heard.exists() and answer.headers["x-request-id"] in heard.read_text())
