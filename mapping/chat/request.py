"""A chat request (`POST /v1/chat/completions`) -> a Gemini request.

Rules that this module keeps:

* Parameters are read before messages: what is wrong with a request is found before the long part of it is walked.
* Tools come first of all, because the conversation needs Gemini's names of the functions.
* What Google's extensions say in Gemini's own terms wins over what OpenAI's parameters say.
"""

from __future__ import annotations

from typing import Any

from mapping import faults
from mapping.chat.plan import ChatPlan
from mapping.faults import Fault
from mapping.gemini.models import Model
from mapping.notes import Notes
from mapping.openai import settings as openai
from mapping.openai.chat_shape import anthropic
from mapping.openai.chat_shape.messages import WORDING, MessageReader
from mapping.openai.chat_shape.settings import PARAMETERS, SHARED, read_logprobs
from mapping.request import prewarm
from mapping.request.conversation.contents import Contents
from mapping.request.parts import media
from mapping.request.plan import Translated
from mapping.request.request_body import request_body
from mapping.request.settings import generation, parameters
from mapping.request.settings.google_extensions import GoogleExtensions, read_google
from mapping.request.settings.modalities import read_modalities
from mapping.request.settings.response_format import place_response_format, read_response_format
from mapping.request.settings.thinking import read_reasoning, show_thoughts, thinking_config
from mapping.request.tools.tool_choice import read_chat_choice, read_function_call
from mapping.request.tools.tools import ToolSet
from mapping.values import JSON, Options, Recall


def translate(
    body: Any, *, model: str, client_model: str, options: Options, recall: Recall, notes: Notes
) -> Translated:
    """The Gemini request for the parsed JSON `body` of a chat request.

    `model` is the Gemini model that was chosen, `client_model` the name the client used. `recall` finds earlier turns.
    Raises Fault (400) for what the client got wrong. `body` stays as it is; the result shares values with it.
    """
    if not isinstance(body, dict):
        raise Fault(400, f"Invalid request body: expected an object, but got {faults.json_type(body)} instead.")
    system = anthropic.system_text(body)
    body = anthropic.chat_body(body, notes)
    info = generation.answering_model(model, options)
    parameters.check_unused(body, PARAMETERS, notes, options)
    stream = parameters.boolean(body.get("stream"), "stream") or False
    include_usage = openai.include_usage(body, stream, notes)
    google = read_google(body, notes, options)
    tools = _tools(body, google, info, notes, options)

    sampled = generation.read_generation(body, info, notes, options, SHARED)
    modalities = read_modalities(body, info, notes, options)
    config: JSON = {**sampled.config, **read_logprobs(body), **modalities.config}
    thinking = _thinking(body, google, info, sampled.max_tokens, notes, options)
    if thinking is not None:
        config["thinkingConfig"] = thinking
    form = read_response_format(body.get("response_format"), notes)
    sentence = place_response_format(form, tools.json_mode, config, notes, options)

    conversation = Contents(info, options=options, recall=recall, notes=notes, wording=WORDING)
    reader = MessageReader(conversation, tools.gemini_name, options=options, notes=notes)
    conversation.system(system, "system")
    reader.read(body.get("messages"))
    if sentence is not None:
        conversation.instruct(sentence)
    if reader.resolutions:
        config["mediaResolution"] = media.highest(reader.resolutions)
    config.update(google.config)

    return Translated(
        model=info.id,
        method="streamGenerateContent" if stream else "generateContent",
        body=request_body(conversation, tools, config, google, openai.read_service_tier(body.get("service_tier"))),
        plan=ChatPlan(
            client_model=client_model,
            model=info.id,
            stream=stream,
            prewarm=prewarm.asked(body, notes),
            include_usage=include_usage,
            n=sampled.n,
            logprobs="responseLogprobs" in config,
            names=tools.names,
            paths=tools.paths,
            integers=tools.schemas,
            custom=tools.custom,
            legacy_functions=tools.legacy,
            used_ids=conversation.used_ids,
            audio_format=modalities.audio_format,
            thought_tag=google.thought_tag,
            json_by_sentence=sentence is not None,
            options=options,
        ),
        copies=sampled.copies,
    )


def _tools(body: JSON, google: GoogleExtensions, model: Model, notes: Notes, options: Options) -> ToolSet:
    tools = ToolSet(model, notes, options)
    tools.add_chat_tools(body.get("tools"))
    tools.add_legacy_functions(body.get("functions"))
    tools.add_google_tools(google.tools, google.tools_path)
    tools.add_web_search_options(body.get("web_search_options"))
    choice = read_chat_choice(body.get("tool_choice"))
    legacy = read_function_call(body.get("function_call"))
    if choice is not None and legacy is not None:
        notes.add("ignored", "function_call")
    tools.choose(choice or legacy)
    return tools


def _thinking(
    body: JSON, google: GoogleExtensions, model: Model, max_tokens: int | None, notes: Notes, options: Options
) -> JSON | None:
    reasoning = read_reasoning(body, google.thinking, google.thinking_path, notes)
    return thinking_config(
        model,
        effort=reasoning.effort,
        explicit=reasoning.explicit,
        show=show_thoughts(options, reasoning.asked),
        max_tokens=max_tokens,
        notes=notes,
        path=reasoning.effort_path,
        explicit_path=reasoning.explicit_path,
    )
