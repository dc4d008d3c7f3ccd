"""serve.py --print-env: the lines with which a tool in a shell finds the gateway.

Standard output has the lines and nothing else, for `eval "$(python3 scripts/serve.py --print-env claude)"`; what there
is to say goes to standard error.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

from addons.gateway.settings.settings import ProxySettings, SettingsError, section
from addons.gateway.status import shell_lines
from scripts import bootstrap

EVERYWHERE = ("", "0.0.0.0", "::")  # noqa: S104 - asked for, not bound


def run(tool: str, host: str, port: int, settings: str | None, environ: Mapping[str, str]) -> None:
    """Print the lines. `host`: where the gateway listens. Raises SetupError for settings that can't be read."""
    key, missing = _key(settings, environ)
    if missing:
        bootstrap.say(f"{key}: put one of the keys of [proxy] api_key of {settings} in its place.")
    sys.stdout.write(shell_lines.lines(tool, root(host, port), key) + "\n")


def root(host: str, port: int) -> str:
    """The gateway's address for tools on this machine, without `/v1`."""
    if host in EVERYWHERE:
        host = "127.0.0.1"
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _key(settings: str | None, environ: Mapping[str, str]) -> tuple[str, bool]:
    """What stands for the key, and whether the person has to put it there."""
    if settings is None:
        return shell_lines.NO_KEY, False
    try:
        told = tomllib.loads(Path(settings).read_text(encoding="utf-8-sig"))
        proxy = section(ProxySettings, told.get("proxy", {}))
    except (OSError, ValueError, SettingsError) as e:
        raise bootstrap.SetupError(f"{settings} can't be used: {e}") from None
    if proxy.effective_auth_mode == "off":
        return shell_lines.NO_KEY, False
    word, missing = shell_lines.key_word((key.get_secret_value() for key in proxy.api_key), environ)
    return (word, True) if missing else (f'"{word}"', False)
