"""serve.py --print-env: a shell takes the lines, and tools find the gateway by them."""

from __future__ import annotations

import os
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest

from addons.gateway.status import shell_lines
from scripts import bootstrap, serve
from scripts.commands import print_env

ROOT = "http://127.0.0.1:8045"
EXPECTED = {
    "claude": {
        "ANTHROPIC_BASE_URL": ROOT,
        "ANTHROPIC_AUTH_TOKEN": "any",
        "ANTHROPIC_API_KEY": "",
        "CLAUDE_CODE_AUTO_MODE_SERVER": "0",
    },
    "codex": {"GATEWAY_KEY": "any"},
    "gemini": {"GOOGLE_GEMINI_BASE_URL": ROOT, "GEMINI_API_KEY": "any"},
    "openai": {"OPENAI_BASE_URL": f"{ROOT}/v1", "OPENAI_API_KEY": "any"},
}
ENVIRON = {"PATH": os.environ["PATH"], "ANTHROPIC_API_KEY": "sk-ant-mine", "MY_KEY": "s3cret $HOME"}
KEYS = 'auth_mode = "strict"\napi_key = ["sk-literal", "env:MY_KEY", "env:NOT_SET"]\n'


def evaluated(script: str, then: str) -> str:
    """What `then` prints in a shell that has taken the lines."""
    done = subprocess.run(["sh", "-euc", f"{script}\n{then}"], env=ENVIRON, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout


def printed(capsys: pytest.CaptureFixture[str], tool: str, settings: Path | None, host: str = "") -> str:
    print_env.run(tool, host, 8045, str(settings) if settings else None, ENVIRON)
    return capsys.readouterr().out


def test_every_tool_is_tried_here() -> None:
    assert set(EXPECTED) == set(shell_lines.TOOLS)


@pytest.mark.parametrize("tool", EXPECTED)
def test_a_shell_takes_them(capsys: pytest.CaptureFixture[str], tool: str) -> None:
    script = printed(capsys, tool, None)
    for name, value in EXPECTED[tool].items():
        assert evaluated(script, f'env | sed -n "s/^{name}=//p"').strip() == value


def test_codex_is_told_on_its_command_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    program = tmp_path / "codex"
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    program.chmod(0o755)
    script = printed(capsys, "codex", None)
    told = evaluated(script, f"PATH={shlex.quote(str(tmp_path))}:$PATH; codex exec 'say hi'").splitlines()
    assert told[-2:] == ["exec", "say hi"]
    assert told[:-2:2] == ["-c"] * (len(told) // 2 - 1)
    config = tomllib.loads("\n".join(told[1:-2:2]))
    assert config == {
        "model": "gemini-pro",
        "model_provider": "gateway",
        "model_providers": {
            "gateway": {
                "name": "gateway",
                "base_url": f"{ROOT}/v1",
                "wire_api": "responses",
                "model_catalog_url": f"{ROOT}/v1/models",
                "env_key": "GATEWAY_KEY",
            }
        },
    }


@pytest.mark.parametrize("tool", EXPECTED)
@pytest.mark.parametrize(
    ("proxy", "value"),
    [
        ("", "any"),
        ('api_key = "sk-literal"\n', "any"),  # none is needed
        (KEYS, ENVIRON["MY_KEY"]),
        ('auth_mode = "strict"\napi_key = "sk-literal"\n', "YOUR_KEY"),
        ('allow_lan_access = true\napi_key = "env:NOT_SET"\n', "YOUR_KEY"),
    ],
)
def test_the_key(capsys: pytest.CaptureFixture[str], tmp_path: Path, tool: str, proxy: str, value: str) -> None:
    file = tmp_path / "antigravity.toml"
    file.write_text(f"[proxy]\n{proxy}")
    print_env.run(tool, "", 8045, str(file), ENVIRON)
    found = capsys.readouterr()
    assert "sk-literal" not in found.out
    assert ENVIRON["MY_KEY"] not in found.out
    assert ("YOUR_KEY" in found.err) is (value == "YOUR_KEY")
    [name] = [name for name, text in EXPECTED[tool].items() if text == "any"]
    assert evaluated(found.out, f'printf %s "${name}"') == value


@pytest.mark.parametrize(
    ("host", "root"),
    [
        ("", ROOT),
        ("0.0.0.0", ROOT),
        ("::", ROOT),
        ("::1", "http://[::1]:8045"),
        ("192.168.1.5", "http://192.168.1.5:8045"),
    ],
)
def test_the_address(host: str, root: str) -> None:
    assert print_env.root(host, 8045) == root


@pytest.mark.parametrize("text", ["no TOML", "proxy = 1\n", '[proxy]\nauth_mode = "odd"\n'])
def test_settings_that_can_not_be_used(tmp_path: Path, text: str) -> None:
    file = tmp_path / "antigravity.toml"
    file.write_text(text)
    with pytest.raises(bootstrap.SetupError, match="can't be used"):
        print_env.run("openai", "", 8045, str(file), {})


def test_the_option() -> None:
    assert serve.parse(["--print-env", "claude", "--port", "9"])[0].print_env == "claude"
    with pytest.raises(SystemExit):
        serve.parse(["--print-env", "emacs"])
