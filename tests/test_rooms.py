"""Who imports whom: arrows go one way, in no circle.

Imports for types count like others.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("mapping", "addons", "scripts")

ROOM = 13
"""Modules side by side in one folder: about twelve."""
LINES = 400
LONG: set[str] = set()
"""Modules that are longer. A new one needs a reason, said in its head."""


def modules() -> dict[str, Path]:
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


@cache
def tree(path: Path) -> ast.Module:
    """What a file says."""
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(path: Path) -> Iterator[str]:
    """What a file imports, as dotted names: of modules, or of what is in them."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def module_of(name: str) -> str | None:
    """The module of the project that a dotted name is, or is in."""
    return name if name in MODULES else next((p for p in (name.rpartition(".")[0],) if p in MODULES), None)


@cache
def arrows() -> dict[str, set[str]]:
    """A module -> those that it imports."""
    return {name: {m for n in imported(path) if (m := module_of(n)) and m != name} for name, path in MODULES.items()}


def in_circles(arrows: dict[str, set[str]]) -> list[str]:
    """Of what arrows lead from and to: all from where they lead back to it."""
    found = []
    for start in arrows:
        seen: set[str] = set()
        waiting = list(arrows[start])
        while waiting:
            name = waiting.pop()
            if name not in seen:
                seen.add(name)
                waiting += arrows.get(name, ())
        if start in seen:
            found.append(start)
    return found


def inside(folder: str) -> dict[str, set[str]]:
    """What a folder holds, modules and folders -> what else of it they import: a folder with all that is in it."""
    depth = folder.count(".") + 2
    held: dict[str, set[str]] = {}
    for name, imports in arrows().items():
        if name.startswith(f"{folder}."):
            one = ".".join(name.split(".")[:depth])
            others = (".".join(m.split(".")[:depth]) for m in imports if m.startswith(f"{folder}."))
            held.setdefault(one, set()).update(other for other in others if other != one)
    return held


def test_no_circle_of_modules() -> None:
    assert not in_circles(arrows())


@pytest.mark.parametrize("folder", sorted({name.rpartition(".")[0] for name in MODULES} - {""}))
def test_no_circle_in_a_folder(folder: str) -> None:
    """Neither of its modules, nor of the rooms in it, nor of both."""
    assert not in_circles(inside(folder))


HOW = (ROOT / "README.md").read_text(encoding="utf-8").partition("## How it is built")[2].partition("\n## ")[0]
"""What README says of all this."""


def rows(heading: str, folder: str) -> list[list[str]]:
    """The rows of the table in README that has this heading: what of the folder each is about, dotted."""
    lines = HOW.partition(f"| {heading} | |\n|---|---|\n")[2].partition("\n\n")[0].splitlines()
    names = (re.findall(r"`([\w/.]+)`", line) for line in lines)
    dotted = ([name.removesuffix(".py").rstrip("/").replace("/", ".") for name in row] for row in names)
    return [[f"{folder}.{name}" for name in row if f"{folder}.{name}" in MODULES] for row in dotted]


@pytest.mark.parametrize("folder", ["addons.gateway", "mapping"])
def test_imports_go_down_the_tables_of_the_readme(folder: str) -> None:
    at = {name: row for row, names in enumerate(rows(f"in `{folder.replace('.', '/')}`", folder)) for name in names}
    within = inside(folder)
    assert not within.keys() - at.keys(), "not in the table"
    wrong = {(name, other) for name, others in within.items() for other in others if at[name] > at[other]}
    assert not wrong


def test_the_readme_names_files_that_there_are() -> None:
    names = re.findall(r"[\w/.]*\w\.py\b", HOW)
    assert names
    files = [f"/{path.relative_to(ROOT)}" for path in MODULES.values()]
    missing = [name for name in names if not any(file.endswith(f"/{name}") for file in files)]
    assert not [name for name in missing if not (ROOT / name).is_file()]


def test_the_translation_stands_alone() -> None:
    for name, path in MODULES.items():
        if name.partition(".")[0] == "mapping":
            assert not [n for n in imported(path) if n.partition(".")[0] in ("addons", "scripts", "mitmproxy")], name


def test_the_product_does_not_import_its_scripts() -> None:
    for name, path in MODULES.items():
        if name.partition(".")[0] == "addons":
            assert not [n for n in imported(path) if n.partition(".")[0] == "scripts"], name


def test_no_room_is_crowded() -> None:
    folders = Counter(path.parent for path in MODULES.values() if path.name != "__init__.py")
    assert not {str(folder.relative_to(ROOT)): count for folder, count in folders.items() if count > ROOM}


def test_no_module_is_long_but_the_known_ones() -> None:
    long = {name for name, path in MODULES.items() if path.read_text(encoding="utf-8").count("\n") > LINES}
    assert long <= LONG, long - LONG


def test_there_is_one_class_of_a_name() -> None:
    homes: dict[str, list[str]] = {}
    for name, path in MODULES.items():
        for node in tree(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes.setdefault(node.name, []).append(name)
    assert not {name: found for name, found in homes.items() if len(found) > 1}


def test_every_room_says_what_it_is() -> None:
    for name, path in MODULES.items():
        if path.read_text(encoding="utf-8").strip():
            assert ast.get_docstring(tree(path)), name
