"""The commands that order faults, and what new settings leave of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from mitmproxy import exceptions

from addons.gateway.commands.faults import FaultCommands
from addons.gateway.fault_injection.sources import AskedFor
from addons.gateway.gateway import Gateway
from addons.gateway.settings.settings import SettingsError

ON = "[faults]\nenabled = true\n"


def gateway_with(folder: Path, text: str) -> Gateway:
    gateway = Gateway(environ={})
    file = folder / "antigravity.toml"
    file.write_text(text)
    gateway.use(gateway.load(file))
    return gateway


def test_a_fault_is_ordered_and_called_off(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, ON)
    commands = FaultCommands(gateway)
    assert commands.faults()[0] == "No fault is ordered by command."
    commands.fault("503, ok", 3)
    assert commands.faults()[0] == "503, ok: for 3 model calls."
    assert gateway.fault_injector
    order = gateway.fault_injector.sources.for_model_call(AskedFor("/v1/x", ("m",)))
    assert order
    assert order.shown == "503"
    assert commands.faults()[0] == "503, ok: for 2 model calls."
    commands.off()
    assert gateway.fault_injector.sources.are_idle
    commands.fault("cut", 0)
    assert commands.faults()[0] == "cut: for all model calls."


def test_each_kind_is_explained(tmp_path: Path) -> None:
    lines = FaultCommands(gateway_with(tmp_path, ON)).faults()
    assert "429;retry-after=N;quota=day · an HTTP error, in place of an answer" in lines
    assert any(line.startswith("cut-call · ") for line in lines)


def test_what_can_not_be_ordered_is_said(tmp_path: Path) -> None:
    commands = FaultCommands(gateway_with(tmp_path, ON))
    for what, count, said in (("often", 1, "no kind of fault"), ("503", -1, "The count is how many")):
        with pytest.raises(exceptions.CommandError, match=said):
            commands.fault(what, count)
    with pytest.raises(exceptions.CommandError, match="need \\[faults\\] enabled"):
        FaultCommands(gateway_with(tmp_path, "")).fault("503")


def test_orders_go_on_where_the_settings_of_faults_are_the_same(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, ON)
    FaultCommands(gateway).fault("503", 0)
    file = tmp_path / "antigravity.toml"
    before = gateway.fault_injector
    file.write_text(ON + "[retry]\nmax_attempts = 5\n")
    gateway.use(gateway.load(file))
    assert gateway.fault_injector is before
    file.write_text(ON + "seed = 3\n")
    gateway.use(gateway.load(file))
    assert gateway.fault_injector is not before
    file.write_text("")
    gateway.use(gateway.load(file))
    assert gateway.fault_injector is None
    file.write_text(ON + '[[faults.rules]]\nfault = "often"\n')
    with pytest.raises(SettingsError, match=r"faults\.rules: 'often' is no kind of fault\."):
        gateway.load(file)
