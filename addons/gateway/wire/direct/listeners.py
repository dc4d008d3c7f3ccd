"""Which hooks anybody listens to. A hook that nobody listens to is not run: the gateway is told directly.

mitmproxy's default addons have functions for most hooks, and nearly all of them look at an option and return. `IDLE`
says how to see that of each. An addon that is not in the table listens to whatever it has a function for.

Source: the addons of mitmproxy 12.2.3 and 12.3.1.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from mitmproxy import addonmanager, hooks

FLOW_HOOKS = ("requestheaders", "request", "responseheaders", "response", "error")
HOOKS = (*FLOW_HOOKS, "client_connected", "client_disconnected")
LAYER_HOOKS = (
    "next_layer", "tls_clienthello", "tls_start_client", "tls_established_client", "tls_failed_client",
    "tls_start_server", "tls_established_server", "tls_failed_server",
)  # fmt: skip
"""Of connections that mitmproxy's layers serve; who listens to these wants the layers."""


def _option(name: str) -> Callable[[Any, Any], bool]:
    return lambda _, options: not getattr(options, name, None)


def _attribute(name: str) -> Callable[[Any, Any], bool]:
    return lambda addon, _: not getattr(addon, name)


def _always(_addon: Any, _options: Any) -> bool:
    return True


_PACKAGE = "mitmproxy.addons."

IDLE: dict[str, Callable[[Any, Any], bool]] = {
    "anticache.AntiCache": _option("anticache"),
    "anticomp.AntiComp": _option("anticomp"),
    "block.Block": _always,  # it leaves loopback alone, and for others its hook is run: see `client`
    "blocklist.BlockList": _attribute("items"),
    "disable_h2c.DisableH2C": _always,  # it takes off header fields that never go up
    "dumper.Dumper": lambda _, options: options.flow_detail == 0,
    "mapremote.MapRemote": _attribute("replacements"),
    "maplocal.MapLocal": _attribute("replacements"),
    "modifybody.ModifyBody": _attribute("replacements"),
    "modifyheaders.ModifyHeaders": _attribute("replacements"),
    "next_layer.NextLayer": _always,  # it chooses layers, as the next but one
    "onboarding.Onboarding": _always,  # it serves a host that is never the gateway's upstream
    "proxyauth.ProxyAuth": _attribute("validator"),
    "save.Save": _attribute("stream"),
    "savehar.SaveHar": _option("hardump"),
    "stickyauth.StickyAuth": _attribute("flt"),
    "stickycookie.StickyCookie": _attribute("flt"),
    "tlsconfig.TlsConfig": _always,  # it makes TLS as `dial` does, and serves a list on a path of its own
    "update_alt_svc.UpdateAltSvc": _always,  # it changes a header field of the upstream's that no client gets
    "upstream_auth.UpstreamAuth": _attribute("auth"),
}
"""Class -> whether an addon of it does nothing, given itself and the options."""


class Listeners:
    """Looks anew after something has changed: an option, an addon, or (by `forget`) anything else."""

    def __init__(self, manager: addonmanager.AddonManager, options: Any, own: Any, replays: Callable[[], bool]) -> None:
        """`own`: the gateway's addon, with its children; it is told directly.

        `replays`: whether recordings answer in the upstream's place (`-S`); that changes without an option.
        """
        self._manager: Any = manager
        self._options = options
        self._own = {id(addon) for addon in addonmanager.traverse([own])}
        self._replays = replays
        self._heard: frozenset[str] | None = None
        self._chain: list[Any] = []

    def add_own(self, addon: Any) -> None:
        """An addon of the gateway's that is none of those of before."""
        self._own.add(id(addon))
        self.forget()

    def forget(self) -> None:
        """Something has changed."""
        self._heard = None

    @property
    def request(self) -> bool:
        """Whether anybody listens to `requestheaders` or `request`."""
        heard = self._heard
        if heard is None:
            heard = self._look()
        return "request" in heard or "requestheaders" in heard or self._replays()

    def hears(self, hook: str) -> bool:
        """Whether anybody listens to a hook. `hook` is one of `HOOKS`."""
        heard = self._heard
        return hook in (self._look() if heard is None else heard)

    @property
    def touches_layers(self) -> bool:
        """Whether anybody wants to have a say in the layers of a connection."""
        heard = self._heard
        return "next_layer" in (self._look() if heard is None else heard)

    async def tell(self, hook: hooks.Hook) -> None:
        """Run a hook as mitmproxy does, and wait for a person who has stopped the flow."""
        await self._manager.handle_lifecycle(hook)
        (data,) = hook.args()
        if getattr(data, "intercepted", False):
            await data.wait_for_resume()

    def _look(self) -> frozenset[str]:
        listening = [a for a in addonmanager.traverse(self._manager.chain) if id(a) not in self._own]
        heard = {hook for hook in HOOKS if any(self._listens(addon, hook) for addon in listening)}
        if any(self._listens(addon, hook) for addon in listening for hook in LAYER_HOOKS):
            heard.add("next_layer")
        self._heard = frozenset(heard)
        return self._heard

    def _listens(self, addon: Any, hook: str) -> bool:
        function = getattr(addon, hook, None)
        if function is None or inspect.ismodule(function):
            return hook in FLOW_HOOKS and getattr(addon, "update", None) is not None  # which mitmproxy runs after these
        kind = type(addon)
        name = f"{kind.__module__}.{kind.__qualname__}".removeprefix(_PACKAGE)
        if kind.__module__.startswith("mitmproxy.addons.serverplayback"):
            return False  # see `replays`
        is_idle = IDLE.get(name)
        return is_idle is None or not is_idle(addon, self._options)
