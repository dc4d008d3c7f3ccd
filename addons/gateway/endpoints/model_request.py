"""What every request of a model call has: a body that names a model, in whatever dialect."""

from __future__ import annotations

from functools import partial

from addons.gateway.endpoints.services import EndpointServices
from addons.gateway.exchange.facts import Facts
from addons.gateway.exchange.job import Job
from addons.gateway.models.model_map import MAX_NAME, own_name
from addons.gateway.wire.bodies import received
from mapping import faults, jsonio
from mapping.dialect import Dialect, Received
from mapping.gemini.model_classes import retiring
from mapping.gemini.models import model_info, split_variant
from mapping.values import JSON, GeminiCall


def read(
    exchange: Facts, services: EndpointServices, dialect: Dialect, came: Received | None = None
) -> tuple[JSON, str, str]:
    """The body of a model call, the model that the client named, and the Gemini model for it. Raises Fault.

    `came` is the request, where it was looked at before.

    The body shares objects with those of other requests. From then on errors name the model, and the exchange knows the
    conversation that the client names, if any.
    """
    came = came or received(exchange.flow.request)
    if came.loads is jsonio.loads:  # its value is not known
        came.loads = partial(services.repeated.loads, exchange.tenant)
    body = dialect.read(came)
    name = body.get("model")
    if name is None:
        raise faults.missing("model")
    if not isinstance(name, str):
        raise faults.wrong_type("model", "a string", name)
    exchange.asked_model = name[:MAX_NAME]
    services.grouping.read(exchange, body)
    is_mapped = services.settings.models.map_gemini_paths or not dialect.own_names
    model = services.model_map.resolve(name, dialect.stands_in) if is_mapped else own_name(name)
    if retirement := retiring(model, services.models.today()):
        exchange.notes.add("retires", retirement.short())
    if ":" in name:
        _, variant = split_variant(name)
        if variant == "online" or (variant == "thinking" and not model_info(model).thinks_by_default):
            exchange.notes.add("ignored", f"model:{variant}")
    exchange.job = _NotYet(model, name)
    if services.pool.sticky:
        exchange.conversation = services.affinity.named(exchange.tenant, body, exchange.flow.request.headers)
    return body, name, model


class _NotYet(Job):
    """Stands for a request whose translation has not succeeded: errors name its model."""

    def __init__(self, model: str, client_model: str) -> None:
        self.model = model
        self.shown_model = model
        self.client_model = client_model

    def request(self) -> GeminiCall:
        raise AssertionError("there is nothing to ask yet")

    def take(self, content: bytes) -> bool:
        raise AssertionError("nothing was asked")
