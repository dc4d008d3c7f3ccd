"""A transcription or translation (`POST /v1/audio/...`) -> a Gemini request.

Rules of this module:

* A model that transcribes gets the recording alone, and what else is wanted in `audioTranscriptionConfig`: languages,
  vocabulary, times of words, speakers. Any other model gets the recording and a sentence that says what to do.
* Times and speakers come from a model that tells them, or there are none: what can't be without them is a 400 on any
  other model, and what can is answered without, with a note.
* Vocabulary goes with neither times nor speakers, which Gemini documents: those win, and it is noted.

Sources: the OpenAI API reference (`CreateTranscriptionRequest`), Gemini's pages on audio transcription and on audio
understanding, and what google-genai knows of `AudioTranscriptionConfig`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mapping import faults
from mapping.gemini.models import Model
from mapping.notes import Notes
from mapping.request.plan import Translated
from mapping.request.settings import generation, parameters
from mapping.request.settings.parameters import Unused
from mapping.request.settings.thinking import thinking_config
from mapping.transcriptions import files, languages
from mapping.transcriptions.settings import (
    FORMATS,
    STREAMED,
    TIMED,
    TRANSCRIPTIONS,
    TRANSLATED_FORMATS,
    TRANSLATIONS,
    TranscriptionPlan,
)
from mapping.values import JSON, STREAM, WHOLE, Options

TRANSCRIBE = (
    "Write down what is said in this recording, word for word and in the language in which it is said. Answer with "
    "the transcript and nothing else: no introduction, no remarks, no times, no names of speakers, no Markdown. If "
    "nothing is said, answer with nothing."
)
TRANSLATE = (
    "Translate what is said in this recording into English. Answer with the translation and nothing else: no "
    "introduction, no remarks, no times, no names of speakers, no Markdown. If nothing is said, answer with nothing."
)
"""The instructions for models that are no transcribers."""

_MODEL = "gemini-3.5-transcribe"
"""The model to recommend."""
_MAX_PHRASES = 1000
_PHRASES = re.compile(r"[,;\n]")
_PHRASE_WORDS = 6
"""A prompt of phrases this short is a list of terms, and no sentence."""


def transcription(body: JSON, *, model: str, client_model: str, options: Options, notes: Notes) -> Translated:
    """The Gemini request for a transcription. Raises Fault (400, 413) for what the client got wrong."""
    return _translated(body, "transcribe", TRANSCRIPTIONS, FORMATS, model, client_model, options, notes)


def translation(body: JSON, *, model: str, client_model: str, options: Options, notes: Notes) -> Translated:
    """The Gemini request for a translation into English. Raises Fault."""
    return _translated(body, "translate", TRANSLATIONS, TRANSLATED_FORMATS, model, client_model, options, notes)


def _translated(
    body: JSON,
    task: str,
    known: Mapping[str, Unused | None],
    formats: tuple[str, ...],
    model: str,
    client_model: str,
    options: Options,
    notes: Notes,
) -> Translated:
    info = _model(model, task, options)
    parameters.check_unused(body, known, notes, options)
    form = parameters.one_of(body.get("response_format"), "response_format", formats) or "json"
    stream = parameters.boolean(body.get("stream"), "stream") or False
    if stream and form not in STREAMED:
        raise faults.unsupported_value(
            "stream",
            f"Unsupported value: response_format '{form}' can't be streamed. Streams come as 'json', 'text' or "
            "'diarized_json'.",
        )
    plan = TranscriptionPlan(client_model=client_model, model=info.id, stream=stream, task=task, form=form)
    # A refusal is no transcript.
    plan.options = replace(options, blocked_prompt="error")
    temperature = parameters.number(body.get("temperature"), "temperature", 0, 1)
    plan.temperature = float(temperature or 0)
    _read_granularities(body, plan, info, notes, options)
    recording = files.read(body.get("file"), notes)
    if form in ("verbose_json", "diarized_json"):
        plan.seconds = files.seconds(recording)
    named = _languages(body)
    plan.language = "english" if task == "translate" else named[0] if named else ""
    _check_chunking(body.get("chunking_strategy"), notes, options)

    parts: list[JSON] = [{"inlineData": {"mimeType": recording.mime, "data": recording.data}}]
    config: JSON = {}
    prompt = parameters.string(body.get("prompt"), "prompt")
    keywords = _texts(body.get("keywords"), "keywords")
    if info.transcribes:
        config["audioTranscriptionConfig"] = _transcription_config(plan, named, prompt, keywords, notes, options)
    else:
        parts.append({"text": _instruction(task, named, prompt, keywords)})
        thinking = thinking_config(info, effort="none", show=False, notes=Notes(), path="")
        if thinking is not None:
            config["thinkingConfig"] = thinking
    if temperature is not None and info.sampling:
        config["temperature"] = temperature
    elif temperature:
        parameters.leave_out("temperature", notes, options, "model-refuses")
    request: JSON = {"contents": [{"role": "user", "parts": parts}]}
    if config := {name: value for name, value in config.items() if value}:
        request["generationConfig"] = config
    return Translated(model=info.id, method=STREAM if stream else WHOLE, body=request, plan=plan)


def _model(name: str, task: str, options: Options) -> Model:
    """What the model can do. Raises 400 for one that does not answer with text, or can't translate."""
    info = generation.answering_model(name, options)
    if "TEXT" not in info.outputs or info.outputs == ("TEXT", "IMAGE"):
        raise faults.unsupported_value(
            "model", f"The model '{info.id}' does not write down what is said. Use '{_MODEL}' or 'gemini-flash'."
        )
    if task == "translate" and info.transcribes:
        if not info.system_instruction:  # it can't be told what to do
            raise faults.unsupported_value(
                "model", f"The model '{info.id}' writes down what is said and does not translate. Use 'gemini-flash'."
            )
        info = replace(info, transcribes=False)
    return info


