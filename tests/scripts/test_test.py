"""What the tests need beside Python. Nothing here uses the network: npm, node and the browser are stand-ins."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import pytest

from scripts import bootstrap, browser
from scripts import test as command

ROOT = Path(__file__).parent.parent.parent
FOLDERS = [packages.marker for packages in command.NPM]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout's files, and a PATH with a browser, HAProxy, and an npm and a node that record calls in `calls.log`.

    They fail when there is a file `npm-fails` or `node-fails`.
    """
    for name in FOLDERS:
        shutil.copytree(
            ROOT / "tests" / "e2e" / name,
            tmp_path / "tests" / "e2e" / name,
            ignore=shutil.ignore_patterns("node_modules"),
        )

    def made(path: str) -> None:
        with (tmp_path / "made.log").open("a") as log:
            log.write(f"{path}\n")

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
    for name in ("chromium", "haproxy"):
        program = tmp_path / "bin" / name
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
    monkeypatch.setattr(bootstrap, "ROOT", str(tmp_path))
    monkeypatch.setattr(bootstrap.Environment, "ensure", lambda self, what, paths: made(self.path))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin")
    for switch in ("ALLOW_NO_NODE", "ALLOW_NO_BROWSER", "ALLOW_NO_HAPROXY"):
        monkeypatch.delenv(switch, raising=False)
    return tmp_path


def calls(machine: Path) -> list[str]:
    log = machine / "calls.log"
    return log.read_text().splitlines() if log.exists() else []


def test_packages_are_installed_once_and_looked_at(machine: Path) -> None:
    assert command.selection(True) == []
    assert [call.rsplit(" ", 1)[0] for call in calls(machine)] == [
        f"{program} {name}" for name in FOLDERS for program in ("npm", "node")
    ]
    assert command.selection(True) == []
    assert len(calls(machine)) == 2 * len(FOLDERS)


@pytest.mark.parametrize("name", command.NPM_FILES)
def test_a_changed_file_installs_its_folder_again(machine: Path, name: str) -> None:
    command.selection(True)
    file = machine / "tests" / "e2e" / FOLDERS[-1] / name
    file.write_text(file.read_text() + "\n")
    before = len(calls(machine))
    command.selection(True)
    assert [call.split()[1] for call in calls(machine)[before:]] == [FOLDERS[-1]] * 2


@pytest.mark.parametrize("program", ["npm", "node"])
def test_what_fails_is_said_and_tried_again(
    machine: Path, program: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (machine / f"{program}-fails").touch()
    assert command.selection(True) == []
    said = capsys.readouterr().err
    assert said.count("failed (exit 3):\n*    no luck") == len(FOLDERS)
    assert said.count("will FAIL") == len(FOLDERS)
    assert all(packages.tests in said for packages in command.NPM)
    monkeypatch.setenv("ALLOW_NO_NODE", "1")
    assert command.selection(True) == ["-m", "not node and not codex and not claude and not agents"]
    assert "left out" in capsys.readouterr().err
    (machine / f"{program}-fails").unlink()
    assert command.selection(True) == []


@pytest.mark.parametrize("program", ["npm", "node"])
def test_a_missing_program_is_named(
    machine: Path, program: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (machine / "bin" / program).unlink()
    monkeypatch.setenv("PATH", str(machine / "bin"))
    assert command.selection(True) == []
    assert f"There is no {program} on PATH" in capsys.readouterr().err
    assert calls(machine) == []


def test_without_a_browser(machine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(browser, "find", lambda: "")
    assert command.selection(True) == []
    said = capsys.readouterr().err
    assert browser.MISSING in said
    assert "will FAIL. ALLOW_NO_BROWSER=1 leaves them out." in said
    monkeypatch.setenv("ALLOW_NO_BROWSER", "1")
    assert command.selection(True) == ["-m", "not browser"]
    (machine / "node-fails").touch()
    monkeypatch.setenv("ALLOW_NO_NODE", "1")
    for name in FOLDERS:
        shutil.rmtree(machine / "tests" / "e2e" / name / "node_modules")
    assert command.selection(True) == ["-m", "not node and not codex and not claude and not agents and not browser"]


def test_without_haproxy(machine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(command, "haproxy", lambda: "")
    assert command.selection(True) == []
    said = capsys.readouterr().err
    assert command.NO_HAPROXY in said
    assert "will FAIL. ALLOW_NO_HAPROXY=1 leaves them out." in said
    monkeypatch.setenv("ALLOW_NO_HAPROXY", "1")
    assert command.selection(True) == ["-m", "not haproxy"]


@pytest.mark.parametrize("name", FOLDERS)
def test_versions_are_exact_and_no_addresses_are_kept(name: str) -> None:
    folder = ROOT / "tests" / "e2e" / name
    package = json.loads((folder / "package.json").read_text())
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in package["dependencies"].values())
    assert "package-lock=false" in (folder / ".npmrc").read_text().splitlines()
    assert not (folder / "package-lock.json").exists()


def test_help_sets_nothing_up(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["test.py", "--help"])
    monkeypatch.setattr(bootstrap, "Environment", None)
    assert command.main() == 0
    assert "python3 scripts/test.py tests/mapping" in capsys.readouterr().out


def test_what_is_large_comes_only_with_all(
    machine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Left out, not failing; and said at the end, after what pytest has said."""
    assert command.selection(False) == ["-m", "not codex and not claude and not agents and not oldest"]
    assert {call.split()[1] for call in calls(machine)} == {"node"}
    assert not (machine / "made.log").exists()
    assert command.selection(True) == []
    assert {call.split()[1] for call in calls(machine)} == {"node", "codex", "claude", "agents"}
    assert (machine / "made.log").read_text() == f"{bootstrap.oldest().path}\n"


@pytest.mark.parametrize(
    ("argv", "pytest_gets", "said"),
    [
        ([], ["-m", "not codex and not claude and not agents and not oldest", *command.IN_PARALLEL], True),
        (["--all"], [*command.THOROUGH, *command.IN_PARALLEL], False),
        (["--all", "tests/mapping", "-x"], [*command.THOROUGH, "tests/mapping", "-x"], False),
        (["tests/mapping"], ["-m", "not codex and not claude and not agents and not oldest", "tests/mapping"], True),
    ],
)
def test_all_is_asked_for(
    machine: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    argv: list[str],
    pytest_gets: list[str],
    said: bool,
) -> None:
    ran: list[list[str]] = []
    monkeypatch.setattr("sys.argv", ["test.py", *argv])
    monkeypatch.setattr(bootstrap.Environment, "ensure", lambda self, what, paths=None: None)
    monkeypatch.setattr(command, "lint", lambda python: 0)
    monkeypatch.setattr(command, "run_module", lambda python, arguments: ran.append(arguments) or 0)
    assert command.main() == 0
    assert ran == [["pytest", *pytest_gets]]
    told = capsys.readouterr().err
    assert ("the tests with Codex CLI (400 MB)" in told) is said
    assert ("the oldest mitmproxy" in told) is said
