"""addons.gateway.settings.settings: the settings file."""

from __future__ import annotations

from dataclasses import asdict, fields
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.gateway.accounts.account import Account
from addons.gateway.settings.secret import Secret
from addons.gateway.settings.settings import (
    SECTIONS,
    FaultRuleSettings,
    Settings,
    SettingsError,
    checked,
    load,
    proxy_keys,
)

WHOLE = """
[proxy]
auth_mode = "auto"
api_key = ["env:ANTIGRAVITY_KEY", "sk-literal"]
allow_lan_access = true
expose_account = false
allowed_origins = ["https://app.example"]

[retry]
max_attempts = 5
max_wait = "500ms"
cooldown = false

[models]
default = "gemini-2.5-flash"
[models.mapping]
"gpt-4o" = "gemini-2.5-flash"

[translation]
signature_in_call_id = true

[[accounts]]
email = "first@example.com"
api_key = "env:GEMINI_KEY_1"

[[accounts]]
email = "build-bot"
upstream = "vertex"
credentials = "bot.json"
project = "my-project"
location = "global"
models = ["gemini-*"]
weight = 2
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "antigravity.toml"
    path.write_text(text)
    return path


def test_the_whole_contract(tmp_path: Path) -> None:
    environ = {"ANTIGRAVITY_KEY": "sk-env", "GEMINI_KEY_1": "key-one"}
    settings = load(write(tmp_path, WHOLE), environ)
    assert proxy_keys(settings, environ) == ["sk-env", "sk-literal"]
    assert settings.proxy.effective_auth_mode == "all_except_health"
    assert (settings.retry.max_attempts, settings.retry.max_wait, settings.retry.cooldown) == (5, 0.5, False)
    assert settings.models.mapping == {"gpt-4o": "gemini-2.5-flash"}
    assert settings.translation.options().signature_in_call_id
    first, bot = (Account.from_settings(entry, environ, Path()) for entry in settings.accounts)
    assert (first.label, first.credential.headers(), first.unusable) == (
        "first@example.com",
        [(b"x-goog-api-key", b"key-one")],
        None,
    )
    assert (bot.upstream, bot.project, bot.location) == ("vertex", "my-project", "global")
    assert bot.unusable


def test_defaults() -> None:
    settings = load(None, {})
    assert settings == Settings()
    assert settings.proxy.effective_auth_mode == "off"
    assert settings.retry.max_wait == 10.0


@pytest.mark.parametrize(
    ("environ", "labels", "keys"),
    [
        ({"GEMINI_API_KEYS": "a, b,,c"}, ["GEMINI_API_KEYS-1", "GEMINI_API_KEYS-2", "GEMINI_API_KEYS-3"], "abc"),
        ({"GEMINI_API_KEY": "a", "GOOGLE_API_KEY": "b"}, ["GEMINI_API_KEY-1"], "a"),
        ({"GOOGLE_API_KEY": "b"}, ["GOOGLE_API_KEY-1"], "b"),
        ({"GEMINI_API_KEYS": " "}, [], ""),
    ],
)
def test_accounts_from_the_environment(environ: dict[str, str], labels: list[str], keys: str) -> None:
    accounts = [Account.from_settings(entry, environ, Path()) for entry in load(None, environ).accounts]
    assert [account.label for account in accounts] == labels
    assert "".join(account.credential.headers()[0][1].decode() for account in accounts) == keys


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[proxy]\nauth_mod = 'off'", "proxy.auth_mod: no such setting; did you mean 'auth_mode'?"),
        ("[proxy]\nauth-mode = 'off'", "proxy.auth-mode: no such setting; did you mean 'auth_mode'?"),
        ("[prox]\nauth_mode = 'off'", "prox: no such setting; did you mean 'proxy'?"),
        ("auth_mode = 'off'", "auth_mode: no such setting; it belongs to [proxy]"),
        ("[proxy]\nweight = 1", "proxy.weight: no such setting; it belongs to [[accounts]]"),
        ("[[accounts]]\nemail = 'a'\napi_keys = 'k'", "accounts.0.api_keys: no such setting; did you mean 'api_key'?"),
        ("[proxy]\nnonsense = 1", "proxy.nonsense: no such setting"),
        ("[responses]\nstore = '~nobody-here/kept.db'", "responses.store: the home folder ~nobody-here is not known"),
        ("[log]\nfile = '~nobody-here/log'", "log.file: the home folder ~nobody-here is not known"),
        ('[responses]\nstore = "a\\u0000b"', "responses.store: a path holds no NUL character"),
        ('[log]\nfile = "a\\u0000b"', "log.file: a path holds no NUL character"),
        ("[proxy]\nkeep_alive = -1", "proxy.keep_alive"),
        ("[proxy]\nauth_mode = 'sometimes'", "proxy.auth_mode"),
        ("[retry]\nmax_wait = 'soon'", "retry.max_wait"),
        ("[retry]\nmax_attempts = 0", "retry.max_attempts"),
        ("[[accounts]]\napi_key = 'sk-secret-123'", "accounts.0.email"),
        ("[[accounts]]\nemail = 'a'\napi_key = 12345678", "accounts.0.api_key"),
        ("[[accounts]]\nemail = 'a'\nbase_url = 'localhost:1'", "accounts.0.base_url"),
        ("[[accounts]]\nemail = 'a'\nbase_url = 'http://[x'", "accounts.0.base_url: a URL such as"),
        ("[[accounts]]\nemail = 'a'\nbase_url = 'http://host:65536'", "accounts.0.base_url: a URL such as"),
        ("[telemetry]\nendpoint = 'http://[x'", "telemetry.endpoint: a URL such as"),
        ("[telemetry]\nendpoint = 'http://host:port'", "telemetry.endpoint: a URL such as"),
        ("[prices.models]\na = { input = 1, long_input = 2 }", "prices.models: a: without long_above"),
        ("[retry]\nmax_attempts = true", "retry.max_attempts: Input should be a valid integer"),
        ("[retry]\nmax_wait = true", "retry.max_wait: Input should be a valid number"),
        ("[limits]\nbudget_per_day = '5'", "limits.budget_per_day: Input should be a valid number"),
        ("[responses]\nmax_size = true", "responses.max_size: a size such as"),
        ("[prices.models]\na = { input = true }", "prices.models.a.input"),
        ("[cassette]\nfolder = 5", "cassette.folder"),
        ("[cassette]\nfolder = ''", "cassette.folder: a path is expected"),
        ("[log]\nfile = ''", "log.file: a path is expected"),
        ("[[accounts]]\nemail = 'a'\n[[accounts]]\nemail = 'a'", "used twice"),
        ("[proxy", "not valid TOML"),
        ("accounts = 'x'", "accounts"),
        ("proxy = 'x'", "proxy: a table is expected"),
        ("faults.rules = ['x']", "faults.rules.0: a table is expected"),
        ("[[faults.rules]]\nfaul = '429'", "faults.rules.0.faul: no such setting; did you mean 'fault'?"),
        ("[[faults.rules]]\nfault = '429'\nnth = [1, 0]", "faults.rules.0.nth.1: Input should be greater than"),
        (
            "[proxy]\nkeep_aliv = 1\n[retry]\nmax_attempts = 0\n[prox]",
            "; did you mean 'keep_alive'?; retry.max_attempts: ",
        ),
        ("[proxy]\nkeep_aliv = 1\n[retry]\nmax_attempts = 0\n[prox]", "; prox: no such setting"),
        ("[state]\nprefix = 'a b'", "state.prefix"),
        ("[state]\nanswer_within = '3s'", "state.answer_within: Input should be less than or equal to 2"),
        ("[state]\nanswer_within = 0", "state.answer_within: Input should be greater than 0"),
        ("[trace]\nkeep_bytes = 'much'", "trace.keep_bytes"),
        ("[prices.models]\na = { inputs = 1 }", "prices.models.a.inputs"),
    ],
)
def test_faults_are_named_without_secrets(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsError) as e:
        load(write(tmp_path, text), {})
    assert said in str(e.value)
    assert "sk-secret-123" not in str(e.value)
    assert "12345678" not in str(e.value)


SWITCHES = [
    (table, one.name)
    for table, kind in SECTIONS.items()
    for one in fields(kind)
    if table != "accounts" and isinstance(one.default, bool)
]


@pytest.mark.parametrize(("table", "name"), SWITCHES)
def test_a_switch_is_true_or_false(tmp_path: Path, table: str, name: str) -> None:
    for value in (True, False):
        settings = load(write(tmp_path, f"[{table}]\n{name} = {str(value).lower()}"), {})
        assert getattr(getattr(settings, table), name) is value
    for other in ("1", "0.0", "'yes'", "'true'", "'off'"):
        with pytest.raises(SettingsError, match=rf"{table}\.{name}: Input should be a valid boolean"):
            load(write(tmp_path, f"[{table}]\n{name} = {other}"), {})


@pytest.mark.parametrize(
    ("value", "seconds"), [("0", 0), ("'0s'", 0), ("'500ms'", 0.5), ("' 500 ms '", 0.5), ("15", 15)]
)
def test_signs_of_life_can_be_switched_off(tmp_path: Path, value: str, seconds: float) -> None:
    assert load(write(tmp_path, f"[proxy]\nkeep_alive = {value}"), {}).proxy.keep_alive == seconds


@pytest.mark.parametrize(
    ("credentials", "why"),
    [
        ("~nobody-here/bot.json", "the home folder ~nobody-here is not known"),
        ("~nobody-here", "the home folder ~nobody-here is not known"),
        ("a\0b", "a path holds no NUL character"),
    ],
)
def test_credentials_whose_path_is_none_make_one_account_unusable(credentials: str, why: str) -> None:
    settings = checked({"accounts": [{"email": "a", "credentials": credentials}]})
    account = Account.from_settings(settings.accounts[0], {}, Path())
    assert account.unusable == f"its credentials: {why}"


def test_without_a_home_there_are_no_default_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(path: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", unknown)
    settings = checked({"accounts": [{"email": "a", "credentials": "adc"}]})
    assert not Account.from_settings(settings.accounts[0], {}, Path()).credential.look()


def test_what_stands_in_for_a_type_is_made_of_texts(tmp_path: Path) -> None:
    text = "[trace]\nkeep_bytes = '2MB'\n[faults]\nrules = [{ fault = '429', nth = 3 }]\n"
    settings = load(write(tmp_path, text + "[prices.models]\na = { input = '0.1' }"), {})
    assert settings.trace.keep_bytes == 2_000_000
    assert settings.faults.rules == [FaultRuleSettings(fault="429", nth=[3])]
    assert settings.prices.models == {"a": {"input": Decimal("0.1")}}


@pytest.mark.parametrize("table", SECTIONS)
def test_an_empty_table_is_as_good_as_none(table: str) -> None:
    assert checked({table: [] if table == "accounts" else {}}) == Settings()


def test_a_secret_compares_like_its_text() -> None:
    one = Secret("k-123")
    assert {one: 1}[Secret("k-123")] == 1
    assert one not in (Secret("k-124"), "k-123")
    assert (str(one), str(Secret(""))) == ("Secret('**********')", "Secret('')")


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such file") as e:
        load(tmp_path / "nowhere.toml", {})
    assert str(e.value).count("nowhere.toml") == 1


@pytest.mark.parametrize(
    ("key", "reason"),
    [("env:UNSET", "environment variable"), ("", "empty"), ("schlüssel", "characters"), ("two\nlines", "characters")],
)
def test_an_account_without_a_usable_key_does_not_stop_the_others(key: str, reason: str) -> None:
    settings = checked({"accounts": [{"email": "a", "api_key": key}]})
    account = Account.from_settings(settings.accounts[0], {}, Path())
    assert account.unusable
    assert reason in account.unusable


def test_no_secret_in_any_representation() -> None:
    settings = checked({"accounts": [{"email": "a", "api_key": "k-123"}], "proxy": {"api_key": "p-1"}})
    account = Account.from_settings(settings.accounts[0], {}, Path())
    for shown in (repr(settings), str(settings), str(asdict(settings)), repr(account)):
        assert "k-123" not in shown
        assert "p-1" not in shown


@given(st.binary(max_size=200))
def test_any_file_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("settings") / "f.toml"
    path.write_bytes(data)
    try:
        load(path, {})
    except SettingsError:
        pass
