"""JSON bytes, whole or cut off anywhere -> what they say.

* Whole JSON is parsed once, and that is all.
* JSON that breaks off ends where it breaks off: a text keeps what there is of it; what would be a member's value or an
  element is left out if nothing of it is there, or if it is a number or word that may go on.
* What is not JSON raises ValueError, and nothing raises anything else.

pydantic-core reads partial JSON, but it takes what is wrong in the middle for the end too (`[1 2` is `[1]` to it), and
half a number for a whole one; and older releases (2.33) leave out a text that breaks off within an escape. That is seen
to here, by what it says where it reads strictly. A lone surrogate it refuses, where `jsonio` does not.
"""

from __future__ import annotations

import re
from typing import Any

from pydantic_core import from_json

from mapping import jsonio

_BREAKS_OFF = "EOF while parsing"
_IN_A_TEXT = "EOF while parsing a string"
_HALF_ESCAPE = re.compile(
    r"(?<!\\)((?:\\\\)*)(?:\\u[dD][89abAB][0-9a-fA-F]{2}(?:\\(?:u[0-9a-fA-F]{0,3})?)?|\\(?:u[0-9a-fA-F]{0,3})?)\Z"
)
"""An escape without its end, and the first half of a pair of surrogates, with the whole backslashes before it."""
_TAIL = 100
"""Characters at the end that hold one."""
_WORDS = "+-.0123456789Eaeflnrstu"
"""Characters of numbers, and of `true`, `false` and `null`."""


def loads(data: bytes) -> tuple[Any, bool]:
    """The value, and whether it was cut off: then it is an object or a list. Raises ValueError when it is not JSON."""
    try:
        return jsonio.loads(data), False
    except ValueError:
        return _partly(data.decode("utf-8-sig", "replace").rstrip("\ufffd")), True


def _partly(text: str) -> Any:
    why = _complaint(text)
    if not why.startswith(_BREAKS_OFF):
        raise ValueError("not JSON")
    begun = _without_half_an_escape(text) if why.startswith(_IN_A_TEXT) else text.rstrip(_WORDS)
    value = from_json(begun, allow_partial="trailing-strings", allow_inf_nan=False)
    if not isinstance(value, dict | list):
        raise ValueError("not JSON")
    return value


def _without_half_an_escape(text: str) -> str:
    return text[:-_TAIL] + _HALF_ESCAPE.sub(r"\1", text[-_TAIL:])


def _complaint(text: str) -> str:
    """What is wrong with a text, if it is read strictly."""
    try:
        from_json(text, allow_inf_nan=False)
    except ValueError as e:
        return str(e)
    return ""
