"""serve.py: which arguments mitmproxy gets, which settings file, and when the demo steps in."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

import pytest

from addons.gateway.wire import ports
from scripts import bootstrap, serve

ADDON = os.path.join(bootstrap.ROOT, "addons", "antigravity.py")
MODE = "reverse:https://generativelanguage.googleapis.com@127.0.0.1:8045"
PAGES = ["--set", "antigravity_pages=true"]


def command(argv: str, *, settings: str | None = None, demo: bool = False, lan: bool = False) -> list[str]:
    options, extra = serve.parse(argv.split())
    return serve.command(options, extra, settings=settings, demo=demo, lan=lan)


@pytest.mark.parametrize(
    ("argv", "tool", "arguments"),
    [
        ("", "mitmdump", ["--mode", MODE]),
        ("--port 9000", "mitmdump", ["--mode", MODE.replace("8045", "9000")]),
        ("--host 0.0.0.0", "mitmdump", ["--mode", MODE.replace("127.0.0.1", "0.0.0.0")]),
        ("--upstream http://127.0.0.1:9/", "mitmdump", ["--mode", "reverse:http://127.0.0.1:9@127.0.0.1:8045"]),
        ("--console", "mitmproxy", ["--mode", MODE]),
        ("--web", "mitmweb", ["--mode", MODE, "--no-web-open-browser"]),
        ("--web --open-browser", "mitmweb", ["--mode", MODE, "--web-open-browser"]),
        ("--web --web-port 9", "mitmweb", ["--mode", MODE, "--no-web-open-browser", "--web-port", "9"]),
        ("-- -w flows", "mitmdump", ["--mode", MODE, "-w", "flows"]),
        ("--web -- --web-port 9", "mitmweb", ["--mode", MODE, "--no-web-open-browser", "--web-port", "9"]),
        ("-- --set flow_detail=2", "mitmdump", ["--mode", MODE, "--set", "flow_detail=2"]),
        ("-- a -- b", "mitmdump", ["--mode", MODE, "a", "--", "b"]),
    ],
)
def test_command(argv: str, tool: str, arguments: list[str]) -> None:
    assert command(argv) == [tool, "-s", ADDON, *arguments]


def test_a_cassette(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its folder begins where the person is, whatever the gateway's own folder."""
    monkeypatch.chdir(tmp_path)
    made = command("--cassette tape --record none --recorded-speed")
    options = [f"cassette={tmp_path / 'tape'}", "cassette_record=none", "cassette_speed=recorded"]
    assert made[-6:] == [word for option in options for word in ("--set", f"antigravity_{option}")]
    assert command("--cassette tape")[-2:] == ["--set", f"antigravity_cassette={tmp_path / 'tape'}"]
    for argv in ("--record none", "--recorded-speed"):
        with pytest.raises(SystemExit):
            command(argv)
        assert "go with --cassette" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        command("--cassette=")
    assert "the name of a folder" in capsys.readouterr().err


def test_open_to_the_network() -> None:
    mode = "reverse:https://generativelanguage.googleapis.com@8045"
    assert command("", lan=True) == ["mitmdump", "-s", ADDON, "--mode", mode]
    assert MODE in command("--host 127.0.0.1", lan=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[proxy]\nallow_lan_access = true", True),
        ("[proxy]\nallow_lan_access = false", False),
        ("", False),
        ("proxy = 1", False),
        ("not TOML", False),
    ],
)
def test_allows_lan(tmp_path: Path, text: str, expected: bool) -> None:
    path = tmp_path / "antigravity.toml"
    path.write_text(text)
    assert serve.allows_lan(str(path)) is expected
    assert not serve.allows_lan(None)


@pytest.mark.parametrize(
    ("argv", "settings", "demo", "end"),
    [
        ("", "/a.toml", False, ["--set", "antigravity_config=/a.toml"]),
        ("", None, True, ["--set", "antigravity_demo=true", *PAGES]),
        ("--pages", None, False, PAGES),
        ("-- --set antigravity_demo=false", None, True, [*PAGES, "--set", "antigravity_demo=false"]),
        ("-- --set antigravity_config=b", "/a.toml", False, ["--set", "antigravity_config=b"]),
    ],
    ids=["settings", "demo", "pages", "demo refused", "other settings"],
)
def test_options_of_the_addon(argv: str, settings: str | None, demo: bool, end: list[str]) -> None:
    assert command(argv, settings=settings, demo=demo) == ["mitmdump", "-s", ADDON, "--mode", MODE, *end]


