"""addons.gateway.http.callers: who may call."""

from __future__ import annotations

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.gateway.http.callers import (
    ANTHROPIC,
    BASIC,
    GEMINI,
    IN_ADDRESS,
    Caller,
    Gatekeeper,
    is_loopback,
    take,
    take_from_address,
)
from mapping.faults import Fault

KEY = "sk-right"


def caller(
    *presented: tuple[str, str], host: str = "127.0.0.1:8045", origin: str | None = None, address: str = "127.0.0.1"
) -> Caller:
    return Caller(list(presented), host, origin, address)


BEARER = ("authorization", KEY)
MATRIX = [
    # mode, health?, presented, status or None when admitted
    ("off", False, (), None),
    ("off", False, (("authorization", "anything"),), None),
    ("strict", False, (), 401),
    ("strict", True, (), 401),
    ("strict", True, (BEARER,), None),
    ("strict", False, (BEARER,), None),
    ("all_except_health", True, (), None),
    ("all_except_health", False, (), 401),
    ("all_except_health", False, (("x-api-key", KEY),), None),
    ("all_except_health", False, (("x-goog-api-key", KEY),), None),
    ("all_except_health", False, ((BASIC, KEY),), None),
    ("all_except_health", False, ((BASIC, "sk-wrong"),), 401),
    ("all_except_health", False, (("authorization", "sk-wrong"),), 401),
    ("all_except_health", False, (("authorization", "sk-wrong"), ("x-goog-api-key", KEY)), None),
    ("all_except_health", False, (("authorization", KEY + "x"),), 401),
    ("all_except_health", False, (("authorization", ""),), 401),
]


@pytest.mark.parametrize(("mode", "health", "presented", "status"), MATRIX)
def test_key_matrix(mode: str, health: bool, presented: tuple[tuple[str, str], ...], status: int | None) -> None:
    gatekeeper = Gatekeeper(mode, [KEY, "sk-other"])
    if status is None:
        gatekeeper.admit(caller(*presented), health=health)
        return
    with pytest.raises(Fault) as e:
        gatekeeper.admit(caller(*presented), health=health)
    assert e.value.status == status
    assert KEY not in e.value.message
    assert "sk-wrong" not in e.value.message


def test_the_message_names_the_header_that_was_looked_at() -> None:
    with pytest.raises(Fault, match="x-api-key") as e:
        Gatekeeper("strict", [KEY]).admit(caller(("x-api-key", "nope")), health=False)
    assert e.value.code == "invalid_api_key"


def test_no_key_configured_is_said() -> None:
    with pytest.raises(Fault, match=r"proxy\.api_key") as e:
        Gatekeeper("strict", []).admit(caller(BEARER), health=False)
    assert e.value.status == 401


def test_tenants_differ_by_key() -> None:
    gatekeeper = Gatekeeper("strict", ["a", "b"])
    one = gatekeeper.admit(caller(("authorization", "a")), health=False)
    two = gatekeeper.admit(caller(("authorization", "b")), health=False)
    assert one
    assert two
    assert one != two


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("127.0.0.1:8045", None, None),
        ("localhost:8045", None, None),
        ("[::1]:8045", None, None),
        ("gateway.localhost:8045", None, None),
        ("192.168.1.5:8045", None, None),
        ("", None, None),
        ("evil.example:8045", None, 403),
        ("localhost.evil.example", None, 403),
        ("my-box:8045", None, None),
        ("127.0.0.1:8045", "http://localhost:3000", None),
        ("127.0.0.1:8045", "http://127.0.0.1", None),
        ("127.0.0.1:8045", "https://app.example", None),
        ("127.0.0.1:8045", "https://evil.example", 403),
        ("127.0.0.1:8045", "http://localhost.evil.example", 403),
        ("127.0.0.1:8045", "null", 403),
    ],
)
def test_foreign_pages_without_a_key(host: str, origin: str | None, status: int | None) -> None:
    gatekeeper = Gatekeeper("off", [], allowed_origins=["https://app.example/"], allowed_hosts=["My-Box"])
    if status is None:
        gatekeeper.admit(caller(host=host, origin=origin), health=False)
    else:
        with pytest.raises(Fault) as e:
            gatekeeper.admit(caller(host=host, origin=origin), health=False)
        assert e.value.status == status


