"""addons.gateway.log.terminal, and all that prints: other people's text steers no terminal."""

from __future__ import annotations

import io
import json
import logging
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from addons.gateway.accounts.account import Account
from addons.gateway.accounts.credentials.credentials import ApiKey
from addons.gateway.gateway import Gateway
from addons.gateway.log import banner, terminal
from addons.gateway.log.exchange_log import ExchangeLog, _json
from addons.gateway.settings.settings import LogSettings
from scripts.commands import account_commands
from tests.gateway.exchange.test_summary import GOOD

HOSTILE = "a\x1b[2J\x9b1A\r\nforged\u2028line\x07\x7f"


def steers(text: str) -> bool:
    return any(not c.isprintable() and c not in "\n\t" for c in text)


def narrow(monkeypatch: pytest.MonkeyPatch) -> io.TextIOWrapper:
    """A terminal that has ASCII alone."""
    made = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", made)
    return made


def written(out: io.TextIOWrapper) -> str:
    out.flush()
    assert isinstance(out.buffer, io.BytesIO)
    return out.buffer.getvalue().decode()


def test_records_are_cleaned(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    out = narrow(monkeypatch)
    terminal.prepare()
    logger = logging.getLogger("antigravity")
    with caplog.at_level(logging.INFO):
        logger.warning(f"Account x: {HOSTILE}")
        try:
            raise ValueError(HOSTILE)
        except ValueError:
            logger.exception("Unexpected")
        logger.info("\x1b[32mcoloured\x1b[0m", extra=terminal.CLEAN)
    said, crash, coloured = caplog.records
    assert said.message == "Account x: a?[2J?1A\n  forged\n  line??"
    assert not steers(crash.message)
    assert "Traceback" in crash.message
    assert crash.exc_info is None
    assert coloured.message == "\x1b[32mcoloured\x1b[0m"
    assert out.errors == "backslashreplace"


def test_a_banner_is_cleaned() -> None:
    gateway = Gateway(environ={})
    gateway.use_only([Account(HOSTILE, ApiKey("k"))])
    shown = banner.text(gateway, banner.Where("http://127.0.0.1:1/v1"), Path(HOSTILE.replace("/", "")), demo=False)
    gateway.close_store()
    assert not steers(shown)
    assert "\nforged" not in shown


def test_a_table_of_accounts_is_cleaned(monkeypatch: pytest.MonkeyPatch) -> None:
    out = narrow(monkeypatch)
    account_commands._table([("é", HOSTILE), ("b", "ok")])
    assert written(out) == "\\xe9  a?[2J?1A forged line??\nb  ok\n"


def test_what_scripts_say_is_cleaned(monkeypatch: pytest.MonkeyPatch) -> None:
    out = narrow(monkeypatch)
    terminal.say(f"one\n{HOSTILE}")
    assert not steers(written(out))


@pytest.mark.parametrize("ascii_only", [False, True])
def test_json_lines_stay_json(ascii_only: bool) -> None:
    told = _json(replace(GOOD, path=HOSTILE, client_model="é"), ascii_only=ascii_only)
    assert told.isprintable()
    assert json.loads(told)["path"] == HOSTILE
    assert ("é" in told) != ascii_only


def test_json_lines_in_a_file_stay_lines(tmp_path: Path) -> None:
    log = ExchangeLog()
    log.use(LogSettings(format="json", file=tmp_path / "log"), Path())
    log.write(replace(GOOD, path=HOSTILE))
    log.close()
    [line] = (tmp_path / "log").read_text().splitlines()
    assert json.loads(line)["path"] == HOSTILE
