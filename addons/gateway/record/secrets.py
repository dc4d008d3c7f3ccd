"""Credentials have no place in the record, wherever they stand.

* What an upstream was shown, or a client presented, is taken out wherever its bytes are found; so are the keys and
  tokens of all accounts, and all keys of the gateway, whoever has told them.
* What the name of a header field or of a query's parameter calls a credential is taken out whatever it is: a client's
  key for somebody else, or one that was sent to the wrong place.
* Of a header field's credential a mask stays, so that one can see which key it was: its length, and of a long one the
  first and the last four characters.

A whole answer is sent to the client after it is recorded, so it stays as it is, even where a model repeats in it a key
that the client had put into its prompt. Nor is a key found that comes in pieces, as in several events of a stream. The
header fields in which a key is looked for have been taken off before (`callers`); the record has them with masks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from mitmproxy import http

from addons.gateway.http.fields import headers
from addons.gateway.wire.bodies import decompressed
from mapping import jsonio
from mapping.values import JSON

SHORTEST = 8
"""Bytes of a credential; what is shorter is a word of a test."""
STANDS_FOR_IT = b"[credential]"

LONG = 20
"""Characters from which on a credential shows some of them; fewer would leave too little unknown."""
_ENDS = 4
_MASKED = re.compile(r"(?:…|.{4}….{4}) \(\d+ characters\)\Z")
_NO_KEYS = frozenset((b"cookie", b"set-cookie", b"proxy-authorization"))
"""Header fields that hold no key but other things, of which nothing is shown."""

_WORDS = rb"(?:key|token|secret|password|auth|authorization|signature|cookie)"
_HEADER = re.compile(rb"(?:\A|[-_])(?:api)?" + _WORDS + rb"\Z", re.IGNORECASE)
_NO_CREDENTIAL = frozenset(
    (b"idempotency-key", b"x-idempotency-key", b"x-stainless-idempotency-key", b"sec-websocket-key")
)
_PARAMETER = re.compile(rb"(?<=[?&])((?:[^=&]*[-_.])?(?:api)?" + _WORDS + rb"=)[^&]+", re.IGNORECASE)


def known(values: Iterable[bytes]) -> tuple[bytes, ...]:
    """The credentials that are looked for, as they are and as they stand in a URL and in JSON."""
    found = dict.fromkeys(value for value in values if len(value) >= SHORTEST)
    forms = [form for value in found for form in (quote(value, safe="").encode(), *_in_json(value))]
    return tuple(found | dict.fromkeys(forms))


def _in_json(value: bytes) -> tuple[bytes, bytes]:
    """Within a text of JSON; PHP's has a backslash before each slash."""
    written = jsonio.dumps(value.decode("utf-8", "replace"))[1:-1]
    return written, written.replace(b"/", rb"\/")


def without(secrets: Iterable[bytes], data: bytes) -> bytes:
    """The bytes without these credentials."""
    for secret in secrets:
        if secret in data:
            data = data.replace(secret, STANDS_FOR_IT)
    return data


def without_in(secrets: Iterable[bytes], value: JSON) -> JSON:
    """The same of a value of JSON; the value itself where it has none of them."""
    try:
        text = jsonio.dumps(value)
    except (TypeError, ValueError, RecursionError):  # no JSON, so it is none of what clients and models have said
        return value
    made: JSON = value if without(secrets, text) == text else _cleaned(secrets, value)
    return made


def _cleaned(secrets: Iterable[bytes], value: Any) -> Any:
    """A number that has the digits of one becomes a text."""
    if isinstance(value, dict):
        return {_cleaned(secrets, name): _cleaned(secrets, one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(secrets, one) for one in value]
    if value is None or isinstance(value, bool):
        return value
    text = str(value).encode("utf-8", "surrogatepass")
    cleaned = without(secrets, text)
    return value if cleaned == text else cleaned.decode("utf-8", "replace")


def masked(name: bytes, value: bytes) -> bytes:
    """A credential of a header field: `Bearer sk-p…1234 (51 characters)`, of a short one `Bearer … (11 characters)`."""
    text = value.decode("utf-8", "replace").strip()
    scheme, _, rest = text.partition(" ")
    scheme, secret = (f"{scheme} ", rest.strip()) if rest and scheme.isalpha() else ("", text)
    if _MASKED.match(secret):
        return value
    shows = len(secret) >= LONG and secret.isascii() and scheme.lower() != "basic " and name.lower() not in _NO_KEYS
    begin, end = (secret[:_ENDS], secret[-_ENDS:]) if shows else ("", "")
    return f"{scheme}{begin}…{end} ({len(secret)} characters)".encode()


def clean(message: http.Message, secrets: tuple[bytes, ...]) -> None:
    """Takes credentials out of a message of the record."""
    data = message.data
    data.headers = headers([(name, _value(name, value, secrets)) for name, value in data.headers.fields])
    if data.content:
        data.content = without(secrets, data.content)
    if secrets and "content-encoding" in data.headers:
        plain = decompressed(message)
        if (cleaned := without(secrets, plain)) != plain:  # it is kept as it would have come without compression
            del data.headers["content-encoding"]
            data.content = cleaned
    if isinstance(message, http.Request):
        message.data.path = _PARAMETER.sub(rb"\1" + STANDS_FOR_IT, without(secrets, message.data.path))


def _value(name: bytes, value: bytes, secrets: tuple[bytes, ...]) -> bytes:
    holds_key = _holds_key if len(name) <= _USUAL else _holds_key.__wrapped__
    return masked(name, value) if holds_key(name) else without(secrets, value)


@lru_cache(500)
def _holds_key(name: bytes) -> bool:
    return _HEADER.search(name) is not None and name.lower() not in _NO_CREDENTIAL


_USUAL = 50
"""Characters of a header field's name up to which it is remembered whether it holds a key."""
