"""addons.gateway.ca_key: the key of mitmproxy's certificates is the same, read in another way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from mitmproxy import certs

from addons.gateway import ca_key

MITMPROXYS = certs.load_pem_private_key


@pytest.fixture
def quick() -> Iterator[None]:
    ca_key.read_quickly()
    yield
    ca_key.read_as_ever()


def numbers(store: certs.CertStore) -> object:
    key = store.default_privatekey
    assert not isinstance(key, certs.ec.EllipticCurvePrivateKey)
    return key.private_numbers()


def test_a_store_has_the_same_key_and_makes_certificates(tmp_path: Path, quick: None) -> None:
    made = certs.CertStore.from_store(tmp_path, "mitmproxy", 2048)
    entry = made.get_cert("example.com", [])
    entry.cert._cert.verify_directly_issued_by(made.default_ca._cert)
    ca_key.read_as_ever()
    assert certs.load_pem_private_key is MITMPROXYS
    assert numbers(certs.CertStore.from_store(tmp_path, "mitmproxy", 2048)) == numbers(made)


@pytest.mark.parametrize(
    ("locked", "password", "fault"),
    [
        (b"word", b"word", None),
        (b"word", None, TypeError),
        (b"word", b"another", ValueError),
        (None, b"word", None),
        (None, None, None),
    ],
)
def test_passwords_count_as_with_mitmproxy(
    locked: bytes | None, password: bytes | None, fault: type[Exception] | None, quick: None
) -> None:
    key = certs.create_ca("o", "c", 2048)[0]
    lock = serialization.BestAvailableEncryption(locked) if locked else serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, lock)
    for read in (certs.load_pem_private_key, MITMPROXYS):
        if fault:
            with pytest.raises(fault):
                read(pem, password)
        else:
            assert read(pem, password).private_numbers() == key.private_numbers()


def test_what_is_no_key(quick: None) -> None:
    with pytest.raises(ValueError, match="PEM"):
        certs.load_pem_private_key(b"none", None)