def _read_granularities(body: JSON, plan: TranscriptionPlan, model: Model, notes: Notes, options: Options) -> None:
    """What of the times of words the answer is to have. Raises 400 where there will be none, and there have to be."""
    wanted = parameters.array(body.get("timestamp_granularities"), "timestamp_granularities") or []
    for i, value in enumerate(wanted):
        if value is None or parameters.one_of(value, f"timestamp_granularities[{i}]", ("word", "segment")) is None:
            raise faults.wrong_type(f"timestamp_granularities[{i}]", "a string", value)
    if wanted and plan.form != "verbose_json":
        raise faults.bad_value(
            "timestamp_granularities",
            f"Invalid value: 'timestamp_granularities' goes with response_format 'verbose_json', not '{plan.form}'.",
        )
    if not model.transcribes:
        why = (
            "there are no times of words in a translation. Ask for 'json' or 'text', or transcribe instead"
            if plan.task == "translate"
            else f"the model '{model.id}' does not tell when a word was spoken. Use '{_MODEL}', or ask for 'json' or "
            "'text'"
        )
        if plan.form in TIMED:
            raise faults.unsupported_value("response_format", f"Unsupported value: '{plan.form}': {why}.")
        if "word" in wanted:
            raise faults.unsupported_value("timestamp_granularities", f"Unsupported value: 'word': {why}.")
        if plan.form == "verbose_json":
            parameters.leave_out("timestamp_granularities", notes, options, "model-refuses")
        return
    plan.with_words = "word" in wanted
    plan.with_segments = plan.form == "verbose_json" and (not wanted or "segment" in wanted)


def _languages(body: JSON) -> list[str]:
    """What the client says is spoken, most likely first."""
    one = parameters.string(body.get("language"), "language")
    named = ([one] if one else []) + _texts(body.get("languages"), "languages")
    return list(dict.fromkeys(text.strip() for text in named if text.strip()))


def _texts(value: Any, path: str) -> list[str]:
    given = parameters.array(value, path) or []
    for i, text in enumerate(given):
        if not isinstance(text, str):
            raise faults.wrong_type(f"{path}[{i}]", "a string", text)
    return given


def _check_chunking(value: Any, notes: Notes, options: Options) -> None:
    """Gemini cuts recordings as it likes: `auto` is what happens anyway."""
    if value is None or value == "auto":
        return
    if not isinstance(value, dict):
        raise faults.bad_value(
            "chunking_strategy", "Invalid value for 'chunking_strategy': expected 'auto' or an object."
        )
    parameters.leave_out("chunking_strategy", notes, options)


def _transcription_config(
    plan: TranscriptionPlan, named: list[str], prompt: str | None, keywords: list[str], notes: Notes, options: Options
) -> JSON:
    """`audioTranscriptionConfig`; empty if nothing is wanted."""
    timed = plan.with_words or plan.with_segments or plan.form in TIMED
    config: JSON = {}
    if named:
        config["languageCodes"] = [languages.gemini_code(language) for language in named]
    if timed:
        config["wordTimestamp"] = True
    if plan.form == "diarized_json":
        config["diarization"] = True
    phrases = _phrases(prompt)
    if prompt and prompt.strip() and not phrases:
        parameters.leave_out("prompt", notes, options)
    vocabulary = list(dict.fromkeys([*keywords, *phrases]))
    if vocabulary and timed:
        for name, given in (("keywords", keywords), ("prompt", phrases)):
            if given:
                parameters.leave_out(name, notes, options, "model-refuses")
    elif vocabulary:
        if phrases:
            notes.add("emulated", "prompt")
        if len(vocabulary) > _MAX_PHRASES:
            notes.add("clamped", "keywords")
        config["customVocabulary"] = vocabulary[:_MAX_PHRASES]
    return config


def _phrases(prompt: str | None) -> list[str]:
    """The terms of a prompt that lists terms, which is what most prompts do; none of one that is a text."""
    if not prompt:
        return []
    phrases = [phrase.strip().rstrip(".") for phrase in _PHRASES.split(prompt) if phrase.strip()]
    return phrases if all(len(phrase.split()) <= _PHRASE_WORDS for phrase in phrases) else []


def _instruction(task: str, named: list[str], prompt: str | None, keywords: list[str]) -> str:
    """What a model is told that hears and writes, but is no transcriber."""
    told = [TRANSLATE if task == "translate" else TRANSCRIBE]
    if named:
        told.append(f"The language is {' or '.join(languages.word(language) for language in named)}.")
    if keywords:
        told.append(f"These words may occur: {', '.join(keywords)}.")
    if prompt and prompt.strip():
        told.append(
            "Follow the spelling and the style of this text, which is not part of the recording and must not be "
            f"repeated:\n{prompt.strip()}"
        )
    return "\n".join(told)
