"""Classes of models: `pro`, `flash`, `flash-lite`, `image`, ... and which model stands for a class at the moment.

OpenAI's names lead to classes and not to models, because models are retired. Rules that this module keeps:

* The class of a model is read off its name, so that models that no table knows have one. A model for a special
  purpose (live audio, robotics, `-customtools`, experiments) has none and is never chosen.
* The newest generation is chosen: stable before preview, one that stays before one that retires within `NOTICE` days.
* It reads no clock: `today` is given.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from mapping.gemini.catalogue import BY_NAME, KNOWN, RETIREMENTS, Retirement

CLASSES = ("pro", "flash", "flash-lite", "image", "embedding", "speech", "transcription")

NOTICE = 30
"""Days before its retirement from which on a model is avoided, and everybody who uses it is told."""

_INSTEAD = {"transcription": "flash"}
"""Classes whose models not every account has: where there is none, a model of the other class does it."""

_ELEMENTS = {"argon": "pro", "carbon": "pro", "hydrogen": "flash"}
"""The weights of Gemini 4, which are no longer called pro and flash."""

_SUFFIX = r"(?P<preview>-preview(?:-\d\d-\d\d(?:\d\d)?|-\d\d-\d{4})?)?(?:-\d{3})?"
_MODEL = re.compile(
    r"gemini-(?P<major>\d{1,3})(?:\.(?P<minor>\d{1,3}))?-(?P<weight>pro|flash-lite|flash|" + "|".join(_ELEMENTS) + ")"
    r"(?P<purpose>-image|(?:-preview)?-tts)?" + _SUFFIX
)
_EMBEDDING = re.compile(r"gemini-embedding-(?P<major>\d{1,3})" + _SUFFIX)
_TRANSCRIBE = re.compile(r"gemini-(?P<major>\d{1,3})(?:\.(?P<minor>\d{1,3}))?-transcribe" + _SUFFIX)
_WEIGHTS = ("flash-lite", "flash", "pro")


class _Read(NamedTuple):
    """What a name says of a model."""

    kind: str
    """Its class."""
    stable: bool
    generation: tuple[int, int]
    weight: int


def class_of(name: str) -> str | None:
    """The class of a Gemini model (name without `models/`); None for one that stands for no class."""
    read = _read(name)
    return read.kind if read else None


def newest(kind: str, names: Iterable[str], today: date) -> str | None:
    """The model of `names` that stands for a class today; None when none is of that class, or all are retired."""
    given = list(names)
    found = _newest(kind, given, today)
    return _newest(_INSTEAD[kind], given, today) if found is None and kind in _INSTEAD else found


def _newest(wanted: str, names: Iterable[str], today: date) -> str | None:
    best: tuple[tuple[object, ...], str] | None = None
    for name in names:
        read = _read(name)
        if read is None or read.kind != wanted or is_retired(name, today):
            continue
        known = BY_NAME.get(name)
        stays = retiring(name, today) is None
        released = known.released if known else date.min
        # The shorter of two names of one model: gemini-x-flash, gemini-x-flash-001.
        rank = (stays, read.stable, read.generation, read.weight, released, -len(name), name)
        if best is None or rank > best[0]:
            best = (rank, name)
    return best[1] if best else None


def fallback(kind: str, today: date) -> str:
    """The model that stands for a class where nobody has told which models there are. `kind` is one of `CLASSES`."""
    found = newest(kind, BY_NAME, today)
    if found is None:  # the tree is so old that all of them are retired: the newest is the best guess
        found = next(model.name for model in KNOWN if class_of(model.name) == kind)
    return found


def is_retired(name: str, today: date) -> bool:
    """Whether the name no longer stands for its model."""
    retirement = RETIREMENTS.get(name)
    return retirement is not None and retirement.day <= today


def served_under(name: str, today: date) -> str:
    """The model that Google serves under a name: another one after the retirement, as far as there is one."""
    for _ in range(len(RETIREMENTS)):
        retirement = RETIREMENTS.get(name)
        if retirement is None or retirement.then is None or retirement.day > today:
            break
        name = retirement.then
    return name


def retiring(name: str, today: date) -> Retirement | None:
    """The retirement of a model that has come, or comes within `NOTICE` days."""
    retirement = RETIREMENTS.get(name)
    return retirement if retirement and (retirement.day - today).days <= NOTICE else None


def _read(name: str) -> _Read | None:
    if match := _EMBEDDING.fullmatch(name):
        return _Read("embedding", not match["preview"], (int(match["major"]), 0), 0)
    if match := _TRANSCRIBE.fullmatch(name):
        return _Read("transcription", not match["preview"], (int(match["major"]), int(match["minor"] or 0)), 0)
    match = _MODEL.fullmatch(name)
    if not match:
        return None
    weight = _ELEMENTS.get(match["weight"], match["weight"])
    purpose = match["purpose"] or ""
    kind = "image" if purpose == "-image" else "speech" if purpose else weight
    stable = not match["preview"] and "preview" not in purpose
    generation = (int(match["major"]), int(match["minor"] or 0))
    return _Read(kind, stable, generation, _WEIGHTS.index(weight))