@pytest.mark.parametrize(
    "argv",
    ["--port 0", "--port 65536", "--port x", "--upstream host", "--web --console", "--web-port 9", "--nonsense", "x"],
)
def test_refused(argv: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as e:
        serve.parse(argv.split())
    assert e.value.code == 2
    assert "usage:" in capsys.readouterr().err


@pytest.mark.parametrize("port", ["0", "65536", "x", "-1", "²"])
def test_a_port_that_is_none(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        serve.parse([f"--port={port}"])
    assert "a port is a number from 1 to 65535" in capsys.readouterr().err


def test_settings_file(tmp_path: Path) -> None:
    here, root = tmp_path / "here", tmp_path / "root"
    here.mkdir()
    root.mkdir()
    folders = [str(here), str(root)]
    named = {"ANTIGRAVITY_CONFIG": str(tmp_path / "named.toml")}
    assert serve.settings_file(None, {}, folders) is None
    (root / "antigravity.toml").touch()
    assert serve.settings_file(None, {}, folders) == str(root / "antigravity.toml")
    (here / "antigravity.toml").touch()
    assert serve.settings_file(None, {}, folders) == str(here / "antigravity.toml")
    assert serve.settings_file(None, named, folders) == str(tmp_path / "named.toml")
    assert serve.settings_file("/given.toml", named, folders) == "/given.toml"


@pytest.mark.parametrize(
    ("text", "environ", "expected"),
    [
        (None, {}, False),
        (None, {"GEMINI_API_KEYS": "a,b"}, True),
        (None, {"GEMINI_API_KEY": "a"}, True),
        (None, {"GOOGLE_API_KEY": "a"}, True),
        (None, {"GEMINI_API_KEY": " ", "GEMINI_API_KEYS": " , "}, False),
        (None, {"OPENAI_API_KEY": "a"}, False),
        ("", {}, False),
        ("[proxy]\n", {}, False),
        ("[proxy]\n", {"GEMINI_API_KEY": "a"}, True),
        ('[[accounts]]\nemail = "a"\napi_key = "k"\n', {}, True),
        ("not TOML", {}, True),
    ],
    ids=[
        "nothing",
        "keys",
        "key",
        "google key",
        "blank",
        "foreign key",
        "empty file",
        "file without accounts",
        "file and key",
        "file with accounts",
        "broken file",
    ],
)
def test_has_account(tmp_path: Path, text: str | None, environ: dict[str, str], expected: bool) -> None:
    path = tmp_path / "antigravity.toml"
    if text is not None:
        path.write_text(text)
    assert serve.has_account(str(path) if text is not None else None, environ) is expected


@pytest.mark.parametrize(
    ("argv", "taken", "said"),
    [
        ("", {8045}, "Port 8045 is taken, by another program: --port 8046"),
        ("--port 9000", {9000, 9001}, "Port 9000 is taken, by another program: --port 9002"),
        ("--web", {8081}, "The web page: port 8081 is taken, by another program: --web-port 8082"),
        ("--web --web-port 8044", {8044}, "The web page: port 8044 is taken, by another program: --web-port 8046"),
        ("--web --port 8080", {8080}, "Port 8080 is taken, by another program: --port 8082"),
        ("--web --web-port 8045", set(), "The gateway and the web page can't both have port 8045: --web-port 8046"),
        ("--web", {8082}, None),
        ("", {8081}, None),
        ("--web -- --web-port 9", {8081}, None),
        ("--web -- --set web_port=9", {8081}, None),
        ("-- -n", {8045}, None),
    ],
)
def test_ports_that_are_taken(argv: str, taken: set[int], said: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "fault", lambda host, port: errno.EADDRINUSE if port in taken else 0)
    monkeypatch.setattr(ports, "holder", lambda host, port: "by another program")
    options, extra = serve.parse(argv.split())
    assert serve.ports_taken(options, extra, lan=False) == said


def test_where_mitmproxy_can_keep_its_certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "not" / "yet"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "not" / "yet"))
    assert serve.folder_of_mitmproxy([]) is None
    (tmp_path / "file").touch()
    monkeypatch.setenv("HOME", str(tmp_path / "file" / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "file" / "home"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert serve.folder_of_mitmproxy(["--set", "confdir=x"]) is None
    folder = serve.folder_of_mitmproxy([])
    assert folder
    assert os.listdir(folder) == []
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(bootstrap.SetupError, match="--set confdir=FOLDER"):
        serve.folder_of_mitmproxy([])


def test_certificates_that_are_there_need_no_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert not serve.can_keep(str(tmp_path))
    (tmp_path / "mitmproxy-ca.pem").touch()
    assert serve.can_keep(str(tmp_path))


def test_a_home_that_is_not_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert serve.folder_of_mitmproxy([])
