"""What scripts/accounts.py does, in the environment that it sets up.

* A key is asked for without an echo, and is never printed.
* The settings file stays as it is but for what is appended or taken out; it is replaced as a whole, and only if the
  result is valid.
* A file that gets a key is readable by its owner alone.
"""

from __future__ import annotations

import argparse
import asyncio
import getpass
import json
import os
import sys
import tempfile
import time
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from addons.gateway.accounts import direct_call
from addons.gateway.accounts.account import Account
from addons.gateway.accounts.address import Address
from addons.gateway.accounts.credentials.credentials import CredentialError
from addons.gateway.accounts.network import proxies
from addons.gateway.log.terminal import say
from addons.gateway.settings.home import expanded
from addons.gateway.settings.settings import AccountSettings, Settings, SettingsError, load, secret, section
from mapping.gemini.count import count_call
from mapping.gemini.errors.rules import Kind
from mapping.gemini.errors.upstream_errors import UpstreamError
from mapping.gemini.model_classes import fallback
from mapping.inspect.printable import one_line
from mapping.values import GeminiCall
from scripts.commands.settings_text import without_account

VERDICTS: tuple[tuple[Kind | None, str, str], ...] = (
    (None, "SERVICE_DISABLED", "API disabled"),
    (None, "invalid_api_key", "refused"),
    (None, "billing_not_active", "no billing"),
    (None, "unsupported_country_region_territory", "wrong region"),
    (None, "upstream_unreachable", "no network"),
    (None, "model_not_found", "no such model"),
    (Kind.AUTH, "", "refused"),
    (Kind.BILLING, "", "no money left"),
    (Kind.QUOTA, "", "exhausted"),
    (Kind.CAPACITY, "", "overloaded"),
    (Kind.SERVER, "", "upstream fails"),
)
"""(kind, word of the reason or code, verdict): the first row that fits an error."""


def run(options: argparse.Namespace, path: str, environ: Mapping[str, str]) -> int:
    """Run a command on a settings file; returns the exit status."""
    try:
        if options.command == "add":
            return add(options, Path(path), environ)
        if options.command == "remove":
            return remove(options.label, Path(path), environ)
        settings = load(Path(path) if os.path.exists(path) else None, environ)
        proxies.use(proxies.Proxies.of(settings.upstream, environ))
        folder = Path(path).resolve().parent
        accounts = [Account.from_settings(entry, environ, folder) for entry in settings.accounts]
        if not accounts:
            say("There is no account. Add one: accounts.py add LABEL")
            return 1
        if options.command == "list":
            return show(accounts)
        model = options.model or fallback("flash", datetime.now(UTC).date())
        return asyncio.run(check(accounts, Address.parse(options.upstream), model))
    except (SettingsError, OSError) as e:
        say(e, sys.stderr)
        return 1


# --- list and check


def show(accounts: list[Account]) -> int:
    """Print the accounts, and whether their settings and files are in order."""
    _table([(a.label, a.upstream, a.credential.kind, a.unusable or "usable") for a in accounts])
    return 1 if any(account.unusable for account in accounts) else 0


async def check(accounts: list[Account], default: Address, model: str) -> int:
    """Make a cheap call with each account, and print what came of it."""
    verdicts = await asyncio.gather(*(verdict(account, default, model) for account in accounts))
    _table([(account.label, account.upstream, *said) for account, said in zip(accounts, verdicts, strict=True)])
    return 0 if all(word == "ok" for word, _ in verdicts) else 1


async def verdict(account: Account, default: Address, model: str) -> tuple[str, str]:
    """(`ok` or what is wrong in two words, more about it)."""
    if account.unusable:
        return "not usable", account.unusable
    try:
        await account.credential.refresh()
    except CredentialError as e:
        return ("refused" if e.permanent else "no token"), str(e)
    begun = time.monotonic()
    try:
        await asyncio.to_thread(_call, account, default, model)
    except UpstreamError as e:
        return word_for(e), " ".join(filter(None, (e.error.message, e.todo, e.detail and f"({e.detail})")))
    return "ok", f"{time.monotonic() - begun:.2f} s"


