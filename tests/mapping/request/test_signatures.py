"""Thought signatures inside call ids, in `extra_content`, and the keys they are remembered under."""

from __future__ import annotations

import re
from base64 import b64encode, urlsafe_b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapping.request.signatures import DUMMY, Carried, decode_call_id, encode_call_id, family, signature_of, text_key

SIGNATURE = b64encode(bytes(range(256)) * 3).decode()
texts = st.text(st.characters(codec="utf-8"))


@given(texts, st.none() | texts, texts, st.binary().map(lambda raw: b64encode(raw).decode()) | texts)
def test_a_carrier_gives_back_what_was_put_in(nonce: str, upstream: str | None, model: str, signature: str) -> None:
    id = encode_call_id(nonce, upstream, model, signature)
    assert decode_call_id(id) == Carried(nonce, upstream, model, signature)
    assert re.fullmatch(r"call_gs1_[A-Za-z0-9_-]+", id)


def test_a_carrier_is_compact() -> None:
    id = encode_call_id("a" * 12, "b" * 8, "gemini-3.1-pro", SIGNATURE)
    assert len(id) < len(SIGNATURE) + 70


@pytest.mark.parametrize(
    "signature",
    [
        pytest.param("QUJD", id="standard"),
        pytest.param("QUI=", id="padded"),
        pytest.param("QUI", id="without padding"),
        pytest.param("QUJ=", id="not canonical"),
        pytest.param(urlsafe_b64encode(b"\xff\xfe\xfd").decode(), id="base64url"),
        pytest.param(DUMMY, id="placeholder"),
        pytest.param("", id="empty"),
        pytest.param("no base64 €", id="other text"),
    ],
)
def test_a_signature_comes_back_letter_by_letter(signature: str) -> None:
    carried = decode_call_id(encode_call_id("n", None, "m", signature))
    assert carried is not None
    assert carried.signature == signature


def test_an_id_of_Anthropics() -> None:
    id = encode_call_id("toolu_1", "fc-1", "gemini-3.1-pro", SIGNATURE)
    assert re.fullmatch("toolu_gs1_[A-Za-z0-9_-]+", id)
    assert decode_call_id(id) == Carried("toolu_1", "fc-1", "gemini-3.1-pro", SIGNATURE)
    assert decode_call_id(id.replace("toolu_", "other_")) is None


CARRIER = encode_call_id("nonce", "fc-1", "gemini-3.1-pro", SIGNATURE)


@pytest.mark.parametrize(
    "id",
    [
        pytest.param("", id="empty"),
        pytest.param("call_abc", id="an ordinary id"),
        pytest.param("call_gs1_", id="nothing carried"),
        pytest.param("call_gs1_A", id="impossible base64"),
        pytest.param("call_gs1_AAAAAA", id="no payload"),
        pytest.param("call_gs1_AAAA", id="shorter than the checksum"),
        pytest.param("call_gs2_" + CARRIER[9:], id="another version"),
        pytest.param(CARRIER[:64], id="shortened to 64"),
        pytest.param(CARRIER + "AAAA", id="made longer"),
        pytest.param(CARRIER[:20] + "|" + CARRIER[21:], id="foreign letter"),
        pytest.param(CARRIER[:-4] + "\u00e9abc", id="not ASCII"),
        pytest.param(CARRIER + "\n", id="line end"),
    ],
)
def test_damaged_carriers_carry_nothing(id: str) -> None:
    assert decode_call_id(id) is None


@given(st.text() | st.text("ABCab01_-").map(lambda text: "call_gs1_" + text))
def test_no_id_breaks_the_decoder(id: str) -> None:
    decode_call_id(id)


@given(st.integers(9, len(CARRIER) - 1), st.sampled_from("AQgw_-"))
def test_one_changed_letter_is_noticed(at: int, letter: str) -> None:
    changed = CARRIER[:at] + letter + CARRIER[at + 1 :]
    # The last letter may hold bits that do not count.
    assert changed == CARRIER or decode_call_id(changed) is None or at == len(CARRIER) - 1


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("gemini-3.1-pro", "gemini-3.1-pro"),
        ("models/gemini-3.1-pro-preview", "gemini-3.1-pro"),
        ("gemini-3.1-pro-preview-customtools", "gemini-3.1-pro"),
        ("GEMINI-3.1-Pro", "gemini-3.1-pro"),
        ("gemini-2.5-flash-preview-09-2025", "gemini-2.5-flash"),
        ("gemini-2.0-flash-001", "gemini-2.0-flash"),
        ("publishers/google/models/gemini-3.5-flash-lite", "gemini-3.5-flash-lite"),
        ("gemini-3-pro-image-preview", "gemini-3-pro-image"),
        ("gemini-2.5-flash-preview-tts", "gemini-2.5-flash-tts"),
        ("gemini-4-argon", "gemini-4-argon"),
        ("gemini-10-pro", "gemini-10-pro"),
        ("gemini-flash-latest", "gemini-flash"),
        ("", ""),
    ],
)
def test_family(model: str, expected: str) -> None:
    assert family(model) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param({"extra_content": {"google": {"thought_signature": "QUJD"}}}, "QUJD", id="Google's convention"),
        pytest.param({"extra_content": {"google": {"thoughtSignature": "QUJD"}}}, "QUJD", id="camelCase"),
        pytest.param({"extra_content": {"google": {"thought_signature": "-_-_"}}}, "-_-_", id="base64url"),
        pytest.param({}, None, id="absent"),
        pytest.param({"extra_content": None}, None, id="null"),
        pytest.param({"extra_content": {"google": None}}, None, id="null inside"),
        pytest.param({"extra_content": {"google": {"thought_signature": None}}}, None, id="null signature"),
        pytest.param({"extra_content": {"google": {"thought_signature": ""}}}, None, id="empty"),
        pytest.param({"extra_content": {"google": {"thought_signature": 7}}}, None, id="no text"),
        pytest.param({"extra_content": {"google": {"thought_signature": "not base64!"}}}, None, id="not base64"),
        pytest.param({"extra_content": {"google": {"thought_signature": DUMMY}}}, None, id="placeholder"),
        pytest.param({"extra_content": "x"}, None, id="junk"),
        pytest.param({"extra_content": {"google": []}}, None, id="junk inside"),
    ],
)
def test_signature_of(value: dict[str, Any], expected: str | None) -> None:
    assert signature_of(value) == expected


def test_text_keys() -> None:
    assert text_key("a") == text_key(" a\n")
    assert text_key("a") != text_key("b")
    assert text_key("a\ud83d")  # half an emoji is no reason to fail
    assert re.fullmatch(r"text_[0-9a-f]{32}", text_key("a"))
