"""The flows that a person means in a command.

An exchange is several flows. A command takes a request id, or the beginning of one, or mitmproxy's own words for any
of its flows (`@focus`, `@marked`, `~comment WORD`), and finds the others by the id that they share. What is asked for
and isn't there is a CommandError, whose message is shown to the person.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mitmproxy import ctx, exceptions, flow, http

from addons.gateway.record.flow_record import ATTEMPT, CLIENT, REPLAY_OF, record_of
from addons.gateway.views.siblings import siblings_of

if TYPE_CHECKING:
    from addons.gateway.cases.exchanges import TakenExchange

ID_BEGINS = "req_"


def found(spec: str) -> Sequence[flow.Flow]:
    """The flows that a person means; of a request id its client's flow. Raises CommandError."""
    spec = spec.strip().strip("[]")
    if spec.startswith(ID_BEGINS):
        return _of_id(spec)
    if spec == "@focus" and type(ctx.master).__name__ == "WebMaster":
        raise exceptions.CommandError(
            "mitmweb keeps to itself which row is open, so @focus is not that row. "
            "Give the request id from its comment, or its beginning: req_..."
        )
    return _resolved(spec)


def all_flows() -> Sequence[flow.Flow]:
    """All that are in the list."""
    return _resolved("@all")


def _resolved(spec: str) -> Sequence[flow.Flow]:
    flows: Sequence[flow.Flow] = ctx.master.commands.call("view.flows.resolve", spec)
    return flows


def _of_id(spec: str) -> list[http.HTTPFlow]:
    """The client's flow of an exchange; with `/2` behind the id, that of its second attempt."""
    beginning, _, number = spec.partition("/")
    known: dict[str, list[http.HTTPFlow]] = {}
    for one in all_flows():
        if isinstance(one, http.HTTPFlow) and (id := str(record_of(one).get("id") or "")).startswith(beginning):
            known.setdefault(id, []).append(one)
    if beginning in known:
        known = {beginning: known[beginning]}
    if len(known) != 1:
        among = f"{_named(list(known))} begin with {beginning}; write more of the one." if known else ""
        raise exceptions.CommandError(among or f"No exchange here has the id {beginning}.")
    (flows,) = known.values()
    if number:
        own = siblings_of(flows[0]).attempts
        if not number.isdigit() or not 0 < int(number) <= len(own):
            raise exceptions.CommandError(f"{beginning} has no attempt {number}; it has {len(own)}.")
        return [own[int(number) - 1]]
    return [one for one in flows if _is_clients(one)][:1] or flows


def _named(ids: Sequence[str]) -> str:
    return f"{len(ids)} exchanges ({', '.join(ids[:3])}{', ...' if len(ids) > 3 else ''})"


def recorded(flows: Sequence[flow.Flow]) -> list[http.HTTPFlow]:
    """The flows, each of which has to be one of the gateway's. Raises CommandError."""
    found = [one for one in flows if isinstance(one, http.HTTPFlow) and record_of(one).get("side")]
    if not found or len(found) != len(flows):
        raise exceptions.CommandError("This takes recorded flows of the gateway, and one at least.")
    return found


def _client_of(one: http.HTTPFlow) -> http.HTTPFlow:
    """The client's flow of the exchange that a flow is of; of a replayed attempt: of the one before."""
    record = record_of(one)
    if record["side"] == CLIENT:
        return one
    known = [other for other in all_flows() if isinstance(other, http.HTTPFlow) and _is_clients(other)]
    for id in filter(None, (record.get("id"), record.get(REPLAY_OF))):
        for client in known:
            if record_of(client).get("id") == id:
                return client
    raise exceptions.CommandError(f"The client's side of {record.get('id')} is not here any more.")


def _is_clients(one: http.HTTPFlow) -> bool:
    return record_of(one).get("side") == CLIENT


def one_client(flows: Sequence[flow.Flow], advice: str = "") -> http.HTTPFlow:
    """The client's flow of the one exchange that all the flows are of. Raises CommandError."""
    all = clients(flows)
    if len(all) != 1:
        ids = [str(record_of(one).get("id")) for one in all]
        raise exceptions.CommandError(f"This takes one exchange; the flows are of {_named(ids)}.{advice}")
    return all[0]


def family(flows: Sequence[flow.Flow]) -> list[http.HTTPFlow]:
    """All flows of the one exchange that the flows are of. Raises CommandError."""
    client = one_client(flows)
    exchange = siblings_of(client)
    return [client, *exchange.attempts, *exchange.further]


def taken(flows: Sequence[flow.Flow]) -> TakenExchange:
    """The one exchange that the flows are of. Raises CommandError."""
    from addons.gateway.cases import exchanges  # takes its time to load

    return exchanges.from_flows(family(flows))


def clients(flows: Sequence[flow.Flow]) -> list[http.HTTPFlow]:
    """The client's flow of each exchange that the flows are of. Raises CommandError."""
    return list(dict.fromkeys(map(_client_of, recorded(flows))))


def attempts(flows: list[http.HTTPFlow]) -> list[http.HTTPFlow]:
    """The attempts among the flows; and the last one of each exchange that only its client's flow stands for."""
    found = [one for one in flows if record_of(one).get("side") == ATTEMPT]
    told = {record_of(one).get("id") for one in found}
    for client in flows:
        if client in found or record_of(client).get("id") in told:
            continue
        exchange = siblings_of(client)
        if not exchange.attempts:
            raise exceptions.CommandError("Nothing of this exchange went upstream.")
        found.append(exchange.attempts[-1])
    return found
