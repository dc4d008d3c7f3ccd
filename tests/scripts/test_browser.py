"""Finding a browser, and installing one. Programs are stand-ins; nothing here uses the network."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from scripts import browser


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH; no browser is anywhere else, and the person is root."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(browser, "MAC", ())
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return tmp_path


def program(path: Path, script: str = "") -> str:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_the_first_that_runs(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert browser.find() == ""
    mac = program(programs / "an app")
    monkeypatch.setattr(browser, "MAC", (str(programs / "no app"), mac))
    assert browser.find() == mac
    chrome = program(programs / "google-chrome")
    assert browser.find() == chrome
    stub = programs / "chromium-browser"
    program(stub, "echo 'requires the chromium snap'; exit 1")
    assert browser.find() == chrome
    program(stub)
    assert browser.find() == str(stub)


def started(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["browser.py", *arguments])
    return browser.main()


def test_nothing_is_installed_unasked(
    programs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program(programs / "apt-get", "exit 9")
    assert started(monkeypatch) == 1
    assert capsys.readouterr() == ("", "")


def test_apt_installs_what_is_missing(
    programs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls, chromium = programs / "calls", programs / "chromium"
    made = f"""echo "$DEBIAN_FRONTEND $*" >> '{calls}'
case "$*" in *install*) echo '#!/bin/sh' > '{chromium}'; /bin/chmod 755 '{chromium}';; esac"""
    program(programs / "apt-get", made)
    for _ in range(2):
        assert started(monkeypatch, "--install") == 0
        assert capsys.readouterr().out == f"{chromium}\n"
    assert calls.read_text().splitlines() == [
        "noninteractive -q update",
        "noninteractive -q install -y --no-install-recommends chromium",
    ]


@pytest.mark.parametrize("failing", ["update", "install"])
def test_a_failure_of_apt_is_said(
    programs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], failing: str
) -> None:
    program(programs / "apt-get", f'case "$*" in *{failing}*) echo "no luck"; exit 100;; esac')
    assert started(monkeypatch, "--install") == 1
    said = capsys.readouterr().err
    assert f"-q {failing}" in said
    assert "failed: exit 100\n  no luck" in said


@pytest.mark.parametrize("lacking", ["apt-get", "root"])
def test_others_are_told_the_command(
    programs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], lacking: str
) -> None:
    if lacking == "root":
        program(programs / "apt-get", "exit 9")
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert started(monkeypatch, "--install") == 1
    assert "Debian: apt-get install chromium." in capsys.readouterr().err
