"""Finds the Chromium (or Chrome) that the tests in tests/browser drive; prints its path.

    python3 scripts/browser.py              the path; exit status 1 when there is none
    python3 scripts/browser.py --install    installs Debian's chromium first when there is none and root asks

Nothing is downloaded beside the system's own packages. A program counts only after it has been run: some systems have
one of these names for a script that only says how to get a browser.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

if not __package__:  # run as a file
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from scripts import bootstrap

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MAC = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
APT = (
    ["apt-get", "-q", "update"],
    ["apt-get", "-q", "install", "-y", "--no-install-recommends", "chromium"],
)
APT_SECONDS = 600
MISSING = (
    "There is no Chromium or Chrome on PATH ({}). "
    "Debian: apt-get install chromium. macOS: brew install --cask chromium.".format(", ".join(NAMES))
)


def find() -> str:
    """The path of the first browser that runs; empty when there is none."""
    return next((path for path in _candidates() if _runs(path)), "")


def _candidates() -> "Iterator[str]":
    for name in NAMES:
        path = shutil.which(name)
        if path:
            yield path
    for path in MAC:
        if os.access(path, os.X_OK):
            yield path


def _runs(path: str) -> bool:
    try:
        quiet = subprocess.DEVNULL
        return not subprocess.call([path, "--version"], stdin=quiet, stdout=quiet, stderr=quiet, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return False


def install() -> None:
    """Install Debian's chromium where that can be done without asking. Says what became of it."""
    if not shutil.which("apt-get") or os.geteuid() != 0:
        bootstrap.say(MISSING)
        return
    bootstrap.say("Installing chromium with apt-get ...")
    for command in APT:
        fault = _fault(command)
        if fault:
            bootstrap.say("{} failed: {}".format(" ".join(command), fault))
            return


def _fault(command: "list[str]") -> str:
    """Run a command quietly. Returns the end of what it printed when it failed, else nothing."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            timeout=APT_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as e:
        return str(e)
    if not done.returncode:
        return ""
    last = "".join("\n  " + line for line in done.stdout.strip().splitlines()[-8:])
    return f"exit {done.returncode}{last}"


def main() -> int:
    path = find()
    if not path and "--install" in sys.argv[1:]:
        install()
        path = find()
    print(path, end="\n" if path else "")
    return 0 if path else 1


if __name__ == "__main__":
    sys.exit(main())
