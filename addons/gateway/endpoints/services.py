"""What the endpoints need of the gateway, beside what an exchange needs of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from addons.gateway.endpoints.answer_job import AnswerJob
from addons.gateway.exchange.facts import Facts
from addons.gateway.exchange.job import Ask
from addons.gateway.exchange.services import Services
from addons.gateway.grouping_observer import GroupingObserver
from addons.gateway.models.model_lists import ModelLists
from addons.gateway.models.model_map import ModelMap
from addons.gateway.models.served import ServedModels
from addons.gateway.settings.settings import Settings
from addons.gateway.storage.repeated import RepeatedBodies
from addons.gateway.storage.sealing import Sealer
from addons.gateway.storage.store import KeptResponses
from mapping.dialect import Answering, Kept
from mapping.notes import Notes
from mapping.values import Options


class FaultyJobs(Protocol):
    """Makes jobs of requests some of which meet a fault that was ordered: `fault_injection.injector.FaultInjector`."""

    def job(
        self,
        exchange: Facts,
        answering: Answering,
        notes: Notes,
        ask: Ask,
        *,
        strict: bool,
        keep: Callable[[Kept], None],
    ) -> AnswerJob:
        """See `AnswerJob`; `exchange` is the one that it is for."""


class EndpointServices(Services, Protocol):
    """`gateway.Gateway` is one. What new settings replace is looked up each time that it is needed."""

    settings: Settings
    options: Options
    """Of the translation, as the settings have them."""
    plain_options: dict[str, Any]
    """The same as `options.plain()`, made once, for records."""
    model_map: ModelMap
    """The names that clients use -> Gemini's models."""
    models: ModelLists
    """Which models the accounts have, and which are retired."""
    served: ServedModels
    """Which models have answered in the place of others."""
    repeated: RepeatedBodies
    """Parses bodies, large ones from where they differ from earlier ones."""
    store: KeptResponses
    """The responses that can be asked for again."""
    grouping: GroupingObserver
    """Finds the conversation of each exchange."""
    sealer: Sealer
    """Encrypts what a client keeps and gives back."""

    @property
    def fault_injector(self) -> FaultyJobs | None:
        """What goes wrong on demand; None: nothing does."""
