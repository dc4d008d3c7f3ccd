"""What is imported is declared in pyproject.toml, and a message that something is missing names all of it."""

from __future__ import annotations

import ast
import re
import shlex
import sys
from functools import cache
from pathlib import Path

import pytest

from addons.gateway import dependencies

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("addons", "mapping", "scripts")
OWN = (*ROOMS, "tests")
NAMES = {
    "google": "google-auth",
    "backports": "backports.zstd",
    "prometheus_client": "prometheus-client",
    "pydantic_core": "pydantic-core",
}
"""Top-level modules -> the packages that bring them, where the names differ."""
NOT_DECLARED = {
    "av": "an extra (`audio`): without it some formats are refused, with a sentence that names it",
    "PIL": "an extra (`images`): without it images stay as Gemini makes them, and a note says so",
    "compression": "the standard library's, from Python 3.14 on",
    "genai_prices": "only scripts/commands/price_table.py needs it, to write the table that the gateway reads",
    "pytest": "only the plugin for other people's tests needs it, and is loaded by it",
    "redis": "an extra (`state`): without it a `state.url` is refused, with a sentence that names it",
    "tiktoken": "an extra (`tokens`): without it token arrays are refused, with a sentence that names it",
    "werkzeug": "mitmproxy's, of which a function is called where mitmproxy would call it",
    "urwid": "imported where mitmproxy's console runs, which is drawn with it; without it nothing asks for it",
}
"""Imported, but no dependency -> why not."""


@cache
def imported() -> dict[str, str]:
    """Top-level modules of others -> a file that imports them."""
    found: dict[str, str] = {}
    for path in (path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))):
        for node in ast.walk(ast.parse(path.read_bytes())):
            modules: list[str] = []
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                modules = [node.module or ""]
            for top in (module.partition(".")[0] for module in modules):
                if top not in sys.stdlib_module_names and top not in OWN:
                    found[top] = str(path.relative_to(ROOT))
    return found


def names(requirements: list[str]) -> set[str]:
    """The packages of requirements."""
    return {re.split(r"[^\w.-]", requirement)[0] for requirement in requirements}


def test_what_is_imported_is_declared() -> None:
    declared, others = names(dependencies.declared()), imported().keys() - NOT_DECLARED
    assert not {module: imported()[module] for module in others if NAMES.get(module, module) not in declared}


@pytest.mark.parametrize("module", NOT_DECLARED)
def test_exceptions_are_needed(module: str) -> None:
    assert module in imported()
    assert module not in names(dependencies.declared())


def test_nothing_is_declared_in_vain() -> None:
    assert names(dependencies.declared()) <= {NAMES.get(module, module) for module in imported()}


@pytest.mark.parametrize(
    ("pip", "begins"),
    [(True, [sys.executable, "-m", "pip", "install"]), (False, ["uv", "pip", "install", "--python", sys.executable])],
    ids=["pip", "an environment of uv"],
)
def test_the_message_has_a_line_to_copy(monkeypatch: pytest.MonkeyPatch, pip: bool, begins: list[str]) -> None:
    monkeypatch.setattr(dependencies, "_has_pip", lambda: pip)
    told = dependencies.lacking("orjson")
    assert "lacks the package 'orjson'" in told
    line = next(line for line in told.splitlines() if "pip install" in line)
    assert shlex.split(line) == [*begins, *dependencies.declared()]


def test_the_list_is_read_from_the_file(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\ndependencies = ["a>=1; python_version < \'4\'"]\n')
    assert dependencies.declared(tmp_path) == ["a>=1; python_version < '4'"]
    assert dependencies.declared(tmp_path / "nowhere") == []
    assert f'"{tmp_path}"' in dependencies.how_to_get([], tmp_path)
