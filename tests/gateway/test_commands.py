"""addons.gateway.commands and addons.gateway.record.replay: what needs no running mitmproxy."""

from __future__ import annotations

import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mitmproxy import exceptions, http
from mitmproxy.proxy import mode_specs
from mitmproxy.test import taddons, tflow

from addons.gateway.accounts.account import Account
from addons.gateway.accounts.address import Address
from addons.gateway.accounts.credentials.credentials import ApiKey
from addons.gateway.accounts.pool import Pool
from addons.gateway.commands.accounts import AccountCommands
from addons.gateway.gateway import Gateway
from addons.gateway.record import replay
from addons.gateway.record.flow_record import ATTEMPT, CLIENT, KEY
from addons.gateway.record.replay import Replays, aim, side_of
from addons.gateway.settings.settings import RetrySettings, Settings

KEY_BYTES = "upstream-key-5d0c"
OWN = Address.parse("https://own.example:8443/base")


def flow_to(path: str, method: str = "POST", **record: Any) -> http.HTTPFlow:
    made = tflow.tflow()
    made.request = http.Request.make(method, f"http://127.0.0.1:8045{path}")
    if record:
        made.metadata[KEY] = record
    return made


@pytest.mark.parametrize(
    ("path", "method", "record", "side"),
    [
        ("/v1/chat/completions", "POST", {}, CLIENT),
        ("/chat/completions?x=1", "POST", {}, CLIENT),
        ("/v1/responses/resp_1", "DELETE", {}, CLIENT),
        ("/healthz", "GET", {}, CLIENT),
        ("/v1beta/models/gemini-2.5-flash:generateContent", "POST", {}, None),
        ("/v1beta/models/gemini-2.5-flash:generateContent", "POST", {"side": ATTEMPT}, ATTEMPT),
        ("/index.html", "GET", {}, None),
        ("/v1/nowhere", "POST", {}, None),
        ("/v1/nowhere", "POST", {"side": CLIENT}, CLIENT),
        ("/v1/chat/completions", "POST", {"side": ATTEMPT}, ATTEMPT),
    ],
)
def test_the_side_is_what_the_record_says_or_else_the_path(
    path: str, method: str, record: dict[str, Any], side: str | None
) -> None:
    assert side_of(flow_to(path, method, **record)) == side


@pytest.mark.parametrize(
    ("recorded", "mode", "answered", "concerned"),
    [
        (True, "regular", False, True),
        (False, "reverse:http://example.com", False, True),
        (False, "regular", False, False),
        (True, "reverse:http://example.com", True, False),
    ],
)
def test_what_is_the_gateways_business(recorded: bool, mode: str, answered: bool, concerned: bool) -> None:
    stray = flow_to("/", **({"side": CLIENT} if recorded else {}))
    stray.client_conn.proxy_mode = mode_specs.ProxyMode.parse(mode)
    stray.response = http.Response.make() if answered else None
    assert Replays(Gateway(environ={})).concerns(stray) is concerned


_NAMES = st.text(string.ascii_letters + "-", min_size=1, max_size=12)


@given(
    host=st.sampled_from(["evil.example", "own.example", "127.0.0.1"]),
    port=st.integers(1, 65535),
    prefix=st.sampled_from(["", "/base", "/other/deep", "/v1"]),
    rest=st.sampled_from(["models/m:generateContent", "models?pageSize=1", "../x", "models/m:countTokens?key=1"]),
    headers=st.lists(st.tuples(_NAMES, st.just("x")), max_size=3),
    signed_with=st.sampled_from(["Authorization", "x-goog-api-key", "Cookie", "PROXY-AUTHORIZATION"]),
)
def test_a_call_goes_to_its_accounts_own_address(
    host: str, port: int, prefix: str, rest: str, headers: list[tuple[str, str]], signed_with: str
) -> None:
    request = http.Request.make("POST", f"http://{host}:{port}{prefix}/v1beta/{rest}", b"{}")
    for name, value in [*headers, (signed_with, "secret"), ("Host", "evil.example")]:
        request.headers.add(name, value)
    aim(request, Account("a", ApiKey(KEY_BYTES), address=OWN), OWN)
    assert (request.scheme, request.host, request.port) == ("https", "own.example", 8443)
    assert request.headers.get_all("host") == ["own.example:8443"]
    assert request.path == f"/base/v1beta/{rest}"
    assert request.headers["content-length"] == "2"
    assert "secret" not in str(request.headers.fields)
    assert KEY_BYTES not in str(request.get_state())


def test_who_made_an_exchange_is_known_for_a_bounded_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "MAX_TENANTS", 2)
    replays = Replays(Gateway(environ={}))

    class Over:
        def __init__(self, id: str, tenant: str) -> None:
            self.id, self.tenant = id, tenant

    for over in (Over("1", "t"), Over("2", "t"), Over("none", ""), Over("3", "u")):
        replays.over(over)  # type: ignore[arg-type]
    assert [replays.tenant_of(id) for id in ("1", "2", "none", "3", "other")] == ["", "t", "", "u", ""]


@pytest.fixture
def gateway() -> Gateway:
    made = Gateway(environ={})
    accounts = [Account(label, ApiKey("k"), upstream=kind) for label, kind in (("a", "gemini"), ("b", "vertex"))]
    made.pool = Pool(accounts)
    return made


def lines(gateway: Gateway) -> list[str]:
    return list(AccountCommands(gateway).accounts())


def test_an_accounts_line(gateway: Gateway) -> None:
    a, b = gateway.pool.accounts
    assert lines(gateway) == ["a · gemini · ready", "b · vertex · ready"]
    gateway.pool.cool(a, "gemini-2.5-flash", 12, "429 quota")
    gateway.pool.set_aside(b, "its credential was refused (401)")
    assert lines(gateway) == [
        "a · gemini · cooling for gemini-2.5-flash 12 s",
        "b · vertex · set aside: its credential was refused (401)",
    ]


def test_cool_and_release(gateway: Gateway) -> None:
    commands = AccountCommands(gateway)
    with taddons.context(commands) as context:
        context.master.commands.execute("antigravity.cool a 30")
        assert lines(gateway)[0] == "a · gemini · cooling for all models 30 s"
        context.master.commands.execute("antigravity.cool b 30 gemini-3-flash")
        assert lines(gateway)[1] == "b · vertex · cooling for gemini-3-flash 30 s"
        for account in "ab":
            context.master.commands.execute(f"antigravity.release {account}")
        assert lines(gateway) == ["a · gemini · ready", "b · vertex · ready"]


def test_no_account_is_told_to_rest_where_none_ever_rests(gateway: Gateway) -> None:
    gateway.use(gateway.prepare(Settings(retry=RetrySettings(cooldown=False))))
    with pytest.raises(exceptions.CommandError, match=r"retry\.cooldown"):
        AccountCommands(gateway).cool("a", 30)


def test_what_still_cant_be_used_is_told(gateway: Gateway) -> None:
    gateway.pool.accounts[0].lacks = "it has no key"
    with pytest.raises(exceptions.CommandError, match="it has no key"):
        AccountCommands(gateway).release("a")


def test_accounts_are_offered_for_completion(gateway: Gateway) -> None:
    with taddons.context(AccountCommands(gateway)) as context:
        manager = context.master.commands
        choice = manager.commands["antigravity.cool"].parameters[0].type
        from mitmproxy.types import CommandTypes

        kind = CommandTypes.get(choice)
        assert kind
        assert kind.completion(manager, choice, "") == ["a", "b"]