ANY_PAGE = ("public.example", "https://x.example")


@pytest.mark.parametrize(
    ("presented", "host", "origin", "code"),
    [
        ([(BASIC, KEY)], "127.0.0.1:8045", None, None),
        ([(BASIC, KEY)], "127.0.0.1:8045", "http://127.0.0.1:8045", None),
        ([(BASIC, KEY)], "192.168.1.5:8045", "https://app.example", None),
        ([(BASIC, KEY)], "my-box:8045", None, None),
        ([(BASIC, KEY)], "127.0.0.1:8045", "https://evil.example", "origin_not_allowed"),
        ([(BASIC, KEY)], "127.0.0.1:8045", "null", "origin_not_allowed"),
        ([(BASIC, KEY)], "evil.example:8045", None, "host_not_allowed"),
        # a browser does not add these headers by itself: who sends them knows the key
        ([(BASIC, KEY), ("x-api-key", KEY)], *ANY_PAGE, None),
        ([(BASIC, "sk-wrong"), ("x-goog-api-key", KEY)], *ANY_PAGE, None),
        ([(BASIC, KEY), ("x-api-key", "sk-wrong")], *ANY_PAGE, "host_not_allowed"),
        ([(BASIC, "sk-wrong")], *ANY_PAGE, "invalid_api_key"),
    ],
)
def test_foreign_pages_with_a_key_that_the_browser_remembers(
    presented: list[tuple[str, str]], host: str, origin: str | None, code: str | None
) -> None:
    gatekeeper = Gatekeeper("strict", [KEY], allowed_origins=["https://app.example"], allowed_hosts=["my-box"])
    if code is None:
        assert gatekeeper.admit(caller(*presented, host=host, origin=origin), health=False)
    else:
        with pytest.raises(Fault) as e:
            gatekeeper.admit(caller(*presented, host=host, origin=origin), health=False)
        assert e.value.code == code


def test_the_tenant_is_that_of_the_key_however_it_came() -> None:
    gatekeeper = Gatekeeper("strict", [KEY])
    assert gatekeeper.admit(caller((BASIC, KEY)), health=False) == gatekeeper.admit(caller(BEARER), health=False)


def test_with_a_key_the_host_does_not_matter() -> None:
    Gatekeeper("strict", [KEY]).admit(caller(BEARER, host="public.example", origin="https://x.example"), health=False)


@pytest.mark.parametrize(("address", "lan", "admitted"), [("10.0.0.9", False, False), ("10.0.0.9", True, True)])
def test_other_machines(address: str, lan: bool, admitted: bool) -> None:
    gatekeeper = Gatekeeper("off", [], allow_lan=lan)
    if admitted:
        gatekeeper.admit(caller(address=address), health=False)
    else:
        with pytest.raises(Fault, match="allow_lan_access"):
            gatekeeper.admit(caller(address=address), health=False)


def test_take_removes_credentials_and_keeps_the_rest() -> None:
    fields = (
        (b"Host", b"localhost:8045"),
        (b"AUTHORIZATION", b"Bearer  sk-a "),
        (b"X-Api-Key", b"sk-b"),
        (b"x-goog-api-key", b"sk-c"),
        (b"Cookie", b"session=1"),
        (b"Content-Type", b"application/json"),
    )
    found, rest = take(fields, "127.0.0.1")
    assert found.presented == [("authorization", "sk-a"), ("x-api-key", "sk-b"), ("x-goog-api-key", "sk-c")]
    assert rest == (fields[0], fields[5])


