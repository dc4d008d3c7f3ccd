"""accounts.py: adding accounts without showing a key, listing them, and checking them against the demo upstream."""

from __future__ import annotations

import ast
import asyncio
import json
import os
import socket
import stat
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from addons.gateway.settings.settings import AccountSettings, load
from mapping.gemini.errors.upstream_errors import from_http
from scripts import accounts, bootstrap
from scripts.commands import account_commands
from scripts.demo_upstream import start

DETAIL = "type.googleapis.com/google.rpc"
KEY = "key-that-nobody-sees"
PERSON = {
    "type": "authorized_user",
    "client_id": "app",
    "client_secret": "client-secret",
    "refresh_token": "refresh-token",
}


def run(path: Path, *argv: str, environ: dict[str, str] | None = None) -> int:
    return account_commands.run(accounts.parse([*argv]), str(path), environ or {})


def add(path: Path, *argv: str, key: str = KEY) -> int:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(account_commands, "read_key", lambda: key + "\n")
        return run(path, "add", *argv, environ={"NAME": "k"})


def write(path: Path, text: str) -> None:
    path.write_text(text)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "antigravity.toml"


@pytest.fixture
def person(tmp_path: Path) -> Path:
    """A credentials file."""
    file = tmp_path / "me.json"
    file.write_text(json.dumps(PERSON))
    file.chmod(0o600)
    return file


# ---- add


