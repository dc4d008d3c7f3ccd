"""What is copied runs: curl, Python and JavaScript ask the same again, in every dialect, with whatever texts."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from mitmproxy import io

from addons.gateway.cases import compare, copies, exchanges
from addons.gateway.cases.exchanges import TakenExchange
from addons.gateway.cases.export import by_exchange
from addons.gateway.http import routes
from mapping import dialects
from mapping.inspect.transcript import members
from mapping.native.request import GENERATE, canonical
from mapping.trial import ANY_MODEL
from tests.e2e.conftest import FLASH, KEYS, TWO_ACCOUNTS, Upstream, start_gateway

MODULES = Path(__file__).parent / "node" / "node_modules"
KEY = "sk-the-gateways-own-key-51c0"
SETTINGS = f'[proxy]\nauth_mode = "strict"\napi_key = "{KEY}"\n[retry]\ncooldown = false\n{TWO_ACCOUNTS}'
NASTY = (
    'it\'s "quoted" `id` $HOME ${HOME} $(id) %s \\n \\ \\\\ !! #{x} \t tab\n'
    "JSON\nEOF\n'''\n\"\"\"\n*/ // <!-- \r\n"
    "你好 🇨🇭 \u202e\u2028\x00\x7f\u0085 é e\u0301 {{}} ${`\n"
) * 2
"""What shells and languages trip over."""
USER = {"role": "user", "content": NASTY}
CONTENT = {"role": "user", "parts": [{"text": NASTY}]}
OWN = [
    ("chat", {"model": FLASH, "messages": [USER], "stop": [NASTY[:20]]}),
    ("chat", {"model": FLASH, "messages": [USER], "stream": True, "top_k": 3}),
    ("chat", {"model": FLASH, "input": "by the wrong path"}),
    (
        "chat",
        {
            "model": FLASH,
            "messages": [{"role": "user", "content": "Hi"}],
            "metadata": {NASTY: NASTY, "__proto__": "x", "constructor": "y", "a-b": "z"},
            "tools": [{"type": "function", "function": {"name": "f", "parameters": {"properties": {"__proto__": {}}}}}],
        },
    ),
    ("messages", {"model": FLASH, "max_tokens": 64_000, "system": NASTY, "messages": [USER]}),
    ("generateContent", {"model": FLASH, "contents": [CONTENT]}),
    ("streamGenerateContent", {"model": FLASH, "alt": "sse", "contents": [CONTENT]}),
]  # fmt: skip
ELSEWHERE = frozenset({"embedContent", "batchEmbedContents", "embeddings"})
"""Dialects whose SDKs ask in other words than they are told: in base64, by a method that takes several texts."""


def samples() -> Iterator[tuple[str, dict[str, Any]]]:
    """Requests of every dialect."""
    for name, trial in dialects.trials().items():
        for sample in trial.samples():
            yield name, {**sample, "model": FLASH} if sample.get("model") == ANY_MODEL else dict(sample)
    yield from OWN


def path_of(name: str, request: dict[str, Any]) -> str:
    endpoint = next(one for one in routes.ENDPOINTS if one.name == name)
    query = f"?alt={request['alt']}" if "alt" in request else ""
    return endpoint.path.replace("{name}", str(request.get("model"))) + query


def read(saved: Path) -> list[TakenExchange]:
    found = by_exchange(io.read_flows_from_paths([saved]))
    return sorted(map(exchanges.from_flows, found.values()), key=lambda one: one.record["time"])


@dataclass
class Ran:
    """A program for each exchange, what each put out, and what the gateway saw of them."""

    programs: list[str]
    outputs: list[bytes]
    seen: list[TakenExchange]


class Stage:
    """Exchanges that were recorded, and a place to run what is copied of them."""

    def __init__(self, folder: Path, upstream: Upstream) -> None:
        self.folder, self._settings = folder, SETTINGS.replace("UPSTREAM", upstream.url)
        gateway = start_gateway(folder / "first", self._settings, "-w", "saved.flow")
        headers = {"Authorization": f"Bearer {KEY}", "anthropic-beta": "context-management-2025-06-27"}
        for name, request in samples():
            body = dialects.sdk(name).wire(request)
            gateway.call("POST", path_of(name, request), body, headers=headers)
        gateway.stop()
        assert "Traceback" not in gateway.log
        self.taken = [one for one in read(folder / "first" / "saved.flow") if one.record["status"] == 200]

    def run(self, form: str, suffix: str, *command: str, link: Path | None = None, mask: bool = False) -> Ran:
        """Run a program for each exchange, one after another, in one process, against another gateway."""
        folder = self.folder / f"{form}{'-masked' if mask else ''}"
        gateway = start_gateway(folder / "gateway", self._settings, "-w", "saved.flow")
        try:
            if link:
                (folder / "node_modules").symlink_to(link)
            url = f"http://127.0.0.1:{gateway.port}"
            programs = [copies.copied([one], form, mask=mask, url=url) for one in self.taken]
            files = [folder / f"{number}{suffix}" for number in range(len(programs))]
            for file, program in zip(files, programs, strict=True):
                file.write_text(program, newline="\n")
            environ = {"PATH": os.environ["PATH"], "ANTIGRAVITY_API_KEY": KEY, "HOME": str(folder)}
            done = subprocess.run(
                [*command, *map(str, files)], cwd=folder, env=environ, capture_output=True, timeout=300, check=False
            )
        finally:
            gateway.stop()
        outputs = done.stdout.split(b"\0END\0")
        assert done.returncode == 0, done.stderr.decode()[-3000:]
        return Ran(programs, outputs[:-1], read(folder / "gateway" / "saved.flow"))


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Stage:
    return Stage(tmp_path_factory.mktemp("copies"), upstream)


SHELL = """
for file in "$@"; do sh "$file" || exit 1; printf '\\0END\\0'; done
"""
PYTHON = """
import sys
for file in sys.argv[1:]:
    exec(compile(open(file, encoding="utf-8", newline="").read(), file, "exec"), {"__name__": "__main__"})
    print(end="\\0END\\0", flush=True)
