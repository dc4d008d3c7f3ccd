"""What the endpoints need of the gateway, beside what an exchange needs of it."""

from __future__ import annotations

from typing import Protocol

from addons.gateway.exchange.services import Services
from addons.gateway.models.model_lists import ModelLists
from addons.gateway.models.model_map import ModelMap
from addons.gateway.models.served import ServedModels
from addons.gateway.settings.settings import Settings
from addons.gateway.storage.sealing import Sealer
from addons.gateway.storage.store import KeptResponses
from addons.gateway.thread_observer import ThreadObserver
from mapping.values import Options


class EndpointServices(Services, Protocol):
    """`gateway.Gateway` is one. What new settings replace is looked up each time that it is needed."""

    settings: Settings
    options: Options
    """Of the translation, as the settings have them."""
    model_map: ModelMap
    """The names that clients use -> Gemini's models."""
    models: ModelLists
    """Which models the accounts have, and which are retired."""
    served: ServedModels
    """Which models have answered in the place of others."""
    store: KeptResponses
    """The responses that can be asked for again."""
    threads: ThreadObserver
    """Finds the conversation of each exchange."""
    sealer: Sealer
    """Encrypts what a client keeps and gives back."""
