"""What the settings say, in force: accounts, models, stores, the log, what is recorded and observed.

New settings take the place of the old ones while requests are under way; those end as they began.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mitmproxy import http

from addons.gateway.accounts.account import Account, PoolNews
from addons.gateway.accounts.address import Address
from addons.gateway.accounts.cooldowns import Cooldowns
from addons.gateway.accounts.credentials.credential_files import CredentialError
from addons.gateway.accounts.network import proxies
from addons.gateway.accounts.owners import Owners
from addons.gateway.accounts.pool import LONGEST_ASIDE, Pool
from addons.gateway.exchange.exchange import Exchange
from addons.gateway.exchange.steps import Steps
from addons.gateway.grouping_observer import GroupingObserver
from addons.gateway.log.exchange_log import ExchangeLog
from addons.gateway.models.model_lists import ModelLists, day_of
from addons.gateway.money.money import Money
from addons.gateway.observers import Observers
from addons.gateway.prepared import MadeAccount, Prepared, prepare
from addons.gateway.record.trace import KEY_FIELDS, Recorder
from addons.gateway.settings.settings import Settings, load, proxy_keys
from addons.gateway.shared.opening import SharedSource
from addons.gateway.status.kept import KeptStatistics
from addons.gateway.status.statistics import Statistics
from addons.gateway.storage.database import Database
from addons.gateway.storage.memory import TurnMemory
from addons.gateway.storage.opened import OpenStore, StorePlace
from addons.gateway.storage.sealing import Sealer
from addons.gateway.storage.state import StateStore
from addons.gateway.storage.store import KeptResponses
from addons.gateway.telemetry.telemetry import Telemetry
from addons.gateway.wire.direct.peers import Surroundings
from addons.gateway.workers import inside

if TYPE_CHECKING:
    from addons.gateway.cassettes.cassettes import Cassettes
    from addons.gateway.fault_injection.injector import FaultInjector

logger = logging.getLogger("antigravity")

DEMO_ASIDE = 5.0
"""Seconds after which the demo's accounts are asked again at the latest: some of its models refuse them on purpose."""


