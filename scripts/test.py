"""Checks everything: ruff, mypy, pytest. Sets up what is missing first; any Python 3 can start it, see bootstrap.py.

    python3 scripts/test.py                     everything
    python3 scripts/test.py tests/mapping -x    pytest only, with these arguments (paths from the repository's root)

pytest comes last, so its closing line is the last one printed. The exit status is that of the first step that failed.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time

if not __package__:  # run as a file
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from scripts import bootstrap

LINT = (
    ("ruff check", ["ruff", "check", "."]),
    ("ruff format", ["ruff", "format", "--check", "."]),
    ("mypy", ["mypy"]),
)
NODE = os.path.join(bootstrap.ROOT, "tests", "e2e", "node")
NODE_FILES = ("package.json", ".npmrc")
NO_NODE = """
************************************************************************
*  {why}
*  The tests with OpenAI's Node SDK cannot run{consequence}
************************************************************************
"""


def set_up_node() -> str:
    """Install the packages of the Node tests. Returns why that cannot be; empty when they are there."""
    stamp = os.path.join(NODE, "node_modules", ".ready")
    digest = hashlib.sha256()
    for name in NODE_FILES:
        with open(os.path.join(NODE, name), "rb") as file:
            digest.update(file.read())
    npm, node = shutil.which("npm"), shutil.which("node")
    if not npm or not node:
        return "There is no {} on PATH (Node 20 or newer is needed).".format("npm" if node else "node")
    if os.path.isfile(stamp):
        with open(stamp, encoding="ascii") as mark:
            if mark.read() == digest.hexdigest():
                return ""
    bootstrap.say("Installing the packages of the Node tests ...")
    done = subprocess.run(
        [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"],
        cwd=NODE,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    if done.returncode:
        last = "".join("\n*    " + line for line in done.stdout.strip().splitlines()[-8:])
        return f"npm install failed (exit {done.returncode}):{last}"
    with open(stamp, "w", encoding="ascii") as mark:
        mark.write(digest.hexdigest())
    return ""


def node_arguments() -> "list[str]":
    """What pytest has to be told about Node."""
    why = set_up_node()
    if not why:
        return []
    allowed = os.environ.get("ALLOW_NO_NODE") == "1"
    consequence = (
        " and are left out (ALLOW_NO_NODE=1)." if allowed else " and will FAIL. ALLOW_NO_NODE=1 leaves them out."
    )
    bootstrap.say(NO_NODE.format(why=why, consequence=consequence))
    return ["-m", "not node"] if allowed else []


def run_module(python: str, arguments: "list[str]") -> int:
    """Run a module of the environment in the repository's root, its output passed on."""
    return subprocess.call([python, "-m", *arguments], cwd=bootstrap.ROOT, env=bootstrap.child_environ())


def lint(python: str) -> int:
    """Run the steps before pytest, each with its result. Returns the status of the first that failed."""
    status = 0
    for name, arguments in LINT:
        begun = time.time()
        print("== " + name, flush=True)
        code = run_module(python, arguments)
        print("== {}: {} ({:.1f} s)".format(name, "FAILED" if code else "ok", time.time() - begun), flush=True)
        status = status or code
    return status


def main() -> int:
    arguments = sys.argv[1:]
    try:
        environment = bootstrap.Environment()
        environment.ensure(bootstrap.TEST)
        node = node_arguments()
        status = 0 if arguments else lint(environment.python)
        print("== pytest", flush=True)
        tests = run_module(environment.python, ["pytest", *node, *arguments])
    except bootstrap.SetupError as e:
        bootstrap.say(str(e))
        return 1
    except KeyboardInterrupt:
        return 130
    return status or tests


if __name__ == "__main__":
    sys.exit(main())
