"""Sets up `.venv`: finds a Python, makes the environment, installs the pinned packages. Shared by what a person runs.

* Standard library only, and what Python 3.6 has of it (hence the quoted annotations): any Python 3 can start it.
* A Python counts only after it has been run (preparing/pythons.py): a pyenv shim exists and yet only prints an error.
* What is installed stands in pyproject.toml (which packages) and constraints.txt (which versions).
* A second start does no work: it reads those two files and compares a stamp.
* One set-up at a time: others wait for it and find the work done.
* Whatever fails says what was tried and what to do.
"""

import contextlib
import errno
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator

from scripts.preparing import pip_output
from scripts.preparing.pythons import PREFERRED, Interpreter, UnfitPython, candidates, probe

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

RUN, TEST = "run", "test"
"""What can be installed: what running needs; the same and what the tests need."""

_WINDOWS = os.name == "nt"
_EXE = ".exe" if _WINDOWS else ""
_NO_PYTHON = """No usable Python 3.12 or newer was found. The gateway needs one, beside the system's own if need be.
Tried:
{tried}
Ways to get one:
  Debian, Ubuntu   apt install python3 python3-venv   (where the release has 3.12 or newer)
  Fedora           dnf install python3.13
  macOS            brew install python@3.13
  anywhere         uv python install 3.13, or pyenv install 3.13, or the installers of python.org
Then start again. A Python in an unusual place is taken when it starts the script: /path/to/python3.13 {script}"""


class SetupError(Exception):
    """The set-up cannot go on; the message is for the person who started it."""


def say(message: str) -> None:
    """Tell the person something. On stderr, because stdout may belong to what is run afterwards."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError):  # nobody reads it any more
            sys.stderr.write(message + "\n")
            sys.stderr.flush()


def open_streams() -> None:
    """Open the standard streams that this process was started without (`>&-`), on nothing.

    Call it before anything else is opened. mitmproxy does not start without a standard output.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest number that is free: this one


# --- finding a Python ---


def find_python(paths: "Iterable[str]") -> Interpreter:
    """The first Python of a preferred version, else the first that is new enough. Raises SetupError."""
    tried = []
    newer = None
    for path in paths:
        try:
            found = probe(path)
        except UnfitPython as e:
            tried.append(f"  {path}: {e}")
            continue
        if found.version[:2] in PREFERRED:
            return found
        newer = newer or found
    if newer:
        return newer
    raise SetupError(_NO_PYTHON.format(tried="\n".join(tried) or "  nothing", script=sys.argv[0]))


# --- what to install ---


def requirements(pyproject: str) -> "dict[str, list[str]]":
    """The requirement lists in the text of pyproject.toml, by what they are for.

    Reads just enough of TOML, because tomllib came with Python 3.11: the table's head and an array of strings.
    """
    running = _strings(pyproject, "project", "dependencies")
    return {RUN: running, TEST: running + _strings(pyproject, "project.optional-dependencies", "test")}


def _strings(text: str, table: str, key: str) -> "list[str]":
    body = re.split(r"(?m)^\[", text.split(f"[{table}]\n", 1)[-1])[0]
    found = re.search(rf"(?m)^{re.escape(key)}\s*=\s*\[", body)
    if not found:
        raise SetupError(f"pyproject.toml has no list '{key}' in [{table}].")
    items = []
    for token in re.finditer(r'"([^"]*)"|\'([^\']*)\'|#[^\n]*|(\])', body[found.end() :]):
        if token.group(3):
            break
        if not token.group().startswith("#"):
            items.append(token.group(1) or token.group(2))
    return items


# --- the environment ---


