"""Fillers of single values: of texts, numbers, addresses, base64 data, signatures, and JSON of any shape.

Which values of an exchange get one, `mapping.inspect.masking` says, and by what rules.
"""

from __future__ import annotations

import hashlib
import math
import re
import unicodedata
from base64 import b64encode
from typing import Any

from mapping import jsonio
from mapping.inspect.json_text import Leaf, rewrite
from mapping.inspect.tiny_files import tiny_file
from mapping.request.signatures import PLACEHOLDERS, decode_call_id, encode_call_id

_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]*://)?(.*?)(\.[A-Za-z0-9]{1,5})?", re.DOTALL | re.IGNORECASE)
DATA_URL = re.compile(r"data:([^;,]*)[^,]*,", re.IGNORECASE)
_ALPHANUMERIC = re.compile(r"[A-Za-z0-9]")
_ESCAPED = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|[^\\]+")


class _Fillers(dict[int, int]):
    """Code point -> that of its filler, for `str.translate`; worked out when first needed."""

    def __missing__(self, code: int) -> int:
        self[code] = made = _filler(chr(code))
        return made


def _filler(character: str) -> int:
    kind = unicodedata.category(character)
    if character.isascii():
        return ord("x" if kind[0] == "L" else "0" if kind[0] == "N" else character)
    if kind[0] in "LN" or kind in ("So", "Co"):
        return ord({2: "ß", 3: "語", 4: "🙂"}[len(character.encode())])
    return ord(character)


_FILLERS = _Fillers()


def mask_text(text: str) -> str:
    """The filler of a text."""
    return text.translate(_FILLERS)


def mask_opaque(text: str) -> str:
    """Another text of the same length and alphabet for a signature or an encrypted text; the same for the same."""
    if text in PLACEHOLDERS:
        return text
    needed = len(_ALPHANUMERIC.findall(text))
    made, seed = "", text.encode("utf-8", "surrogatepass")
    while len(made) < needed:
        seed = hashlib.sha512(seed).digest()
        made += re.sub(r"[^A-Za-z0-9]", "", b64encode(seed).decode())
    characters = iter(made)
    masked = _ALPHANUMERIC.sub(lambda _: next(characters), text)
    return re.sub(r"[A-Za-z0-9](=+)\Z", r"A\1", masked)  # no bits beyond the end


def mask_id(id: str) -> str:
    """The id as it is, but for one that carries a thought signature."""
    carried = decode_call_id(id)
    if carried is None:
        return id
    return encode_call_id(carried.nonce_id, carried.upstream_id, carried.family, mask_opaque(carried.signature))


def mask_json_text(text: str) -> str:
    """The filler of a text that may be JSON: then the names of its members stay."""
    try:
        value = jsonio.loads(text)
    except ValueError:
        return mask_text(text)
    return rewrite(text, mask_free_leaf) if isinstance(value, dict | list) else mask_text(text)


def mask_address(text: str) -> str:
    """A web address, its scheme and the ending of its name as they are; a data URL with another file."""
    if found := DATA_URL.match(text):
        return f"data:{found[1]};base64,{mask_data(found[1])}"
    found = _ADDRESS.fullmatch(text)
    assert found
    return (found[1] or "") + mask_text(found[2]) + (found[3] or "")


def mask_data(mime_type: str) -> str:
    """Base64 of the smallest file of a media type (`mapping.inspect.tiny_files`); its parameters do not count."""
    return b64encode(tiny_file(mime_type.partition(";")[0].strip().lower())).decode()


def mask_free(value: Any) -> Any:
    """Any JSON value; the names of members stay."""
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, dict):
        return {name: mask_free(member) for name, member in value.items()}
    if isinstance(value, list):
        return [mask_free(item) for item in value]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return jsonio.loads(mask_number(jsonio.dumps(value).decode()))


def mask_number(literal: str) -> str:
    """A number of as many digits, or fewer where a float does not hold as many.

    A float may be written in several ways; however it was, it becomes the same.
    """
    if not literal.lstrip("-").isdigit() and math.isfinite(number := float(literal)):
        literal = jsonio.dumps(number).decode()
    masked = re.sub(r"[2-9]", "1", literal)
    if masked.lstrip("-").isdigit() or math.isinf(float(masked)):
        return masked
    return jsonio.dumps(float(masked)).decode()


def mask_free_leaf(leaf: Leaf) -> str | None:
    """The filler of a text or number within a value of any shape, as it stands in a JSON text."""
    return mask_raw(leaf.raw) if leaf.is_text else mask_number(leaf.raw)


def mask_raw(raw: str) -> str:
    """The filler of what stands between the quotes of a JSON string; what is escaped stays escaped."""
    return _ESCAPED.sub(lambda found: _mask_escaped(found[0]), raw)


def _mask_escaped(raw: str) -> str:
    if raw[0] != "\\":
        return mask_text(raw)
    if raw[1] != "u" or len(raw) < 6:
        return raw
    units = bytes.fromhex("".join(raw.split("\\u")))
    try:
        masked = mask_text(units.decode("utf-16-be"))
    except UnicodeDecodeError:  # half a character, whose other half is in another event
        return raw
    data = masked.encode("utf-16-be").hex()
    return "".join(f"\\u{data[at : at + 4]}" for at in range(0, len(data), 4))
