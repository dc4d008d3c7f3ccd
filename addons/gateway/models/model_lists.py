"""Which models the accounts really have, and so which model stands for a class at the moment.

* Accounts of the public API are asked for their lists in the background, at the start and once in a while. No request
  waits for that: until a list is there, and where none can be had, the catalogue stands in
  (`mapping.gemini.catalogue`).
* What was listed is kept in the state store, so that a restart need not ask again.
* An account that can't be asked is not judged by that: what is wrong with it shows when it is to serve.
"""

from __future__ import annotations

import asyncio
import difflib
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from mitmproxy.utils import asyncio_utils

from addons.gateway.accounts import direct_call, upstream_kinds
from addons.gateway.accounts.credentials.credentials import CredentialError
from addons.gateway.accounts.credentials.daemon_thread import in_thread
from addons.gateway.models.model_map import target_of
from mapping.faults import Fault
from mapping.gemini import models_list
from mapping.gemini.catalogue import BY_NAME, RETIREMENTS, input_limit
from mapping.gemini.errors.upstream_errors import UpstreamError
from mapping.gemini.model_classes import CLASSES, fallback, newest, retiring

if TYPE_CHECKING:
    from addons.gateway.accounts.account import Account
    from addons.gateway.accounts.address import Address
    from addons.gateway.storage.state import StateStore

logger = logging.getLogger("antigravity")

GOOD_FOR = 24 * 3600.0
"""Seconds for which a list is good: models come and go by weeks."""
PAUSE = 60.0
"""Seconds after a list could not be had; doubled each time, up to `GOOD_FOR`."""
MAX_PAGES = 10
"""Pages of a list that are read; a page has up to 1000 models."""

KEPT = "models"
"""The name in the state store."""
_MEMBERS = (
    *("name", "baseModelId", "version", "displayName", "description", "inputTokenLimit", "outputTokenLimit"),
    *("supportedGenerationMethods", "thinking", "temperature", "maxTemperature", "topP", "topK"),
)
"""What is kept of a model."""


@dataclass(frozen=True, slots=True)
class Listed:
    """What an account listed."""

    time: float
    """Unix seconds."""
    models: list[dict[str, Any]]
    """As `models.list` gives them."""
    names: frozenset[str]
    """Without `models/`."""


