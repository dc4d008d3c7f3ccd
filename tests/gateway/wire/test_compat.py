"""addons.gateway.wire.compat: what of mitmproxy is relied on is all told, and what becomes of it when it is gone."""

from __future__ import annotations

import ast
import asyncio
import importlib
import logging
import re
from pathlib import Path
from typing import Any

import h11
import pytest
from mitmproxy import master, options
from mitmproxy.addonmanager import AddonManager
from mitmproxy.proxy.layers.http import HttpClient, _http1

from addons.gateway.record import replay
from addons.gateway.wire import arriving, compat, http1, inner_call, layer, stream
from addons.gateway.wire.dispatch import HookTable

ROOT = Path(__file__).resolve().parents[3]
ROWS = [*compat.REQUIRED, *(need for needs in compat.OPTIONAL.values() for need in needs)]
SUBCLASSES = [
    found
    for module in (arriving, http1, inner_call, layer, stream, replay)
    for found in vars(module).values()
    if isinstance(found, type) and found.__module__ == module.__name__
]


def take_away(monkeypatch: pytest.MonkeyPatch, need: compat.Need, name: str) -> None:
    """Have a name be gone: an attribute from the class that has it, an instance's from where it is announced."""
    module, _, path = need.owner.partition(":")
    owner: Any = importlib.import_module(module)
    if name == "__call__":
        monkeypatch.delattr(owner, path)
        return
    owner = getattr(owner, path)
    for base in owner.__mro__[:-1]:
        if name in vars(base):
            monkeypatch.delattr(base, name)
        if name in vars(base).get("__annotations__", {}):
            monkeypatch.delitem(base.__annotations__, name)
        if name in getattr(getattr(vars(base).get("__init__"), "__code__", None), "co_names", ()):
            monkeypatch.setattr(base, "__init__", lambda self, *_: None)


@pytest.mark.parametrize(
    ("file", "version"), [*zip(("constraints-oldest.txt", "constraints.txt"), compat.TESTED, strict=True)]
)
def test_versions_are_those_of_the_environments(file: str, version: str) -> None:
    assert f"mitmproxy=={version}" in (ROOT / file).read_text().splitlines()


def test_nothing_is_missing(caplog: pytest.LogCaptureFixture) -> None:
    compat.check()
    assert caplog.records == []


@pytest.mark.parametrize(
    ("need", "name"),
    [(need, name) for need in compat.REQUIRED for name in need.names],
    ids=lambda value: value if isinstance(value, str) else value.owner.rpartition(":")[2],
)
def test_without_what_is_required_nothing_starts(monkeypatch: pytest.MonkeyPatch, need: compat.Need, name: str) -> None:
    take_away(monkeypatch, need, name)
    with pytest.raises(compat.Unfit) as refused:
        compat.check()
    told = str(refused.value)
    assert (need.owner if name == "__call__" else f"{need.owner}.{name}") in told
    assert all(version in told for version in compat.TESTED)
    assert "pip install" in told


@pytest.mark.parametrize(
    ("feature", "need", "name"),
    [
        (feature, need, name)
        for feature, needs in compat.OPTIONAL.items()
        for need in needs
        for name in need.names
        if need not in compat.REQUIRED and name != "transports"  # which is required elsewhere
    ],
    ids=lambda value: value if isinstance(value, str) else value.owner.rpartition(":")[2],
)
def test_without_what_is_optional_a_line_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, feature: str, need: compat.Need, name: str
) -> None:
    take_away(monkeypatch, need, name)
    with caplog.at_level(logging.WARNING):
        compat.check()
    said = [record.getMessage() for record in caplog.records]
    assert sum(f"without {feature}" in line for line in said) == 1
    assert any(name.strip("_") in line or need.owner in line for line in said)
    assert not compat.offers(feature)


def test_what_behaves_otherwise_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Other(_http1.Http1Client):
        pass

    monkeypatch.setattr("mitmproxy.proxy.layers.http.Http1Client", Other)
    with pytest.raises(compat.Unfit, match="an Http1Client for each HTTP/1 upstream"):
        compat.check()
    monkeypatch.undo()
    monkeypatch.setattr(_http1, "ChunkedReader", type("Reader", (h11._readers.ChunkedReader,), {}))
    with pytest.raises(compat.Unfit, match="a ChunkedReader in body_reader"):
        compat.check()
    monkeypatch.undo()
    monkeypatch.setattr(HttpClient, "_handle_event", lambda *_: iter(()))
    with pytest.raises(compat.Unfit, match="an Http1Client for each HTTP/1 upstream"):
        compat.check()


def test_mitmproxys_own_dispatch_stays_where_it_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(AddonManager, "_iter_hooks")

    async def run() -> None:
        manager = master.Master(options.Options()).addons
        table = HookTable(manager)
        table.install()
        assert "trigger_event" not in vars(manager)
        table.uninstall()

    asyncio.run(run())


# --- the list is whole


def private_imports() -> set[tuple[str, str]]:
    """Modules and names of mitmproxy and h11 that begin with an underscore, where anything of them is imported."""
    found: set[tuple[str, str]] = set()
    for path in (ROOT / "addons").rglob("*.py"):
        if path.name == "compat.py":
            continue
        source = path.read_bytes()
        if not re.search(rb"^ *from (mitmproxy|h11)\b", source, re.MULTILINE):
            continue  # the others are not parsed: each process of the tests does this
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ImportFrom) and re.match(r"(mitmproxy|h11)\b", node.module or ""):
                module = node.module or ""
                found |= {(module, a.name) for a in node.names if "._" in module or a.name.startswith("_")}
    return found


@pytest.mark.parametrize(("module", "name"), sorted(private_imports()))
def test_private_names_are_told(module: str, name: str) -> None:
    assert any(row.owner == f"{module}:{name}" for row in ROWS)


@pytest.mark.parametrize("made", SUBCLASSES, ids=lambda made: made.__name__)
def test_overridden_methods_are_told(made: type) -> None:
    """A method that mitmproxy does not call any more under its name would be a rule that is not kept any more."""
    foreign = [base for base in made.__mro__ if base.__module__.partition(".")[0] in ("mitmproxy", "h11")]
    told = {name for row in ROWS for name in row.names}
    special = {"__init__", "__doc__", "__module__", "__annotations__", "__abstractmethods__", "_abc_impl"}
    overridden = {name for name in vars(made) for base in foreign if name in vars(base)} - special
    assert {name for name in overridden if not (name.startswith("__") and name != "__call__")} <= told