def test_a_key(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert add(path, "me@example.com") == 0
    assert mode(path) == 0o600
    assert tomllib.loads(path.read_text()) == {"accounts": [{"email": "me@example.com", "api_key": KEY}]}
    shown = capsys.readouterr()
    assert "me@example.com" in shown.out
    assert KEY not in shown.out + shown.err


def test_everything_that_can_be_said(path: Path, person: Path) -> None:
    argv = "bot --upstream vertex --project p --location eu --base-url http://127.0.0.1:1 --models gemini-* x"
    assert add(path, *argv.split(), "--credentials", str(person)) == 0
    [account] = load(path, {}).accounts
    assert account == AccountSettings(
        email="bot",
        credentials="me.json",
        upstream="vertex",
        project="p",
        location="eu",
        base_url="http://127.0.0.1:1",
        models=["gemini-*", "x"],
    )


def test_credentials_in_another_folder(tmp_path: Path, person: Path) -> None:
    path = tmp_path / "settings" / "antigravity.toml"
    path.parent.mkdir()
    assert add(path, "me", "--credentials", str(person)) == 0
    assert load(path, {}).accounts[0].credentials == str(person)
    assert add(path, "here", "--credentials", "adc") == 0
    assert load(path, {}).accounts[1].credentials == "adc"


@pytest.mark.parametrize("before", ["", "# mine\n[proxy]\nauth_mode = 'off'", "[[accounts]]\nemail='b'\napi_key='k'\n"])
@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_what_was_there_stays(path: Path, before: str, end: str) -> None:
    old = (before + end).encode()
    path.write_bytes(old)
    path.chmod(0o644)
    assert add(path, 'a "quoted" \\ ünïcode') == 0
    assert path.read_bytes().startswith(old)
    assert load(path, {}).accounts[-1].email == 'a "quoted" \\ ünïcode'
    assert mode(path) == 0o600  # it has a key now


def test_a_file_without_keys_stays_as_open_as_it_was(path: Path, person: Path) -> None:
    path.write_text("")
    path.chmod(0o644)
    assert add(path, "me", "--credentials", str(person)) == 0
    assert add(path, "b", key="env:NAME") == 0
    assert mode(path) == 0o644


def test_a_linked_file_stays_linked(tmp_path: Path, path: Path) -> None:
    real = tmp_path / "real.toml"
    real.touch()
    path.symlink_to(real)
    assert add(path, "me") == 0
    assert path.is_symlink()
    assert load(real, {}).accounts[0].email == "me"


@pytest.mark.parametrize(
    ("before", "argv", "key", "said"),
    [
        ("[[accounts]]\nemail = 'me'\napi_key = 'k'", ["me"], KEY, "has an account 'me' already"),
        ("[proxy", ["me"], KEY, "not valid TOML"),
        ("[proxi]", ["me"], KEY, "no such setting"),
        ("accounts = [{email = 'b', api_key = 'k'}]", ["me"], KEY, "not valid TOML"),
        ("", ["me"], "", "empty"),
        ("", ["me"], "two words " + KEY, "characters"),
        ("", ["me", "--upstream", "vertex", "--project", "p"], "env:UNSET", "location"),
        ("", [""], KEY, "email"),
        ("", ["me", "--credentials", "nowhere.json"], KEY, "No such file"),
        ("", ["me", "--upstream", "vertex", "--project", "p"], KEY, "location"),
        ("", ["me", "--upstream", "code-assist"], KEY, "code-assist"),
        ("", ["me", "--base-url", "localhost"], KEY, "base_url"),
    ],
)
def test_what_cannot_be_added(
    path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    before: str,
    argv: list[str],
    key: str,
    said: str,
) -> None:
    path.write_text(before)
    monkeypatch.setattr(account_commands, "read_key", lambda: key)
    assert run(path, "add", *argv) == 1
    shown = capsys.readouterr()
    assert said in shown.err
    assert KEY not in shown.out + shown.err
    assert path.read_text() == before
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize(
    ("argv", "label", "models"),
    [
        ("me --models x", "me", ["x"]),
        ("--models x me", "me", ["x"]),
        ("--models x y me", "me", ["x", "y"]),
        ("--models x --models y me", "me", ["x", "y"]),
        ("--models x --upstream gemini me", "me", ["x"]),
        ("me --models x y", "me", ["x", "y"]),
    ],
)
def test_the_label_may_stand_after_the_models(path: Path, argv: str, label: str, models: list[str]) -> None:
    assert add(path, *argv.split()) == 0
    [account] = load(path, {}).accounts
    assert (account.email, account.models) == (label, models)


@pytest.mark.parametrize("argv", ["add", "add --models x", "remove", "nonsense", ""])
def test_what_does_not_parse(argv: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        accounts.parse(argv.split())
    assert "usage:" in capsys.readouterr().err


def test_a_variable_that_is_not_set_yet(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert add(path, "me", key="env:UNSET") == 0
    assert "UNSET is not set here" in capsys.readouterr().err
    [account] = load(path, {}).accounts
    assert account.api_key
    assert account.api_key.get_secret_value() == "env:UNSET"
    assert add(path, "set", key="env:NAME") == 0
    assert capsys.readouterr().err == ""


def test_keys_of_the_environment_give_way(
    path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account_commands, "read_key", lambda: KEY)
    assert run(path, "add", "me", environ={"GEMINI_API_KEY": "k"}) == 0
    assert "not used any more" in capsys.readouterr().out


def test_a_key_from_a_terminal_and_from_a_pipe(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read, write = os.pipe()
    os.write(write, KEY.encode() + b"\nmore")
    os.close(write)
    with os.fdopen(read) as pipe:
        monkeypatch.setattr(sys, "stdin", pipe)
        assert run(path, "add", "piped") == 0
    monkeypatch.setattr(sys, "stdin", type("Terminal", (), {"isatty": lambda self: True})())
    monkeypatch.setattr("getpass.getpass", lambda prompt: KEY)
    assert run(path, "add", "typed") == 0
    assert [a.api_key.get_secret_value() for a in load(path, {}).accounts if a.api_key] == [KEY, KEY]


# ---- remove

ONE = "[[accounts]]\nemail = 'a'\napi_key = 'k-1'\n"
TWO = "[[accounts]]  # the second\napi_key = 'k-2'\nmodels = [\n  'x',\n  'y',\n]\nemail = \"b\"\n"


@pytest.mark.parametrize(
    ("before", "label", "after"),
    [
        (ONE, "a", ""),
        (ONE + TWO, "a", TWO),
        (ONE + TWO, "b", ONE),
        (ONE + "\n" + TWO, "a", TWO),
        ("# mine\n[proxy]\nauth_mode = 'off'\n\n" + ONE, "a", "# mine\n[proxy]\nauth_mode = 'off'\n\n"),
        (ONE + "\n# about retries\n[retry]\ncooldown = true\n", "a", "# about retries\n[retry]\ncooldown = true\n"),
        (ONE.replace("\n", "\r\n") + TWO, "a", TWO),
        ("[[ accounts ]]\nemail = 'a'\napi_key = 'k'\n" + TWO, "a", TWO),
    ],
)
def test_remove(path: Path, before: str, label: str, after: str) -> None:
    path.write_bytes(before.encode())
    path.chmod(0o640)
    assert run(path, "remove", label) == 0
    assert path.read_bytes() == after.encode()
    assert mode(path) == 0o640


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (ONE, "There is no account 'c'; there are: a."),
        ("", "there are: none"),
        ("accounts = [{email = 'c', api_key = 'k'}]", "edit the file"),
        (
            '[models.mapping]\nx = """\n[[accounts]]\n"""\n[[accounts]]\nemail = \'c\'\napi_key = \'k\'\n',
            "edit the file",
        ),
        ("[proxy", "not valid TOML"),
    ],
)
def test_what_cannot_be_removed(path: Path, capsys: pytest.CaptureFixture[str], before: str, said: str) -> None:
    path.write_text(before)
    assert run(path, "remove", "c") == 1
    assert said in capsys.readouterr().err
    assert path.read_text() == before
    assert os.listdir(path.parent) == [path.name]


def test_the_last_one_gives_way_to_the_environment(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.write_text(ONE)
    assert run(path, "remove", "a", environ={"GEMINI_API_KEY": "k"}) == 0
    assert "the environment are used again" in capsys.readouterr().out


# ---- list


def test_list(path: Path, person: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.write_text(
        f"[[accounts]]\nemail = 'me'\napi_key = '{KEY}'\n"
        "[[accounts]]\nemail = 'person'\nupstream = 'code-assist'\ncredentials = 'me.json'\n"
        "[[accounts]]\nemail = 'unset'\napi_key = 'env:UNSET'\n"
        "[[accounts]]\nemail = 'gone'\ncredentials = 'gone.json'\n"
    )
    assert run(path, "list") == 1
    rows = [line.split(maxsplit=3) for line in capsys.readouterr().out.splitlines()]
    assert rows[:2] == [["me", "gemini", "api_key", "usable"], ["person", "code-assist", "authorized_user", "usable"]]
    assert "environment variable" in rows[2][3]
    assert "gone.json can't be used: No such file" in rows[3][3]
    assert KEY not in str(rows)


def test_list_of_the_environment(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(path, "list", environ={"GEMINI_API_KEYS": "a,b"}) == 0
    assert capsys.readouterr().out.count("usable") == 2
    assert run(path, "list") == 1
    assert "accounts.py add" in capsys.readouterr().out


# ---- check


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def table(**values: Any) -> str:
    return "[[accounts]]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items())


def test_check(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    person = {**PERSON, "token_uri": f"http://127.0.0.1:{closed_port()}/token"}
    (tmp_path / "me.json").write_text(json.dumps(person))
    (tmp_path / "me.json").chmod(0o600)

    async def check(*argv: str) -> list[list[str]]:
        demo = await start(pause=0)
        vertex = {"upstream": "vertex", "project": "p", "location": "global", "base_url": demo.url}
        write(
            path,
            table(email="good", api_key=KEY)
            + table(email="token", access_token=KEY)
            + table(email="vertex", access_token=KEY, **vertex)
            + table(email="express", api_key=KEY, upstream="vertex", base_url=demo.url)
            + table(email="code", access_token=KEY, upstream="code-assist", base_url=demo.url)
            + table(email="refused", api_key="an-invalid-key")
            + table(email="refused-token", access_token="an-invalid-token", **vertex)
            + table(email="away", api_key=KEY, base_url=f"http://127.0.0.1:{closed_port()}")
            + table(email="unset", api_key="env:UNSET")
            + table(email="person", credentials="me.json"),
        )
        try:
            status = await asyncio.to_thread(run, path, "check", "--upstream", demo.url, *argv)
        finally:
            await demo.stop()
        assert status == 1
        shown = capsys.readouterr().out
        assert KEY not in shown
        assert "client-secret" not in shown
        return [line.split(maxsplit=2) for line in shown.splitlines()]

    rows = asyncio.run(check())
    assert [(label, rest.split("  ")[0]) for label, _, rest in rows] == [
        ("good", "ok"),
        ("token", "ok"),
        ("vertex", "ok"),
        ("express", "ok"),
        ("code", "ok"),
        ("refused", "refused"),
        ("refused-token", "refused"),
        ("away", "no network"),
        ("unset", "not usable"),
        ("person", "no token"),
    ]
    more = {label: rest for label, _, rest in rows}
    assert "API key not valid" in more["refused"]
    assert "Connection refused" in more["away"]
    rows = asyncio.run(check("--model", "gpt-4o"))
    assert {label: rest.split("  ")[0] for label, _, rest in rows}["vertex"] == "no such model"


def test_check_says_that_all_is_well(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def check() -> int:
        demo = await start(pause=0)
        write(path, table(email="good", api_key=KEY, base_url=demo.url))
        try:
            return await asyncio.to_thread(run, path, "check")
        finally:
            await demo.stop()

    assert asyncio.run(check()) == 0
    assert capsys.readouterr().out.split()[:3] == ["good", "gemini", "ok"]


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (
            403,
            {"details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "SERVICE_DISABLED"}]},
            "API disabled",
        ),
        (403, {"message": "This API method requires billing to be enabled."}, "no billing"),
        (400, {"message": "User location is not supported for the API use."}, "wrong region"),
        (403, {"message": "Permission denied."}, "refused"),
        (429, {"message": "Quota exceeded."}, "exhausted"),
        (503, {"message": "The model is overloaded."}, "overloaded"),
        (500, {"message": "Internal error."}, "upstream fails"),
        (400, {"message": "Something else."}, "refused the call"),
    ],
)
def test_verdicts(status: int, body: dict[str, Any], verdict: str) -> None:
    error = {"code": status, "message": "", "status": "", **body}
    assert account_commands.word_for(from_http(status, json.dumps({"error": error}).encode())) == verdict


# ---- the command


@pytest.mark.parametrize("argv", ["", "add", "list x", "add a --upstream openai"])
def test_refused(argv: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as e:
        accounts.parse(argv.split())
    assert e.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_old_pythons_can_read_the_script() -> None:
    text = Path(accounts.__file__).read_text()
    ast.parse(text, feature_version=(3, 7))
    assert "from __future__ import annotations" not in text


@pytest.mark.parametrize("argv", [["list"], ["check"]])
def test_a_settings_file_that_is_not_there(
    argv: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "none.toml"
    monkeypatch.setattr(sys, "argv", ["accounts.py", "--config", str(file), *argv])
    monkeypatch.setattr(bootstrap.Environment, "ensure", lambda self, what: None)
    monkeypatch.setattr(bootstrap.Environment, "path", sys.prefix, raising=False)
    monkeypatch.setattr(bootstrap.Environment, "__init__", lambda self: None)
    assert accounts.main() == 1
    assert capsys.readouterr().err == f"There is no settings file {file}.\n"


def test_the_settings_file_with_the_keys_is_not_offered_to_git() -> None:
    ignored = Path(bootstrap.ROOT, ".gitignore").read_text().splitlines()
    assert "/antigravity.toml" in ignored


def test_help_needs_nothing_installed() -> None:
    script = os.path.join(bootstrap.ROOT, "scripts", "accounts.py")
    done = subprocess.run([sys.executable, "-I", "-S", script, "add", "--help"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "not shown" in done.stdout
