"""The gateway on a mitmproxy that is not as expected: refused where limits depend on it, else mitmproxy's own way."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from addons.gateway.wire import compat
from tests.e2e.conftest import ROOT, TWO_ACCOUNTS, wait_until

if TYPE_CHECKING:
    from tests.e2e.conftest import Starter

ADDON = str(ROOT / "addons" / "antigravity.py")
WITHOUT = {
    "refused": "from mitmproxy.proxy.layers.http import HttpStream\ndel HttpStream.check_body_size\n",
    "told": """
import inspect
from mitmproxy.addonmanager import AddonManager
text = inspect.getsource(AddonManager.invoke_addon).replace("_iter_hooks", "_hooks_of")
text += inspect.getsource(AddonManager.invoke_addon_sync).replace("_iter_hooks", "_hooks_of")
there = {}
exec("if 1:\\n" + text, vars(inspect.getmodule(AddonManager)), there)
AddonManager._hooks_of = AddonManager._iter_hooks
del AddonManager._iter_hooks
for name, function in there.items():
    setattr(AddonManager, name, function)
""",
}
"""Scripts that make another mitmproxy of the one that runs: loaded before the gateway."""


def test_another_mitmproxy_is_refused_where_limits_depend_on_it(starter: Starter, tmp_path: Path) -> None:
    (tmp_path / "first.py").write_text(WITHOUT["refused"])
    gateway = starter(TWO_ACCOUNTS, "-s", ADDON, script=tmp_path / "first.py", wait=False)
    wait_until(lambda: gateway.process.poll() is not None)
    assert gateway.process.returncode != 0
    assert "HttpStream.check_body_size" in gateway.log
    assert all(version in gateway.log for version in compat.TESTED)


def test_another_mitmproxy_is_told_of_where_it_costs_little(starter: Starter, tmp_path: Path) -> None:
    (tmp_path / "first.py").write_text(WITHOUT["told"])
    gateway = starter(TWO_ACCOUNTS, "-s", ADDON, script=tmp_path / "first.py")
    assert gateway.log.count("AddonManager._iter_hooks: without quick dispatch of hooks") == 1
    assert gateway.chat("gpt-4o").status == 200
