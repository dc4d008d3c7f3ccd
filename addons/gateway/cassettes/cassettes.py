"""A folder of recordings as the upstream: what is asked is played, recorded, or refused.

`record` says which, as in other recorders of its kind:

* `once`: where the folder has no recording yet, all is recorded; else what was recorded is played, and nothing else is
  asked. `none`: it is played, whether there are recordings or not.
* `new`: what the folder has is played, and what is new is asked for and recorded.
* `all`: everything is asked for, and recorded anew.

Where nothing else is asked, no account is needed, no credential looked up, and no connection opened.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, override

from addons.gateway.accounts import upstream_request
from addons.gateway.accounts.account import Account
from addons.gateway.accounts.pool import Pool
from addons.gateway.cassettes import canonical, files, misses
from addons.gateway.cassettes.canonical import RecordedRequest
from addons.gateway.cassettes.files import CassetteError, CassetteRecording, RecordedAnswer
from addons.gateway.cassettes.folder import CassetteFolder, is_recorded
from addons.gateway.cassettes.misses import CassetteMiss
from addons.gateway.cassettes.player import ADDRESS, LABEL, Player, Ticket
from addons.gateway.cassettes.taping import Taping
from addons.gateway.exchange.facts import Facts
from addons.gateway.models.model_lists import ModelLists
from addons.gateway.shared.opening import FOLDER
from addons.gateway.storage.refused_forms import RefusedForms
from addons.gateway.workers.counts import TurnCounts
from mapping.faults import Fault
from mapping.values import GeminiCall

if TYPE_CHECKING:
    from collections.abc import Iterable

    from addons.gateway.settings.settings import CassetteSettings, Settings
    from mapping.values import JSON

logger = logging.getLogger("antigravity")

COUNTS = "cassette.json"
"""The file in which several workers count together."""
MANY = 50
"""Names that a person is told."""
REPORT = "ANTIGRAVITY_CASSETTE_REPORT"
"""The environment variable that names a file in which each worker writes lines of JSON: what was `used`, `recorded`,
`missed`."""


class Spending(Protocol):
    """What knows whether there is money left: `money.money.Money`."""

    def spend_on(self, exchange: Facts, call: GeminiCall) -> None:
        """A call is about to be paid for. Raises Fault where the budget is used up."""


class Taped(Protocol):
    """What of the gateway has to do with it."""

    models: ModelLists
    refused_forms: RefusedForms

    @property
    def money(self) -> Spending:
        """What knows what is spent."""

    def use_only(self, accounts: list[Account]) -> None:
        """Serve from these accounts."""


class NoMemory(RefusedForms):
    """Learns nothing: what is asked must not depend on what was asked before."""

    @override
    def refused(self, upstream: str, model: str, forms: Iterable[JSON]) -> None:
        """See `RefusedForms`."""


@dataclass(slots=True)
class Cassettes:
    """See the module."""

    wanted: CassetteSettings
    folder: CassetteFolder
    strict: bool
    """Nothing is asked but the recordings."""
    plays: bool
    """What the folder has is played."""
    player: Player
    counts: TurnCounts
    report: Path | None
    is_one_of_several: bool
    """Of several workers none knows what the others have played."""
    _models: ModelLists
    _money: Spending
    _pool: Pool
    _once: tuple[Settings, Settings] | None = None
    """Settings, and the same with one attempt for each request."""

    @classmethod
    def open(
        cls, wanted: CassetteSettings, gateway: Taped, environ: Mapping[str, str], *, has_accounts: bool
    ) -> Cassettes:
        """Read the folder. Raises CassetteError."""
        assert wanted.folder is not None
        shared = environ.get(FOLDER)
        counts = TurnCounts(Path(shared) / COUNTS if shared else None)
        strict = wanted.record == "none" or (wanted.record == "once" and is_recorded(wanted.folder))
        strict = counts.settle("strict", strict or (wanted.record == "new" and not has_accounts))
        folder = CassetteFolder(wanted.folder, wanted.ignore, counts)
        if not strict:
            files.can_be_written(folder.path)
        elif not folder.recordings:
            logger.warning(f"Cassette {wanted.folder}: there is no recording, and nothing else is asked")
        if not strict and not has_accounts:
            logger.warning(
                f"Cassette {wanted.folder}: to record Gemini is asked, and that needs an account (set GEMINI_API_KEY, "
                "or write [[accounts]] into the settings file). What was recorded is answered without one, "
                "with record = 'none' or 'once'."
            )
        report = environ.get(REPORT)
        accounts = [
            Account(LABEL, Ticket(), address=ADDRESS),
            Account(f"{LABEL} (Vertex AI)", Ticket(), address=ADDRESS, upstream="vertex"),
        ]
        made = cls(
            wanted,
            folder,
            strict=strict,
            plays=strict or wanted.record == "new",
            player=Player(at_once=wanted.speed != "recorded"),
            counts=counts,
            report=Path(report) if report else None,
            is_one_of_several=shared is not None,
            _models=gateway.models,
            _money=gateway.money,
            _pool=Pool(accounts, strategy="fill_first", cooldown=False),
        )
        known = files.models(wanted.folder)
        gateway.refused_forms = NoMemory()
        if strict:
            gateway.use_only(accounts)
        if strict or (made.plays and known):
            made._fix_models(known)
        return made

    async def start(self) -> None:
        """Get ready to play. Raises OSError."""
        if self.plays:
            await self.player.start()

    def close(self) -> None:
        """Play no more, and say what was never asked for."""
        self.player.stop()
        if self.is_one_of_several or not self.folder.recordings:
            return
        unused, count = self.folder.unused, len(self.folder.recordings)
        told = [f"Cassette {self.folder.path}: {count - len(unused)} of {count} recordings were asked for"]
        told += [f"never asked for: {name}" for name in unused[:MANY]]
        told += [f"and {len(unused) - MANY} more"] if len(unused) > MANY else []
        logger.info("\n".join(told))

    def words(self) -> str:
        """What goes on, for the log."""
        told = f"Cassette {self.folder.path} (record = {self.wanted.record!r}): "
        count = len(self.folder.recordings)
        if self.strict:
            return f"{told}{count} recordings answer, and nothing else is asked"
        return f"{told}{f'{count} recordings answer, what is new' if self.plays else 'what is asked'} is recorded"

    # --- exchanges

    def watch(self, exchange: Facts) -> None:
        """An exchange has begun."""
        if self.strict:
            exchange.pool = self._pool
            if self._once is None or self._once[0] is not exchange.settings:
                before = exchange.settings
                self._once = before, replace(before, retry=before.retry.once())
            exchange.settings = self._once[1]
        else:
            if self._models.fixed is None:
                self._fix_models(files.models(self.folder.path) if self.folder.recordings else None)
            exchange.trace = Taping(exchange.trace, self.folder.reserve, self._keep)

    def ask(self, exchange: Facts, call: GeminiCall) -> Fault | None:
        """The flow is a call that is about to go up: it goes to a recording, or is to be recorded.

        What is returned refuses it.
        """
        asked = canonical.of_call(call)
        if self.plays and (recording := self.folder.take(asked, self.wanted.repeat)) is not None:
            self._tell(used=recording.name)
            self._play(exchange, recording, call)
            asked_for = None
        elif self.strict:
            return self._refused(exchange, asked)
        else:  # a fault that was ordered is none of the upstream's
            if self.plays:
                try:
                    self._money.spend_on(exchange, call)
                except Fault as e:
                    return e
            asked_for = asked if exchange.fault_order is None else None
        if isinstance(exchange.trace, Taping):
            exchange.trace.wants(asked_for)
        return None

    def _play(self, exchange: Facts, recording: CassetteRecording, call: GeminiCall) -> None:
        failover = exchange.failover
        assert failover is not None
        account = self.player.account(recording.answer)
        failover.attempts[-1].account = account
        failover.retry = failover.retry.once()  # what failed when it was recorded fails again
        upstream_request.aim(exchange.flow.request, account, ADDRESS, call)

    def _refused(self, exchange: Facts, asked: RecordedRequest) -> Fault:
        miss = self._miss(asked)
        if asked.method:  # the list of models has the catalogue to stand in for it
            exchange.notes.add("cassette-miss", miss.note)
            logger.warning(f"{exchange.id}: {miss.text(misses.LOGGED)}")
            self._tell(**miss.plain())
        return miss.fault()

    def _miss(self, asked: RecordedRequest) -> CassetteMiss:
        folder = self.folder
        if (known := folder.last(asked)) is not None:
            return CassetteMiss(folder.path, asked, known.name, (), used_up=True)
        return misses.found(folder.path, asked, folder.recordings, folder.ignored)

    # --- recording

    def _keep(self, asked: RecordedRequest, answer: RecordedAnswer, number: int) -> None:
        try:
            made = self.folder.add(asked, answer, number, mask=self.wanted.mask)
        except CassetteError as e:
            logger.error(f"A call could not be recorded: {e}")
            return
        logger.info(f"Recorded: {made.name}")
        self._tell(recorded=made.name)

    def _fix_models(self, known: dict[str, str] | None) -> None:
        """What stands for a class of models is what stood for it when the folder was recorded (`known`)."""
        if known is None:
            known = self.counts.settle("models", self._models.classes())
            if not self.strict:
                _try(lambda: files.write_json(self.folder.path / files.MODELS, known))
        self._models.fixed = {str(kind): str(model) for kind, model in known.items()}

    # --- what is told

    def _tell(self, **what: str) -> None:
        if self.report is None:
            return
        try:
            with self.report.open("a", encoding="utf-8") as file:  # whole lines, whoever else writes
                file.write(json.dumps(what) + "\n")
        except OSError as e:
            logger.error(f"{self.report}: {e}")


def _try(write: Callable[[], None]) -> None:
    try:
        write()
    except CassetteError as e:
        logger.error(str(e))
