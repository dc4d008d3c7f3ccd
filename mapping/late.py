"""Modules that are loaded when something of them is first asked for.

For what takes long to load and is not needed before the first request: a start would wait for it. Types are told apart:

    if TYPE_CHECKING:
        from mapping.request import second_try
    else:
        second_try = late("mapping.request.second_try")

`second_try.TOOLS` then loads it, once for all. A fault in such a module shows no earlier.
"""

from __future__ import annotations

import sys
from importlib.util import LazyLoader, find_spec, module_from_spec
from types import ModuleType


def late(name: str) -> ModuleType:
    """The module of that name, which may not be loaded yet. Raises ModuleNotFoundError where there is none."""
    if found := sys.modules.get(name):
        return found
    spec = find_spec(name)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    spec.loader = LazyLoader(spec.loader)
    module = sys.modules[name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
