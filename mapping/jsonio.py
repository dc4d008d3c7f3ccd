"""JSON bytes in and out: orjson, with the things added that it refuses and clients do send.

* Lone surrogates (`"\\ud83d"`, half an emoji cut off by a client) become U+FFFD, both ways.
* Integers beyond 64 bits are written as they are. What orjson reads of them are floats, as with most parsers.
* Numbers beyond those of floats (`1e400`), and integers that Python does not read (of more than 4,300 digits), are
  refused: orjson would write null for them.
* A byte order mark before the text is passed over, as RFC 8259 lets parsers do.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

import orjson

_SURROGATES = re.compile("[\ud800-\udfff]")
_SHOWN = 20
"""Characters of a number that an error shows."""


def loads(data: bytes | str) -> Any:
    """Parse JSON text. Raises ValueError with a position when it is not JSON."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return _loads_slowly(data)


def dumps(value: Any) -> bytes:
    """Compact UTF-8 JSON, keys in their order, no escapes beyond those JSON demands."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(_without_surrogates(value), ensure_ascii=False, separators=(",", ":")).encode()


def _loads_slowly(data: bytes | str) -> Any:
    """The standard parser takes what orjson refuses; NaN and Infinity are not JSON and stay refused."""
    text = data.decode("utf-8-sig") if isinstance(data, bytes) else data.removeprefix("\ufeff")
    try:
        return _without_surrogates(json.loads(text, parse_constant=_refuse, parse_float=_finite, parse_int=_readable))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _finite(literal: str) -> float:
    if math.isinf(number := float(literal)):
        raise _too_large(literal)
    return number


def _readable(literal: str) -> int:
    try:
        return int(literal)
    except ValueError:
        raise _too_large(literal) from None


def _too_large(literal: str) -> ValueError:
    return ValueError(f"the number {literal if len(literal) <= _SHOWN else f'{literal[:_SHOWN]}...'} is too large")


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return _SURROGATES.sub("\ufffd", value)
    if isinstance(value, list):
        return [_without_surrogates(v) for v in value]
    if isinstance(value, dict):
        return {_without_surrogates(k): _without_surrogates(v) for k, v in value.items()}
    return value
