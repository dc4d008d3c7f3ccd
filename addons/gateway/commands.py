"""Commands for mitmweb's and mitmproxy's command line: `antigravity.*`.

An exchange is several flows. A command takes a request id, or the beginning of one, or mitmproxy's own words for any
of its flows (`@focus`, `@marked`, `~comment WORD`), and finds the others by the id that they share.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mitmproxy.types
from mitmproxy import command, ctx, exceptions, flow, http
from mitmproxy.contentviews import Metadata
from mitmproxy.log import ALERT

from addons.gateway import views
from addons.gateway.accounts.account import Account
from addons.gateway.accounts.cooldowns import ALL_MODELS
from addons.gateway.record.flow_record import ATTEMPT, CLIENT, KEY, REPLAY_OF, record_of
from addons.gateway.views.siblings import siblings_of
from addons.gateway.wire.bodies import received
from mapping import jsonio
from mapping.dialect import json_object
from mapping.faults import Fault

if TYPE_CHECKING:
    from addons.gateway.gateway import Gateway

logger = logging.getLogger("antigravity")

ID_BEGINS = "req_"
REPLAY_SEVERAL = ' To replay them all, say "true" after the flows.'
ACCOUNT = mitmproxy.types.Choice("antigravity.accounts.labels")
FORM = mitmproxy.types.Choice("antigravity.copy.forms")


class Commands:
    """An addon that has nothing but commands."""

    name = "antigravity_commands"

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    # --- accounts

    @command.command("antigravity.accounts")
    def accounts(self) -> Sequence[str]:
        """
        The accounts: label, upstream, and whether each is ready, cools down for a model, or is set aside and why.
        """
        return [self._line(account) for account in self._gateway.pool.accounts]

    @command.command("antigravity.accounts.labels")
    def labels(self) -> Sequence[str]:
        """
        The labels of the accounts, for completion.
        """
        return [account.label for account in self._gateway.pool.accounts]

    @command.command("antigravity.cool")
    @command.argument("account", type=ACCOUNT)
    def cool(self, account: str, seconds: int, model: str = "") -> None:
        """
        Let an account rest for so many seconds: for one Gemini model, or for all when none is named.
        """
        if seconds <= 0:
            raise exceptions.CommandError("The seconds have to be more than 0; antigravity.release ends a rest.")
        if not self._gateway.settings.retry.cooldown:
            raise exceptions.CommandError("No account ever rests: retry.cooldown is false in the settings.")
        rested = self._account(account)
        self._gateway.pool.hold(rested, model, seconds)
        logger.log(ALERT, self._line(rested))

    @command.command("antigravity.release")
    @command.argument("account", type=ACCOUNT)
    def release(self, account: str) -> None:
        """
        Use an account again: ends its cooldowns, and gives it another chance if it was set aside.
        """
        released = self._account(account)
        self._gateway.pool.release(released)
        if released.unusable:
            raise exceptions.CommandError(f"{account} still can't be used: {released.unusable}")
        logger.log(ALERT, self._line(released))

    # --- looking

    @command.command("antigravity.explain")
    def explain(self, flows: str) -> Sequence[str]:
        """
        What became of an exchange: its attempts, and what the translation did to each field.
        """
        client = _one_client(_found(flows))
        shown = [
            ("ATTEMPTS", views.ATTEMPTS, client.request),
            ("THE REQUEST", views.TRANSLATION, client.request),
            ("THE ANSWER", views.TRANSLATION, client.response),
        ]
        lines = []
        for title, view, message in shown:
            text = view.prettify(b"", Metadata(flow=client, http_message=message)) if message else "There is none."
            lines += [title, *text.splitlines(), ""]
        return lines[:-1]

    @command.command("antigravity.export")
    def export(self, flows: str, folder: mitmproxy.types.Path, mask: bool = False) -> None:
        """
        Write an exchange into a folder, as a case that can be run again offline. It holds no credential; with mask
        "true" the texts of the messages are masked too.
        """
        from addons.gateway.cases import export as cases  # takes its time to load, and is needed here only

        try:
            case = cases.export(_family(_found(flows)), Path(folder), mask=mask)
        except cases.CaseError as e:
            raise exceptions.CommandError(str(e)) from None
        logger.log(ALERT, f"Exported to {case}.")

    @command.command("antigravity.diff")
    def diff(self, before: str, after: str, as_json: bool = False) -> Sequence[str]:
        """
        Two exchanges side by side, both sides of each: requests, tools, answers, times, tokens. Of two flows of
        attempts, these two attempts. With as_json "true" as JSON.
        """
        from addons.gateway.cases import compare, exchanges

        pairs = [_recorded(_found(spec)) for spec in (before, after)]
        if all(len(flows) == 1 and record_of(flows[0]).get("side") == ATTEMPT for flows in pairs):
            found = compare.attempts(*(exchanges.of_attempt(flows[0]) for flows in pairs))
        else:
            found = compare.exchanges(*(exchanges.from_flows(_family(flows)) for flows in pairs))
        return [jsonio.dumps(found.plain()).decode()] if as_json else found.lines()

    # --- taking along

    @command.command("antigravity.copy.forms")
    def forms(self) -> Sequence[str]:
        """
        The forms that an exchange can be copied in, for completion.
        """
        from addons.gateway.cases import copies

        return list(copies.FORMS)

    @command.command("antigravity.copy")
    @command.argument("form", type=FORM)
    def copy(self, flows: str, form: str, mask: bool = False) -> Sequence[str]:
        """
        Show an exchange as a command or a program that asks again, as a transcript, or as a line of JSON. It holds no
        credential; with mask "true" the texts are masked too.
        """
        return _copied(flows, form, mask).removesuffix("\n").split("\n")

    @command.command("antigravity.copy.file")
    @command.argument("form", type=FORM)
    def copy_file(self, flows: str, form: str, file: mitmproxy.types.Path, mask: bool = False) -> None:
        """
        Write what antigravity.copy shows into a file. As markdown, html and jsonl several exchanges.
        """
        text = _copied(flows, form, mask)
        try:
            Path(file).write_text(text, encoding="utf-8", newline="\n")
        except OSError as e:
            raise exceptions.CommandError(f"{file}: {e.strerror or e}") from None
        logger.log(ALERT, f"Written to {file}.")

    # --- replays

    @command.command("antigravity.replay")
    def replay(self, flows: str, several: bool = False) -> None:
        """
        Send a client's request again, as it stands now; with several "true" those of all exchanges that the flows are
        of. The originals stay as they are.
        """
        found = _found(flows)
        _start([_copy(client) for client in (_clients(found) if several else [_one_client(found, REPLAY_SEVERAL)])])

    @command.command("antigravity.replay.upstream")
    def replay_upstream(self, flows: str, several: bool = False) -> None:
        """
        Ask Gemini again, with an attempt's request as it stands now and on the same account; of a client's request:
        with its last attempt. With several "true" all attempts that are meant. The originals stay as they are.
        """
        found = _found(flows)
        attempts = _attempts(_recorded(found))
        if len(attempts) > 1 and not several:
            raise exceptions.CommandError(f"This would ask Gemini {len(attempts)} times.{REPLAY_SEVERAL}")
        _start([_copy(attempt) for attempt in attempts])

    @command.command("antigravity.replay.model")
    def replay_model(self, flows: str, model: str) -> None:
        """
        Send a client's request again as if it had named another model. The original stays as it is.
        """
        made = _copy(_one_client(_found(flows)))
        try:
            body = json_object(received(made.request).body)
        except Fault as e:
            raise exceptions.CommandError(e.message) from None
        if "model" not in body:
            raise exceptions.CommandError("This request names no model.")
        made.request.headers.pop("content-encoding", None)
        made.request.content = jsonio.dumps({**body, "model": model})
        _start([made])

    @command.command("antigravity.replay.account")
    @command.argument("account", type=ACCOUNT)
    def replay_account(self, flows: str, account: str) -> None:
        """
        Send a client's request again on this account only, even if it rests. The original stays as it is.
        """
        made = _copy(_one_client(_found(flows)))
        self._gateway.replays.pin(made, self._account(account).label)
        _start([made])

    # --- inside

    def _account(self, label: str) -> Account:
        for account in self._gateway.pool.accounts:
            if account.label == label:
                return account
        raise exceptions.CommandError(f"There is no account {label}.")

    def _line(self, account: Account) -> str:
        """An account's label, upstream and state."""
        rests = [(model, left) for label, model, left in self._gateway.pool.all_resting() if label == account.label]
        state = "ready"
        if account.unusable:
            state = f"set aside: {account.unusable}"
        elif rests:
            state = "cooling for " + ", ".join(f"{_model(model)} {math.ceil(left)} s" for model, left in rests)
        return f"{account.label} · {account.upstream} · {state}"


