"""A Responses request (`POST /v1/responses`) -> a Gemini request.

Rules that this module keeps:

* `instructions` come first of the system instruction, and are of this request only.
* Parameters are read before items: what is wrong with a request is found before the long part of it is walked.
* Tools come first of all, those that items declare too, because the conversation needs Gemini's names of them.
* A body in the shape of chat (`messages` and no `input`) is taken as well, with chat's parameters. The same
  conversation gives the same Gemini request in either dialect.
* Members of chat in a body with `input` (`max_tokens`, `reasoning_effort`, `response_format`, `stream_options`) count
  where the Responses API has the same under another name; others are left out with a note.

Source: the OpenAI API reference (`CreateResponse`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mapping import faults
from mapping.faults import Fault
from mapping.gemini.models import Model
from mapping.notes import Notes
from mapping.openai.chat_shape.messages import WORDING as CHAT_WORDING
from mapping.openai.chat_shape.messages import MessageReader
from mapping.openai.chat_shape.settings import read_logprobs
from mapping.openai.settings import read_service_tier
from mapping.request import prewarm
from mapping.request.conversation.carried import carried_first, nothing_sealed
from mapping.request.conversation.contents import Contents
from mapping.request.parts import media
from mapping.request.plan import Translated
from mapping.request.request_body import request_body
from mapping.request.settings import generation, parameters
from mapping.request.settings.google_extensions import read_google
from mapping.request.settings.modalities import read_modalities
from mapping.request.settings.response_format import (
    ResponseFormat,
    place_response_format,
    read_response_format,
    read_text_format,
)
from mapping.request.settings.thinking import Reasoning, read_reasoning, show_thoughts, thinking_config
from mapping.request.tools.tool_choice import ToolChoice, read_function_call
from mapping.request.tools.tools import ToolSet
from mapping.responses.plan import ResponsesPlan
from mapping.responses.request.echo import echo
from mapping.responses.request.input_items import WORDING, ItemReader
from mapping.responses.request.inputs import Inputs, Resolve, nothing_stored, read_input
from mapping.responses.request.settings import (
    CHAT_SHAPED,
    CHAT_SHARED,
    ENCRYPTED_CONTENT,
    LOGPROBS,
    RESPONSES,
    SHARED,
    read_settings,
)
from mapping.responses.request.tools import ResponsesTools
from mapping.values import JSON, Options, RawTurn, Recall, Unseal


def is_chat_shaped(body: JSON) -> bool:
    """Whether the body has `messages` in place of `input`."""
    return body.get("messages") is not None and body.get("input") is None


def translate(
    body: Any,
    *,
    model: str,
    client_model: str,
    options: Options,
    recall: Recall,
    notes: Notes,
    history: Sequence[JSON] = (),
    unseal: Unseal = nothing_sealed,
    resolve: Resolve = nothing_stored,
) -> Translated:
    """The Gemini request for the parsed JSON `body` of a Responses request; its plan is a `ResponsesPlan`.

    `model` is the Gemini model that was chosen, `client_model` the name the client used. `recall` finds earlier turns.
    `history` are the input and output items of the responses that `previous_response_id` leads to, oldest first, and
    `resolve` finds the stored item of an `item_reference`. `unseal` opens an `encrypted_content` of the gateway's own.
    Raises Fault (400) for what the client got wrong. `body` stays as it is; the result shares values with it.
    """
    if not isinstance(body, dict):
        raise Fault(400, f"Invalid request body: expected an object, but got {faults.json_type(body)} instead.")
    request = _Request(
        body, generation.answering_model(model, options), options, notes, read_input(_input(body), history, resolve)
    )
    tools = request.tools()
    config = request.config(tools)
    conversation = request.conversation(tools, config, recall, unseal)
    tier = read_service_tier(body.get("service_tier"))
    gemini_body = request_body(conversation, tools.toolset, config, request.google, tier)
    return Translated(
        model=request.model.id,
        method="streamGenerateContent" if request.settings.stream else "generateContent",
        body=gemini_body,
        plan=request.plan(client_model, gemini_body, tools, conversation),
    )


def _input(body: JSON) -> Any:
    """The value of `input`; null where `messages` or an earlier response stand for it."""
    value = body.get("input")
    if value in (None, []) and body.get("previous_response_id") is None and body.get("messages") is None:
        if value is None:
            raise faults.missing("input")
        raise Fault(
            400,
            "Invalid 'input': empty array. Expected an array with minimum length 1, but got an empty array instead.",
            code="empty_array",
            param="input",
        )
    return value


class _Request:
    """One request, read step by step: first the tools, then the `generationConfig`, then the conversation."""

    def __init__(self, body: JSON, model: Model, options: Options, notes: Notes, inputs: Inputs) -> None:
        self.model = model
        self._body = body
        self._options = options
        self._notes = notes
        self._inputs = inputs
        self._chat_shaped = is_chat_shaped(body)
        parameters.check_unused(body, CHAT_SHAPED if self._chat_shaped else RESPONSES, notes, options)
        self._text = _merged(body, "text", inputs.text)
        self._reasoning = _merged(body, "reasoning", inputs.reasoning)
        self.settings = read_settings(body, self._reasoning, self._text, notes, options)
        self.google = read_google(body, notes, options)
        self._thought = read_reasoning(
            {**body, "reasoning": self._reasoning}, self.google.thinking, self.google.thinking_path, notes
        )
        self._sentence: str | None = None
        """Asks for a JSON answer where the config cannot."""
        self._audio_format: str | None = None

    def tools(self) -> ResponsesTools:
        toolset = ToolSet(self.model, self._notes, self._options)
        tools = ResponsesTools(toolset, options=self._options, notes=self._notes)
        tools.add(self._body.get("tools"))
        if self._chat_shaped:
            toolset.add_legacy_functions(self._body.get("functions"))
            toolset.add_web_search_options(self._body.get("web_search_options"))
        toolset.add_google_tools(self.google.tools, self.google.tools_path)
        for declared, path in self._inputs.tools:
            tools.add_later(declared, path)
        if self._inputs.compaction:
            # Declared they stay, because the conversation may hold calls of them.
            toolset.choose(ToolChoice("none"))
            return tools
        tools.choose(self._body.get("tool_choice"))
        legacy = read_function_call(self._body.get("function_call")) if self._chat_shaped else None
        if legacy is not None and self._body.get("tool_choice") is None:
            toolset.choose(legacy)
        elif legacy is not None:
            self._notes.add("ignored", "function_call")
        return tools

    def config(self, tools: ResponsesTools) -> JSON:
        body, notes, options = self._body, self._notes, self._options
        shared = CHAT_SHARED if self._chat_shaped else SHARED
        sampled = generation.read_generation(body, self.model, notes, options, shared)
        modalities = read_modalities(body, self.model, notes, options)
        self._audio_format = modalities.audio_format
        config: JSON = {**sampled.config, **self._logprobs(), **modalities.config}
        if tools.image_generation:
            config["responseModalities"] = ["TEXT", "IMAGE"]
        thinking = self._thinking(sampled.max_tokens)
        if thinking is not None:
            config["thinkingConfig"] = thinking
        form = self._format()
        if not self._inputs.compaction:
            self._sentence = place_response_format(form, tools.toolset.json_mode, config, notes, options)
        if self._chat_shaped and generation.choice_count(body.get("n")) > 1:
            # A response is one answer.
            parameters.leave_out("n", notes, options)
        return config

    def conversation(self, tools: ResponsesTools, config: JSON, recall: Recall, unseal: Unseal) -> Contents:
        """Feeds the conversation, and puts into `config` what it asks for."""
        carried: dict[str, RawTurn] = {}
        conversation = Contents(
            self.model,
            options=self._options,
            recall=carried_first(carried, recall) if self._inputs.carriers else recall,
            notes=self._notes,
            wording=CHAT_WORDING if self._chat_shaped else WORDING,
        )
        if self.settings.instructions:
            conversation.system(self.settings.instructions, "instructions")
        items = ItemReader(
            conversation, tools, options=self._options, notes=self._notes, unseal=unseal, carried=carried
        )
        items.read(self._inputs.items)
        resolutions = items.content.resolutions
        if self._chat_shaped:
            messages = MessageReader(conversation, tools.toolset.gemini_name, options=self._options, notes=self._notes)
            messages.read(self._body["messages"])
            resolutions = resolutions + messages.resolutions
        for sentence in (*tools.sentences, self._sentence):
            if sentence is not None:
                conversation.instruct(sentence)
        if resolutions:
            config["mediaResolution"] = media.highest(resolutions)
        config.update(self.google.config)
        return conversation

    def plan(self, client_model: str, body: JSON, tools: ResponsesTools, conversation: Contents) -> ResponsesPlan:
        """What the way back needs; `body` is the Gemini request."""
        config = body.get("generationConfig", {})
        google_tools = {member for tool in body.get("tools", ()) for member in tool}
        settings = self.settings
        return ResponsesPlan(
            client_model=client_model,
            model=self.model.id,
            stream=settings.stream,
            prewarm=prewarm.asked(self._body, self._notes),
            include_usage=settings.include_usage,
            logprobs="responseLogprobs" in config,
            names=tools.toolset.names,
            paths=tools.toolset.paths,
            integers=tools.toolset.schemas,
            custom=tools.toolset.custom,
            used_ids=conversation.used_ids,
            audio_format=self._audio_format,
            thought_tag=self.google.thought_tag,
            json_by_sentence=self._sentence is not None,
            options=self._options,
            echo=echo(self._body, reasoning={**self._reasoning, "effort": self._thought.effort}, text=self._text),
            kinds=tools.kinds,
            include=settings.include,
            summary=show_thoughts(self._options, settings.summary or _thoughts_wanted(self._thought)) is True,
            carry=ENCRYPTED_CONTENT in settings.include,
            store=settings.store,
            web_search="googleSearch" in google_tools,
            code_interpreter="codeExecution" in google_tools,
            image_generation="IMAGE" in config.get("responseModalities", ()),
            compaction=self._inputs.compaction,
        )

    def _logprobs(self) -> JSON:
        wanted = LOGPROBS in self.settings.include
        if self._chat_shaped and not wanted:
            return read_logprobs(self._body)
        top = parameters.integer(self._body.get("top_logprobs"), "top_logprobs", 0, generation.MAX_TOP_LOGPROBS)
        if wanted:
            return generation.logprobs_config(top or 0)
        if top:
            self._notes.add("ignored", "top_logprobs")
        return {}

    def _thinking(self, max_tokens: int | None) -> JSON | None:
        thought = self._thought
        # Thoughts of an effort are asked for as in chat, though they are shown only with a summary.
        show = show_thoughts(self._options, thought.asked or self.settings.summary)
        return thinking_config(
            self.model,
            effort=thought.effort,
            explicit=thought.explicit,
            show=show,
            max_tokens=max_tokens,
            notes=self._notes,
            path=thought.effort_path,
            explicit_path=thought.explicit_path,
        )

    def _format(self) -> ResponseFormat | None:
        """`text.format`, or `response_format` where it is absent."""
        given, path = self._text.get("format"), "text.format"
        if given is None:
            given, path = self._body.get("response_format"), "response_format"
        elif self._body.get("response_format") is not None:
            self._notes.add("ignored", "response_format")
        nested = path == "response_format" or (isinstance(given, dict) and given.get("json_schema") is not None)
        return (read_response_format if nested else read_text_format)(given, self._notes, path)


def _merged(body: JSON, name: str, update: JSON | None) -> JSON:
    given = parameters.json_object(body.get(name), name) or {}
    return {**given, **update} if update else given


def _thoughts_wanted(thought: Reasoning) -> bool:
    """Google's own switch for showing thoughts is on."""
    explicit = thought.explicit or {}
    return bool(explicit.get("include_thoughts") or explicit.get("includeThoughts"))
