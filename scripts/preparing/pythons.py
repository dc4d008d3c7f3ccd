"""The Pythons of this machine: where they may be, and which of them can make the environment.

Standard library only, and what Python 3.6 has of it; see bootstrap.py.
"""

import glob
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import NamedTuple

OLDEST = (3, 12)
PREFERRED = ((3, 13), (3, 12), (3, 14))
"""Versions for which every pinned package has a wheel, best first. A newer Python is taken only for want of these."""

_EXE = ".exe" if os.name == "nt" else ""
_PYTHON_NAME = re.compile(r"python(3(\.\d+)?)?(\.exe)?")
_FOLDERS = (
    "{pyenv}/versions/*/bin/python",
    "~/.local/share/uv/python/*/bin/python3",
    "~/.local/share/mise/installs/python/*/bin/python3",
    "~/.asdf/installs/python/*/bin/python3",
    "/usr/local/bin/python3*",
    "/opt/homebrew/bin/python3*",
    "/opt/homebrew/opt/python@3*/bin/python3*",
    "/usr/local/opt/python@3*/bin/python3*",
    "/home/linuxbrew/.linuxbrew/bin/python3*",
    "/Library/Frameworks/Python.framework/Versions/*/bin/python3",
    "/opt/python*/bin/python3*",
    "/usr/bin/python3*",
)
_PROBE = """
import sys, sysconfig, importlib.util as u
print(*sys.version_info[:3])
print(sys.implementation.name)
print(sysconfig.get_config_var("Py_GIL_DISABLED") or 0)
print(int(bool(u.find_spec("venv") and u.find_spec("ensurepip"))))
print(getattr(sys, "_base_executable", None) or sys.executable)
"""


class UnfitPython(Exception):
    """A Python cannot be used; the message says why, in a few words."""


class Interpreter(NamedTuple):
    """A Python that was run and can make the environment."""

    executable: str
    version: "tuple[int, int, int]"


def candidates(environ: "Mapping[str, str]", running: str = sys.executable) -> "Iterator[str]":
    """Paths of what may be a Python, most welcome first, each once."""
    seen = set()
    for path in _places(environ, running):
        if path and path not in seen and os.path.isfile(path) and os.access(path, os.X_OK):
            seen.add(path)
            yield path


def _places(environ: "Mapping[str, str]", running: str) -> "Iterator[str]":
    yield running
    folders = [folder for folder in environ.get("PATH", "").split(os.pathsep) if folder]
    for name in ["python{}.{}".format(*version) for version in PREFERRED] + ["python3", "python"]:
        for folder in folders:
            yield os.path.join(folder, name + _EXE)
    pyenv = environ.get("PYENV_ROOT") or "~/.pyenv"
    for pattern in _FOLDERS:
        found = glob.glob(os.path.expanduser(pattern.format(pyenv=pyenv)))
        for path in sorted(found, key=_rank):
            if _PYTHON_NAME.fullmatch(os.path.basename(path)):
                yield path


def _rank(path: str) -> "tuple[int, str]":
    """Sorts paths by the version that they name: the preferred ones first."""
    named = re.findall(r"(\d+)\.(\d+)", path)
    version = tuple(int(part) for part in named[-1]) if named else ()
    return (PREFERRED.index(version) if version in PREFERRED else len(PREFERRED), path)


def probe(path: str) -> Interpreter:
    """Run a Python and see whether it can make the environment. Raises UnfitPython."""
    try:
        done = subprocess.run(  # noqa: UP022 - Python 3.6 has no capture_output
            [path, "-I", "-c", _PROBE],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            timeout=20,
        )
    except subprocess.TimeoutExpired:
        raise UnfitPython("does not answer") from None
    except OSError as e:
        raise UnfitPython(f"does not start: {e.strerror or e}") from None
    lines = done.stdout.splitlines()
    if done.returncode or len(lines) != 5:
        complaint = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        raise UnfitPython("does not start: {}".format(complaint[0] if complaint else f"exit {done.returncode}"))
    major, minor, micro = (int(part) for part in lines[0].split())
    version = f"{major}.{minor}.{micro}"
    if (major, minor) < OLDEST:
        raise UnfitPython(f"Python {version} is too old")
    if lines[1] != "cpython":
        raise UnfitPython(f"{lines[1]} has no wheels of the pinned packages")
    if lines[2] != "0":
        raise UnfitPython(f"Python {version} is a free-threaded build; the pinned packages have no wheels for it")
    if lines[3] != "1":
        raise UnfitPython(f"Python {version} lacks venv (Debian, Ubuntu: apt install python{major}.{minor}-venv)")
    return Interpreter(lines[4], (major, minor, micro))
