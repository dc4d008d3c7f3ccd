"""Who may call: keys, the peer's address, and pages in a browser.

* A key is looked for in `Authorization` (Bearer, bare, or the password of Basic), then `x-api-key`, then
  `x-goog-api-key`, then `?key=` in the address (of Gemini's own paths); any one that holds a valid key suffices.
  Comparison takes the same time whatever is presented.
* Where no key is needed, a page of a foreign site must not be able to use the gateway through the person's browser:
  a `Host` that is a foreign name (DNS rebinding) and a cross-site `Origin` are refused. The same goes for a key that
  came by Basic alone: a browser that remembers it sends it for any page.
* The credentials are taken off the request before anything else sees it, so they are in no flow and no file; the
  record shows masks of them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote_plus, urlsplit

from mapping.faults import Fault

KEY_HEADERS = (b"authorization", b"x-api-key", b"x-goog-api-key")
_TAKEN = frozenset((*KEY_HEADERS, b"proxy-authorization", b"cookie"))
BASIC = "authorization (Basic)"
"""What stands for the header in `Caller.presented` where the credential is the password of Basic authentication."""
FAULT_FIELD = b"x-antigravity-fault"
_READ = _TAKEN | {b"host", b"origin", FAULT_FIELD}
IN_ADDRESS = "?key="
"""What stands for the header in `Caller.presented` where the credential came in the address."""
GEMINI, ANTHROPIC = "gemini", "anthropic"
_TELLING = {b"x-goog-api-key": GEMINI, b"x-goog-api-client": GEMINI, b"anthropic-version": ANTHROPIC}
"""Header fields that only clients of one API send."""
_MAY_BE_GEMINIS = re.compile(
    r"/+(?:v1alpha|v1beta1?|upload|v1/+(?:models|projects|[a-z]+[A-Z]\w*|files|interactions))\b"
)
"""Paths of Gemini's own API. On those of others a key in the address is none."""
_KEY_IN_QUERY = re.compile(r"(?<=[?&])key=([^&#]*)&?")


@dataclass(slots=True)
class Caller:
    """What a request says of its sender."""

    presented: list[tuple[str, str]]
    """(header, credential) in the order in which they count."""
    host: str
    origin: str | None
    address: str
    """The peer's IP address."""
    taken: tuple[tuple[bytes, bytes], ...] = ()
    """The header fields that were taken off."""
    speaks: str = ""
    """Whose API the client speaks, by its header fields or its key: `GEMINI`, `ANTHROPIC`; empty: most likely
    OpenAI's."""
    fault: str | None = None
    """What is ordered to go wrong (`fault_injection.grammar`)."""
    tenant: str | None = None
    """Set where nobody has to be let in: a replay by the gateway's owner. On whose behalf it is."""


def take(fields: tuple[tuple[bytes, bytes], ...], address: str) -> tuple[Caller, tuple[tuple[bytes, bytes], ...]]:
    """Split the header fields of a request into its caller and what may be shown and kept."""
    found: dict[bytes, bytes] = {}
    taken = False
    speaks = ""
    for name, value in fields:
        lower = name.lower()
        if lower in _TELLING:
            speaks = speaks or _TELLING[lower]
        if lower in _READ:
            found.setdefault(lower, value)
            taken = taken or lower in _TAKEN
    presented = [
        pair
        for header in KEY_HEADERS
        if header in found and (pair := _credential(header.decode(), found[header].decode("utf-8", "replace")))[1]
    ]
    origin = found.get(b"origin")
    caller = Caller(
        presented=presented,
        host=found.get(b"host", b"").decode("latin-1"),
        origin=origin.decode("latin-1") if origin is not None else None,
        address=address,
        speaks=speaks,
    )
    if FAULT_FIELD in found:
        values = [value.decode("latin-1") for name, value in fields if name.lower() == FAULT_FIELD]
        caller.fault = ", ".join(values)
    if taken:
        caller.taken = tuple([field for field in fields if field[0].lower() in _TAKEN])
        fields = tuple([field for field in fields if field[0].lower() not in _TAKEN])
    return caller, fields


def take_from_address(caller: Caller, path: str) -> str:
    """The path with its query, without the keys in it, which are the caller's now. It is Google's way to send one."""
    found = _KEY_IN_QUERY.findall(path)
    if not found or not _MAY_BE_GEMINIS.match(path) or "/openai/" in path:
        return path
    caller.presented += [(IN_ADDRESS, unquote_plus(key)) for key in found if key]
    caller.speaks = caller.speaks or GEMINI
    return _KEY_IN_QUERY.sub("", path).rstrip("?&")


