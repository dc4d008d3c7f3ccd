"""What can be done with a recorded exchange from its page: ask again, also edited, with another model or on another
account; take its case along.

What changes something is done by POST only, and only for the gateway's own pages: a page of another site, or of another
program of this machine, can make a browser send a form here with the key that it has stored.
"""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol
from urllib.parse import urlsplit

from mitmproxy import http

from addons.gateway.accounts.pool import Pool
from addons.gateway.cases import export
from addons.gateway.cases.files import CaseError
from addons.gateway.exchange.facts import Facts
from addons.gateway.http import answers
from addons.gateway.http.fields import value
from addons.gateway.http.routes import PAGES
from addons.gateway.look.addresses import page_of
from addons.gateway.look.making import NO_STORE, PageForm
from addons.gateway.pages.exchange_page import not_kept
from addons.gateway.record import again
from addons.gateway.record.flow_record import record_of
from addons.gateway.record.replay import Replays
from addons.gateway.wire.bodies import received
from mapping import jsonio
from mapping.faults import Fault
from mapping.inspect.printable import one_line
from mapping.values import JSON

EDIT = PageForm("edit.html", styles=("look.css", "edit.css"), scripts=("edit.js",), acts=True)
PATIENCE = 2.0
"""Seconds until a request that is sent again has begun: mitmproxy sends one at a time."""
_LARGEST = 2**21
"""Characters of a body that a browser can edit."""


class Acting(Protocol):
    """What is acted on: the gateway."""

    pool: Pool
    replays: Replays

    def kept(self, id: str) -> Sequence[http.HTTPFlow]:
        """The flows of a recorded exchange; none: there is none of this id."""


def show_edit(exchange: Facts, gateway: Acting, id: str) -> None:
    """Answer with the form for another request like that of an exchange. Raises Fault: 404."""
    client = _client(gateway, id)
    text, editable = _text_of(client.request)
    exchange.succeed(_form(gateway, id, client, text, editable=editable), EDIT.fields())


async def ask_again(exchange: Facts, gateway: Acting, id: str) -> None:
    """Send the request of an exchange again, and lead to the new one's page. Raises Fault: 404; 403 for other sites.

    Members of the form, each of which may be missing: `body` (JSON), `model`, `account`.
    """
    _refuse_other_sites(exchange)
    client = _client(gateway, id)
    form = exchange.flow.request.urlencoded_form
    made = again.copied(client)
    try:
        if (text := form.get("body")) is not None:
            again.replace_body(made.request, _edited(text))
        if model := form.get("model", "").strip():
            again.replace_model(made.request, model)
        if label := form.get("account", "").strip():
            if label not in _labels(gateway):
                raise Fault(400, f"There is no account {one_line(label, 60)}.")
            gateway.replays.pin(made, label)
    except (Fault, RecursionError) as e:
        problem = e.message if isinstance(e, Fault) else "This is nested too deeply."
        shown = form.get("body") or _text_of(client.request)[0]
        content = _form(gateway, id, client, shown, editable=True, problem=problem, asked=form)
        _answer(exchange, 400, content, EDIT.fields())
        return
    begun = gateway.replays.beginning(made)
    again.start([made])
    try:
        new = await asyncio.wait_for(begun, PATIENCE)
    except TimeoutError:
        new = None  # another replay is under way; it will be in the list
    place = page_of(new) if new else PAGES
    _answer(exchange, 303, b"", [(b"Location", place.encode()), *NO_STORE])


async def take_case(exchange: Facts, gateway: Acting, id: str) -> None:
    """Answer with the case of an exchange as a zip file. Raises Fault: 404; 400 where it can't be exported."""
    _client(gateway, id)
    flows, mask = gateway.kept(id), exchange.flow.request.query.get("mask") == "1"
    try:
        content = await asyncio.to_thread(_zipped, flows, id, mask=mask)
    except CaseError as e:
        raise Fault(400, str(e)) from None
    name = f'attachment; filename="{id}{"-masked" if mask else ""}.zip"'
    fields = [(b"Content-Type", b"application/zip"), (b"Content-Disposition", name.encode()), *NO_STORE]
    exchange.succeed(content, fields)


# --- inside


def _client(gateway: Acting, id: str) -> http.HTTPFlow:
    flows = gateway.kept(id)
    if not flows:
        raise Fault(404, not_kept(id), code="exchange_not_found")
    return flows[0]


def _refuse_other_sites(exchange: Facts) -> None:
    origin, site = exchange.caller.origin, value(exchange.flow.request, b"sec-fetch-site")
    foreign = origin is not None and urlsplit(origin).netloc.lower() != exchange.caller.host.lower()
    if foreign or site not in (None, "same-origin", "none"):
        raise Fault(403, "Only the gateway's own pages may do this.", code="origin_not_allowed")


def _text_of(request: http.Request) -> tuple[str, bool]:
    """The body for people, and whether it can be edited."""
    try:
        body = received(request).body
        text = json.dumps(jsonio.loads(body), indent=2, ensure_ascii=False)
    except (Fault, ValueError):
        return "", False
    return (text, True) if len(text) <= _LARGEST else ("", False)


def _edited(text: str) -> JSON:
    """What was edited. Raises Fault, which says where it is no JSON."""
    try:
        body = json.loads(text, parse_constant=_refuse)
    except json.JSONDecodeError as e:
        raise Fault(400, f"This is no JSON: line {e.lineno}, column {e.colno}: {e.msg}.") from None
    except ValueError as e:  # a number of thousands of digits
        raise Fault(400, f"This is no JSON: {e}.") from None
    if not isinstance(body, dict):
        raise Fault(400, "A request is a JSON object: it begins with {.")
    return body


def _refuse(name: str) -> JSON:
    raise ValueError(f"it has no {name}")


def _labels(gateway: Acting) -> list[str]:
    return [account.label for account in gateway.pool.accounts]


def _form(
    gateway: Acting,
    id: str,
    client: http.HTTPFlow,
    text: str,
    *,
    editable: bool,
    problem: str = "",
    asked: Any = None,
) -> bytes:
    record = record_of(client)
    return EDIT.render(
        id=id,
        page=page_of(id),
        path=record.get("path"),
        model=(asked or {}).get("model") or "",
        asked_model=record.get("client_model"),
        account=(asked or {}).get("account") or "",
        accounts=_labels(gateway),
        text=text,
        editable=editable,
        problem=problem,
    )


def _answer(exchange: Facts, status: int, content: bytes, fields: answers.Fields) -> None:
    exchange.machine.answered(content)
    exchange.flow.response = answers.make(status, content, [*fields, *exchange.fields()])


def _zipped(flows: Sequence[http.HTTPFlow], id: str, *, mask: bool) -> bytes:
    made = io.BytesIO()
    with TemporaryDirectory() as folder:
        case = export.export(flows, Path(folder) / id, mask=mask)
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as file:
            for path in sorted(case.rglob("*")):
                if path.is_file():
                    file.write(path, Path(id) / path.relative_to(case))
    return made.getvalue()