class InForce:
    """`use` gives it settings, and gives it new ones when they change."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._shared: SharedSource | None = None
        self._made: list[MadeAccount] = []
        self.exchanges: dict[str, Exchange] = {}
        self.address = Address("https", "generativelanguage.googleapis.com", 443)
        self.direct: Surroundings | None = None
        """The quick wire, while it is installed; None: mitmproxy's layers carry everything."""
        self._only_accounts: list[Account] | None = None
        self.fault_injector: FaultInjector | None = None
        """What goes wrong on demand; None: nothing does."""
        self.cassettes: Cassettes | None = None
        """A folder of recordings that may answer in Gemini's place; None: there is none."""
        self.recorder: Recorder | None = None
        self._recording = False, False, True
        """What the options want: see `record`."""
        self.log = ExchangeLog()
        self.steps = Steps()
        self.observers = Observers(self.steps)
        self.observe = self.observers.tell
        self.money = Money(self.observers, self.steps, lambda: self.statistics)  # before those who tell what was spent
        self.grouping = GroupingObserver(self.observers)
        self.telemetry = Telemetry(self.observers, lambda: self.address, self.kept)
        self.news = PoolNews()
        self.pool = Pool([])
        self.cooldowns = Cooldowns()
        self.owners = Owners()
        self.memory = TurnMemory()
        self.models = ModelLists(lambda: self.pool.accounts, today=day_of(environ))
        self.statistics = Statistics()
        self.kept_statistics = KeptStatistics(self)
        worker = inside.current()
        self._goes_on = worker is None or worker.seat.greets
        """It goes on from the statistics that were kept; of several workers only the first of all does."""
        self.database: Database
        self.store: KeptResponses
        self.state: StateStore
        self.sealer: Sealer
        self._opened: StorePlace | None = None
        """The store that is open."""

    def load(self, path: Path | None, *, store_in_memory: bool = True) -> Prepared:
        """Read the settings file, and make ready what it says; nothing is in force yet. May run on a thread.

        Raises SettingsError. `store_in_memory`: where the store can't be opened, go on with one in memory.
        """
        folder = path.parent if path else Path()
        return self.prepare(load(path, self._environ), folder, store_in_memory=store_in_memory)

    def prepare(self, settings: Settings, folder: Path = Path(), *, store_in_memory: bool = True) -> Prepared:
        """Make settings ready; see `load`."""
        return prepare(
            settings,
            folder,
            self._environ,
            model_of=self.models.model_of,
            made=self._made,
            opened=self._opened,
            store_in_memory=store_in_memory,
        )

    def use(self, prepared: Prepared) -> None:
        """Serve by these settings from now on; requests under way end as they began. Fails on nothing."""
        self.settings = settings = prepared.settings
        self._shared = prepared.shared
        self.options = prepared.options
        self.plain_options = prepared.options.plain()
        """For records: see `Services`."""
        self.gatekeeper = prepared.gatekeeper
        self.model_map = prepared.model_map
        if proxies.use(prepared.proxies) and self.direct is not None:
            self.direct.pool.close()  # what is open goes another way
        self._made = prepared.accounts
        self._make_pool()
        self.fault_injector = prepared.fault_injector_after(self.fault_injector)
        if prepared.store:
            self._use_store(prepared.store)
        self.log.use(settings.log, prepared.folder)
        if self.telemetry.use(prepared.telemetry):
            wanted, in_memory, at_once = self._recording
            self.record(wanted, in_memory=in_memory, at_once=at_once)
        if self.recorder:
            self.recorder.keep(settings.trace.keep, settings.trace.keep_bytes)

    def _make_pool(self) -> None:
        made = [account for _, _, account in self._made]
        self.pool = Pool(
            made if self._only_accounts is None else self._only_accounts,
            strategy=self.settings.routing.strategy,
            cooldown=self.settings.retry.cooldown,
            cooldowns=self.cooldowns,
            longest_aside=LONGEST_ASIDE if self._only_accounts is None else DEMO_ASIDE,
            news=self.news,
        )
        self.models.forget_choice()

    def _use_store(self, opened: OpenStore) -> None:
        if self._opened is not None:
            self.kept_statistics.now()
            self.database.retire()
        self._opened = opened.place
        self.database, self.store = opened.database, opened.responses
        self.state, self.sealer = opened.state, opened.sealer
        self.memory.kept = opened.turns
        self.cooldowns.keep_in(self.state, opened.cooldowns)
        self.owners.keep_in(self.state, opened.owners)
        self.models.keep_in(self.state, opened.models)
        if opened.statistics is not None and not self.statistics.last() and self._goes_on:
            self.statistics.restore(opened.statistics)

    def close_store(self) -> None:
        """Write what is to be written; `use` opens the store again."""
        self.kept_statistics.now()
        self.database.close()
        self._opened = None

    def record(self, wanted: bool, *, in_memory: bool, at_once: bool) -> None:
        """Begin or end to record exchanges. `in_memory`: the last ones stay, to be looked at. `at_once`: somebody lists
        or saves them when they are over."""
        self._recording = wanted, in_memory, at_once
        told = self.telemetry.wants_record
        if not (wanted or told):
            self.recorder = None
            return
        if self.recorder is None:
            self.recorder = Recorder(self.settings.trace.keep, self.settings.trace.keep_bytes, self.exchanges)
            self.recorder.configured = self._credentials
        self.recorder.keeps = in_memory or told
        self.recorder.at_once = at_once

    def _credentials(self) -> list[bytes]:
        """All that the settings name, as it stands: the gateway's own keys, and the keys and tokens of accounts."""
        found = [key.encode() for key in proxy_keys(self.settings, self._environ)]
        for _, _, account in self._made:
            try:
                fields = account.credential.headers()
            except CredentialError:  # there is no token yet
                continue
            found += [value.rpartition(b" ")[2] for name, value in fields if name.lower() in KEY_FIELDS]
        return found

    def kept(self, id: str) -> list[http.HTTPFlow]:
        """The flows of the exchange with this request id, the client's among them; none: it is not recorded."""
        return self.recorder.kept(id) if self.recorder else []

    def kept_ids(self) -> list[str]:
        """Of the exchanges that are recorded, the oldest first."""
        return self.recorder.ids() if self.recorder else []

    @property
    def is_demo(self) -> bool:
        """Answers are made up by the demo upstream."""
        return self._only_accounts is not None and not (self.cassettes and self.cassettes.strict)

    def use_only(self, accounts: list[Account]) -> None:
        """Serve from these accounts, whatever the settings say: the demo asks nobody else."""
        self._only_accounts = accounts
        self._make_pool()

    def look_at_credentials(self) -> None:
        """An account whose credentials have changed gets another chance."""
        for account in self.pool.accounts:
            if account.credential.look():
                self.pool.try_again(account)
                logger.info(f"Account {account.label}: its credentials have changed")
