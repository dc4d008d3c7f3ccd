"""A recorded request once more: a flow of its own, changed or not, that mitmproxy replays.

What then happens is in `replay`. The original stays as it is.
"""

from __future__ import annotations

import logging
import re
import time
from urllib.parse import quote

from mitmproxy import ctx, http
from mitmproxy.log import ALERT

from addons.gateway.record.flow_record import KEY, REPLAY_OF, record_of
from addons.gateway.wire.bodies import received
from mapping import jsonio
from mapping.faults import Fault
from mapping.read_body import json_object
from mapping.values import JSON

logger = logging.getLogger("antigravity")

_IN_PATH = re.compile(r"(/models/)([^/:?]+)(:[A-Za-z]+(?:\?|$))")
"""A model's name in a path of Gemini's own API."""


def copied(original: http.HTTPFlow) -> http.HTTPFlow:
    """A flow with the same request, to be replayed."""
    record = record_of(original)
    id = record.get("id") or record.get(REPLAY_OF)
    made = http.HTTPFlow(original.client_conn, original.server_conn)
    made.request = original.request.copy()
    made.request.timestamp_start = made.request.timestamp_end = time.time()
    made.metadata[KEY] = {"side": record["side"], "account": record.get("account"), REPLAY_OF: id}
    made.comment = f"replay of [{id}]"
    return made


def replace_body(request: http.Request, body: JSON) -> None:
    """Let a request send this JSON."""
    request.headers.pop("content-encoding", None)
    request.content = jsonio.dumps(body)


def replace_model(request: http.Request, model: str) -> None:
    """Let a request name another model. Raises Fault where it names none, or can't be read."""
    if _IN_PATH.search(request.path):
        request.path = _IN_PATH.sub(lambda found: found[1] + quote(model, safe="") + found[3], request.path, count=1)
        return
    body = json_object(received(request).body)
    if "model" not in body:
        raise Fault(400, "This request names no model.")
    replace_body(request, {**body, "model": model})


def start(copies: list[http.HTTPFlow]) -> None:
    """Show the copies, where there is a list of flows, and have mitmproxy replay them."""
    if view := ctx.master.addons.get("view"):
        view.add(copies)
    ctx.master.commands.call("replay.client", copies)
    logger.log(ALERT, f"Replaying {len(copies)} request{'s' if len(copies) != 1 else ''}.")
