"""The cassette as mitmproxy's options and the settings name it, opened and closed."""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from mitmproxy import ctx
from mitmproxy.addonmanager import Loader

from addons.gateway.settings.home import expanded

if TYPE_CHECKING:
    from addons.gateway.accounts.account import Account
    from addons.gateway.accounts.pool import Pool
    from addons.gateway.cassettes.cassettes import Cassettes
    from addons.gateway.models.model_lists import ModelLists
    from addons.gateway.money.money import Money
    from addons.gateway.settings.settings import CassetteSettings, Settings
    from addons.gateway.storage.refused_forms import RefusedForms

logger = logging.getLogger("antigravity")


class Recordable(Protocol):
    """What of the gateway has to do with cassettes."""

    settings: Settings
    pool: Pool
    models: ModelLists
    refused_forms: RefusedForms
    cassettes: Cassettes | None
    money: Money

    def use_only(self, accounts: list[Account]) -> None:
        """Serve from these accounts."""


def add(loader: Loader) -> None:
    """Make the options known. Each, where it is set, stands above what the settings say."""
    loader.add_option(
        "antigravity_cassette", str, "", "Folder of recorded calls that answer in Gemini's place; see the README."
    )
    loader.add_option(
        "antigravity_cassette_record",
        str,
        "",
        "once: record if the folder has no recording, else answer from it alone. none: answer from it alone. "
        "new: answer from it, and record what is new. all: record everything anew. "
        "Empty: as [cassette] record says, else once.",
        choices=("", "once", "none", "new", "all"),
    )
    loader.add_option(
        "antigravity_cassette_speed",
        str,
        "",
        "When recordings answer. Empty: as [cassette] speed says, else at once.",
        choices=("", "at once", "recorded"),
    )


def open_cassette(gateway: Recordable, folder: Path | None) -> None:
    """Open the folder that is named, if one is. `folder`: that of the settings file.

    What can't be used is an error in the log, which ends mitmproxy at its start.
    """
    wanted = _wanted(gateway.settings.cassette, folder or Path())
    if wanted.folder is None:
        return
    from addons.gateway.cassettes.cassettes import Cassettes  # loaded only by those who want it
    from addons.gateway.cassettes.files import CassetteError

    has_accounts = bool(gateway.pool.accounts) or ctx.options.antigravity_demo
    try:
        gateway.cassettes = Cassettes.open(wanted, gateway, os.environ, has_accounts=has_accounts)
    except (CassetteError, OSError) as e:
        logger.error(f"The cassette can't be used: {e}")
        return
    logger.info(gateway.cassettes.words())


def _wanted(settings: CassetteSettings, folder: Path) -> CassetteSettings:
    options = ctx.options
    said: dict[str, Any] = {}
    if named := options.antigravity_cassette:
        said["folder"] = expanded(named)
    elif settings.folder is not None:
        said["folder"] = folder / settings.folder
    if options.antigravity_cassette_record:
        said["record"] = options.antigravity_cassette_record
    if options.antigravity_cassette_speed:
        said["speed"] = options.antigravity_cassette_speed
    return replace(settings, **said)
