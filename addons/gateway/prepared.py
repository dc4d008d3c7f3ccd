"""Settings made ready to serve by.

All that can fail or take time is done here, off the event loop if need be, and touches nothing that is in force: so
new settings are taken wholly or not at all.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from addons.gateway.accounts.account import Account
from addons.gateway.accounts.network.proxies import Proxies
from addons.gateway.http.callers import Gatekeeper
from addons.gateway.models.model_map import ModelMap
from addons.gateway.settings.settings import AccountSettings, Settings, SettingsError, proxy_keys
from addons.gateway.shared.opening import SharedSource, source_of
from addons.gateway.storage.opened import OpenStore, StorePlace
from addons.gateway.telemetry.source import TelemetrySource
from addons.gateway.telemetry.source import source_of as telemetry_of
from mapping.values import Options

if TYPE_CHECKING:
    from addons.gateway.fault_injection.injector import FaultInjector

logger = logging.getLogger("antigravity")

SHARED_STORE = "responses.db"
"""The file of several workers where the settings name none."""

type MadeAccount = tuple[Path, AccountSettings, Account]
"""The folder of the settings, an entry, and the account that was made of it."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """See the module."""

    settings: Settings
    folder: Path
    """Where relative paths of the settings begin."""
    options: Options
    gatekeeper: Gatekeeper
    model_map: ModelMap
    proxies: Proxies
    accounts: list[MadeAccount]
    store: OpenStore | None
    """None: the one that is open stays."""
    shared: SharedSource | None
    """None: nothing is shared."""
    telemetry: TelemetrySource | None
    """None: nothing is told."""
    fault_injector: FaultInjector | None
    """None: nothing goes wrong on demand."""

    def fault_injector_after(self, before: FaultInjector | None) -> FaultInjector | None:
        """What goes wrong from now on. What was counted goes on where the settings of faults are the same."""
        new = self.fault_injector
        return before if new is not None and before is not None and before.settings == new.settings else new

    def discard(self) -> None:
        """They will not be used: close what was opened for them."""
        if self.store:
            self.store.database.retire()


def prepare(
    settings: Settings,
    folder: Path,
    environ: Mapping[str, str],
    *,
    model_of: Callable[[str], str],
    made: list[MadeAccount],
    opened: StorePlace | None,
    store_in_memory: bool,
) -> Prepared:
    """Make settings ready. Raises SettingsError.

    `model_of`: the model that stands for a class. `made`: the accounts that are there, taken over where nothing about
    them has changed. `opened`: the store that is open. `store_in_memory`: where the store can't be opened, go on with
    one in memory.
    """
    proxy = settings.proxy
    shared = source_of(settings, environ)
    return Prepared(
        settings,
        folder,
        settings.translation.options(),
        Gatekeeper(
            proxy.effective_auth_mode,
            proxy_keys(settings, environ),
            allow_lan=proxy.allow_lan_access,
            allowed_origins=proxy.allowed_origins,
            allowed_hosts=proxy.allowed_hosts,
        ),
        ModelMap(settings.models.mapping, settings.models.default, model_of),
        Proxies.of(settings.upstream, environ),
        [(folder, entry, _account(entry, folder, environ, made)) for entry in settings.accounts],
        _store(_place(settings, folder, shared), opened, store_in_memory),
        shared,
        telemetry_of(settings, environ),
        _fault_injector(settings, shared),
    )


def _account(entry: AccountSettings, folder: Path, environ: Mapping[str, str], made: list[MadeAccount]) -> Account:
    """The account of an entry: the same as before, token and all, if nothing about it has changed."""
    for known_folder, known, account in made:
        if known == entry and known_folder == folder:
            return account
    return Account.from_settings(entry, environ, folder)


def _fault_injector(settings: Settings, shared: SharedSource | None) -> FaultInjector | None:
    if not settings.faults.enabled:
        return None
    from addons.gateway.fault_injection.grammar import OrderError  # hardly anybody needs it
    from addons.gateway.fault_injection.injector import FaultInjector

    try:
        return FaultInjector(settings.faults, shared.folder if shared else None)
    except OrderError as e:
        raise SettingsError(f"faults.rules: {e}".rstrip(".")) from None


def _place(settings: Settings, folder: Path, shared: SharedSource | None) -> StorePlace:
    responses = settings.responses
    path = folder / responses.store if responses.store else None
    if path is None and shared is not None and shared.folder is not None:
        return StorePlace(shared.folder / SHARED_STORE, responses.max_age, responses.max_size, lasts=False)
    return StorePlace(path, responses.max_age, responses.max_size)


def _store(place: StorePlace, opened: StorePlace | None, in_memory: bool) -> OpenStore | None:
    if place == opened:
        return None
    try:
        return OpenStore.open(place)
    except (OSError, sqlite3.Error) as e:
        if not in_memory:
            raise SettingsError(f"responses.store: {place.path} can't be opened: {e}") from None
        logger.warning(f"Responses can't be stored in {place.path}, nor cooldowns, and are kept in memory: {e}")
    # It counts as the one that the settings name: it is not tried again before they name another.
    return replace(OpenStore.open(place._replace(path=None)), place=place)
