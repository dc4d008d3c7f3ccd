"""The set-up of npm's packages for the tests. Nothing here uses the network: npm and node are stand-ins."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import pytest

from scripts import bootstrap
from scripts import test as command

ROOT = Path(__file__).parent.parent.parent
FOLDERS = [packages.marker for packages in command.NPM]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout's files, and a PATH with an npm and a node that record their calls in `calls.log`.

    They fail when there is a file `npm-fails` or `node-fails`.
    """
    for name in FOLDERS:
        shutil.copytree(
            ROOT / "tests" / "e2e" / name,
            tmp_path / "tests" / "e2e" / name,
            ignore=shutil.ignore_patterns("node_modules"),
        )
    for name in ("npm", "node"):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(
            f"""#!/bin/sh
echo "{name} ${{PWD##*/}} $1" >> '{tmp_path}/calls.log'
[ -e '{tmp_path}/{name}-fails' ] && {{ echo 'no luck'; exit 3; }}
[ -d node_modules ] || mkdir node_modules
"""
        )
        program.chmod(0o755)
    monkeypatch.setattr(bootstrap, "ROOT", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin")
    monkeypatch.delenv("ALLOW_NO_NODE", raising=False)
    return tmp_path


def calls(machine: Path) -> list[str]:
    log = machine / "calls.log"
    return log.read_text().splitlines() if log.exists() else []


def test_packages_are_installed_once_and_looked_at(machine: Path) -> None:
    assert command.npm_arguments() == []
    assert [call.rsplit(" ", 1)[0] for call in calls(machine)] == [
        f"{program} {name}" for name in FOLDERS for program in ("npm", "node")
    ]
    assert command.npm_arguments() == []
    assert len(calls(machine)) == 2 * len(FOLDERS)


@pytest.mark.parametrize("name", command.NPM_FILES)
def test_a_changed_file_installs_its_folder_again(machine: Path, name: str) -> None:
    command.npm_arguments()
    file = machine / "tests" / "e2e" / FOLDERS[-1] / name
    file.write_text(file.read_text() + "\n")
    before = len(calls(machine))
    command.npm_arguments()
    assert [call.split()[1] for call in calls(machine)[before:]] == [FOLDERS[-1]] * 2


@pytest.mark.parametrize("program", ["npm", "node"])
def test_what_fails_is_said_and_tried_again(
    machine: Path, program: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (machine / f"{program}-fails").touch()
    assert command.npm_arguments() == []
    said = capsys.readouterr().err
    assert said.count("failed (exit 3):\n*    no luck") == len(FOLDERS)
    assert said.count("will FAIL") == len(FOLDERS)
    assert all(packages.tests in said for packages in command.NPM)
    monkeypatch.setenv("ALLOW_NO_NODE", "1")
    assert command.npm_arguments() == ["-m", "not node and not codex"]
    assert "left out" in capsys.readouterr().err
    (machine / f"{program}-fails").unlink()
    assert command.npm_arguments() == []


@pytest.mark.parametrize("program", ["npm", "node"])
def test_a_missing_program_is_named(
    machine: Path, program: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (machine / "bin" / program).unlink()
    monkeypatch.setenv("PATH", str(machine / "bin"))
    assert command.npm_arguments() == []
    assert f"There is no {program} on PATH" in capsys.readouterr().err
    assert calls(machine) == []


@pytest.mark.parametrize("name", FOLDERS)
def test_versions_are_exact_and_no_addresses_are_kept(name: str) -> None:
    folder = ROOT / "tests" / "e2e" / name
    package = json.loads((folder / "package.json").read_text())
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in package["dependencies"].values())
    assert "package-lock=false" in (folder / ".npmrc").read_text().splitlines()
    assert not (folder / "package-lock.json").exists()
