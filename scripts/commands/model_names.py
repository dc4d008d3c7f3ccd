"""What scripts/models.py does: finds names of models, and says which of them are past their date."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from mapping.gemini.catalogue import RETIREMENTS

_NAME = re.compile(r"gemini-\d[\w.-]*")
_TEXTS = {".py", ".md", ".html", ".js", ".mjs", ".ts", ".toml", ".yml", ".yaml", ".json", ".sh", ".txt"}
_NOT_OURS = {"node_modules", "__pycache__"}
_DATED = (Path("mapping", "gemini", "catalogue.py"), Path("mapping", "prices", "google.json"))
"""Where the dates are, and prices of the past."""
_PINNED = Path("findings")
"""What stands there is about certain versions of other software, and what those knew."""


class Found(NamedTuple):
    """A name in a file."""

    path: Path
    """From the top of the tree."""
    line: int
    name: str


def names(top: Path, *, tests: bool = False) -> Iterator[Found]:
    """All names of models in a tree but for those that are kept with their dates."""
    for folder, folders, files in os.walk(top):
        inside = Path(folder).relative_to(top)
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and name not in _NOT_OURS and (tests or (inside / name) != Path("tests"))
        )
        for file in sorted(files):
            path = inside / file
            if path.suffix in _TEXTS and path not in _DATED and path.parts[0] != _PINNED.name:
                text = (top / path).read_text(encoding="utf-8", errors="replace")
                for number, line in enumerate(text.splitlines(), 1):
                    for match in _NAME.finditer(line):
                        yield Found(path, number, match[0].rstrip(".-"))


def past(top: Path, day: date, *, tests: bool = False) -> list[Found]:
    """The names whose models are retired on a day."""
    return [found for found in names(top, tests=tests) if (end := RETIREMENTS.get(found.name)) and end.day <= day]


def run(options: argparse.Namespace) -> int:
    """Print what is past its date; returns the exit status."""
    try:
        today = date.fromisoformat(options.on) if options.on else datetime.now(UTC).date()
    except ValueError:
        print(f"'{options.on}' is no day; write it as 2027-01-31.", file=sys.stderr)
        return 2
    found = past(Path(options.folder), today + timedelta(days=options.within), tests=options.tests)
    for path, line, name in found:
        print(f"{path}:{line}: {RETIREMENTS[name].words(name, today)}")
    return 1 if found else 0