@pytest.mark.parametrize(
    ("value", "credential"), [(b"Bearer sk-x", "sk-x"), (b"bearer sk-x", "sk-x"), (b"sk-x", "sk-x")]
)
def test_bearer_or_bare(value: bytes, credential: str) -> None:
    found, _ = take(((b"authorization", value),), "127.0.0.1")
    assert found.presented == [("authorization", credential)]


@pytest.mark.parametrize(
    ("value", "presented"),
    [
        (b"Basic " + b64encode(b"me:sk-x"), [(BASIC, "sk-x")]),
        (b"basic " + b64encode(b":sk-x"), [(BASIC, "sk-x")]),
        (b"Basic " + b64encode(b"me:sk:x"), [(BASIC, "sk:x")]),
        (b"Basic " + b64encode("ich:schlüssel".encode()), [(BASIC, "schlüssel")]),
        (b"Basic " + b64encode(b"sk-x"), []),
        (b"Basic " + b64encode(b"me:"), []),
        (b"Basic " + b64encode(b"me:\xff"), []),
        (b"Basic !", []),
        (b"Basic", []),
    ],
)
def test_the_password_of_basic(value: bytes, presented: list[tuple[str, str]]) -> None:
    found, rest = take(((b"Authorization", value),), "127.0.0.1")
    assert found.presented == presented
    assert rest == ()


@given(st.binary(max_size=60))
def test_any_authorization_is_read_and_taken_off(value: bytes) -> None:
    for scheme in (b"", b"Basic ", b"Bearer "):
        _, rest = take(((b"Authorization", scheme + value),), "127.0.0.1")
        assert rest == ()


@pytest.mark.parametrize(
    ("host", "yes"),
    [
        ("localhost", True),
        ("127.8.0.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("10.0.0.1", False),
        ("x", False),
    ],
)
def test_is_loopback(host: str, yes: bool) -> None:
    assert is_loopback(host) is yes


@pytest.mark.parametrize(
    ("path", "kept", "keys"),
    [
        ("/v1beta/models", "/v1beta/models", []),
        ("/v1beta/models?key=a%2Bb", "/v1beta/models", ["a+b"]),
        ("/v1beta/models/x:generateContent?alt=sse&key=a", "/v1beta/models/x:generateContent?alt=sse", ["a"]),
        ("/v1beta/models?key=a&pageSize=2&key=b", "/v1beta/models?pageSize=2", ["a", "b"]),
        ("/v1beta/models?key=", "/v1beta/models", []),
        ("/v1/models?key=a", "/v1/models", ["a"]),
        ("/v1/chat/completions?key=a", "/v1/chat/completions?key=a", []),
        ("/v1beta/openai/chat/completions?key=a", "/v1beta/openai/chat/completions?key=a", []),
        ("/v1beta/models?api_key=a&monkey=b", "/v1beta/models?api_key=a&monkey=b", []),
    ],
)
def test_a_key_in_the_address(path: str, kept: str, keys: list[str]) -> None:
    asking = caller(("authorization", "first"))
    assert take_from_address(asking, path) == kept
    assert asking.presented == [("authorization", "first"), *((IN_ADDRESS, key) for key in keys)]
    assert asking.speaks == ("" if kept == path else GEMINI)


@pytest.mark.parametrize(
    ("field", "speaks"),
    [
        ((b"X-Goog-Api-Key", b"k"), GEMINI),
        ((b"x-goog-api-client", b"google-genai-sdk/3.6.1"), GEMINI),
        ((b"anthropic-version", b"2026-10-21"), ANTHROPIC),
        ((b"x-api-key", b"k"), ""),
    ],
)
def test_whose_api_a_client_speaks(field: tuple[bytes, bytes], speaks: str) -> None:
    assert take(((b"Accept", b"*/*"), field), "127.0.0.1")[0].speaks == speaks
