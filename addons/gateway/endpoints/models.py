"""`GET /v1/models` and `/v1/models/{id}`: what the accounts have, and the names that the settings map.

The answer has the shape of the API that the client speaks, which the name of the endpoint says. What no account can
serve is in none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from functools import partial
from typing import Any

from mitmproxy import http

from addons.gateway.endpoints.jobs import ListModels, ModelListJob
from addons.gateway.endpoints.services import EndpointServices
from addons.gateway.exchange.facts import Facts
from addons.gateway.http.callers import GEMINI
from addons.gateway.http.routes import ENDPOINTS, Endpoint, Match
from mapping.gemini import models_list
from mapping.lists import openai, others

LIST_AGE = 600.0
"""Seconds for which a list that an account gave is good."""


METHODS = frozenset(e.name for e in ENDPOINTS if e.parts[:1] == ("models",) and ":" in e.parts[-1])
"""The methods of Gemini's models that have a path here."""


type Query = dict[str, str]


def _openai(query: Query, today: date) -> ListModels:
    """`client_version`: Codex CLI asks."""
    return partial(openai.answer, for_codex="client_version" in query)


def _gemini(query: Query, today: date) -> ListModels:
    return partial(others.gemini, query=query, methods=METHODS)


def _anthropic(query: Query, today: date) -> ListModels:
    return partial(others.anthropic, query=query, today=today)


SHAPES: dict[str, Callable[[Query, date], ListModels]] = {
    "models": _openai,
    "model": _openai,
    "gemini_models": _gemini,
    "gemini_model": _gemini,
    "anthropic_models": _anthropic,
    "anthropic_model": _anthropic,
}
"""The name of an endpoint -> what makes its answer, given the query of the request and the day."""


def _query(request: http.Request) -> Query:
    """The parameters of the address. What stands there several times, as `name[]`, is a list with commas."""
    query = request.query
    return {name: ",".join(query.get_all(name)) if name.endswith("[]") else query[name] for name in query}


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
        shape = SHAPES[match.endpoint.name](_query(exchange.flow.request), services.models.today())
        exchange.job = job = ModelListJob(
            lambda: self._names(match.endpoint, wanted),
            wanted,
            exchange.notes,
            lambda models: self._take(exchange, models),
            lambda: models_list.built_in(services.models.today()),
            lambda models, names, wanted: shape(*self._served(models, names), wanted),
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

    def _served(
        self, models: Iterable[dict[str, Any]], names: Mapping[str, str]
    ) -> tuple[list[dict[str, Any]], dict[str, str]]:
        """Of the models, and of further names for models, those that some account can serve."""
        can_serve = self._services.models.can_serve
        return (
            [model for model in models if can_serve(models_list.name_of(model))],
            {name: model for name, model in names.items() if can_serve(model)},
        )

    def _take(self, exchange: Facts, models: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """An account has listed its models: what there is to list now."""
        lists = self._services.models
        if exchange.account:
            lists.take(exchange.account.label, models)
        return lists.of_accounts(LIST_AGE) or models
