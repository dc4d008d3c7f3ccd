"""What several workers tell of themselves: the same, whichever is asked."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.conftest import TWO_ACCOUNTS, wait_until
from tests.e2e.test_workers import begun
from tests.e2e.workers import GatedUpstream, lives, workers_of
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from tests.e2e.conftest import Gateway, Starter

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="several workers need a system that can fork")

MODEL = "gemini-2.5-flash"
BUDGET = TWO_ACCOUNTS + '\n[limits]\nbudget_per_day = 2.5\n[prices.models]\n"demo-*" = { input = 1e6, output = 0 }\n'
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


def samples(gateway: Gateway, name: str) -> dict[tuple[tuple[str, str], ...], float]:
    """The samples of that name, by their labels."""
    families = text_string_to_metric_families(gateway.call("GET", "/metrics").body.decode())
    named = [sample for family in families for sample in family.samples if sample.name == name]
    found = [(tuple(sorted(sample.labels.items())), sample.value) for sample in named]
    assert len({labels for labels, _ in found}) == len(found)
    return dict(found)


def requests_of(gateway: Gateway) -> int:
    return int(sum(samples(gateway, "gateway_requests_total").values()))


def status(gateway: Gateway) -> Any:
    answer = gateway.call("GET", "/status.json")
    assert answer.status == 200
    return answer.json


def counted(gateway: Gateway) -> int:
    return sum(int(row["requests"]) for row in status(gateway)["models"])


def answering(gateway: Gateway) -> socket.socket:
    """A connection to the worker that answers, while another does not."""
    asked = [socket.create_connection(("127.0.0.1", gateway.port), PATIENCE) for _ in range(2)]
    for connection in asked:
        connection.sendall(HEALTH)
    (well, *_), _, _ = select.select(asked, [], [], 60)
    for connection in asked:
        if connection is not well:
            connection.close()
    assert b"200 OK" in well.recv(65536)
    return well


def health(connection: socket.socket) -> Any:
    connection.sendall(HEALTH)
    return json.loads(connection.recv(65536).partition(b"\r\n\r\n")[2])


def test_metrics_are_those_of_all(starter: Starter) -> None:
    gateway = starter(BUDGET, workers=2)
    for _ in range(8):
        assert gateway.chat(MODEL).status == 200
    for _ in range(4):  # each worker is asked
        assert requests_of(gateway) == 8
        assert sum(samples(gateway, "gateway_request_seconds_count").values()) == 8
        assert samples(gateway, "gateway_requests_in_flight") == {(): 1}
        assert samples(gateway, "gateway_workers") == {(("state", "ready"),): 2}
        own = ("gateway_tasks", "process_resident_memory_bytes", "process_cpu_seconds_total")
        for name in own:
            assert set(samples(gateway, name)) == {(("worker", "1"),), (("worker", "2"),)}
    a_budget_is_that_of_all(gateway)


def a_budget_is_that_of_all(gateway: Gateway) -> None:
    """What one worker has spent the others count, too."""
    wait_until(lambda: gateway.chat("demo-dear", text="Hi").status == 429)
    wait_until(lambda: {gateway.chat("demo-dear", text="Hi").status for _ in range(6)} == {429})
    spent = status(gateway)["costs"]["today"]["cost"]
    assert spent >= 2.5
    wait_until(lambda: all(status(gateway)["costs"]["budget"]["spent"] == pytest.approx(spent) for _ in range(6)))
    assert sum(samples(gateway, "gateway_cost_usd_total").values()) == pytest.approx(spent)


def test_no_count_falls_when_a_worker_ends(starter: Starter) -> None:
    gateway = starter(workers=2)
    for _ in range(8):
        assert gateway.chat(MODEL).status == 200
    assert requests_of(gateway) == 8
    first, second = workers_of(gateway)
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: f"Worker 1 (process {first}) has ended" in gateway.log)
    wait_until(lambda: samples(gateway, "gateway_workers") == {(("state", "ready"),): 2})
    assert requests_of(gateway) == 8
    gateway.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "All workers have been replaced." in gateway.log and not lives(second))
    assert [requests_of(gateway) for _ in range(4)] == [8] * 4
    assert counted(gateway) == 8


def test_the_status_is_that_of_all(starter: Starter) -> None:
    gated = GatedUpstream()
    gateway = starter(TWO_ACCOUNTS.replace("UPSTREAM", gated.url), workers=2)
    streams = begun(gateway, gated, 4)
    for _ in range(4):
        told = status(gateway)
        assert told["in_flight"] == len(told["running"]) == 4
        assert [(one["number"], one["pid"]) for one in told["workers"]] == list(enumerate(workers_of(gateway), 1))
        assert [one["in_flight"] for one in told["workers"]] == [2, 2]
    gated.gate.set()
    for stream in streams:
        stream.join(PATIENCE)
    wait_until(lambda: status(gateway)["in_flight"] == 0)
    for _ in range(4):
        told = status(gateway)
        assert len(told["exchanges"]) == told["hour"]["requests"] == 4
        assert sum(account["attempts"] for account in told["accounts"]) == 4
        assert 'data-worker="2"' in gateway.call("GET", "/").body.decode()
    gated.close()


def test_a_stuck_worker_is_shown_as_such(starter: Starter) -> None:
    gateway = starter(workers=2)
    assert gateway.call("GET", "/healthz").body == b'{"status":"ok"}'
    first, _ = workers_of(gateway)
    os.kill(first, signal.SIGSTOP)
    well = answering(gateway)
    degraded = {"status": "ok", "workers": {"ready": 1, "of": 2}}
    wait_until(lambda: bool(health(well) == degraded))
    assert lives(first)
    assert [(one["state"], one["in_flight"]) for one in status(gateway)["workers"]] == [("stuck", None), ("ready", 0)]
    assert samples(gateway, "gateway_workers") == {(("state", "ready"),): 1, (("state", "stuck"),): 1}
    os.kill(first, signal.SIGCONT)
    wait_until(lambda: bool(health(well) == {"status": "ok"}))
    well.close()


def test_the_statistics_of_all_outlive_a_start(starter: Starter, tmp_path: Path) -> None:
    settings = f'[responses]\nstore = "{tmp_path / "state.db"}"\n{TWO_ACCOUNTS}'
    for expected in (6, 12):
        gateway = starter(settings, workers=2)
        for _ in range(6):
            assert gateway.chat(MODEL).status == 200
        assert [counted(gateway) for _ in range(4)] == [expected] * 4
        gateway.process.terminate()
        assert gateway.process.wait(PATIENCE) == 0


def test_a_budget_is_used_up_once(starter: Starter, tmp_path: Path) -> None:
    """Whichever worker has spent it, whoever has taken its place since, and after a start, too."""

    def refused() -> float:
        """Each worker refuses; what was spent, as all say."""
        wait_until(lambda: {gateway.chat("demo-dear", text="Hi").status for _ in range(6)} == {429})
        wait_until(lambda: len({status(gateway)["costs"]["budget"]["spent"] for _ in range(6)}) == 1)
        return float(status(gateway)["costs"]["budget"]["spent"])

    settings = f'[responses]\nstore = "{tmp_path / "state.db"}"\n{BUDGET}'
    gateway = starter(settings, workers=2)
    # The other worker may spend a last time before it hears of it: what the launcher knows is what both have spent.
    wait_until(lambda: sum(samples(gateway, "gateway_cost_usd_total").values()) == pytest.approx(refused()))
    spent = refused()
    assert spent >= 2.5
    first, second = workers_of(gateway)
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: samples(gateway, "gateway_workers") == {(("state", "ready"),): 2} and not lives(first))
    assert refused() == pytest.approx(spent)
    gateway.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "All workers have been replaced." in gateway.log and not lives(second))
    assert refused() == pytest.approx(spent)
    gateway.process.terminate()
    assert gateway.process.wait(PATIENCE) == 0
    gateway = starter(settings, workers=2)
    assert refused() == pytest.approx(spent)


def test_a_command_is_for_all(starter: Starter, tmp_path: Path) -> None:
    """Where a command is given does not matter: here in the second worker."""
    script = tmp_path / "cooling.py"
    script.write_text(
        "import os\n"
        "from mitmproxy import ctx\n"
        "def running():\n"
        "    if os.environ['ANTIGRAVITY_WORKER'] == '2':\n"
        "        ctx.master.commands.call('antigravity.cool', 'alpha@example.com', 600)\n"
    )
    gateway = starter(TWO_ACCOUNTS, "-s", str(script), workers=2)
    bravo = ["bravo@example.com"] * 6
    wait_until(lambda: [gateway.chat(MODEL).headers["x-account-email"] for _ in range(6)] == bravo)


HOLDING = """
import asyncio, os
from pathlib import Path
from mitmproxy import ctx, exceptions

