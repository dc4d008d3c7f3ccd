"""A real mitmweb with the addon, driven over its own HTTP interface."""

from __future__ import annotations

import http.client
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from mitmproxy import http as mitm_http
from mitmproxy import io as mitm_io

from tests.e2e.conftest import TWO_ACCOUNTS, free_port, start_gateway, wait_until
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from tests.e2e.conftest import Gateway, Starter, Upstream

TOKEN = "look"
XSRF = "0123456789abcdef"
"""As cookie and as header, which is what proves that the page is mitmweb's own."""


@dataclass
class Web:
    """What mitmweb's page does."""

    gateway: Gateway
    port: int

    def fetch(self, path: str, method: str = "GET", body: Any = None) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            data = body if body is None or isinstance(body, bytes) else json.dumps(body)
            headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
            headers |= {"Cookie": f"_mitmproxy_xsrf={XSRF}", "X-XSRFToken": XSRF}
            connection.request(method, path, data, headers)
            response = connection.getresponse()
            content = response.read()
            assert response.status == 200, (path, response.status, content)
            return content
        finally:
            connection.close()

    def flows(self) -> list[mitm_http.HTTPFlow]:
        """All flows, as a saved file would hold them, oldest first."""
        found = mitm_io.FlowReader(io.BytesIO(self.fetch("/flows/dump"))).stream()
        flows = [flow for flow in found if isinstance(flow, mitm_http.HTTPFlow)]
        return sorted(flows, key=lambda flow: flow.request.timestamp_start)

    def view(self, flow: mitm_http.HTTPFlow, message: str, name: str = "auto") -> str:
        """The text that a view shows of a flow's `request` or `response`; `auto`: the one that is shown unasked."""
        return str(json.loads(self.fetch(f"/flows/{flow.id}/{message}/content/{quote(name)}.json"))["text"])

    def load(self, file: Path) -> None:
        """Open a saved file."""
        self.fetch("/flows/dump", "POST", file.read_bytes())

    def flow(self, id: str) -> mitm_http.HTTPFlow:
        return next(flow for flow in self.flows() if flow.id == id)

    def new_flows(self, before: list[mitm_http.HTTPFlow], count: int) -> list[mitm_http.HTTPFlow]:
        """Wait until so many flows have come since, and are complete."""
        known = {flow.id for flow in before}
        found: list[mitm_http.HTTPFlow] = []

        def complete() -> bool:
            found[:] = [flow for flow in self.flows() if flow.id not in known]
            return len(found) >= count and all(flow.response and flow.metadata.get("antigravity") for flow in found)

        wait_until(complete)
        assert len(found) == count
        return found

    def command(self, name: str, *arguments: str) -> Any:
        """The value of a command. Raises CommandFailed."""
        answer = json.loads(self.fetch(f"/commands/{name}", "POST", {"arguments": arguments}))
        if "error" in answer:
            raise CommandFailed(answer["error"])
        return answer["value"]

    def replay(self, id: str) -> mitm_http.HTTPFlow:
        """Press the button, and wait for the answer."""
        self.fetch(f"/flows/{id}/replay", "POST")
        self.wait_for_replays()
        return self.flow(id)

    def wait_for_replays(self) -> None:
        wait_until(lambda: self.command("replay.client.count") == 0)

    def reset(self) -> None:
        """As if it had just been started."""
        self.fetch("/clear", "POST")
        for account in self.command("antigravity.accounts.labels"):
            self.command("antigravity.release", account)


class CommandFailed(Exception):
    """The text of the error."""


def start_web(starter: Starter, settings: str | None = TWO_ACCOUNTS, *arguments: str) -> Web:
    """Start mitmweb; `settings` are those of the gateway."""
    port = free_port()
    web = ["--no-web-open-browser", "--web-port", str(port), "--set", f"web_password={TOKEN}"]
    return Web(starter(settings, *web, *arguments, tool="mitmweb"), port)


@contextmanager
def running_web(upstream: Upstream, folder: Path) -> Iterator[Web]:
    """A mitmweb with two accounts, for more than one test."""
    started: list[Gateway] = []

    def start(settings: str, *arguments: str, **more: Any) -> Gateway:
        started.append(start_gateway(folder, settings.replace("UPSTREAM", upstream.url), *arguments, **more))
        return started[0]

    try:
        yield start_web(start)
    finally:
        for gateway in started:
            gateway.stop()
