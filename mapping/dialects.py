"""The registry: every dialect that there is, by name.

A dialect is found, not listed: each package of `mapping` that has a module `dialect` brings the `DIALECTS` in it.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

import mapping
from mapping.dialect import Dialect
from mapping.values import JSON


@cache
def all_dialects() -> dict[str, Dialect]:
    """Name -> dialect."""
    found: dict[str, Dialect] = {}
    for package in pkgutil.iter_modules(mapping.__path__):
        if package.ispkg and _has_dialect(package.name):
            for dialect in importlib.import_module(f"mapping.{package.name}.dialect").DIALECTS:
                found[dialect.name] = dialect
    return found


def named(name: str) -> Dialect | None:
    """The dialect of that name."""
    return all_dialects().get(name)


def spoken(name: str) -> Dialect:
    """The dialect of that name, and where there is none, the one that nothing has to tell of: chat's.

    A client that calls a path of nobody's, or a model list, most likely holds an SDK of OpenAI's, and takes its errors.
    """
    return named(name) or most_like({})


def most_like(body: JSON) -> Dialect:
    """The dialect that a body looks like most."""
    return max(all_dialects().values(), key=lambda dialect: dialect.likeness(body))


def _has_dialect(package: str) -> bool:
    paths = [f"{path}/{package}" for path in mapping.__path__]
    return any(module.name == "dialect" for module in pkgutil.iter_modules(paths))