FOLDER, MINE = Path(__file__).parent, os.environ["ANTIGRAVITY_WORKER"]

def request(flow):
    exchange = ctx.master.addons.get("antigravity").gateway.exchanges[flow.id]
    ctx.master.commands.call("antigravity.hold", exchange.id)
    (FOLDER / "held.new").write_text(f"{exchange.id} {MINE}")
    (FOLDER / "held.new").rename(FOLDER / "held")

def running():
    asyncio.get_running_loop().create_task(look())

async def look():
    while not (FOLDER / "held").exists():
        await asyncio.sleep(0.02)
    id, holder = (FOLDER / "held").read_text().split()
    if MINE != holder:
        try:
            ctx.master.commands.call("antigravity.letgo", id)
        except exceptions.CommandError as e:
            (FOLDER / "refused").write_text(str(e))
        return
    while not (FOLDER / "refused").exists():
        await asyncio.sleep(0.02)
    ctx.master.commands.call("antigravity.step", id)
    ctx.master.commands.call("antigravity.letgo", id)
"""


def test_a_stream_is_held_by_the_worker_that_has_it(starter: Starter, tmp_path: Path) -> None:
    script = tmp_path / "holding.py"
    script.write_text(HOLDING)
    gateway = starter(TWO_ACCOUNTS, "-s", str(script), workers=2)
    answer = gateway.chat(MODEL, stream=True)
    assert answer.status == 200
    assert answer.events[-1] == "[DONE]"
    id, holder = (tmp_path / "held").read_text().split()
    other = {"1": "2", "2": "1"}[holder]
    assert (tmp_path / "refused").read_text() == (
        f"This takes one exchange that is under way; {id} means 0 in worker {other}, and each holds its own."
    )
    wait_until(lambda: "held=" in gateway.log)
