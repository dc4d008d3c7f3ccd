"""The text of a settings file without one of its accounts: all else stays as the person wrote it, comments too."""

from __future__ import annotations

import re
import tomllib

from addons.gateway.settings.settings import SettingsError

_TABLE = re.compile(r"\s*\[\[?[^\[\]]+\]\]?\s*(#.*)?")
_ACCOUNT = re.compile(r"\s*\[\[\s*[\"']?accounts[\"']?\s*\]\]\s*(#.*)?")


def without_account(text: str, label: str) -> str:
    """The text without the `[[accounts]]` table of that label. Raises SettingsError where that can't be had.

    What stands between the table's last line and the next table belongs to the next one.
    """
    before = tomllib.loads(text)
    accounts = before.get("accounts", [])
    number = next((n for n, account in enumerate(accounts) if account.get("email") == label), None)
    if number is None:
        labels = ", ".join(str(account.get("email")) for account in accounts) or "none"
        raise SettingsError(f"There is no account {label!r}; there are: {labels}.")
    lines = text.splitlines(keepends=True)
    tables = [n for n, line in enumerate(lines) if _TABLE.fullmatch(line.rstrip("\r\n"))]
    own = [n for n in tables if _ACCOUNT.fullmatch(lines[n].rstrip("\r\n"))]
    if number < len(own):
        begin = own[number]
        end = next((n for n in tables if n > begin), len(lines))
        while end > begin + 1 and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
            end -= 1
        rest = lines[end:]
        while rest and not rest[0].strip():
            rest = rest[1:]
        made = "".join(lines[:begin] + rest)
        wanted = {**before, "accounts": accounts[:number] + accounts[number + 1 :]}
        if _same(made, wanted):
            return made
    raise SettingsError(f"The account {label!r} has no [[accounts]] table of its own to take out; edit the file.")


def _same(text: str, wanted: dict[str, object]) -> bool:
    try:
        return {"accounts": [], **tomllib.loads(text)} == wanted
    except tomllib.TOMLDecodeError:
        return False