def _call(account: Account, address: Address, model: str) -> None:
    """List models, or count the tokens of a word. Raises UpstreamError."""
    if account.upstream == "gemini":
        call = GeminiCall("", "", query="?pageSize=1")
    else:
        hello = {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}
        call = count_call(model, hello)
    direct_call.make(account, address, call)


def word_for(problem: UpstreamError) -> str:
    """What is wrong, in two words."""
    words = f"{problem.reason} {problem.error.code}".split()
    for kind, word, said in VERDICTS:
        if (kind is None or problem.kind is kind) and (not word or word in words):
            return said
    return "refused the call"


def _table(rows: list[tuple[str, ...]]) -> None:
    rows = [tuple(map(one_line, row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


# --- add


def add(options: argparse.Namespace, path: Path, environ: Mapping[str, str]) -> int:
    """Append an account to the settings file. Raises SettingsError, OSError."""
    path = path.resolve()
    before = load(path, {}) if path.exists() else Settings()
    if options.label in [account.email for account in before.accounts]:
        raise SettingsError(f"{path} has an account {options.label!r} already.")
    values = {"email": options.label}
    if options.credentials:
        values["credentials"] = _place(options.credentials, path.parent)
    else:
        values["api_key"] = read_key().strip()
    for name in ("upstream", "project", "location", "base_url", "models"):
        value = getattr(options, name)
        if value and value != getattr(AccountSettings(email=""), name):
            values[name] = value
    entry = _checked(values)
    key = values.get("api_key", "")
    unset = key[4:].strip() if key.startswith("env:") and not secret(entry.api_key, environ) else ""
    # A variable that is not set here may be set where the gateway runs: all else is checked as if it were.
    account = Account.from_settings(entry, {**environ, unset: "key"} if unset else environ, path.parent)
    if account.unusable:
        raise SettingsError(f"The account was not added: {account.unusable}.")
    text = "[[accounts]]\n" + "".join(
        f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in values.items()
    )
    _append(path, text, private=bool(key) and not key.startswith("env:"))
    say(f"Added {one_line(options.label)} to {path}. Whether it works: accounts.py check")
    if unset:
        say(
            f"The environment variable {one_line(unset)} is not set here. Without it the account can't be used.",
            sys.stderr,
        )
    unused = [account.email for account in load(None, environ).accounts]
    if unused and not before.accounts:
        say("The file has accounts now, so the keys in the environment are not used any more.")
    return 0


# --- remove


def remove(label: str, path: Path, environ: Mapping[str, str]) -> int:
    """Take an account out of the settings file. Raises SettingsError, OSError."""
    path = path.resolve()
    load(path, {})
    text = without_account(path.read_bytes().decode(), label)
    _replace(path, text.encode(), private=False)
    say(f"Removed {one_line(label)} from {path}.")
    left = load(path, environ).accounts
    if not tomllib.loads(text).get("accounts"):
        say("It was the last one: the keys of the environment are used again." if left else "It was the last one.")
    return 0


# --- both


def _checked(values: dict[str, str]) -> AccountSettings:
    """The settings that will be read, or a SettingsError without a secret."""
    try:
        return section(AccountSettings, values)
    except SettingsError as e:
        raise SettingsError(f"The account was not added: {e}.") from None


def read_key() -> str:
    """From the terminal without an echo, or a line from a pipe."""
    if sys.stdin.isatty():
        return getpass.getpass("API key (not shown): ")
    return sys.stdin.readline()


def _place(credentials: str, folder: Path) -> str:
    """The path as it stands in the settings: relative to them where the file lies beside or below them."""
    if credentials == "adc":
        return credentials
    path = expanded(credentials).resolve()
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)


def _append(path: Path, text: str, *, private: bool) -> None:
    """Append to the settings file."""
    old = path.read_bytes() if path.exists() else b""
    gap = b"" if not old else b"\n" if old.endswith(b"\n") else b"\n\n"
    _replace(path, old + gap + text.encode(), private=private)


def _replace(path: Path, content: bytes, *, private: bool) -> None:
    """Replace the settings file as a whole, once the new one has been read without a fault. Raises SettingsError."""
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    made = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        made.chmod(0o600 if private else mode)
        load(made, {})
        made.replace(path)
    except SettingsError as e:
        raise SettingsError(str(e).replace(name, str(path))) from None
    finally:
        made.unlink(missing_ok=True)
