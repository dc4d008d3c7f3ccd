"""modalities and audio -> responseModalities and speechConfig."""

from __future__ import annotations

import pytest

from mapping.faults import Fault
from mapping.gemini.models import model_info
from mapping.notes import Notes
from mapping.request.settings.modalities import read_modalities
from mapping.values import JSON, Options

FLASH, IMAGE, TTS = "gemini-2.5-flash", "gemini-3-pro-image", "gemini-3.8-flash-tts"
AUDIO: JSON = {"responseModalities": ["AUDIO"]}
PUCK: JSON = {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Puck"}}}


@pytest.mark.parametrize(
    ("body", "model", "config", "audio_format", "noted"),
    [
        pytest.param({}, FLASH, {}, None, [], id="nothing"),
        pytest.param({"modalities": None, "audio": None}, FLASH, {}, None, [], id="nulls"),
        pytest.param({"modalities": ["text"]}, FLASH, {}, None, [], id="text"),
        pytest.param({"modalities": []}, FLASH, {}, None, [], id="empty"),
        pytest.param(
            {"modalities": ["text", "image"]}, IMAGE, {"responseModalities": ["TEXT", "IMAGE"]}, None, [], id="both"
        ),
        pytest.param({"modalities": ["image"]}, IMAGE, {"responseModalities": ["TEXT", "IMAGE"]}, None, [], id="image"),
        pytest.param({}, IMAGE, {}, None, [], id="image-model-unasked"),
        pytest.param(
            {"modalities": ["text", "audio"], "audio": {"voice": "Puck", "format": "pcm16"}},
            TTS,
            {**AUDIO, "speechConfig": PUCK},
            "pcm16",
            [],
            id="speech",
        ),
        pytest.param(
            {"modalities": ["audio"], "audio": {"voice": "echo", "format": "wav"}},
            TTS,
            {**AUDIO, "speechConfig": PUCK},
            "wav",
            [("emulated", "audio.voice")],
            id="openai-voice",
        ),
        pytest.param(
            {"modalities": ["audio"], "audio": {"voice": {"id": "v"}, "format": "wav"}},
            TTS,
            AUDIO,
            "wav",
            [("ignored", "audio.voice")],
            id="custom-voice",
        ),
        pytest.param({}, TTS, AUDIO, "wav", [], id="speech-model-unasked"),
        pytest.param({"modalities": ["text"]}, TTS, AUDIO, "wav", [("model-refuses", "modalities")], id="no-text"),
        pytest.param({"audio": {"format": "wav"}}, FLASH, {}, None, [("ignored", "audio")], id="audio-unasked"),
    ],
)
def test_modalities(
    body: JSON, model: str, config: JSON, audio_format: str | None, noted: list[tuple[str, str]]
) -> None:
    notes = Notes()
    found = read_modalities(body, model_info(model), notes, Options())
    assert (found.config, found.audio_format) == (config, audio_format)
    assert list(notes) == noted


@pytest.mark.parametrize(
    ("body", "model", "param", "code"),
    [
        ({"modalities": "text"}, FLASH, "modalities", "invalid_type"),
        ({"modalities": ["smell"]}, FLASH, "modalities[0]", "invalid_value"),
        ({"modalities": ["text", None]}, FLASH, "modalities[1]", "invalid_type"),
        ({"modalities": ["audio"], "audio": {"format": "wav"}}, FLASH, "modalities", "unsupported_value"),
        ({"modalities": ["image"]}, FLASH, "modalities", "unsupported_value"),
        ({"modalities": ["image", "audio"]}, "demo-x", "modalities", "unsupported_value"),
        ({"modalities": ["audio"]}, TTS, "audio", "missing_required_parameter"),
        ({"modalities": ["audio"], "audio": {}}, TTS, "audio.format", "missing_required_parameter"),
        ({"modalities": ["audio"], "audio": {"format": "mp3"}}, TTS, "audio.format", "unsupported_value"),
        ({"modalities": ["audio"], "audio": {"format": "ogg"}}, TTS, "audio.format", "invalid_value"),
        ({"modalities": ["audio"], "audio": {"format": "wav", "voice": 1}}, TTS, "audio.voice", "invalid_type"),
        ({"modalities": ["audio"], "audio": "wav"}, TTS, "audio", "invalid_type"),
    ],
    ids=str,
)
def test_errors(body: JSON, model: str, param: str, code: str) -> None:
    with pytest.raises(Fault) as caught:
        read_modalities(body, model_info(model), Notes(), Options())
    assert (caught.value.param, caught.value.code) == (param, code)
