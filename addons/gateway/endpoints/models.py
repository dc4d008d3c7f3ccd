"""`GET /v1/models` and `/v1/models/{id}`: what the accounts have, and the names that the settings map."""

from __future__ import annotations

from typing import Any

from addons.gateway.endpoints.jobs import ModelListJob
from addons.gateway.endpoints.services import EndpointServices
from addons.gateway.exchange.facts import Facts
from addons.gateway.http.routes import Match
from mapping.gemini import models_list

LIST_AGE = 600.0
"""Seconds for which a list that an account gave is good."""


class Models:
    """The endpoint of both: the list, or one of it."""

    def __init__(self, services: EndpointServices) -> None:
        self._services = services

    def begin(self, exchange: Facts, match: Match) -> None:
        """Leave the answer in the exchange, or a job where an account has to be asked. Raises Fault."""
        services, wanted = self._services, match.id or None
        exchange.job = job = ModelListJob(
            lambda: self._names(wanted),
            wanted,
            exchange.notes,
            lambda models: self._take(exchange, models),
            lambda: models_list.built_in(services.models.today()),
            for_codex="client_version" in exchange.flow.request.query,
        )
        known = services.models.of_accounts(LIST_AGE)
        if known is not None:
            exchange.succeed(job.answer(known))

    def _names(self, wanted: str | None) -> dict[str, str]:
        """The names of lists beside Gemini's own, and the models behind them; `wanted` is one that is asked for."""
        model_map = self._services.model_map
        names = model_map.listed()
        if wanted and model_map.stands_for_another(wanted):
            names.append(wanted)
        return {name: model_map.resolve(name) for name in names}

    def _take(self, exchange: Facts, models: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """An account has listed its models: what there is to list now."""
        lists = self._services.models
        if exchange.account:
            lists.take(exchange.account.label, models)
        return lists.of_accounts(LIST_AGE) or models
