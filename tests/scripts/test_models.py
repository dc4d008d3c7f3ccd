"""scripts/models.py: names of models that are past their date."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from mapping.gemini.catalogue import AS_OF
from mapping.gemini.model_classes import NOTICE
from scripts import models
from scripts.commands import model_names

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in (
        ("README.md", "Use gemini-2.5-flash-lite.\nNot gemini-2.5-flash."),
        ("a/b.py", 'MODEL = "models/gemini-2.5-pro"'),
        ("mapping/gemini/catalogue.py", '"gemini-2.5-pro"'),
        ("tests/test_x.py", '"gemini-2.5-pro"'),
        ("node_modules/x.js", '"gemini-2.5-pro"'),
        (".git/x.txt", '"gemini-2.5-pro"'),
        ("x.png", "gemini-2.5-pro"),
    ):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (["--on", "2026-11-30"], 0, []),
        (["--on", "2026-11-30", "--within", "1"], 1, ["README.md:2", "a/b.py:1"]),
        (["--on", "2026-12-01"], 1, ["README.md:2", "a/b.py:1"]),
        (["--on", "2026-12-01", "--tests"], 1, ["README.md:2", "a/b.py:1", "tests/test_x.py:1"]),
        (["--on", "tomorrow"], 2, []),
    ],
)
def test_run(tree: Path, options: list[str], status: int, said: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert model_names.run(models.parse([*options, "--folder", str(tree)])) == status
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(": ")[0] for line in lines] == said
    assert all("2026-12-01; Google" in line for line in lines)


def test_this_tree_names_none_that_was_near_its_end_when_the_catalogue_was_made() -> None:
    assert model_names.past(ROOT, AS_OF + timedelta(days=NOTICE)) == []
    assert date(2026, 12, 1) <= AS_OF + timedelta(days=NOTICE)
