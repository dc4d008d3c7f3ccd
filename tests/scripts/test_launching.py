"""scripts/launching: what mitmproxy is started without is there when it is asked for."""

from __future__ import annotations

import base64
import http.client
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from scripts import bootstrap, serve
from tests.patience import PATIENCE, wait_until
from tests.ports import free_port

ROOT = Path(bootstrap.ROOT)
LEFT_OUT = ("ldap3.core", "service_identity.hazmat", "attr", "flask", "werkzeug", "click")
ASKING = f"""
import gc, sys
from mitmproxy import ctx

class Asking:
    def running(self):
        print("loaded:", [name for name in {LEFT_OUT} if name in sys.modules])
        import flask
        import werkzeug.security
        from aioquic import tls
        from mitmproxy import certs
        from mitmproxy.addons import onboardingapp, proxyauth
        print("asked:", proxyauth.ldap3.Server.__name__, tls.service_identity.VerificationError.__name__,
              flask.Flask.__name__, werkzeug.security.check_password_hash.__name__, onboardingapp.index.__name__)
        print("collector:", gc.isenabled(), "key:", certs.load_pem_private_key.__module__)
        ctx.master.shutdown()

addons = [Asking()]
"""
ENDING = """
from mitmproxy import ctx

class Ending:
    def running(self):
        ctx.master.shutdown()

addons = [Ending()]
"""


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, str(ROOT / "scripts" / "launching"), *map(str, arguments)]


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=2 * PATIENCE)


def test_serve_starts_mitmproxy_by_it() -> None:
    environment = bootstrap.Environment()
    assert serve.program(environment, ["mitmdump", "-q"]) == [
        environment.python,
        str(ROOT / "scripts" / "launching"),
        "mitmdump",
        "-q",
    ]


def test_what_is_left_out_is_loaded_when_it_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "asking.py").write_text(ASKING)
    done = run("mitmdump", "-n", "-s", tmp_path / "asking.py")
    assert "loaded: []\n" in done.stdout
    assert "asked: Server VerificationError Flask check_password_hash index\n" in done.stdout
    assert "collector: True key: addons.gateway.ca_key\n" in done.stdout
    assert done.returncode == 0


def test_an_ldap_server_is_asked() -> None:
    done = run("mitmdump", "-n", "--set", f"proxyauth=ldap:127.0.0.1:{free_port()}:cn=reader:password:dc=people")
    assert "LDAPSocketOpenError" in done.stdout + done.stderr
    assert done.returncode == 1


def test_messages_name_the_tool() -> None:
    done = run("mitmdump", "--no-such-option")
    assert "usage: mitmdump" in done.stderr
    assert done.returncode == 1
    done = run("mitmdump", "--mode", "nowhere")
    assert f"{Path(sys.executable).with_name('mitmdump')}: " in done.stderr
    assert done.returncode == 1


def test_mitmweb(tmp_path: Path) -> None:
    (tmp_path / "ending.py").write_text(ENDING)
    done = run("mitmweb", "--no-web-open-browser", "--web-port", str(free_port()), "-n", "-s", tmp_path / "ending.py")
    assert "Web server listening at" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert done.returncode == 0


def test_the_console_is_there() -> None:
    done = run("mitmproxy", "--version")
    assert "Mitmproxy: " in done.stdout
    assert done.returncode == 0


@pytest.mark.parametrize(
    "before", ["from addons.gateway.wire import compat; compat.TESTED = ()", "import mitmproxy.tools.main"]
)
def test_a_mitmproxy_that_is_not_as_expected_is_loaded_as_it_is(before: str) -> None:
    script = (
        f"{before}; import sys; from scripts.launching import left_out; there = dict(sys.modules)\n"
        "with left_out.until_needed(): import mitmproxy.tools.main\n"
        "from mitmproxy.addons import maplocal, onboarding; import flask, werkzeug.security\n"
        "assert isinstance(onboarding.app, flask.Flask); assert maplocal.safe_join is werkzeug.security.safe_join\n"
        f"assert all(name in sys.modules for name in {LEFT_OUT})\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, timeout=PATIENCE)


# --- a proxy in regular mode


@dataclass
class Proxy:
    """A mitmdump that asks for a password, and has files in place of a site where nobody listens."""

    port: int
    confdir: Path
    site: str

    def get(self, url: str, password: str = "word") -> tuple[int, bytes]:
        """What a client gets through it."""
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        login = base64.b64encode(f"name:{password}".encode()).decode()
        client.request("GET", url, headers={"Proxy-Authorization": f"Basic {login}"})
        answer = client.getresponse()
        body = answer.read()
        client.close()
        return answer.status, body

    def listens(self) -> bool:
        with socket.socket() as trial:
            return not trial.connect_ex(("127.0.0.1", self.port))


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("proxy")
    (folder / "site").mkdir()
    (folder / "site" / "page.txt").write_text("a page")
    (folder / "secret.txt").write_text("none of the site's")
    made = Proxy(free_port(), folder / "confdir", f"127.0.0.1:{free_port()}")
    maps = f"|//{made.site}/|{folder / 'site'}"
    options = ["--listen-host", "127.0.0.1", "--listen-port", str(made.port), "--set", f"confdir={made.confdir}"]
    process = subprocess.Popen(command("mitmdump", *options, "--map-local", maps, "--set", "proxyauth=name:word"))
    wait_until(made.listens)
    yield made
    process.terminate()
    assert process.wait(PATIENCE) == 0


def test_a_password_of_the_proxy_is_asked_for(proxy: Proxy) -> None:
    assert proxy.get("http://mitm.it/", "another")[0] == 407


def test_the_pages_of_mitm_it(proxy: Proxy) -> None:
    status, body = proxy.get("http://mitm.it/")
    assert status == 200
    assert b"Certificate" in body
    assert proxy.get("http://mitm.it/cert/pem") == (200, (proxy.confdir / "mitmproxy-ca-cert.pem").read_bytes())
    assert proxy.get("http://mitm.it/nothing")[0] == 404


def test_local_files_in_place_of_a_site(proxy: Proxy) -> None:
    assert proxy.get(f"http://{proxy.site}/page.txt") == (200, b"a page")
    assert proxy.get(f"http://{proxy.site}/nothing.txt")[0] == 404
    for outside in ("../secret.txt", "%2e%2e/secret.txt"):  # the site itself is asked
        assert proxy.get(f"http://{proxy.site}/{outside}")[0] == 502
