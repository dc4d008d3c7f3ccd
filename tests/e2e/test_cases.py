"""Cases of real exchanges: they hold no secret, pass as the translation is, and fail when it is broken."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from mitmproxy import io

from addons.gateway.cases.export import by_exchange
from addons.gateway.record.flow_record import record_of
from tests.e2e.conftest import KEYS, ROOT, TWO_ACCOUNTS, ScriptedUpstream, http_answer
from tests.e2e.test_upstreams import account

if TYPE_CHECKING:
    from tests.e2e.conftest import Gateway, Starter

GATEWAY_KEY = "sk-client-secret-77ce"
SETTINGS = f'[proxy]\nauth_mode = "strict"\napi_key = "{GATEWAY_KEY}"\n' + TWO_ACCOUNTS
BEARER = {"Authorization": f"Bearer {GATEWAY_KEY}"}
SECRETS = (*KEYS, GATEWAY_KEY)
LABELS = ("alpha@example.com", "bravo@example.com")
PROMPT = "Quokkas adore wattle blossoms"
WEATHER = {
    "name": "get_weather",
    "description": "Wombat forecasts",
    "parameters": {"type": "object", "properties": {"city": {"type": "string", "description": "Numbat town"}}},
}
COMMAND = (
    "import sys; from scripts import cases as c; from scripts.commands.case_commands import run; "
    "sys.exit(run(c.parse(sys.argv[1:])))"
)


def cases(*argv: object, root: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """scripts/cases.py of a copy of the project, in this environment."""
    return subprocess.run(
        [sys.executable, "-c", COMMAND, *map(str, argv)], cwd=root, capture_output=True, text=True, check=False
    )


def traffic(gateway: Gateway) -> None:
    """Exchanges of every kind, good and bad."""
    tool = {"type": "function", "function": WEATHER}
    for stream in (False, True):
        for model in ("gpt-4o", "demo-503-first-case", "demo-429-all", "demo-cut-mid-stream", "demo-max-tokens"):
            gateway.chat(f"{model}-{stream}" if "demo" in model else model, PROMPT, stream=stream, headers=BEARER)
        gateway.chat("gemini-3-flash", PROMPT + " get_weather", stream=stream, tools=[tool], headers=BEARER)
        gateway.chat("gemini-3-flash", PROMPT, stream=stream, n=2, headers=BEARER)
        for path, body in (
            ("/v1/responses", {"model": "gemini-3-flash", "input": PROMPT, "tools": [{"type": "function", **WEATHER}]}),
            ("/v1/completions", {"model": "gpt-4o", "prompt": PROMPT}),
        ):
            answer = gateway.call("POST", path, {**body, "stream": stream}, headers=BEARER)
            if path == "/v1/responses" and not stream:
                compared = {"prompt_cache_options": {"comparison_response_id": answer.json["id"]}, "tools": []}
                gateway.call("POST", path, {**body, **compared}, headers=BEARER)
        weather = {"name": WEATHER["name"], "input_schema": WEATHER["parameters"]}
        said = {"messages": [{"role": "user", "content": PROMPT + " get_weather"}], "thinking": {"type": "adaptive"}}
        for model in ("gemini-3-flash", f"demo-cut-mid-stream-{stream}-messages", "demo-429-all-messages"):
            body = {"model": model, "max_tokens": 500, "tools": [weather], "stop_sequences": ["END"], **said}
            gateway.call("POST", "/v1/messages", {**body, "stream": stream}, headers=BEARER, may_break=True)
    gateway.chat("demo-401-all", PROMPT, headers=BEARER)
    gateway.chat("gpt-4o", PROMPT, headers=BEARER)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """What `-w` saved of that."""
    from tests.e2e.conftest import Upstream, start_gateway

    upstream = Upstream()
    folder = tmp_path_factory.mktemp("saved")
    gateway = start_gateway(folder, SETTINGS.replace("UPSTREAM", upstream.url), "-w", "saved.flow")
    try:
        traffic(gateway)
    finally:
        gateway.stop()
        upstream.stop()
    return folder / "saved.flow"


def contents(folder: Path) -> str:
    return "\n".join(path.read_text() for path in sorted(folder.rglob("*")) if path.is_file())


@pytest.mark.parametrize("mask", [False, True], ids=["as it is", "masked"])
def test_exported_cases_pass_and_hold_no_secret(saved: Path, tmp_path: Path, mask: bool) -> None:
    done = cases("export", saved, tmp_path / "cases", *(["--mask"] if mask else []))
    assert (done.returncode, done.stderr) == (0, "")
    assert len(list((tmp_path / "cases").iterdir())) == 27
    passed = cases("run", tmp_path / "cases")
    assert (passed.returncode, passed.stdout) == (0, "27 cases, all as recorded\n")
    assert all(secret.encode() not in saved.read_bytes() for secret in SECRETS)
    everything = contents(tmp_path / "cases")
    assert not [secret for secret in (*SECRETS, *LABELS, str(tmp_path)) if secret in everything]
    words = [*PROMPT.split(), "Wombat", "Numbat", "demo upstream", "answering"]
    assert [word in everything for word in words] == [not mask] * len(words)


def copied(folder: Path) -> Path:
    """A copy of the project's code."""
    for name in ("addons", "mapping", "scripts"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.mark.parametrize("mask", [False, True], ids=["as it is", "masked"])
def test_a_case_fails_after_a_deliberate_bug(saved: Path, tmp_path: Path, mask: bool) -> None:
    """The table of finish reasons is broken: the diff names what the client would get."""
    exchanges = by_exchange(io.read_flows_from_paths([saved]))
    model = "demo-max-tokens-False"
    [id] = [id for id, flows in exchanges.items() if any(record_of(flow).get("model") == model for flow in flows)]
    assert cases("export", saved, tmp_path / "cases", "--id", id, *(["--mask"] if mask else [])).returncode == 0
    code = copied(tmp_path / "code")
    assert cases("run", tmp_path / "cases", root=code).returncode == 0

    table = code / "mapping" / "answer" / "finish.py"
    text = table.read_text()
    broken = re.sub(r'("MAX_TOKENS": FinishRule\()LENGTH', r"\1STOP", text)
    assert broken != text
    table.write_text(broken)
    failed = cases("run", tmp_path / "cases", root=code)
    assert failed.returncode == 1
    assert '-      "finish_reason": "length",\n+      "finish_reason": "stop",\n' in failed.stdout
    assert failed.stdout.endswith("1 case, 1 failed\n")

    table.write_text(text)
    assert cases("run", tmp_path / "cases", root=code).returncode == 0


def test_a_bug_on_the_way_to_gemini(saved: Path, tmp_path: Path) -> None:
    """A deliberate bug in the request: the Gemini request differs."""
    assert cases("export", saved, tmp_path / "cases").returncode == 0
    code = copied(tmp_path / "code")
    tools = code / "mapping" / "request" / "tools" / "tools.py"
    tools.write_text(tools.read_text().replace('"functionDeclarations"', '"functionDeclaration"'))
    failed = cases("run", tmp_path / "cases", root=code)
    assert failed.returncode == 1
    assert "+++ gemini-request (now)" in failed.stdout
    assert '-      "functionDeclarations": [' in failed.stdout


def flows_of(gateway: Gateway) -> list[list[dict[str, object]]]:
    gateway.stop()
    found = by_exchange(io.read_flows_from_paths([gateway.folder / "saved.flow"]))
    return [[record_of(flow) for flow in flows] for flows in found.values()]


def test_a_continued_answer(starter: Starter, tmp_path: Path) -> None:
    """Each part of a continued answer is an attempt that succeeded, and the case has them all."""
    wire = ROOT / "tests" / "data" / "wire"
    hops = [(wire / f"stream_long_decode_hop{n}.sse").read_bytes() for n in (1, 2)]
    scripted = ScriptedUpstream(*(http_answer(hop, "text/event-stream") for hop in hops))
    settings = f'[[accounts]]\nemail = "a"\napi_key = "k"\nbase_url = "{scripted.url}"\n'
    gateway = starter(settings, "-w", "saved.flow")
    gateway.chat("gemini-4-argon", PROMPT, stream=True)
    [records] = flows_of(gateway)
    assert [record["outcome"] for record in records if record["side"] == "attempt"] == ["200", "200"]
    assert cases("export", gateway.folder / "saved.flow", tmp_path / "cases").returncode == 0
    assert cases("run", tmp_path / "cases").stdout == "1 case, all as recorded\n"


def test_a_stream_that_comes_all_at_its_end_is_recorded_whole(starter: Starter, tmp_path: Path) -> None:
    """Where nothing can be said before the end, the record has what the client got all the same."""
    gateway = starter(None, "-w", "saved.flow", "--set", "antigravity_demo=true")
    answer = gateway.chat("demo-blocked", PROMPT, stream=True)
    gateway.stop()
    [flows] = by_exchange(io.read_flows_from_paths([gateway.folder / "saved.flow"])).values()
    [client] = [flow for flow in flows if record_of(flow)["side"] == "client"]
    assert record_of(client)["streamed"]
    assert client.response
    assert client.response.content == answer.body
    assert client.response.headers["x-request-id"] == answer.headers["x-request-id"]
    assert cases("export", gateway.folder / "saved.flow", tmp_path / "cases").returncode == 0
    assert cases("run", tmp_path / "cases").returncode == 0


@pytest.mark.parametrize("kind", ["vertex", "vertex-express", "code-assist"])
def test_other_upstreams(kind: str, starter: Starter, tmp_path: Path) -> None:
    """The form that another upstream takes is made again too; the project is not in the case."""
    gateway = starter(account(kind).replace("my-project", "acme-internal-77"), "-w", "saved.flow")
    for stream in (False, True):
        gateway.chat("gemini-3.8-flash", PROMPT, stream=stream, service_tier="flex")
    gateway.call("POST", "/v1/responses/input_tokens", {"model": "gemini-3.8-flash", "input": PROMPT})
    gateway.stop()
    assert cases("export", gateway.folder / "saved.flow", tmp_path / "cases").returncode == 0
    assert cases("run", tmp_path / "cases").stdout == "3 cases, all as recorded\n"
    assert "acme-internal-77" not in contents(tmp_path / "cases")
