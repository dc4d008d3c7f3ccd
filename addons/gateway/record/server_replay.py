"""mitmproxy's server replay (`-S FILE`, `replay.server`): recordings answer in Gemini's place, and nothing goes up.

mitmproxy by itself lets through what no recording matches, once all are used up whatever `server_replay_extra` says;
and it answers paths that the gateway serves itself. Here, while recordings are loaded:

* What no recording matches is refused, with the status that `server_replay_extra` names (404 where it names none).
* It is hung up on only where a person has set `server_replay_extra` to `kill`. It goes up only where a person has set
  it to `forward`, and only while there are recordings: once all are used up nothing goes up any more, whatever it says.
* A recording without a body (a stream of which mitmproxy kept none) is never used.
"""

from __future__ import annotations

from typing import Any

from mitmproxy import ctx, http

from addons.gateway.exchange.exchange import Exchanges
from addons.gateway.record.flow_record import CLIENT, record_of
from addons.gateway.wire import compat
from mapping.faults import Fault, FaultKind

OPTION = "server_replay_extra"
FORWARD = "forward"
_DEFAULT_STATUS = 404


class ServerReplay:
    """In the place of mitmproxy's own `request` hook of its server replay."""

    def __init__(self, exchanges: Exchanges) -> None:
        self._exchanges = exchanges
        self._playback: Any = None
        self._wanted = False
        """The option `-S` names recordings."""
        self._used_up = False
        """The recordings of a command were all used; with those of `-S` the option says that there were some."""

    def install(self) -> None:
        """Put the hook in place. `uninstall` takes it out again."""
        if compat.offers(compat.SERVER_REPLAY):
            self._playback = ctx.master.addons.get("serverplayback")
        if self._playback is not None:
            self._playback.request = self.request
        self.follow_options()

    def follow_options(self) -> None:
        """mitmproxy's options have changed. To look at an option copies it, which is too slow for each request."""
        self._wanted = bool(ctx.options.server_replay)

    def uninstall(self) -> None:
        """mitmproxy's own hook is in its place again. Does nothing where none was put in."""
        if self._playback is not None:
            self._playback.__dict__.pop("request", None)
            self._playback = None

    @property
    def closed(self) -> bool:
        """Whether nothing may go up: recordings are loaded, and nobody asked for more by name; or all are used up."""
        if not self.loaded:
            return False
        return _extra() != FORWARD or not self._has_more

    def request(self, flow: http.HTTPFlow) -> None:
        """The hook: an answer from the recordings, or none."""
        exchange = self._exchanges.of(flow)
        if exchange is None:  # another mode of the same mitmproxy
            type(self._playback).request(self._playback, flow)
        elif self.loaded and exchange.wants_upstream:
            if (response := self._recorded(flow)) is not None:
                flow.response, flow.is_replay = response, "response"
            elif _extra() == "kill":
                flow.kill()
            elif self.closed:
                exchange.refuse_upstream(no_recording())

    @property
    def loaded(self) -> bool:
        """Whether recordings answer in Gemini's place, or did until all were used."""
        playback = self._playback
        return playback is not None and bool(self._wanted or playback.flowmap or self._used_up)

    @property
    def _has_more(self) -> bool:
        """Whether there are recordings that can still answer. A file has those of clients too, which answer nobody."""
        flows = (flow for flows in self._playback.flowmap.values() for flow in flows)
        return any(record_of(flow).get("side") != CLIENT for flow in flows)

    def _recorded(self, flow: http.HTTPFlow) -> http.Response | None:
        recordings = self._playback.flowmap
        if not recordings:
            return None
        _tidy(recordings)
        found = self._playback.next_flow(flow)
        self._used_up = not recordings
        if found is None or found.response is None:
            return None
        response: http.Response = found.response.copy()
        if ctx.options.server_replay_refresh:
            response.refresh()
        return response


def no_recording() -> Fault:
    """What is answered where no recording matches."""
    extra = _extra()
    status = int(extra) if extra in ("400", "404", "500") else _DEFAULT_STATUS
    if extra == FORWARD:
        why = "All recordings are used up, and then Gemini is not asked, whatever server_replay_extra says. "
        todo = "With server_replay_reuse=true a recording answers as often as it is asked for."
    else:
        why = (
            "No recording matches this request, and while recordings are replayed Gemini is not asked. A recording "
            "answers once (server_replay_reuse=true: as often as it is asked for), and only the request that it was "
            "made of. "
        )
        todo = f"To ask Gemini for what was not recorded: {OPTION}={FORWARD}."
    return Fault(
        status,
        why + todo,
        code="no_recording",
        kind=FaultKind.SERVER if status >= 500 else FaultKind.REQUEST,
        should_retry=False,
    )


def _extra() -> str:
    """The option as a person has set it; "" where nobody has: mitmproxy's default would let everything through."""
    options: Any = ctx.options
    value = options._options[OPTION].value  # the default itself may have been chosen, and only this tells
    return value if isinstance(value, str) else ""


def _tidy(recordings: dict[Any, list[http.HTTPFlow]]) -> None:
    """Leave out what has no body, and put equal requests into the order in which they were made.

    Files have them in the order in which they ended, which for the calls of an answer with several choices is another.
    """
    for key, flows in list(recordings.items()):
        whole = [flow for flow in flows if flow.response is not None and flow.response.raw_content is not None]
        if whole:
            recordings[key] = sorted(whole, key=lambda flow: flow.request.timestamp_start)
        else:
            del recordings[key]