def _model(name: str) -> str:
    return "all models" if name == ALL_MODELS else name


def _found(spec: str) -> Sequence[flow.Flow]:
    """The flows that a person means; of a request id its client's flow. Raises CommandError."""
    spec = spec.strip().strip("[]")
    if spec.startswith(ID_BEGINS):
        return _of_id(spec)
    if spec == "@focus" and type(ctx.master).__name__ == "WebMaster":
        raise exceptions.CommandError(
            "mitmweb keeps to itself which row is open, so @focus is not that row. "
            "Give the request id from its comment, or its beginning: req_..."
        )
    found: Sequence[flow.Flow] = ctx.master.commands.call("view.flows.resolve", spec)
    return found


def _of_id(spec: str) -> list[http.HTTPFlow]:
    """The client's flow of an exchange; with `/2` behind the id, that of its second attempt."""
    beginning, _, number = spec.partition("/")
    known: dict[str, list[http.HTTPFlow]] = {}
    for one in ctx.master.commands.call("view.flows.resolve", "@all"):
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


def _recorded(flows: Sequence[flow.Flow]) -> list[http.HTTPFlow]:
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
    known: list[http.HTTPFlow] = [
        other for other in ctx.master.commands.call("view.flows.resolve", "@all") if _is_clients(other)
    ]
    for id in filter(None, (record.get("id"), record.get(REPLAY_OF))):
        for client in known:
            if record_of(client).get("id") == id:
                return client
    raise exceptions.CommandError(f"The client's side of {record.get('id')} is not here any more.")


