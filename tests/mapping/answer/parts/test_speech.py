"""Audio: base64 that can be joined, and the header of a WAV file."""

from __future__ import annotations

import io
import wave
from base64 import b64decode, b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapping.answer.parts.speech import Speech
from mapping.gemini.errors.upstream_errors import UpstreamError

MIME = "audio/L16;codec=pcm;rate=24000"


def spoken(audio_format: str | None, mime: str, pieces: list[bytes]) -> list[str]:
    speech = Speech(audio_format)
    return [*(speech.add(mime, b64encode(piece).decode()) for piece in pieces), speech.end()]


@given(st.lists(st.binary(max_size=20)), st.sampled_from([None, "pcm16"]))
def test_the_pieces_joined_are_base64_of_the_whole(pieces: list[bytes], audio_format: str | None) -> None:
    assert "".join(spoken(audio_format, MIME, pieces)) == b64encode(b"".join(pieces)).decode()


@pytest.mark.parametrize(("mime", "rate"), [(MIME, 24000), ("audio/L16;rate=16000", 16000), ("audio/pcm", 24000)])
def test_wav(mime: str, rate: int) -> None:
    *early, last = spoken("wav", mime, [b"\x01\x00\x02", b"\x00"])
    assert early == ["", ""]
    with wave.open(io.BytesIO(b64decode(last))) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, rate)
        assert file.readframes(9) == b"\x01\x00\x02\x00"


def test_what_is_not_raw_pcm_goes_on_as_it_is() -> None:
    assert spoken("wav", "audio/mpeg", [b"abc"]) == [b64encode(b"abc").decode(), ""]


def test_damaged_base64() -> None:
    with pytest.raises(UpstreamError):
        Speech(None).add(MIME, "abcde")
