"""What the values of settings have to be."""

import math
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, Literal

from addons.gateway.settings.checking import FINITE, NOT_NEGATIVE, After, Before, bound
from addons.gateway.settings.home import expanded
from addons.gateway.settings.secret import Secret
from addons.gateway.settings.urls import base_url
from mapping import durations

_SIZE = re.compile(r"\s*(\d*\.?\d+)\s*(\w+)?\s*", re.ASCII)
_POWERS = {letter: power for power, letter in enumerate("kmgtpe", 1)}


def _duration(value: Any) -> Any:
    """`"10s"`, `"500ms"`, `"2m"`, or a number of seconds -> seconds."""
    if isinstance(value, str):
        read = durations.seconds(value)
        if read is None:
            raise ValueError('a duration such as "10s", "500ms" or "2m" is expected')
        return read
    return value


def _one_or_more(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _at_home(path: Path) -> Path:
    try:
        return expanded(path)
    except OSError as e:
        raise ValueError(e.strerror) from None


def _some_path(value: Any) -> Any:
    if value == "":
        raise ValueError("a path is expected, and this is empty")  # it would be the settings file's own folder
    return value


def _some_size(value: Any) -> Any:
    """Bytes, or a text such as `256MB`, `1.5 GiB`, `10k` -> bytes."""
    if type(value) is int and value >= 0:
        return value
    read = _SIZE.fullmatch(value) if isinstance(value, str) else None
    unit = ((read and read[2]) or "b").lower()
    begun = unit.removesuffix("b")
    power = _POWERS.get(begun[:1], 0)
    if read is None or begun[1:] not in ("", "i") or bool(begun) != bool(power) or unit[-1:] == "i":
        raise ValueError('a size such as "256MB" is expected, or a number of bytes')
    size = float(read[1]) * (1024 if "i" in begun else 1000) ** power
    if not math.isfinite(size):
        raise ValueError("no machine has so many bytes")
    return int(size)


def _places(names: list[str]) -> list[str]:
    if names:
        from mapping.inspect.compare.ignored import IgnoredPlaces  # those without a cassette need none of it

        IgnoredPlaces(names)
    return names


def _own_prices[T: Mapping[str, Any]](models: dict[str, T]) -> dict[str, T]:
    for name, said in models.items():
        if "long_above" not in said and any(word.startswith("long_") for word in said):
            raise ValueError(f"{name}: without long_above nobody knows which input is long")
    return models


def _price(value: Any) -> Decimal:
    if type(value) not in (int, float, str):
        raise ValueError("Decimal input should be an integer, float, string or Decimal object")
    try:
        read = Decimal(str(value).strip())
    except InvalidOperation:
        raise ValueError("Input should be a valid decimal") from None
    if not read.is_finite():
        raise ValueError("Input should be a finite number")
    return read


def _matches(value: str) -> str:
    if not re.fullmatch(_PREFIX, value):
        raise ValueError(f"String should match pattern '^{_PREFIX}$'")
    return value


def _some_text(value: str) -> str:
    if not value:
        raise ValueError("String should have at least 1 character")
    return value


_PREFIX = r"[A-Za-z0-9_.:-]{1,64}"
_POSITIVE = bound(lambda value: value > 0, "greater than 0")
_AT_LEAST_ONE = bound(lambda value: value >= 1, "greater than or equal to 1")

type Duration = Annotated[float, Before(_duration), NOT_NEGATIVE]
type Deadline = Annotated[Duration, _POSITIVE]
type UserPath = Annotated[Path, Before(_some_path), After(_at_home)]
"""A path whose `~` is resolved; a relative one begins at the settings file."""
type BaseUrl = Annotated[str, After(base_url)]
type Name = Annotated[str, After(_some_text)]
type KeyPrefix = Annotated[str, After(_matches)]
type Secrets = Annotated[list[Secret], Before(_one_or_more)]
type Size = Annotated[int, Before(_some_size)]
type AtLeastOne = Annotated[int, _AT_LEAST_ONE]
type Attempts = Annotated[int, _AT_LEAST_ONE, bound(lambda value: value <= 20, "less than or equal to 20")]
type Dollars = Annotated[float, FINITE, _POSITIVE]
type Probability = Annotated[float, NOT_NEGATIVE, bound(lambda value: value <= 1, "less than or equal to 1")]
type Turns = Annotated[list[AtLeastOne], Before(_one_or_more)]
type IgnoredPlaces = Annotated[list[str], After(_places)]
type _Counted = Literal[
    "input", "cached", "thinking", "output",
    "input_audio", "input_image", "input_video", "cached_audio", "cached_image", "cached_video",
    "output_audio", "output_image", "output_video",
    "long_above", "long_input", "long_cached", "long_thinking", "long_output",
    "batch", "flex", "priority",
]  # fmt: skip
type _Price = Annotated[Decimal, Before(_price), NOT_NEGATIVE]
type ModelPrices = Annotated[dict[str, dict[_Counted, _Price]], After(_own_prices)]