def _is_clients(one: flow.Flow) -> bool:
    return isinstance(one, http.HTTPFlow) and record_of(one).get("side") == CLIENT


def _one_client(flows: Sequence[flow.Flow], advice: str = "") -> http.HTTPFlow:
    """The client's flow of the one exchange that all the flows are of. Raises CommandError."""
    clients = _clients(flows)
    if len(clients) != 1:
        ids = [str(record_of(one).get("id")) for one in clients]
        raise exceptions.CommandError(f"This takes one exchange; the flows are of {_named(ids)}.{advice}")
    return clients[0]


def _copied(spec: str, form: str, mask: bool) -> str:
    """The exchanges that flows are of, in a form. Raises CommandError."""
    from addons.gateway.cases import copies, exchanges
    from addons.gateway.cases.files import CaseError

    taken = [exchanges.from_flows(_family([client])) for client in _clients(_found(spec))]
    try:
        return copies.copied(taken, form, mask=mask)
    except CaseError as e:
        raise exceptions.CommandError(str(e)) from None


def _family(flows: Sequence[flow.Flow]) -> list[http.HTTPFlow]:
    """All flows of the one exchange that the flows are of. Raises CommandError."""
    client = _one_client(flows)
    exchange = siblings_of(client)
    return [client, *exchange.attempts, *exchange.further]


def _clients(flows: Sequence[flow.Flow]) -> list[http.HTTPFlow]:
    """The client's flow of each exchange that the flows are of. Raises CommandError."""
    return list(dict.fromkeys(map(_client_of, _recorded(flows))))


def _attempts(flows: list[http.HTTPFlow]) -> list[http.HTTPFlow]:
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


def _copy(original: http.HTTPFlow) -> http.HTTPFlow:
    """A flow with the same request, to be replayed."""
    record = record_of(original)
    id = record.get("id") or record.get(REPLAY_OF)
    made = http.HTTPFlow(original.client_conn, original.server_conn)
    made.request = original.request.copy()
    made.request.timestamp_start = made.request.timestamp_end = time.time()
    made.metadata[KEY] = {"side": record["side"], "account": record.get("account"), REPLAY_OF: id}
    made.comment = f"replay of [{id}]"
    return made


def _start(copies: list[http.HTTPFlow]) -> None:
    """Show the copies, and have mitmproxy replay them."""
    view: Any = ctx.master.addons.get("view")
    view.add(copies)
    ctx.master.commands.call("replay.client", copies)
    logger.log(ALERT, f"Replaying {len(copies)} request{'s' if len(copies) != 1 else ''}.")
