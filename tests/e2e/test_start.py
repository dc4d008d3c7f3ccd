"""Starting: quickly, from anywhere, with a clear word when something is missing; and settings that change."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from addons.gateway import dependencies
from tests.e2e.conftest import KEYS, ROOT, TWO_ACCOUNTS, free_port, wait_until
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from tests.e2e.conftest import Starter, Upstream


def no_keys() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.endswith("_API_KEY") and k != "GEMINI_API_KEYS"}


def healthy(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().read() == b'{"status":"ok"}'
    except OSError:
        return False
    finally:
        connection.close()


def test_serve_says_where_to_point_tools(tmp_path: Path) -> None:
    port = free_port()
    log = tmp_path / "log"
    serve = [sys.executable, str(ROOT / "scripts" / "serve.py"), "--port", str(port)]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*serve, "--", "--set", f"confdir={tmp_path}"],
            stdout=out, stderr=subprocess.STDOUT, env=no_keys(), cwd=tmp_path,
        )  # fmt: skip
    try:
        wait_until(lambda: healthy(port) or process.poll() is not None)
        wait_until(lambda: "curl" in log.read_text())
    finally:
        process.terminate()
        process.wait(PATIENCE)
    text = log.read_text()
    for said in (f"http://127.0.0.1:{port}/v1", "DEMO", "demo-one@localhost", "auth mode", "curl"):
        assert said in text


def test_setup_only_ends(tmp_path: Path) -> None:
    serve = [sys.executable, str(ROOT / "scripts" / "serve.py"), "--setup-only"]
    done = subprocess.run(serve, capture_output=True, text=True, cwd=tmp_path, timeout=2 * PATIENCE)
    assert done.returncode == 0
    assert "set up" in done.stdout + done.stderr


def test_a_missing_package_is_named(starter: Starter, tmp_path: Path) -> None:
    (tmp_path / "orjson.py").write_text("raise ModuleNotFoundError(\"No module named 'orjson'\", name='orjson')\n")
    gateway = starter(environ={"PYTHONPATH": str(tmp_path)}, wait=False)
    wait_until(lambda: gateway.process.poll() is not None)
    assert "lacks the package 'orjson'" in gateway.log
    assert all(requirement in gateway.log for requirement in dependencies.declared())
    assert "scripts/serve.py" in gateway.log


@pytest.mark.parametrize(
    ("settings", "said"),
    [("[proxy]\nauth_mod = 'off'\n", "proxy.auth_mod: no such setting"), ("[[accounts]", "not valid TOML")],
)
def test_broken_settings_end_the_start(starter: Starter, settings: str, said: str) -> None:
    gateway = starter(settings, wait=False)
    wait_until(lambda: gateway.process.poll() is not None)
    assert said in gateway.log
    assert "Traceback" not in gateway.log
    assert gateway.process.returncode != 0


def test_changed_settings_take_effect_and_broken_ones_do_not(starter: Starter, upstream: Upstream) -> None:
    gateway = starter()
    settings = (gateway.folder / "antigravity.toml").read_text()
    file = gateway.folder / "antigravity.toml"
    file.write_text(settings + '\n[models.mapping]\n"my-name" = "gemini-2.5-pro"\n')
    wait_until(lambda: gateway.chat("my-name").status == 200)
    assert gateway.chat("my-name").headers["x-mapped-model"] == "gemini-2.5-pro"
    file.write_text("[broken")
    wait_until(lambda: "not valid TOML" in gateway.log)
    assert gateway.chat("my-name").status == 200
    assert KEYS[0] not in gateway.log


def test_options_are_documented() -> None:
    mitmdump = Path(sys.executable).parent / "mitmdump"
    done = subprocess.run(
        [mitmdump, "-s", ROOT / "addons" / "antigravity.py", "--options"],
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
    )
    for option in (
        "antigravity_config",
        "antigravity_demo",
        "antigravity_trace",
        "antigravity_pages",
        "antigravity_wire",
    ):
        assert option in done.stdout


def test_reverse_without_a_target_is_refused_by_mitmproxy() -> None:
    mitmdump = Path(sys.executable).parent / "mitmdump"
    done = subprocess.run(
        [mitmdump, "-s", ROOT / "addons" / "antigravity.py", "--mode", "reverse"],
        capture_output=True, text=True, timeout=2 * PATIENCE,
    )  # fmt: skip
    assert done.returncode != 0


def test_two_accounts_is_what_the_settings_say(starter: Starter) -> None:
    assert "2: alpha@example.com, bravo@example.com" in starter(TWO_ACCOUNTS).log


@pytest.mark.parametrize("tool", ["mitmdump", "mitmweb"])
def test_a_port_that_another_gateway_has(starter: Starter, tool: str) -> None:
    """With mitmproxy started by hand: its own option is named."""
    first = starter()
    web = ["--no-web-open-browser", "--web-port", str(free_port())] if tool == "mitmweb" else []
    mode = ["--mode", f"reverse:https://gateway.invalid@127.0.0.1:{first.port}"]
    gateway = starter(None, *web, *mode, tool=tool, wait=False)
    wait_until(lambda: gateway.process.poll() is not None)
    assert f"Port {first.port} is taken, by another gateway it seems (it answers /healthz)" in gateway.log
    assert "--mode reverse:https://gateway.invalid@127.0.0.1:" in gateway.log
    assert "Traceback" not in gateway.log
    assert gateway.process.returncode != 0


def test_a_port_of_the_web_page_that_is_taken(starter: Starter) -> None:
    first = starter()
    gateway = starter(None, "--no-web-open-browser", "--web-port", str(first.port), tool="mitmweb", wait=False)
    wait_until(lambda: gateway.process.poll() is not None)
    assert f"The web page: Port {first.port} is taken, by another gateway" in gateway.log
    assert "--set web_port=" in gateway.log
    assert "Traceback" not in gateway.log


def test_serve_looks_at_the_port_first(starter: Starter, tmp_path: Path) -> None:
    port = starter().port
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "serve.py", "--port", str(port)],
        capture_output=True, text=True, timeout=2 * PATIENCE, cwd=tmp_path, env=no_keys(),
    )  # fmt: skip
    assert f"Port {port} is taken, by another gateway it seems (it answers /healthz): --port " in done.stderr
    assert "Running:" not in done.stderr
    assert done.returncode == 1


def test_the_banner_of_mitmweb_has_its_address(starter: Starter) -> None:
    port = free_port()
    gateway = starter(TWO_ACCOUNTS, "--no-web-open-browser", "--web-port", str(port), tool="mitmweb")
    wait_until(lambda: "curl" in gateway.log)
    assert f"mitmweb    http://127.0.0.1:{port}/?token=" in gateway.log


def test_the_banner_of_a_gateway_that_others_may_call(starter: Starter) -> None:
    """Where the machine has an address for others."""
    port = free_port()
    gateway = starter(
        "[proxy]\nallow_lan_access = true\napi_key = 'literal'\n" + TWO_ACCOUNTS,
        "--mode", f"reverse:https://gateway.invalid@{port}",
    )  # fmt: skip
    wait_until(lambda: "curl" in gateway.log)
    assert "/v1" in gateway.log
    assert "0.0.0.0" not in gateway.log.partition("OpenAI-compatible")[2]
    assert "Bearer YOUR_KEY" in gateway.log
    assert "literal" not in gateway.log


@pytest.mark.skipif(os.name == "nt", reason="a shell that can close a stream")
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_serve_starts_without_a_stream(tmp_path: Path, closed: str) -> None:
    port = free_port()
    serve = f"exec {sys.executable} {ROOT / 'scripts' / 'serve.py'} --port {port} -- --set confdir={tmp_path} {closed}"
    with (tmp_path / "log").open("wb") as out:
        process = subprocess.Popen(["sh", "-c", serve], stdout=out, stderr=out, env=no_keys(), cwd=tmp_path)
    try:
        wait_until(lambda: healthy(port) or process.poll() is not None)
        assert process.poll() is None, (tmp_path / "log").read_text()
    finally:
        process.terminate()
        process.wait(PATIENCE)
    assert "Traceback" not in (tmp_path / "log").read_text()


@pytest.mark.skipif(os.name == "nt", reason="a home folder by HOME")
def test_without_a_home(starter: Starter) -> None:
    """Neither HOME nor an entry for the user: `~` in the settings is told of, the rest works."""
    environ = {"HOME": "/nonexistent/home"}
    account = "[[accounts]]\nemail = 'lost'\ncredentials = '~nobody-here/bot.json'\n"
    gateway = starter(account + TWO_ACCOUNTS, environ=environ)
    assert gateway.chat("gpt-4o").status == 200
    assert "the home folder ~nobody-here is not known" in gateway.log
    assert "Traceback" not in gateway.log
