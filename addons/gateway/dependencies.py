"""What pyproject.toml says the gateway needs, for messages to people in whose environment it is missing.

Imports nothing beyond the standard library: it is read when an import has failed.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def declared(root: Path = ROOT) -> list[str]:
    """The `dependencies`, as requirements with their versions; none where the file is not there to be read."""
    import tomllib  # where all is well nobody asks

    try:
        project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        return [str(requirement) for requirement in project["dependencies"]]
    except (OSError, ValueError, KeyError):
        return []


def of(package: str) -> str:
    """The requirement on one package; its bare name where there is none."""
    return next((one for one in declared() if one.startswith(package)), package)


def how_to_get(requirements: list[str], root: Path = ROOT) -> str:
    """Two lines for a person to copy: install these into the Python that runs, or use the environment made here."""
    named = " ".join(f'"{requirement}"' for requirement in requirements or [str(root)])
    pip = f'"{sys.executable}" -m pip install' if _has_pip() else f'uv pip install --python "{sys.executable}"'
    return f"Install what it needs there:\n  {pip} {named}\nor start with:\n  python3 {root / 'scripts' / 'serve.py'}"


def lacking(package: str) -> str:
    """The message for a package that could not be imported."""
    return f"The Python that runs mitmproxy ({sys.executable}) lacks the package {package!r}. {how_to_get(declared())}"


def _has_pip() -> bool:
    """Environments that uv has made have none."""
    return importlib.util.find_spec("pip") is not None
