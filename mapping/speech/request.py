"""A speech request (`POST /v1/audio/speech`) -> a Gemini request.

Rules of this module:

* A model that takes `speechMetadata` speaks the text word for word, and how it is to sound stands beside it. To older
  ones a sentence before the text says it, which is how Google documents it for them.
* Gemini has no `speed`: it is asked for in words, and noted.
* What can't be made is refused, with what can. `mp3`, which counts where nothing is said, is no exception: a WAV file
  under that name would be a wrong one.
* Sound goes out as it comes, but where the head of the format tells the length; there `stream_format` says whether the
  length is to be right, or the sound to come at once.

Sources: the OpenAI API reference (`CreateSpeechRequest`) and Gemini's pages on speech generation.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mapping import faults
from mapping.gemini.models import Model
from mapping.notes import Notes
from mapping.request.plan import Translated
from mapping.request.settings import generation, parameters
from mapping.request.settings.voices import gemini_voice
from mapping.speech import encoders
from mapping.speech.settings import DEFAULT_FORMAT, PARAMETERS, SpeechPlan
from mapping.values import JSON, STREAM, WHOLE, Options

_SLOWEST, _FASTEST = 0.25, 4.0


def translate(body: JSON, *, model: str, client_model: str, options: Options, notes: Notes) -> Translated:
    """The Gemini request for the parsed JSON `body`. Raises Fault (400) for what the client got wrong."""
    info = _model(model, options)
    parameters.check_unused(body, PARAMETERS, notes, options)
    text = parameters.string(body.get("input"), "input")
    if text is None:
        raise faults.missing("input")
    if not text.strip():
        raise faults.bad_value("input", "Invalid value for 'input': there is nothing to say.")
    if body.get("voice") is None:
        raise faults.missing("voice")
    voice = _voice(body["voice"], notes, options)
    form = _format(body.get("response_format"))
    wanted = parameters.one_of(body.get("stream_format"), "stream_format", ("sse", "audio"))
    stream = wanted is not None or not encoders.FORMATS[form].has_length
    part: JSON = {"text": text}
    direction = _direction(body, notes)
    if direction and info.speech_style:
        part["speechMetadata"] = {"style": direction}
    elif direction:
        notes.add("emulated", "instructions")
        part["text"] = f"{direction.rstrip(' .:')}:\n{text}"
    config: JSON = {"responseModalities": ["AUDIO"]}
    if voice:
        config["speechConfig"] = {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": voice}}}
    plan = SpeechPlan(client_model=client_model, model=info.id, stream=stream, form=form, events=wanted == "sse")
    plan.options = replace(options, blocked_prompt="error")  # a refusal can't be heard
    request = {"contents": [{"role": "user", "parts": [part]}], "generationConfig": config}
    return Translated(model=info.id, method=STREAM if stream else WHOLE, body=request, plan=plan)


def _model(name: str, options: Options) -> Model:
    info = generation.answering_model(name, options)
    if "AUDIO" not in info.outputs:
        raise faults.unsupported_value(
            "model", f"The model '{info.id}' does not speak. Use one that does, such as 'gemini-3.8-flash-tts'."
        )
    return info


def _voice(value: Any, notes: Notes, options: Options) -> str | None:
    """A name. OpenAI's `{"id"}` names a voice that was made of samples, which Gemini can't have."""
    if not isinstance(value, dict):
        return gemini_voice(value, "voice", notes, options)
    parameters.leave_out("voice", notes, options)
    return None


def _format(value: object) -> str:
    """The format; raises 400 for one that can't be made here."""
    form = parameters.one_of(value, "response_format", encoders.FORMATS) or DEFAULT_FORMAT
    if not encoders.can_make(form):
        unasked = (
            "" if value is not None else f" It is what counts where 'response_format' is not given, as '{form}' is."
        )
        raise faults.unsupported_value(
            "response_format",
            f"Unsupported value: '{form}' can't be made here, because the package 'av' is not installed in the "
            f"gateway's environment (pip install av).{unasked} Supported values are: "
            f"{parameters.quoted(encoders.PLAIN)}.",
        )
    return form


def _direction(body: JSON, notes: Notes) -> str:
    """How it is to be spoken, in words; empty if nothing is said of it."""
    told = (parameters.string(body.get("instructions"), "instructions") or "").strip()
    speed = parameters.number(body.get("speed"), "speed", _SLOWEST, _FASTEST)
    if speed is None or speed == 1:
        return told
    notes.add("emulated", "speed")
    pace = f"{'Speak fast' if speed > 1 else 'Speak slowly'}, at {speed:g} times the usual pace"
    return f"{told.rstrip(' .')}. {pace}" if told else pace
