"""Coverage-guided fuzzing of the parsers that see bytes from outside. A tool for developers; no test needs it.

    .venv/bin/python -m pip install atheris
    .venv/bin/python scripts/fuzz.py --seconds 60          # every parser, a minute each
    .venv/bin/python scripts/fuzz.py --seconds 600 sse     # those with "sse" in their name

What must hold is said in `tests/fuzz/targets.py`, which hypothesis tries in the ordinary tests too. Atheris
(https://github.com/google/atheris) watches which lines an input reaches, and goes on from those that reach new ones.
What it has found is kept in `.fuzz/` for the next run. An input that breaks a rule is written there as `crash-...`; it
belongs into a test.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
CORPUS = ROOT / ".fuzz"
LONGEST = 20_000
"""Bytes of the largest input that is tried."""
PATIENCE = 10
"""Seconds that a parser may take for one input."""
WORDS = (
    "data: ",
    "[DONE]",
    "\\x0a\\x0a",
    "null",
    "true",
    "NaN",
    "1e999",
    '\\"',
    '{\\"',
    "[[",
    "}}",
    "\\\\ud83d",
    "SECRET",
)
"""What libFuzzer would need long to come upon."""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="parsers whose name has this in it (default: all)")
    parser.add_argument("--seconds", type=int, default=60, help="for each parser (default: %(default)s)")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if ROOT.as_posix() not in sys.path:
        sys.path.insert(0, ROOT.as_posix())
    try:
        atheris: Any = importlib.import_module("atheris")
    except ModuleNotFoundError:
        print(f"atheris is missing: {sys.executable} -m pip install atheris", file=sys.stderr)
        return 2
    if arguments.one:
        return fuzz(atheris, arguments.one, arguments.seconds)
    from tests.fuzz.targets import FUZZED

    chosen = [name for name in FUZZED if not arguments.names or any(part in name for part in arguments.names)]
    if not chosen:
        print(f"There are only: {', '.join(FUZZED)}", file=sys.stderr)
        return 2
    broken = [name for name in chosen if run(name, arguments.seconds)]
    print(f"Broken: {', '.join(broken)}. See {CORPUS}" if broken else f"{len(chosen)} parsers held")
    return 1 if broken else 0


def run(name: str, seconds: int) -> int:
    """Fuzz one parser in a process of its own: libFuzzer does not come back."""
    print(f"--- {name}", flush=True)
    command = [sys.executable, __file__, "--seconds", str(seconds), "--one", name]
    return subprocess.run(command, check=False).returncode


def fuzz(atheris: Any, name: str, seconds: int) -> int:
    """Fuzz until the time is over, or something breaks."""
    # What it instruments it tells at length.
    with contextlib.redirect_stderr(io.StringIO()), atheris.instrument_imports(include=["mapping", "addons"]):
        targets = importlib.import_module("tests.fuzz.targets")
    fuzzed = targets.FUZZED[name]
    folder = CORPUS / name
    folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(fuzzed.begin()):
        (folder / f"good-{number}").write_bytes(data)
    words = CORPUS / "words.txt"
    words.write_text("".join(f'"{word}"\n' for word in WORDS))
    limits = [f"-max_total_time={seconds}", f"-max_len={LONGEST}", f"-timeout={PATIENCE}", "-rss_limit_mb=4096"]
    places = [f"-dict={words}", f"-artifact_prefix={CORPUS / name}.", str(folder)]
    atheris.Setup([sys.argv[0], "-verbosity=0", *limits, *places], fuzzed.target)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