class ModelLists:
    """See the module. `accounts`: those that are in use now; `today` and `clock` tell the day and the Unix time."""

    def __init__(
        self,
        accounts: Callable[[], list[Account]],
        *,
        today: Callable[[], date],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._accounts = accounts
        self.today = today
        self._clock = clock
        self._lists: dict[str, Listed] = {}
        self._state: StateStore | None = None
        self._chosen: dict[str, str] = {}
        self._chosen_on: date | None = None
        self.fixed: dict[str, str] | None = None
        """What stands for each class whatever the accounts have; None: what they have decides."""
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()

    # --- what is known

    def model_of(self, kind: str) -> str:
        """The model that stands for a class today."""
        if self.fixed is not None and kind in self.fixed:
            return self.fixed[kind]
        today = self.today()
        if today != self._chosen_on:
            self._chosen, self._chosen_on = {}, today
        model = self._chosen.get(kind)
        if model is None:
            model = self._chosen[kind] = self._choose(kind, today)
        return model

    def classes(self) -> dict[str, str]:
        """Class -> the model that stands for it."""
        return {kind: self.model_of(kind) for kind in CLASSES}

    def forget_choice(self) -> None:
        """The accounts have changed."""
        self._chosen = {}
        self._wake.set()

    def of_accounts(self, max_age: float) -> list[dict[str, Any]] | None:
        """The models of all accounts together; None when one that can be asked has told none, or too long ago."""
        found: dict[str, dict[str, Any]] = {}
        askable = [account for account in self._accounts() if can_be_asked(account)]
        for account in askable:
            listed = self._lists.get(account.label)
            if listed is None or self._clock() - listed.time > max_age:
                return None
            for model in listed.models:
                found.setdefault(str(model["name"]), model)
        return list(found.values()) if askable else None

    def input_limit(self, model: str) -> int | None:
        """The tokens that a model's window takes: as an account lists it, else as the catalogue says. None: unknown."""
        for listed in self._lists.values():
            for one in listed.models:
                limit = one.get("inputTokenLimit")
                if models_list.name_of(one) == model and type(limit) is int and limit > 0:
                    return limit
        return input_limit(model)

    def can_serve(self, model: str) -> bool:
        """Whether some account may serve a model and has it, as far as is known. Of no account nothing is known."""
        accounts = [account for account in self._accounts() if account.faulty is None]
        return not accounts or any(self._has(account, model) for account in accounts)

    def _has(self, account: Account, model: str) -> bool:
        listed = self._lists.get(account.label)
        return account.serves(model) and (listed is None or model in listed.names or model in RETIREMENTS)

    def take(self, label: str, models: Iterable[Mapping[str, Any]]) -> None:
        """An account has listed its models."""
        kept = [{name: model[name] for name in _MEMBERS if name in model} for model in models if _is_named(model)]
        self._lists[label] = Listed(self._clock(), kept, frozenset(_names(kept)))
        self._chosen = {}
        if self._state:
            lists = {label: {"time": listed.time, "models": listed.models} for label, listed in self._lists.items()}
            self._state.keep(KEPT, lists)

    def keep_in(self, state: StateStore, kept: Any) -> None:
        """Keep lists there from now on, and take up what is kept there (`KEPT`)."""
        self._state = state
        for label, listed in kept.items() if isinstance(kept, dict) else ():
            models = listed.get("models") if isinstance(listed, dict) else None
            at = listed.get("time") if isinstance(listed, dict) else None
            if label not in self._lists and isinstance(models, list) and isinstance(at, int | float):
                named = [model for model in models if isinstance(model, dict) and _is_named(model)]
                self._lists[label] = Listed(min(at, self._clock()), named, frozenset(_names(named)))
        self._chosen = {}

    def _choose(self, kind: str, today: date) -> str:
        """What all accounts list, else what one lists, else what the catalogue says; and some account may serve."""
        accounts = self._accounts()
        lists = [listed.names for account in accounts if (listed := self._lists.get(account.label))]
        common = frozenset.intersection(*lists) if lists else frozenset[str]()
        for names in (common, frozenset[str]().union(*lists), BY_NAME):
            served = [name for name in names if any(account.serves(name) for account in accounts)]
            if model := newest(kind, served, today):
                return model
        return fallback(kind, today)  # no account may serve any: who asks is told so

    # --- asking

    def begin(self, default: Address, told: Callable[[], None]) -> None:
        """Ask in the background from now on.

        `default`: where accounts are asked that have no address of their own. `told` is called after each round.
        """
        self.end()
        self._task = asyncio_utils.create_task(self._keep_asking(default, told), name="lists of models", keep_ref=True)

    def end(self) -> None:
        """Ask no more."""
        if self._task:
            self._task.cancel()
            self._task = None

    async def _keep_asking(self, default: Address, told: Callable[[], None]) -> None:
        pause = PAUSE
        while True:
            self._wake.clear()
            failed = await self.ask(default)
            told()
            pause = min(pause * 2, GOOD_FOR / 2) if failed else PAUSE
            try:
                async with asyncio.timeout(pause if failed else GOOD_FOR / 2):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def ask(self, default: Address) -> bool:
        """Ask the accounts whose lists are missing or old, one after the other. True: one could not be had."""
        failed = False
        for account in [account for account in self._accounts() if can_be_asked(account)]:
            listed = self._lists.get(account.label)
            if listed and self._clock() - listed.time < GOOD_FOR / 2:  # so that none grows old before the next round
                continue
            try:
                await account.credential.refresh()
                models = await in_thread(partial(fetch, account, default), "list of models")
                self.take(account.label, models)
            except (CredentialError, UpstreamError, Fault) as e:
                logger.debug(f"The models of account {account.label} can't be listed: {e}")
                failed = True
        return failed

    # --- what there is to say of the settings

    def remarks(self, mapping: Mapping[str, str], default: str | None) -> list[str]:
        """What is wrong with targets of the settings: retired, retiring soon, or in no account's list."""
        targets = {f"[models.mapping] {name!r}": target for name, target in mapping.items()}
        if default is not None:
            targets["[models] default"] = default
        said = []
        for place, target in targets.items():
            try:
                model, kind = target_of(target)
            except Fault as e:
                said.append(f"{place}: {e.message}")
                continue
            if kind:
                continue
            if retirement := retiring(model, self.today()):
                said.append(f"{place}: {retirement.words(model, self.today())}.")
            elif near := self._unlisted(model):
                said.append(f"{place} leads to {model!r}, which no account lists.{near}")
        return said

    def _unlisted(self, model: str) -> str:
        """What to say of a model that no account lists; empty where one does, or may do so."""
        names: set[str] = set()
        for account in self._accounts():
            listed = self._lists.get(account.label)
            if listed is None:
                return ""  # nobody knows what this one has
            names |= listed.names
        if not names or model in names or model in RETIREMENTS:
            return ""
        near = difflib.get_close_matches(model, sorted(names), n=1)
        return f" Did you mean {near[0]!r}?" if near else " GET /v1/models names those that there are."


def can_be_asked(account: Account) -> bool:
    """Whether the account's upstream lists its models, and may be asked at the moment."""
    return upstream_kinds.serves(account.upstream, "") and not account.unusable


def fetch(account: Account, default: Address) -> list[dict[str, Any]]:
    """All pages of an account's list. Waits for the network. Raises UpstreamError, CredentialError."""
    found: list[dict[str, Any]] = []
    page: str | None = None
    for _ in range(MAX_PAGES):
        models, page = models_list.read_page(direct_call.make(account, default, models_list.call(page)))
        found += models
        if page is None:
            break
    return found


def utc_today() -> date:
    """The day at Greenwich, by which retirements go here."""
    return datetime.now(UTC).date()


def day_of(environ: Mapping[str, str]) -> Callable[[], date]:
    """What tells the day. `ANTIGRAVITY_TODAY` (YYYY-MM-DD) stands still, for tests: models are retired by dates."""
    fixed = environ.get("ANTIGRAVITY_TODAY")
    if not fixed:
        return utc_today
    day = date.fromisoformat(fixed)
    return lambda: day


def _is_named(model: Mapping[str, Any]) -> bool:
    return isinstance(model.get("name"), str)


def _names(models: Iterable[dict[str, Any]]) -> Iterable[str]:
    return (models_list.name_of(model) for model in models)
