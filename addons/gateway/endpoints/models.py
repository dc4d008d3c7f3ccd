"""`GET /v1/models` and `/v1/models/{id}`: what the accounts have, and the names that the settings map.

The answer has the shape of the API that the client speaks, which the name of the endpoint says.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from addons.gateway.endpoints.jobs import ListModels, ModelListJob
from addons.gateway.endpoints.services import EndpointServices
from addons.gateway.exchange.facts import Facts
from addons.gateway.http.callers import GEMINI
from addons.gateway.http.routes import Endpoint, Match
from mapping.gemini import models_list, models_shapes

LIST_AGE = 600.0
"""Seconds for which a list that an account gave is good."""


type Query = dict[str, str]


def _openai(query: Query) -> ListModels:
    """`client_version`: Codex CLI asks."""
    return partial(models_list.answer, for_codex="client_version" in query)


def _gemini(query: Query) -> ListModels:
    return partial(models_shapes.gemini, query=query)


def _anthropic(query: Query) -> ListModels:
    return models_shapes.anthropic


SHAPES: dict[str, Callable[[Query], ListModels]] = {
    "models": _openai,
    "model": _openai,
    "gemini_models": _gemini,
    "gemini_model": _gemini,
    "anthropic_models": _anthropic,
    "anthropic_model": _anthropic,
}
"""The name of an endpoint -> what makes its answer, given the query of the request."""


class Models:
    """The endpoint of all: the list, or one of it."""

    def __init__(self, services: EndpointServices) -> None:
        self._services = services

    @property
    def endpoints(self) -> dict[str, Callable[[Facts, Match], None]]:
        """The name of the endpoint in the table of routes -> what serves it."""
        return dict.fromkeys(SHAPES, self.begin)

    def begin(self, exchange: Facts, match: Match) -> None:
        """Leave the answer in the exchange, or a job where an account has to be asked. Raises Fault."""
        services, wanted = self._services, match.id or None
        exchange.job = job = ModelListJob(
            lambda: self._names(match.endpoint, wanted),
            wanted,
            exchange.notes,
            lambda models: self._take(exchange, models),
            lambda: models_list.built_in(services.models.today()),
            SHAPES[match.endpoint.name](dict(exchange.flow.request.query)),
        )
        known = services.models.of_accounts(LIST_AGE)
        if known is not None:
            exchange.succeed(job.answer(known))

    def _names(self, endpoint: Endpoint, wanted: str | None) -> dict[str, str]:
        """The names of lists beside Gemini's own, and the models behind them; `wanted` is one that is asked for."""
        model_map = self._services.model_map
        if endpoint.asker == GEMINI:
            if not self._services.settings.models.map_gemini_paths:
                return {}
            names = list(model_map.exact)
        else:
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