class Environment:
    """An environment of a checkout: its `.venv`, or another one in `folder` with versions of its own.

    `.ready-<what>` inside it says that the installation was finished, and of what; `.unfinished` that one was begun.
    """

    def __init__(self, root: str = ROOT, folder: str = ".venv", constraints: str = "constraints.txt") -> None:
        self.root = root
        self._folder = folder
        self.path = os.path.join(root, folder)
        self.python = self.script("python")
        self._unfinished = os.path.join(self.path, ".unfinished")
        self._constraints = os.path.join(root, constraints)

    def script(self, name: str) -> str:
        """The path of a program of the environment."""
        return os.path.join(self.path, "Scripts" if _WINDOWS else "bin", name + _EXE)

    def ready(self, what: str) -> bool:
        """Whether everything is installed as the files of the checkout say."""
        try:
            stamp = _read(self._stamp(what))
        except SetupError:
            return False
        programs = (self.python, self.script("mitmdump"))
        return stamp == self._digest(what) and all(os.access(program, os.X_OK) for program in programs)

    def ensure(
        self, what: str = RUN, tell: "Callable[[str], None]" = say, paths: "Iterable[str] | None" = None
    ) -> None:
        """Make the environment ready. Raises SetupError.

        `paths` are the Pythons to choose from; by default those of the machine.
        """
        if self.ready(what):
            return
        try:
            with _alone(os.path.join(self.root, ".cache", "setup.lock"), tell):
                if not self.ready(what):
                    self._set_up(what, tell, candidates(os.environ) if paths is None else paths)
        except OSError as e:
            raise SetupError(f"The set-up cannot write: {e}") from e

    def _set_up(self, what: str, tell: "Callable[[str], None]", paths: "Iterable[str]") -> None:
        begun = time.time()
        wanted = self._requirements(what)
        fault = self._fault()
        if fault:
            python = find_python(paths)
            version = ".".join(map(str, python.version))
            tell(f"{fault}: making it with Python {version} ({python.executable}).")
            self._make(python)
        self._mark(self._unfinished, "")
        names = ", ".join(re.split(r"[^\w.-]", requirement)[0] for requirement in wanted)
        tell(f"Installing {names} and what they need; the first time takes up to a minute ...")
        pip = [self.python, "-I", "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
        hint = "pip needs the network, or the settings of a mirror or proxy (HTTPS_PROXY, pip config)."
        _run([*pip, "-c", self._constraints, *wanted], "Installing the packages", hint)
        for part in (RUN, TEST) if what == TEST else (RUN,):
            self._mark(self._stamp(part), self._digest(part))
        os.remove(self._unfinished)
        tell(f"Ready after {time.time() - begun:.0f} s.")

    def _fault(self) -> str:
        """Why the environment has to be made anew; empty when it can be built on."""
        if not os.path.lexists(self.path):
            return f"No {self._folder} yet"
        if os.path.exists(self._unfinished):
            return f"{self._folder} was left half made"
        if self._moved():
            return f"{self._folder} was made in another place"
        try:
            probe(self.python)
            _run([self.python, "-I", "-m", "pip", "--version"], "pip")
        except UnfitPython as e:
            return f"{self._folder} is broken ({e})"
        except SetupError:
            return f"{self._folder} is broken (it has no pip)"
        return ""

    def _moved(self) -> bool:
        """Whether the programs of the environment start a Python elsewhere: their first lines hold its path."""
        program = self.script("mitmdump")
        if _WINDOWS or not os.path.isfile(program):
            return False
        with open(program, encoding="utf-8", errors="replace") as file:
            return self.python not in file.read(1000)

    def _make(self, python: Interpreter) -> None:
        if os.path.islink(self.path) or os.path.isfile(self.path):
            os.remove(self.path)
        elif os.path.isdir(self.path):
            shutil.rmtree(self.path)
        os.makedirs(self.path)
        self._mark(self._unfinished, "")
        _run([python.executable, "-I", "-m", "venv", self.path], f"Making {self._folder}")

    def _requirements(self, what: str) -> "list[str]":
        return requirements(_read(os.path.join(self.root, "pyproject.toml")))[what]

    def _digest(self, what: str) -> str:
        """Names an installation: the packages, their versions, the Python, and the place (a venv cannot be moved)."""
        facts = [self.path, os.path.realpath(self.python), *self._requirements(what), _read(self._constraints)]
        return hashlib.sha256("\n".join(facts).encode("utf-8")).hexdigest()

    def _stamp(self, what: str) -> str:
        return os.path.join(self.path, ".ready-" + what)

    def _mark(self, path: str, text: str) -> None:
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(path + ".new", path)


def oldest() -> Environment:
    """An environment with the oldest mitmproxy that the gateway is tested with, for the tests alone."""
    return Environment(ROOT, os.path.join(".cache", "oldest"), "constraints-oldest.txt")


def child_environ() -> "dict[str, str]":
    """The environment for programs of `.venv`: without what would point its Python or pip elsewhere."""
    away = ("PYTHONHOME", "__PYVENV_LAUNCHER__", "PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_REQUIRE_VIRTUALENV")
    return {name: value for name, value in os.environ.items() if name not in away}


def enter(script: str) -> None:
    """See to it that the script runs in the environment, which is set up first. Raises SetupError."""
    environment = Environment()
    environment.ensure(RUN)
    if os.path.realpath(sys.prefix) != os.path.realpath(environment.path):
        replace_process([environment.python, os.path.abspath(script), *sys.argv[1:]])


def start_again(script: str) -> None:
    """The same; ends with a message where that cannot be."""
    try:
        enter(script)
    except SetupError as e:
        sys.exit(str(e))


def replace_process(command: "list[str]") -> None:
    """Become another program, so that signals reach it; ends this one where the system cannot do that."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.flush()
    if _WINDOWS:
        sys.exit(subprocess.call(command, env=child_environ()))
    os.execve(command[0], command, child_environ())  # noqa: S606 - no shell is wanted


def _run(command: "list[str]", what: str, hint: str = "") -> None:
    """Run a step of the set-up quietly. Raises SetupError with the last lines of what it printed."""
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        env=child_environ(),
    )
    if done.returncode:
        last = "\n".join("  " + line for line in pip_output.what_matters(done.stdout.strip().splitlines()))
        raise SetupError(f"{what} failed (exit {done.returncode}):\n{last}\n{hint}".rstrip())


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError as e:
        raise SetupError(f"{path}: {e.strerror or e}") from e


@contextlib.contextmanager
def _alone(path: str, tell: "Callable[[str], None]") -> "Iterator[None]":
    """Hold a lock file. It is released when the process ends, however it ends."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "a", encoding="utf-8") as file:
        if sys.platform == "win32":
            import msvcrt

            while True:
                with contextlib.suppress(OSError):
                    msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
                    break
        else:
            import fcntl

            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as e:
                # Some network file systems have no locks; there the set-up goes on without.
                if e.errno in (errno.EAGAIN, errno.EACCES):
                    tell("Another start is setting up; waiting for it ...")
                    fcntl.flock(file, fcntl.LOCK_EX)
        yield
