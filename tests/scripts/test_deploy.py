"""The files of a deployment: what they name is there, and they agree with each other. Nothing is started here."""

from __future__ import annotations

import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from addons.gateway.settings import settings
from mapping import durations
from scripts import serve

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "scripts" / "deploy"
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE: Any = YAML(typ="safe").load((ROOT / "compose.yaml").read_text())
HAPROXY = (DEPLOY / "haproxy.cfg").read_text()
UNIT = (DEPLOY / "antigravity.service").read_text()
README = (ROOT / "README.md").read_text()
GATEWAYS = ("one", "two")


def instructions() -> list[list[str]]:
    """The Dockerfile's, as words; a line that goes on is one."""
    joined = re.sub(r"\\\n", " ", re.sub(r"(?m)^#.*\n", "", DOCKERFILE))
    return [line.split() for line in joined.splitlines() if line]


def copied() -> list[str]:
    """What is copied from the folder."""
    copies = [words[1:-1] for words in instructions() if words[0] == "COPY"]
    return [name for names in copies if not names[0].startswith("--from") for name in names]


def sent(name: str) -> bool:
    """Whether .dockerignore lets the builder have a file: the last line that fits decides."""
    decided = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if line and not line.startswith("#"):
            pattern = line.removeprefix("!").removeprefix("**/")
            parts = [name, *(str(parent) for parent in Path(name).parents)]
            if any(fnmatch(part, pattern) or ("**/" in line and fnmatch(Path(part).name, pattern)) for part in parts):
                decided = line.startswith("!")
    return decided


@pytest.mark.parametrize("name", copied())
def test_what_is_copied_into_the_image_is_there_and_sent(name: str) -> None:
    assert (ROOT / name).exists()
    assert sent(name)


@pytest.mark.parametrize(
    "name",
    [".env", "antigravity.toml", "saved.flow", ".git/config", ".venv/bin/python", "tests/conftest.py",
     "addons/__pycache__/antigravity.pyc"],
)  # fmt: skip
def test_what_is_private_or_not_needed_is_not_sent(name: str) -> None:
    assert not sent(name)


def test_the_image_is_not_roots_and_looks_after_itself() -> None:
    by_name = {words[0]: words for words in instructions()}
    assert by_name["USER"] == ["USER", "10001:10001"]
    assert by_name["HEALTHCHECK"]
    assert "/healthz" in DOCKERFILE
    assert [words for words in instructions() if words[0] == "FROM"][-1] == ["FROM", "python:3.13-slim"]
    assert "-c constraints.txt" in DOCKERFILE
    [extras] = [words[1] for words in instructions() if words[0] == "ARG"]
    assert extras == "EXTRAS=state"
    assert "state" in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]


def test_the_image_is_started_with_options_that_there_are() -> None:
    [command] = [words[1:] for words in instructions() if words[0] == "CMD"]
    options, rest = serve.parse([word.strip('[],"') for word in command])
    assert options.workers >= 1
    assert not rest


def test_the_settings_of_the_image_come_from_the_environment() -> None:
    environ = {
        "ANTIGRAVITY_KEY": "client-key",
        "ANTIGRAVITY_STATE_URL": "valkey://valkey:6379/0",
        "ANTIGRAVITY_STATE_KEY": "a secret of some length",
        "GEMINI_API_KEYS": "first,second",
    }
    found = settings.load(DEPLOY / "container.toml", environ)
    assert settings.proxy_keys(found, environ) == ["client-key"]
    assert found.proxy.effective_auth_mode == "all_except_health"
    assert settings.secret(found.state.url, environ) == "valkey://valkey:6379/0"
    assert settings.secret(found.state.url, {}) is None
    assert len(found.accounts) == 2
    [volume] = [words[1] for words in instructions() if words[0] == "VOLUME"]
    assert str(found.responses.store).startswith(volume + "/")
    assert serve.allows_lan(str(DEPLOY / "container.toml"))


def test_a_container_is_given_longer_than_its_drain() -> None:
    drain = settings.load(DEPLOY / "container.toml", {}).limits.drain
    for name in GATEWAYS:
        grace = durations.seconds(COMPOSE["services"][name]["stop_grace_period"])
        assert grace is not None
        assert grace > drain + 5
    assert "--stop-timeout 310" in DOCKERFILE


def test_compose_starts_what_haproxy_asks() -> None:
    services = COMPOSE["services"]
    asked = re.findall(r'(?m)^\s+server (\w+) "\$\{GATEWAY_(\w+)-(\w+):(\d+)\}"', HAPROXY)
    assert asked == [(name, name.upper(), name, "8045") for name in GATEWAYS]
    assert "EXPOSE 8045" in DOCKERFILE
    for name in GATEWAYS:
        assert services[name]["read_only"] is True
        assert (ROOT / services[name]["build"] / "Dockerfile").is_file()
        assert services[name]["networks"] == ["front", "state"]
        [volume] = services[name]["volumes"]
        assert volume.split(":")[0] in COMPOSE["volumes"]
    assert COMPOSE["networks"]["state"]["internal"] is True


def test_compose_names_files_and_variables_that_there_are() -> None:
    [mounted] = COMPOSE["services"]["haproxy"]["volumes"]
    assert (ROOT / mounted.split(":")[0]).is_file()
    given = COMPOSE["services"]["one"]["environment"]
    read = set(re.findall(r'"env:(\w+)"', (DEPLOY / "container.toml").read_text()))
    assert read | {"GEMINI_API_KEYS"} == set(given)
    for name in ("ANTIGRAVITY_KEY", "ANTIGRAVITY_STATE_KEY"):
        assert given[name].startswith(f"${{{name}:?")  # compose refuses to start without
    assert given["ANTIGRAVITY_STATE_URL"].startswith("valkey://valkey:")
    assert "valkey" in COMPOSE["services"]


def test_only_this_machine_can_reach_what_compose_publishes() -> None:
    published = [port for service in COMPOSE["services"].values() for port in service.get("ports", ())]
    assert published == ["127.0.0.1:8045:8045"]


@pytest.mark.parametrize(
    ("text", "setting"),
    [
        (HAPROXY, "timeout client"),
        (HAPROXY, "timeout server"),
        (README, "proxy_read_timeout"),
        (README, "proxy_send_timeout"),
    ],
)
def test_a_load_balancers_patience_is_longer_than_the_gateways(text: str, setting: str) -> None:
    limits, proxy = settings.LimitSettings(), settings.ProxySettings()
    [patience] = re.findall(rf"(?m)^\s+{setting} (\w+)", text)
    seconds = durations.seconds(patience)
    assert seconds is not None
    assert seconds > limits.deadline > proxy.keep_alive


def test_the_unit_starts_what_is_there() -> None:
    lines = [line.partition("=") for line in UNIT.splitlines() if "=" in line and not line.startswith("#")]
    given = {name: value for name, _, value in lines}
    python, script, *arguments = given["ExecStart"].split()
    assert python == "/opt/antigravity/.venv/bin/python"
    assert (ROOT / script.removeprefix("/opt/antigravity/")).is_file()
    assert serve.parse(arguments)[0].workers > 1  # else SIGHUP, its reload, is the end
    assert given["ExecReload"] == "/bin/kill -HUP $MAINPID"
    assert given["KillMode"] == "mixed"
    assert "cp /opt/antigravity/scripts/deploy/antigravity.service" in UNIT
