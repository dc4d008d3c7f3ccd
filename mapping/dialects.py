"""The registry: every dialect that there is, by name, and what its package brings beside it.

A dialect is found, not listed: each package of `mapping` that has a module `dialect` brings the `DIALECTS` in it. They
are loaded when one of them is first asked for, if the package says with `NAMES` how they are called: nobody speaks them
all, and a start would wait for each. What is needed for people and for tests only is in modules of their own, which are
loaded when somebody asks, and which a package may leave out: `bodies` with `BODIES` (`mapping.inspect.bodies`), `sdk`
with `SDKS` (`mapping.inspect.code.calls`), `trial` with `TRIALS` (`mapping.trial`), each by the names of its dialects.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import mapping
from mapping.dialect import Dialect
from mapping.values import JSON

if TYPE_CHECKING:
    from mapping.inspect.bodies import Bodies, Event
    from mapping.inspect.code.calls import Sdk
    from mapping.trial import Trial

USUAL = "chat"
"""The dialect that most clients speak, and its package."""


def names() -> Mapping[str, str]:
    """The name of each dialect -> the package that brings it. Loads none that need not be loaded for it."""
    return _names()


@cache
def all_dialects() -> dict[str, Dialect]:
    """Name -> dialect."""
    return {name: dialect for package in _packages() for name, dialect in _dialects(package).items()}


def named(name: str) -> Dialect | None:
    """The dialect of that name."""
    package = _names().get(name)
    return _dialects(package)[name] if package else None


def spoken(name: str) -> Dialect:
    """The dialect of that name, and where there is none, the one that nothing has to tell of: chat's.

    A client that calls a path of nobody's, or a model list, most likely holds an SDK of OpenAI's, and takes its errors.
    """
    return named(name) or _dialects(USUAL)[USUAL]


def most_like(body: JSON) -> Dialect:
    """The dialect that a body looks like most."""
    return max(all_dialects().values(), key=lambda dialect: dialect.likeness(body))


def bodies(name: str, value: Event) -> Bodies:
    """How a body is shown that came by a path of that dialect: as the dialect says, unless it looks like another's.

    `value`: the body, or the first event of a stream. `name` may be of no dialect; then the body alone tells.
    """
    shown = _all_bodies()
    own = shown.get(name) or _plain()
    if name in shown and own.likeness(value):
        return own
    best = max(shown.values(), key=lambda other: other.likeness(value))
    return best if best.likeness(value) else own


def sdk(name: str) -> Sdk:
    """How programs make the requests of a dialect; `name` may be of none."""
    from mapping.inspect.code.calls import Sdk  # not before somebody copies one

    return _sdks().get(name) or Sdk()


@cache
def _sdks() -> Mapping[str, Sdk]:
    """Name of a dialect -> how programs make its requests, of those that say how."""
    return _brought("sdk", "SDKS")


@cache
def trials() -> dict[str, Trial]:
    """How dialects are tried: name -> trial, of those that say how."""
    return dict(sorted(_brought("trial", "TRIALS").items()))


@cache
def _all_bodies() -> Mapping[str, Bodies]:
    """Name of a dialect -> how its bodies are shown."""
    brought = _brought("bodies", "BODIES")
    return {name: brought.get(name) or _plain() for name in _names()}


@cache
def _plain() -> Bodies:
    """How bodies of no known form are shown."""
    from mapping.inspect.bodies import Bodies  # not before somebody looks at one

    return Bodies()


@cache
def _names() -> dict[str, str]:
    """See `names`."""
    return {name: package for package in _packages() for name in _said(package) or _dialects(package)}


def _said(package: str) -> Sequence[str]:
    """The names of a package's dialects, as far as it says them before they are loaded."""
    said: Sequence[str] = getattr(importlib.import_module(f"mapping.{package}"), "NAMES", ())
    return said


@cache
def _dialects(package: str) -> dict[str, Dialect]:
    """What a package brings. Raises ValueError where it has said something else."""
    found = {one.name: one for one in importlib.import_module(f"mapping.{package}.dialect").DIALECTS}
    if (said := _said(package)) and set(said) != set(found):
        raise ValueError(f"mapping.{package}: NAMES has {sorted(said)}, DIALECTS {sorted(found)}")
    return found


def _brought(module: str, name: str) -> dict[str, Any]:
    """What the packages' modules of a name bring, by the names of dialects; those that have no such module, nothing."""
    found: dict[str, Any] = {}
    for package in _packages():
        if _has(package, module):
            found |= getattr(importlib.import_module(f"mapping.{package}.{module}"), name)
    return found


@cache
def _packages() -> list[str]:
    """The packages that bring dialects."""
    return [one.name for one in pkgutil.iter_modules(mapping.__path__) if one.ispkg and _has(one.name, "dialect")]


def _has(package: str, name: str) -> bool:
    return any(os.path.isfile(f"{path}/{package}/{name}.py") for path in mapping.__path__)
