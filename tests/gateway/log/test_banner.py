"""addons.gateway.log.banner: what a person sees at the start can be used as it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from addons.gateway.gateway import Gateway
from addons.gateway.log import banner
from addons.gateway.log.banner import Where

WHERE = Where("http://127.0.0.1:8045/v1")
SECRET = "sk-literal-secret"


def shown(tmp_path: Path, settings: str, found: Where = WHERE, *, demo: bool = False) -> str:
    file = tmp_path / "antigravity.toml"
    file.write_text(settings)
    gateway = Gateway(environ={"SET": "k"})
    gateway.use(gateway.load(file))
    text = banner.text(gateway, found, file, demo=demo)
    gateway.close_store()
    return text


@pytest.mark.parametrize(
    ("proxy", "header", "hint"),
    [
        ("auth_mode = 'off'", "", False),
        ("auth_mode = 'strict'", "YOUR_KEY", True),
        (f"auth_mode = 'strict'\napi_key = '{SECRET}'", "YOUR_KEY", True),
        ("auth_mode = 'strict'\napi_key = 'env:SET'", "$SET", False),
        ("auth_mode = 'strict'\napi_key = 'env:UNSET'", "YOUR_KEY", True),
        (f"auth_mode = 'strict'\napi_key = ['{SECRET}', 'env: SET']", "$SET", False),
    ],
)
def test_the_curl_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proxy: str, header: str, hint: bool) -> None:
    """It works as printed, or says what to put."""
    monkeypatch.setenv("SET", "k")
    text = shown(tmp_path, f"[proxy]\n{proxy}\n")
    assert (f' -H "Authorization: Bearer {header}"' in text) == bool(header)
    assert ("YOUR_KEY: the key in [proxy] api_key of the settings" in text) == hint
    assert SECRET not in text


def test_mitmwebs_page_and_the_address_for_others(tmp_path: Path) -> None:
    found = Where(WHERE.base_url, "http://192.0.2.7:8045/v1", "http://127.0.0.1:8081/?token=abc")
    text = shown(tmp_path, "", found)
    assert "mitmweb    http://127.0.0.1:8081/?token=abc (in a browser)" in text
    assert "for others http://192.0.2.7:8045/v1" in text
    alone = shown(tmp_path, "")
    assert "mitmweb  " not in alone
    assert "for others" not in alone


@pytest.mark.parametrize("demo", [False, True])
def test_the_demo_is_named(tmp_path: Path, demo: bool) -> None:
    assert ("*** DEMO: " in shown(tmp_path, "", demo=demo)) == demo
