"""What mitmproxy loads at each start and a gateway rarely needs is left out of the start, and loaded when it is needed.

A fifth of what a bare mitmdump does until it listens is the loading of these:

    ldap3              --set proxyauth=ldap:...
    service_identity   the certificate of an upstream that is talked to by QUIC
    Flask, Werkzeug    the pages at mitm.it, for clients of a proxy in regular mode; map_local

The modules themselves are the usual ones for everybody else: a script's `import flask` loads Flask. This is for the
versions of mitmproxy that it was measured with (`compat.TESTED`); another one is loaded as it is.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader
from types import ModuleType
from typing import Any

from addons.gateway.wire import compat

LATER = frozenset({"ldap3", "service_identity"})
"""Packages of which mitmproxy and aioquic ask for nothing while they are loaded."""
APPLICATION = "mitmproxy.addons.onboardingapp"
SAFE_JOIN = "werkzeug.security"
"""Modules of which one name is taken while mitmproxy is loaded: it gets another that asks for the real one."""


@contextlib.contextmanager
def until_needed() -> Iterator[None]:
    """What is loaded of mitmproxy meanwhile is loaded without them, if it is as expected and nothing has been yet."""
    from mitmproxy import version

    stand_ins = {
        APPLICATION: _module(APPLICATION, app=MitmIt()),
        SAFE_JOIN: _module(SAFE_JOIN, safe_join=_safe_join),
    }
    if version.VERSION not in compat.TESTED or not stand_ins.keys().isdisjoint(sys.modules):
        yield
        return
    finder = _Later()
    sys.meta_path.insert(0, finder)
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in stand_ins:
            del sys.modules[name]


class MitmIt:
    """The WSGI application of mitm.it: a call is one of the real one, which has the configuration that was set here."""

    def __init__(self) -> None:
        self.config: dict[str, Any] = {}

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        from mitmproxy.addons.onboardingapp import app

        app.config.update(self.config)
        return app(environ, start_response)


def _safe_join(directory: str, *names: str) -> str | None:
    from werkzeug.security import safe_join

    return safe_join(directory, *names)


def _module(name: str, **has: Any) -> ModuleType:
    module = ModuleType(name, "Stands in while mitmproxy is loaded.")
    vars(module).update(has)
    return module


class _Later(MetaPathFinder):
    """Finds the packages as ever, but they are loaded when something of them is first asked for."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target) if name in LATER else None
        if spec is not None and spec.loader is not None:
            spec.loader = LazyLoader(spec.loader)
        return spec
