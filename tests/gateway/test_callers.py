"""addons.gateway.callers: who may call."""

from __future__ import annotations

import pytest

from addons.gateway.callers import Caller, Gatekeeper, is_loopback, take
from mapping.errors import OpenAIError

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
    with pytest.raises(OpenAIError) as e:
        gatekeeper.admit(caller(*presented), health=health)
    assert e.value.status == status
    assert KEY not in e.value.message
    assert "sk-wrong" not in e.value.message


def test_the_message_names_the_header_that_was_looked_at() -> None:
    with pytest.raises(OpenAIError, match="x-api-key") as e:
        Gatekeeper("strict", [KEY]).admit(caller(("x-api-key", "nope")), health=False)
    assert e.value.code == "invalid_api_key"


def test_no_key_configured_is_said() -> None:
    with pytest.raises(OpenAIError, match=r"proxy\.api_key") as e:
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
        with pytest.raises(OpenAIError) as e:
            gatekeeper.admit(caller(host=host, origin=origin), health=False)
        assert e.value.status == status


def test_with_a_key_the_host_does_not_matter() -> None:
    Gatekeeper("strict", [KEY]).admit(caller(BEARER, host="public.example", origin="https://x.example"), health=False)


@pytest.mark.parametrize(("address", "lan", "admitted"), [("10.0.0.9", False, False), ("10.0.0.9", True, True)])
def test_other_machines(address: str, lan: bool, admitted: bool) -> None:
    gatekeeper = Gatekeeper("off", [], allow_lan=lan)
    if admitted:
        gatekeeper.admit(caller(address=address), health=False)
    else:
        with pytest.raises(OpenAIError, match="allow_lan_access"):
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