"""
NODE = """
for (const file of process.argv.slice(1)) {
  await import(file);
  process.stdout.write("\\0END\\0");
}
"""
WAYS = [
    pytest.param(("curl", ".sh", "sh", "-c", SHELL, "sh"), id="curl"),
    pytest.param(("python", ".py", sys.executable, "-c", PYTHON), id="python"),
    pytest.param(
        ("javascript", ".mjs", "node", "--input-type=module", "-e", NODE), id="javascript", marks=pytest.mark.node
    ),
]  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_what_is_copied_asks_the_same(stage: Stage, way: tuple[str, ...]) -> None:
    ran = stage.run(*way, link=MODULES if way[0] == "javascript" else None)
    assert len(stage.taken) > 40
    assert len(ran.seen) == len(ran.outputs) == len(stage.taken)
    by_sdk = [program for program in ran.programs if "# pip install" in program or "// npm install" in program]
    assert (len(by_sdk) > 40) == (way[0] != "curl")
    assert len({one.endpoint for one in ran.seen}) >= len(dialects.trials()) - 2
    for before, after, output, program in zip(stage.taken, ran.seen, ran.outputs, ran.programs, strict=True):
        assert after.record["status"] == 200, (program, after.answer)
        assert not [secret for secret in (KEY, *KEYS, "alpha@example.com") if secret in program]
        if before.endpoint in ELSEWHERE and way[0] != "curl":
            continue
        assert before.endpoint == after.endpoint, program
        if way[0] != "curl" and dialects.sdk(before.endpoint).key_field[0] == "x-goog-api-key":
            before, after = in_one_form(before), in_one_form(after)
        found = compare.exchanges(before, after)
        for section in found.sections:
            if "request" in section.name:
                assert not section.differs, (program, "\n".join(found.lines()))
        assert texts(after.answer) == texts(before.answer)
        if way[0] == "curl" and after.answer is not None and not after.record["streamed"]:
            assert json.loads(output) == after.answer


def test_what_is_masked_is_still_a_request(stage: Stage) -> None:
    ran = stage.run("curl", ".sh", "sh", "-c", SHELL, "sh", mask=True)
    assert [one.record["status"] for one in ran.seen] == [200] * len(stage.taken)
    without_names = [program for program in ran.programs if "metadata" not in program]
    assert not [program for program in without_names if "quoted" in program or "Be brief" in program]


def in_one_form(taken: TakenExchange) -> TakenExchange:
    """Google's SDKs write names and single elements in their own way, and say that the system's are a user's."""
    body = canonical(members(taken.request), GENERATE, "m") if "contents" in members(taken.request) else {}
    body.get("systemInstruction", {}).pop("role", None)
    return replace(taken, request=camel(body), calls=[])


def camel(value: Any) -> Any:
    if isinstance(value, list):
        return [camel(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {re.sub(r"_([a-z])", lambda found: found[1].upper(), name): camel(one) for name, one in value.items()}


def texts(value: Any) -> list[str]:
    """What is said in an answer."""
    if isinstance(value, list):
        return [text for one in value for text in texts(one)]
    if not isinstance(value, dict):
        return []
    found = [one for name, one in value.items() if name in ("text", "content") and isinstance(one, str)]
    return found + [text for one in value.values() for text in texts(one)]