def _credential(header: str, value: str) -> tuple[str, str]:
    """(header, or `BASIC`; what it presents as the key)."""
    scheme, _, rest = value.strip().partition(" ")
    if scheme.lower() == "basic" and header == "authorization":
        return BASIC, _password(rest.strip())
    return header, rest.strip() if scheme.lower() == "bearer" else value.strip()


def _password(encoded: str) -> str:
    """The password of Basic credentials (RFC 7617), "" if they are none."""
    try:
        text = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
    return text.partition(":")[2]


class Gatekeeper:
    """Decides whether a caller may go on. Built from settings; holds digests of the keys, not the keys.

    `mode`: `off` (no key is needed), `strict`, or `all_except_health`. `allow_lan`: other machines than this one may
    call. `allowed_origins` and `allowed_hosts` are what a browser may name beside this machine; `*`: any origin.
    """

    def __init__(
        self,
        mode: str,
        keys: Iterable[str],
        *,
        allow_lan: bool = False,
        allowed_origins: Iterable[str] = (),
        allowed_hosts: Iterable[str] = (),
    ) -> None:
        self.mode = mode
        self._digests = [_digest(key) for key in keys]
        self._allow_lan = allow_lan
        self._origins = {origin.rstrip("/").lower() for origin in allowed_origins}
        self._hosts = {host.lower() for host in allowed_hosts}

    @property
    def has_keys(self) -> bool:
        """At least one key is set. Without one nobody may use what needs a key."""
        return bool(self._digests)

    @property
    def needs_key(self) -> bool:
        """Some paths are for callers with a key only."""
        return self.mode != "off"

    def admit(self, caller: Caller, *, health: bool) -> str:
        """Let the caller through or raise Fault (401, 403).

        Returns the tenant: a short name made from the caller's key, "" where none is needed. What one tenant
        left in the gateway's memory is not shown to another.
        """
        if caller.tenant is not None:
            return caller.tenant
        if not self._allow_lan and not is_loopback(caller.address):
            raise Fault(
                403,
                "This gateway serves this machine only. Set proxy.allow_lan_access = true to serve others.",
                code="lan_access_denied",
            )
        if self.needs_key and not (health and self.mode != "strict"):
            return self._key_holder(caller)
        self._refuse_foreign_page(caller)
        return ""

    def allows_origin(self, origin: str) -> bool:
        """Whether a page of this origin may read answers (CORS)."""
        origin = origin.rstrip("/").lower()
        if origin in self._origins or "*" in self._origins:
            return True
        parts = urlsplit(origin)
        return parts.scheme in ("http", "https") and is_loopback(parts.hostname or "")

    def _key_holder(self, caller: Caller) -> str:
        if not self._digests:
            raise Fault(
                401,
                "This gateway needs an API key, but none is configured: set proxy.api_key in the settings file.",
                code="no_key_configured",
            )
        holders: list[tuple[str, str]] = []
        for header, credential in caller.presented:
            digest = _digest(credential)
            for known in self._digests:
                if hmac.compare_digest(digest, known):
                    holders.append((header, digest.hex()[:16]))
        if holders:
            if all(header == BASIC for header, _ in holders):
                self._refuse_foreign_page(caller)
            return holders[0][1]
        if not caller.presented:
            raise Fault(
                401,
                "You didn't provide an API key. Send the gateway's key in an Authorization header "
                "(Authorization: Bearer YOUR_KEY), or in x-api-key or x-goog-api-key.",
            )
        looked_at = " and ".join(header for header, _ in caller.presented)
        raise Fault(
            401,
            f"Incorrect API key provided in {looked_at}. The gateway's keys are set in proxy.api_key of its settings.",
            code="invalid_api_key",
        )

    def _refuse_foreign_page(self, caller: Caller) -> None:
        if not _is_no_name(caller.host) and (host := _host_name(caller.host)) not in self._hosts:
            raise Fault(
                403,
                f"The Host {host!r} is not a name of this gateway. Call it by its address, "
                "or add the name to proxy.allowed_hosts.",
                code="host_not_allowed",
            )
        if caller.origin is not None and not self.allows_origin(caller.origin):
            raise Fault(
                403,
                f"Pages of {caller.origin} may not use this gateway. Add the origin to proxy.allowed_origins.",
                code="origin_not_allowed",
            )


@lru_cache(64)
def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's loopback."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return address.is_loopback


@lru_cache(64)
def _is_no_name(header: str) -> bool:
    """Whether a Host header holds an address, this machine's own name, or nothing: no name that others can choose."""
    host = _host_name(header)
    if not host or is_loopback(host):
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _host_name(header: str) -> str:
    """The name in a Host header, lower case, without port and brackets."""
    host = header.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if host.count(":") == 1 else host


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
