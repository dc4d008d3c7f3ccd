"""addons.gateway.accounts.credentials.credentials: keys and tokens, against a token server on this machine."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import _exponential_backoff, jwt
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from addons.gateway.accounts.credentials import credential_files, google_tokens
from addons.gateway.accounts.credentials.credential_files import REQUIRED, CredentialsFile
from addons.gateway.accounts.credentials.credentials import (
    EARLY,
    LONGEST_PAUSE,
    PAUSE,
    SCOPES,
    TRANSIT,
    ApiKey,
    Credential,
    CredentialError,
    GoogleCredential,
    StaticToken,
    make_credential,
)
from addons.gateway.accounts.credentials.google_tokens import Token, Transport, open_source
from addons.gateway.accounts.network.plain_http import Answer
from addons.gateway.settings.settings import AccountSettings, section
from tests.patience import PATIENCE

CLOUD = "https://www.googleapis.com/auth/cloud-platform"
REFRESH_TOKEN = "refresh-token-of-a-person"
CLIENT_SECRET = "client-secret-of-an-app"
IMPERSONATE = "/v1/projects/-/serviceAccounts/target@p.iam.gserviceaccount.com:generateAccessToken"
LIFETIME = 3600


class TokenServer:
    """Answers on loopback as Google's token servers do: each token has a number."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any], dict[str, str]]] = []
        """(path, fields, headers) of each request."""
        self.refusal: tuple[int, bytes] | None = None
        self.lifetime = LIFETIME
        self.go_on = threading.Event()
        self.go_on.set()
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        self._thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self.go_on.set()
        self.http.shutdown()
        self.http.server_close()

    def refuse(self, status: int, answer: Any) -> None:
        self.refusal = (status, answer if isinstance(answer, bytes) else json.dumps(answer).encode())

    def paths(self) -> list[str]:
        return [path for path, _, _ in self.calls]

    def _answer(self, path: str) -> tuple[int, bytes]:
        if self.refusal:
            return self.refusal
        token = f"token-{len(self.calls)}"
        if path.endswith(":generateAccessToken"):
            end = datetime.fromtimestamp(time.time() + LIFETIME, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            return 200, json.dumps({"accessToken": token, "expireTime": end}).encode()
        values = {"access_token": token, "expires_in": self.lifetime, "token_type": "Bearer"}
        if path == "/sts":
            values["issued_token_type"] = "urn:ietf:params:oauth:token-type:access_token"
        return 200, json.dumps(values).encode()

    def _handler(server: TokenServer) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
                url = urlsplit(self.path)
                if body.startswith("{"):
                    fields = json.loads(body)
                else:
                    fields = {name: values[0] for name, values in parse_qs(body or url.query).items()}
                server.calls.append((url.path, fields, {k.lower(): v for k, v in self.headers.items()}))
                status, answer = server._answer(url.path)
                server.go_on.wait(PATIENCE)
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                if status == 302:
                    self.send_header("Location", "/elsewhere")
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_POST

            def log_message(self, *arguments: Any) -> None:
                pass

        return Handler


class Clock:
    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def server() -> Iterator[TokenServer]:
    server = TokenServer()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """google-auth waits for seconds before it asks a failing server again."""
    monkeypatch.setattr(_exponential_backoff._BaseExponentialBackoff, "_calculate_jitter", lambda self: 0)


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(key: rsa.RSAPrivateKey) -> str:
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return key.private_bytes(*form).decode()


def user(url: str, **more: Any) -> dict[str, Any]:
    return {
        "type": "authorized_user",
        "client_id": "app.apps.googleusercontent.com",
        "client_secret": CLIENT_SECRET,
        "refresh_token": REFRESH_TOKEN,
        "token_uri": f"{url}/token",
        **more,
    }


def bot(url: str, key: rsa.RSAPrivateKey, **more: Any) -> dict[str, Any]:
    return {
        "type": "service_account",
        "project_id": "p",
        "private_key_id": "1",
        "private_key": pem(key),
        "client_email": "bot@p.iam.gserviceaccount.com",
        "token_uri": f"{url}/token",
        **more,
    }


def external(url: str, subject: Path, **more: Any) -> dict[str, Any]:
    subject.write_text("subject-token-of-a-workload")
    return {
        "type": "external_account",
        "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/p",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": f"{url}/sts",
        "credential_source": {"file": str(subject)},
        **more,
    }


def impersonated(url: str, source: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "type": "impersonated_service_account",
        "service_account_impersonation_url": url + IMPERSONATE,
        "source_credentials": source,
        **more,
    }


def write(path: Path, info: Any, mode: int = 0o600) -> Path:
    path.write_bytes(info if isinstance(info, bytes) else json.dumps(info).encode())
    path.chmod(mode)
    return path


def google(path: Path | None, *, clock: Clock | None = None, environ: Mapping[str, str] | None = None) -> Credential:
    return GoogleCredential(
        CredentialsFile(path, environ or {}), SCOPES["vertex"], clock=clock or time.time, quota_project="of-settings"
    )


def entry(**values: Any) -> AccountSettings:
    return section(AccountSettings, {"email": "a", **values})


def fields(credential: Credential) -> dict[str, str]:
    return {name.decode().lower(): value.decode() for name, value in credential.headers()}


async def settled(credential: Credential, done: Callable[[], bool]) -> None:
    """Wait for what goes on in the background."""
    for _ in range(1000):
        if done():
            return
        await asyncio.sleep(0.005)
    raise AssertionError(f"{credential} does not come to an end")


# ---- what goes onto the wire


def test_api_key() -> None:
    credential = ApiKey("key-1")
    assert credential.headers() == [(b"x-goog-api-key", b"key-1")]
    assert credential.is_fresh()
    assert not credential.look()
    asyncio.run(credential.refresh())
    with pytest.raises(CredentialError, match="can't be renewed") as e:
        asyncio.run(credential.refresh(refused=credential.version))
    assert e.value.permanent


@pytest.mark.parametrize(("project", "sent"), [(None, {}), ("p-1", {"x-goog-user-project": "p-1"})])
def test_static_token(project: str | None, sent: dict[str, str]) -> None:
    assert fields(StaticToken("t-1", project)) == {"authorization": "Bearer t-1", **sent}


def test_no_token_yet(tmp_path: Path, server: TokenServer) -> None:
    credential = google(write(tmp_path / "a.json", user(server.url)))
    assert not credential.is_fresh()
    with pytest.raises(CredentialError):
        credential.headers()


def test_service_account(tmp_path: Path, server: TokenServer, key: rsa.RSAPrivateKey) -> None:
    credential = google(write(tmp_path / "bot.json", bot(server.url, key)))
    asyncio.run(credential.refresh())
    assert fields(credential) == {"authorization": "Bearer token-1"}
    [(path, sent, _)] = server.calls
    assert (path, sent["grant_type"]) == ("/token", "urn:ietf:params:oauth:grant-type:jwt-bearer")
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    claims = jwt.decode(sent["assertion"], certs=public, audience="https://oauth2.googleapis.com/token")
    assert (claims["iss"], claims["scope"]) == ("bot@p.iam.gserviceaccount.com", CLOUD)
    assert claims["exp"] - claims["iat"] <= 3600


def test_authorized_user(tmp_path: Path, server: TokenServer) -> None:
    credential = google(write(tmp_path / "me.json", user(server.url)))
    asyncio.run(credential.refresh())
    assert fields(credential) == {"authorization": "Bearer token-1", "x-goog-user-project": "of-settings"}
    [(path, sent, _)] = server.calls
    assert path == "/token"
    assert sent == {
        "grant_type": "refresh_token",
        "client_id": "app.apps.googleusercontent.com",
        "client_secret": CLIENT_SECRET,
        "refresh_token": REFRESH_TOKEN,
    }


def test_external_account(tmp_path: Path, server: TokenServer) -> None:
    credential = google(write(tmp_path / "pool.json", external(server.url, tmp_path / "subject")))
    asyncio.run(credential.refresh())
    assert fields(credential) == {"authorization": "Bearer token-1"}
    [(path, sent, _)] = server.calls
    assert (path, sent["subject_token"], sent["scope"]) == ("/sts", "subject-token-of-a-workload", CLOUD)


def test_external_account_that_impersonates(tmp_path: Path, server: TokenServer) -> None:
    info = external(server.url, tmp_path / "subject", service_account_impersonation_url=server.url + IMPERSONATE)
    credential = google(write(tmp_path / "pool.json", info))
    asyncio.run(credential.refresh())
    assert server.paths() == ["/sts", IMPERSONATE]
    assert fields(credential) == {"authorization": "Bearer token-2"}


def test_external_user(tmp_path: Path, server: TokenServer) -> None:
    info = user(server.url, type="external_account_authorized_user", audience="//iam", token_url=f"{server.url}/sts")
    credential = google(write(tmp_path / "me.json", info))
    asyncio.run(credential.refresh())
    assert fields(credential) == {"authorization": "Bearer token-1", "x-goog-user-project": "of-settings"}


@pytest.mark.parametrize("source", ["authorized_user", "service_account", "external_account"])
def test_impersonated(tmp_path: Path, server: TokenServer, key: rsa.RSAPrivateKey, source: str) -> None:
    sources = {
        "authorized_user": user(server.url),
        "service_account": bot(server.url, key),
        "external_account": external(server.url, tmp_path / "subject"),
    }
    credential = google(write(tmp_path / "as.json", impersonated(server.url, sources[source])))
    asyncio.run(credential.refresh())
    assert fields(credential) == {"authorization": "Bearer token-2"}
    (first, _, _), (second, sent, headers) = server.calls
    assert (first, second) == ("/sts" if source == "external_account" else "/token", IMPERSONATE)
    assert sent["scope"] == [CLOUD]
    assert headers["authorization"] == "Bearer token-1"


def test_default_credentials(tmp_path: Path, server: TokenServer) -> None:
    named = {"GOOGLE_APPLICATION_CREDENTIALS": str(write(tmp_path / "named.json", user(server.url)))}
    folder = tmp_path / "gcloud"
    folder.mkdir()
    write(folder / "application_default_credentials.json", user(server.url, quota_project_id="of-file"))
    gcloud = {"CLOUDSDK_CONFIG": str(folder)}
    for environ, project in (
        (named, "of-settings"),
        (gcloud, "of-file"),
        (gcloud | named, "of-settings"),
        (named | {"GOOGLE_CLOUD_QUOTA_PROJECT": "of-environment"}, "of-environment"),
    ):
        credential = google(None, environ=environ)
        asyncio.run(credential.refresh())
        assert fields(credential)["x-goog-user-project"] == project


def test_metadata_server(tmp_path: Path, server: TokenServer) -> None:
    environ = {"CLOUDSDK_CONFIG": str(tmp_path), "GCE_METADATA_HOST": urlsplit(server.url).netloc}
    credential = make_credential(entry(credentials="adc", upstream="vertex"), environ, tmp_path)
    asyncio.run(credential.refresh())
    assert fields(credential) == {"authorization": "Bearer token-1"}
    [(path, sent, headers)] = server.calls
    assert path == "/computeMetadata/v1/instance/service-accounts/default/token"
    assert (sent, headers["metadata-flavor"]) == ({"scopes": CLOUD}, "Google")
    server.refuse(404, b"no account")
    with pytest.raises(CredentialError, match="status 404"):
        asyncio.run(
            GoogleCredential(CredentialsFile(None, environ), (), metadata_host=environ["GCE_METADATA_HOST"]).refresh()
        )


def test_neither_a_file_nor_a_machine_of_googles(tmp_path: Path, server: TokenServer) -> None:
    server.stop()
    environ = {"CLOUDSDK_CONFIG": str(tmp_path), "GCE_METADATA_HOST": urlsplit(server.url).netloc}
    credential = make_credential(entry(credentials="adc"), environ, tmp_path)
    with pytest.raises(CredentialError, match="application default credentials: there is no file") as e:
        asyncio.run(credential.refresh())
    assert not e.value.permanent
    write(tmp_path / "application_default_credentials.json", user(server.url))
    assert credential.look()
    assert credential.kind == "authorized_user"


@pytest.mark.parametrize(
    ("upstream", "file", "setting", "sent"),
    [
        ("gemini", None, "s", "s"),
        ("gemini", "f", "s", "f"),
        ("gemini", None, None, None),
        ("vertex", None, "s", "s"),
        ("code-assist", "f", "s", None),
    ],
)
def test_quota_project_of_a_person(
    tmp_path: Path, server: TokenServer, upstream: Any, file: str | None, setting: str | None, sent: str | None
) -> None:
    write(tmp_path / "me.json", user(server.url, **({"quota_project_id": file} if file else {})))
    account = entry(credentials="me.json", upstream=upstream, project=setting)
    credential = make_credential(account, {}, tmp_path)
    asyncio.run(credential.refresh())
    assert fields(credential).get("x-goog-user-project") == sent


def test_scopes() -> None:
    assert all(CLOUD in scopes for scopes in SCOPES.values())
    assert any("generative-language" in scope for scope in SCOPES["gemini"])


# ---- renewal


def test_one_refresh_for_all_who_wait(tmp_path: Path, server: TokenServer, key: rsa.RSAPrivateKey) -> None:
    credential = google(write(tmp_path / "bot.json", bot(server.url, key)))
    server.go_on.clear()

    async def run() -> None:
        waiting = [asyncio.create_task(credential.refresh()) for _ in range(20)]
        await settled(credential, lambda: bool(server.calls))  # the loop goes on while the server is silent
        given_up = waiting.pop()
        given_up.cancel()
        server.go_on.set()
        await asyncio.gather(*waiting)
        with pytest.raises(asyncio.CancelledError):
            await given_up
        await credential.refresh()

    asyncio.run(run())
    assert len(server.calls) == 1
    assert fields(credential) == {"authorization": "Bearer token-1"}


def test_the_loop_ends_during_a_refresh(tmp_path: Path, server: TokenServer, caplog: pytest.LogCaptureFixture) -> None:
    credential = google(write(tmp_path / "me.json", user(server.url)))
    server.go_on.clear()

    async def run() -> None:
        waiting = asyncio.create_task(credential.refresh())
        await settled(credential, lambda: bool(server.calls))
        waiting.cancel()

    asyncio.run(run())
    [thread] = [thread for thread in threading.enumerate() if thread.name == "token refresh"]
    server.go_on.set()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert not caplog.records
    asyncio.run(credential.refresh())  # in a new loop
    assert credential.is_fresh()


def test_a_fault_reaches_all_who_wait(tmp_path: Path, server: TokenServer) -> None:
    credential = google(write(tmp_path / "me.json", user(server.url)))
    server.refuse(400, {"error": "invalid_grant"})

    async def run() -> list[Any]:
        return await asyncio.gather(*(credential.refresh() for _ in range(20)), return_exceptions=True)

    errors = asyncio.run(run())
    assert len(server.calls) == 1
    assert all(isinstance(error, CredentialError) for error in errors)
    assert len({id(error) for error in errors}) == 20


def test_renewed_in_the_background_before_the_end(tmp_path: Path, server: TokenServer) -> None:
    clock = Clock()
    credential = google(write(tmp_path / "me.json", user(server.url)), clock=clock)

    async def run() -> None:
        await credential.refresh()
        clock.now += LIFETIME - EARLY - 10
        assert fields(credential)["authorization"] == "Bearer token-1"
        await asyncio.sleep(0)
        assert len(server.calls) == 1
        clock.now += 20
        server.go_on.clear()
        for _ in range(5):
            assert credential.is_fresh()
            assert fields(credential)["authorization"] == "Bearer token-1"
            await asyncio.sleep(0)
        server.go_on.set()
        await settled(credential, lambda: fields(credential)["authorization"] == "Bearer token-2")

    asyncio.run(run())
    assert len(server.calls) == 2


def test_a_token_ends(tmp_path: Path, server: TokenServer) -> None:
    clock = Clock()
    credential = google(write(tmp_path / "me.json", user(server.url)), clock=clock)
    asyncio.run(credential.refresh())
    clock.now += LIFETIME - TRANSIT - 2
    assert credential.is_fresh()
    clock.now += 4
    assert not credential.is_fresh()
    asyncio.run(credential.refresh())
    assert fields(credential)["authorization"] == "Bearer token-2"


def test_the_old_token_serves_while_the_server_fails(
    tmp_path: Path, server: TokenServer, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    credential = google(write(tmp_path / "me.json", user(server.url)), clock=clock)

    async def run() -> None:
        await credential.refresh()
        clock.now += LIFETIME - EARLY + 1
        server.refuse(400, {"error": "invalid_grant"})
        for expected in (2, 2, 3):
            assert fields(credential)["authorization"] == "Bearer token-1"
            await settled(credential, lambda expected=expected: len(server.calls) == expected)  # type: ignore[misc]
            await asyncio.sleep(0.05)
            clock.now += PAUSE * 0.6
        assert credential.fault is None
        clock.now += EARLY
        assert "invalid_grant" in (credential.fault or "")

    asyncio.run(run())
    assert caplog.text.count("the old one is still good") == 2


def test_a_refused_token_is_renewed_once(tmp_path: Path, server: TokenServer) -> None:
    """Also one that has only just been fetched; and all that were refused with it wait for the same new one."""
    credential = google(write(tmp_path / "me.json", user(server.url)))

    async def run() -> None:
        await credential.refresh()
        refused = credential.version
        await asyncio.gather(*(credential.refresh(refused) for _ in range(5)))
        assert len(server.calls) == 2
        await credential.refresh(refused)  # a late one, for the token of before
        assert len(server.calls) == 2
        await credential.refresh(credential.version)
        assert fields(credential)["authorization"] == "Bearer token-3"

    asyncio.run(run())


@pytest.mark.parametrize(("lifetime", "early"), [(3600, EARLY), (EARLY * 2, EARLY), (60, 30), (12, 6)])
def test_when_a_token_is_renewed(tmp_path: Path, server: TokenServer, lifetime: int, early: float) -> None:
    """In the background, and before anybody has to wait for it, however short it lasts."""
    clock = Clock()
    server.lifetime = lifetime
    credential = google(write(tmp_path / "me.json", user(server.url)), clock=clock)

    async def run() -> None:
        for fetched in (1, 2, 3):
            await credential.refresh()
            clock.now += lifetime - early - 2
            assert fields(credential)["authorization"] == f"Bearer token-{fetched}"
            await asyncio.sleep(0.02)
            assert len(server.calls) == fetched
            clock.now += 2.5
            assert credential.is_fresh()
            fields(credential)
            clock.now = time.time()  # by which google-auth reckons
            await settled(credential, lambda count=fetched: credential.version > count)  # type: ignore[misc]

    asyncio.run(run())


# ---- faults of the token server


@pytest.mark.parametrize(
    ("status", "answer", "said", "permanent", "calls"),
    [
        (400, {"error": "invalid_grant", "error_description": "Bad Request"}, "Bad Request.*log in again", True, 1),
        (401, {"error": "deleted_client"}, "deleted_client", True, 1),
        (400, {"error": "invalid_grant", "error_subtype": "invalid_rapt"}, "Reauthentication", True, 1),
        (400, {"error": "something_new"}, "something_new", False, 1),
        (503, {"error": "internal_failure"}, "internal_failure", False, 3),
        (502, b"<html><title>Bad</title></html>", "not JSON", False, 1),
        (403, b"\x00\xff", "can't be used", False, 1),
        (302, b"", "not JSON", False, 1),
        (200, {}, "No access token", False, 1),
        (200, b"garbage", "can't be used", False, 1),
        (200, {"access_token": 5, "expires_in": 10}, "no usable token", False, 1),
        (200, {"access_token": "a\r\nX-Evil: 1", "expires_in": 10}, "no usable token", False, 1),
        (200, {"access_token": "a", "expires_in": "soon"}, "can't be used", False, 1),
    ],
)
def test_refusals(
    tmp_path: Path, server: TokenServer, status: int, answer: Any, said: str, permanent: bool, calls: int
) -> None:
    credential = google(write(tmp_path / "me.json", user(server.url)))
    server.refuse(status, answer)
    with pytest.raises(CredentialError, match=f"^the credentials file me.json: .*{said}") as e:
        asyncio.run(credential.refresh())
    assert e.value.permanent is permanent
    assert credential.fault == (str(e.value) if permanent else None)
    assert len(server.calls) == calls
    server.refusal = None
    asked = len(server.calls)
    if permanent:
        with pytest.raises(CredentialError, match=said):
            asyncio.run(credential.refresh())
        assert len(server.calls) == asked
        asyncio.run(credential.refresh(refused=credential.version))
    else:
        asyncio.run(credential.refresh())
    assert credential.fault is None
    assert credential.is_fresh()


@pytest.mark.parametrize(
    ("status", "answer", "said", "permanent"),
    [
        (403, {"error": {"code": 403, "message": "Permission denied", "status": "PERMISSION_DENIED"}}, "denied", True),
        (503, {"error": {"code": 503, "message": "Later.", "status": "UNAVAILABLE"}}, "Later", False),
        (200, {"accessToken": "t"}, "expiration", False),
    ],
)
def test_refused_impersonation(
    tmp_path: Path, server: TokenServer, status: int, answer: Any, said: str, permanent: bool
) -> None:
    source = user(server.url, token="t", expiry="2999-01-01T00:00:00Z")
    del source["token_uri"]
    credential = google(write(tmp_path / "as.json", impersonated(server.url, source)))
    server.refuse(status, answer)
    with pytest.raises(CredentialError, match=said) as e:
        asyncio.run(credential.refresh())
    assert e.value.permanent is permanent
    assert server.paths() == [IMPERSONATE]


def test_a_workload_may_be_taken_next_time(tmp_path: Path, server: TokenServer) -> None:
    credential = google(write(tmp_path / "pool.json", external(server.url, tmp_path / "subject")))
    server.refuse(400, {"error": "invalid_grant", "error_description": "The subject token has expired."})
    with pytest.raises(CredentialError, match="has expired") as e:
        asyncio.run(credential.refresh())
    assert not e.value.permanent
    (tmp_path / "subject").unlink()
    with pytest.raises(CredentialError, match="was not found"):
        asyncio.run(credential.refresh())


def test_server_down(tmp_path: Path, server: TokenServer) -> None:
    credential = google(write(tmp_path / "me.json", user(server.url)))
    server.stop()
    with pytest.raises(CredentialError, match=r"127\.0\.0\.1:\d+ could not be asked: Connection refused") as e:
        asyncio.run(credential.refresh())
    assert not e.value.permanent
    assert credential.fault is None


def test_a_server_that_is_down_is_asked_again_in_the_background(tmp_path: Path, server: TokenServer) -> None:
    clock = Clock()
    credential = google(write(tmp_path / "me.json", user(server.url)), clock=clock)
    down = (503, b"{}")

    async def run() -> None:
        server.refusal = down
        assert credential.trouble is None
        with pytest.raises(CredentialError):
            await credential.refresh()
        asked = len(server.calls)
        for seconds in (PAUSE, 2 * PAUSE, 4 * PAUSE, 8 * PAUSE, LONGEST_PAUSE, LONGEST_PAUSE):
            assert "an error without a reason" in (credential.trouble or "")
            clock.now += seconds - 1
            assert not credential.look()
            await asyncio.sleep(0.02)
            assert len(server.calls) == asked
            clock.now += 1.1
            assert not credential.look()
            await settled(credential, lambda: credential._running is None)  # type: ignore[attr-defined]
            assert len(server.calls) > asked
            asked = len(server.calls)
        server.refusal = None
        clock.now += LONGEST_PAUSE + 1
        credential.look()
        await settled(credential, credential.is_fresh)
        assert credential.trouble is None

    asyncio.run(run())


def test_a_silent_server(tmp_path: Path, server: TokenServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(google_tokens, "TIMEOUT", 0.05)
    credential = google(write(tmp_path / "me.json", user(server.url)))
    server.go_on.clear()
    with pytest.raises(CredentialError, match="no answer in time"):
        asyncio.run(credential.refresh())


def test_a_server_that_never_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is never silent for long, and yet does not come to an end."""
    monkeypatch.setattr(google_tokens, "TIMEOUT", 0.1)
    hung_up = threading.Event()

    def drip() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
            try:
                while not hung_up.wait(0.01):
                    connection.sendall(b" ")
            except OSError:
                hung_up.set()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        credential = google(write(tmp_path / "me.json", user(url)))
        with pytest.raises(CredentialError, match="no answer in time"):
            asyncio.run(credential.refresh())
        thread.join(PATIENCE)
    assert hung_up.is_set()


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "file:///etc/passwd", "http://[::1/", "https://h:99999999/", "x"])
def test_urls_that_are_none(tmp_path: Path, url: str) -> None:
    credential = google(write(tmp_path / "me.json", user("", token_uri=url)))
    with pytest.raises(CredentialError):
        asyncio.run(credential.refresh())


def test_transport(server: TokenServer) -> None:
    server.refuse(302, b"")
    assert Transport()(server.url + "/token?a=b", "POST").status == 302
    assert server.paths() == ["/token"]
    with pytest.raises(CredentialError, match="certificate"):
        Transport()(server.url, cert=("a", "b"))
    clock = Clock()
    late = Transport(clock)
    clock.now += google_tokens.DEADLINE + 1
    with pytest.raises(CredentialError, match="no usable answer"):
        late(server.url)
    assert len(server.calls) == 1


# ---- the file


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b"\xff", "not valid JSON"),
        (b" " * (credential_files.MAX_SIZE + 1), "more than"),
        ([], "'type'"),
        ({"type": ["service_account"]}, "'type'"),
        ({"type": "gdch_service_account"}, "'type'"),
        ({"installed": {"client_secret": CLIENT_SECRET}}, "OAuth client"),
        ({"type": "service_account"}, "'client_email'"),
        (user("", refresh_token=""), "'refresh_token'"),
        (user("", client_secret={"a": CLIENT_SECRET}), "'client_secret'"),
        (bot("", rsa.generate_private_key(65537, 2048), private_key=CLIENT_SECRET), "private_key may be damaged"),
        (impersonated("", {"type": "x"}), "in its source_credentials: its 'type'"),
        (impersonated("", impersonated("", user(""))), "impersonated too"),
        (impersonated("", user(""), service_account_impersonation_url="http://h"), "no valid impersonated"),
        (user("", quota_project_id="two\nlines"), "no project id"),
    ],
)
def test_files_that_cannot_be_used(tmp_path: Path, content: Any, said: str) -> None:
    credential = google(write(tmp_path / "c.json", content))
    assert said in (credential.fault or "")
    assert CLIENT_SECRET not in (credential.fault or "")
    assert not credential.is_fresh()
    with pytest.raises(CredentialError) as e:
        asyncio.run(credential.refresh())
    assert e.value.permanent


def test_no_file_and_no_regular_file(tmp_path: Path) -> None:
    assert "No such file" in (google(tmp_path / "nowhere.json").fault or "")
    assert "it is no file" in (google(tmp_path).fault or "")
    os.mkfifo(tmp_path / "pipe")
    assert "it is no file" in (google(tmp_path / "pipe").fault or "")


def test_a_file_that_comes_later(tmp_path: Path, server: TokenServer) -> None:
    credential = google(tmp_path / "me.json")
    assert credential.fault
    assert not credential.look()
    write(tmp_path / "me.json", b"{")
    assert not credential.look()
    assert "not valid JSON" in credential.fault
    write(tmp_path / "me.json", user(server.url))
    assert credential.look()
    assert credential.fault is None
    assert not credential.look()
    asyncio.run(credential.refresh())
    assert credential.is_fresh()


def test_a_changed_file_takes_effect_and_the_old_token_serves_until_then(tmp_path: Path, server: TokenServer) -> None:
    path = write(tmp_path / "me.json", user(server.url))
    credential = google(path)

    async def run() -> None:
        await credential.refresh()
        write(path, user(server.url, refresh_token="another-refresh-token"))
        server.go_on.clear()
        assert credential.look()
        assert credential.is_fresh()
        assert fields(credential)["authorization"] == "Bearer token-1"
        server.go_on.set()
        await settled(credential, lambda: fields(credential)["authorization"] == "Bearer token-2")

    asyncio.run(run())
    assert [sent["refresh_token"] for _, sent, _ in server.calls] == [REFRESH_TOKEN, "another-refresh-token"]


def test_a_file_that_changes_during_a_refresh(tmp_path: Path, server: TokenServer) -> None:
    path = write(tmp_path / "me.json", user(server.url))
    credential = google(path)
    server.go_on.clear()

    async def run() -> None:
        waiting = asyncio.create_task(credential.refresh())
        await settled(credential, lambda: bool(server.calls))
        write(path, user(server.url, refresh_token="another-refresh-token"))
        assert credential.look()
        server.go_on.set()
        await waiting

    asyncio.run(run())
    assert fields(credential)["authorization"] == "Bearer token-2"
    assert server.calls[1][1]["refresh_token"] == "another-refresh-token"


def test_a_file_put_right_after_a_refusal(tmp_path: Path, server: TokenServer) -> None:
    path = write(tmp_path / "me.json", user(server.url))
    credential = google(path)
    server.refuse(400, {"error": "invalid_grant"})
    with pytest.raises(CredentialError):
        asyncio.run(credential.refresh())
    server.refusal = None
    write(path, user(server.url, refresh_token="another-refresh-token"))
    asyncio.run(credential.refresh())  # even if nobody has looked
    assert credential.fault is None


def test_a_broken_file_is_reported_and_the_old_one_stays(
    tmp_path: Path, server: TokenServer, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path / "me.json", user(server.url))
    credential = google(path)
    asyncio.run(credential.refresh())
    write(path, b"{")
    assert not credential.look()
    assert "those read before stay in use" in caplog.text
    path.unlink()  # as an editor does for a moment
    assert not credential.look()
    assert credential.fault is None
    assert credential.is_fresh()
    write(path, user(server.url))
    assert credential.look()


def test_a_file_for_all_to_read_is_warned_about_once(
    tmp_path: Path, server: TokenServer, caplog: pytest.LogCaptureFixture
) -> None:
    google(write(tmp_path / "private.json", user(server.url), 0o640))
    assert not caplog.records
    path = write(tmp_path / "public.json", user(server.url), 0o644)
    for _ in range(3):
        google(path)
    assert len(caplog.records) == 1
    assert f"chmod 600 {path}" in caplog.text


# ---- settings


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "no api_key, credentials or access_token"),
        ({"api_key": "k", "credentials": "c.json"}, "api_key and credentials; one is enough"),
        ({"api_key": "env:UNSET"}, "api_key is empty (is the environment variable set?)"),
        ({"access_token": "env:UNSET"}, "access_token is empty"),
        ({"api_key": "schlüssel"}, "characters"),
        ({"access_token": "two\nlines"}, "characters"),
        ({"access_token": "Bearer abc"}, "characters"),
        ({"credentials": " "}, "empty"),
        ({"api_key": "k", "upstream": "code-assist"}, "code-assist"),
        ({"api_key": "k", "project": "a b"}, "project"),
    ],
)
def test_settings_that_cannot_be_right(tmp_path: Path, values: dict[str, Any], said: str) -> None:
    with pytest.raises(CredentialError) as e:
        make_credential(entry(**values), {}, tmp_path)
    assert said in str(e.value)
    assert e.value.permanent


@pytest.mark.parametrize(
    ("values", "kind", "sent"),
    [
        ({"api_key": "env:KEY"}, ApiKey, {"x-goog-api-key": "of-the-environment"}),
        ({"api_key": "AQ.literal", "upstream": "vertex"}, ApiKey, {"x-goog-api-key": "AQ.literal"}),
        ({"access_token": "env:KEY"}, StaticToken, {"authorization": "Bearer of-the-environment"}),
        (
            {"access_token": "t", "project": "p"},
            StaticToken,
            {"authorization": "Bearer t", "x-goog-user-project": "p"},
        ),
        ({"access_token": "t", "project": "p", "upstream": "vertex"}, StaticToken, {"authorization": "Bearer t"}),
    ],
)
def test_settings(tmp_path: Path, values: dict[str, Any], kind: type, sent: dict[str, str]) -> None:
    credential = make_credential(entry(**values), {"KEY": "of-the-environment"}, tmp_path)
    assert type(credential) is kind
    assert fields(credential) == sent


def test_paths_begin_at_the_settings_file(tmp_path: Path, server: TokenServer) -> None:
    (tmp_path / "keys").mkdir()
    path = write(tmp_path / "keys" / "me.json", user(server.url))
    for written in ("keys/me.json", str(path)):
        assert make_credential(entry(credentials=written), {}, tmp_path).fault is None
    assert make_credential(entry(credentials="me.json"), {}, tmp_path).fault


# ---- secrets, and anything that may come


def test_no_secret_is_shown(
    tmp_path: Path, server: TokenServer, key: rsa.RSAPrivateKey, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("google").setLevel(logging.DEBUG)
    shown = [repr(ApiKey("key-of-a-person")), repr(StaticToken("a-of-a-person")), repr(Token("b-of-a-person", None))]
    sources = (user(server.url), bot(server.url, key), external(server.url, tmp_path / "subject"))
    assertions: list[str] = []
    for i, info in enumerate((*sources, impersonated(server.url, user(server.url)))):
        server.calls.clear()
        credential = google(write(tmp_path / f"{i}.json", info, 0o644))
        asyncio.run(credential.refresh())
        shown += [repr(credential), str(credential), str(credential.fault)]
        for status in (400, 500):
            echo = " ".join(str(value) for _, sent, _ in server.calls for value in sent.values())
            server.refuse(status, {"error": "invalid_grant", "error_description": echo})
            with pytest.raises(CredentialError) as e:
                asyncio.run(google(tmp_path / f"{i}.json").refresh())
            shown += [str(e.value), repr(e.value)]
        server.refusal = None
        assertions += [sent["assertion"] for _, sent, _ in server.calls if "assertion" in sent]
    assert assertions
    secrets = [REFRESH_TOKEN, CLIENT_SECRET, "-of-a-person", pem(key), *pem(key).split("\n")[1:-2], "token-1"]
    text = caplog.text + "\n".join(shown)
    for secret in [*secrets, *(part for assertion in assertions for part in assertion.split(".")[1:])]:
        assert secret not in text


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
some_files = st.sampled_from(sorted(REQUIRED)).flatmap(
    lambda kind: st.fixed_dictionaries(
        {"type": st.just(kind), **dict.fromkeys(REQUIRED[kind], json_values)},
        optional=dict.fromkeys({"quota_project_id", "scopes", "expiry", "token_uri"} - {*REQUIRED[kind]}, json_values),
    )
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=100) | some_files.map(lambda info: json.dumps(info).encode()))
def test_any_file_is_read_or_refused(tmp_path: Path, content: bytes) -> None:
    credential = google(write(tmp_path / "any.json", content))
    assert credential.fault is None or credential.fault.startswith(("the credentials file any.json", "the project"))


@given(
    st.sampled_from((200, 302, 400, 401, 403, 429, 500, 503)),
    st.binary(max_size=100)
    | json_values.map(lambda value: json.dumps(value).encode())
    | st.dictionaries(
        st.sampled_from(("access_token", "expires_in", "error", "error_description", "refresh_token")), json_values
    ).map(lambda value: json.dumps(value).encode()),
)
def test_any_answer_is_a_token_or_an_error(status: int, answer: bytes) -> None:
    source = open_source(user("http://h"), (), name="me")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_exponential_backoff._BaseExponentialBackoff, "_calculate_jitter", lambda self: 0)
        try:
            said = source.fetch(lambda *_, **__: Answer(status, {}, answer)).value
        except CredentialError as e:
            said = str(e)
    assert said
    assert said.isprintable()
