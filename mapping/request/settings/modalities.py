"""Answers that are not only text: chat's `modalities` and `audio` -> `responseModalities` and `speechConfig`.

Speech comes from Gemini as raw 16 bit PCM (24 kHz, mono). So `pcm16` is what there is and `wav` is it with a header;
the other formats would need an encoder.

Sources: the OpenAI API reference (`CreateChatCompletionRequest`) and the Gemini API's pages on speech and image
generation.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mapping import faults
from mapping.gemini.models import Model
from mapping.notes import Notes
from mapping.request.settings import parameters
from mapping.request.settings.voices import gemini_voice
from mapping.values import JSON, Options

_MODALITIES = {"text": "TEXT", "image": "IMAGE", "audio": "AUDIO"}
_FORMATS = ("wav", "aac", "mp3", "flac", "opus", "pcm16")
_POSSIBLE_FORMATS = ("pcm16", "wav")
_DEFAULT_FORMAT = "wav"


@dataclass(slots=True)
class Modalities:
    """The kinds of output of one request."""

    config: JSON = field(default_factory=dict)
    """Members of `generationConfig`: `responseModalities`, `speechConfig`."""
    audio_format: str | None = None
    """`pcm16` or `wav` when the answer is to be speech."""


def read_modalities(body: JSON, model: Model, notes: Notes, options: Options) -> Modalities:
    """Read `modalities` and `audio`.

    A model that only speaks speaks without being asked, as `wav` unless `audio` says otherwise. Raises 400
    `unsupported_value` for a kind of output that the model does not have and for formats that cannot be made.
    """
    wanted = _wanted(body.get("modalities"), model)
    if model.outputs == ("AUDIO",) and "AUDIO" not in wanted:
        if wanted:
            notes.add("model-refuses", "modalities")
        return _speech(body.get("audio") or {"format": _DEFAULT_FORMAT}, notes, options)
    if "AUDIO" in wanted:
        if body.get("audio") is None:
            raise faults.missing("audio")
        return _speech(body["audio"], notes, options)
    if body.get("audio") is not None:
        notes.add("ignored", "audio")
    if "IMAGE" in wanted:
        # Asking for images alone is refused by some models, which want to say something too.
        return Modalities({"responseModalities": ["TEXT", "IMAGE"]})
    return Modalities()


def _wanted(value: Any, model: Model) -> set[str]:
    wanted = set()
    for i, name in enumerate(parameters.array(value, "modalities") or ()):
        path = f"modalities[{i}]"
        modality = _MODALITIES.get(parameters.one_of(name, path, _MODALITIES) or "")
        if modality is None:
            raise faults.wrong_type(path, "a string", name)
        if modality not in model.outputs and modality != "TEXT":
            raise faults.unsupported_value("modalities", f"Unsupported value: the model does not answer with {name}.")
        wanted.add(modality)
    if wanted >= {"AUDIO", "IMAGE"}:
        raise faults.unsupported_value("modalities", "Unsupported value: 'audio' and 'image' in one answer.")
    return wanted


def _speech(value: Any, notes: Notes, options: Options) -> Modalities:
    audio = parameters.json_object(value, "audio") or {}
    form = parameters.one_of(audio.get("format"), "audio.format", _FORMATS)
    if form is None:
        raise faults.missing("audio.format")
    if form not in _POSSIBLE_FORMATS:
        raise faults.unsupported_value(
            "audio.format",
            f"Unsupported value: '{form}'. Supported values are: {parameters.quoted(_POSSIBLE_FORMATS)}.",
        )
    config: JSON = {"responseModalities": ["AUDIO"]}
    voice = audio.get("voice")
    if isinstance(voice, dict):  # OpenAI's `{"id"}` of a voice that Gemini can't have: its own default speaks instead
        notes.add("ignored", "audio.voice")
        voice = None
    voice = gemini_voice(voice, "audio.voice", notes, options)
    if voice:
        config["speechConfig"] = {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": voice}}}
    return Modalities(config, form)
