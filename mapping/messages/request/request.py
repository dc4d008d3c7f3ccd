"""A Messages request (`POST /v1/messages`) -> a Gemini request.

Rules that this module keeps:

* Members are read before messages: what is wrong with a request is found before the long part of it is walked.
* Tools come first of all, because the conversation needs Gemini's names of them.
* The same conversation gives the same Gemini request as in chat and in the Responses API, but for system messages
  in mid conversation: Claude Code sends many, and Gemini's prompt cache ends where a request differs from the one
  before. So those behind an answer keep their place.

Source: Anthropic's API reference (Messages), and what real clients send.
"""

from __future__ import annotations

from typing import Any

from mapping import faults
from mapping.faults import Fault
from mapping.messages.plan import MessagesPlan
from mapping.messages.request import settings
from mapping.messages.request.clearing import read_clearing
from mapping.messages.request.compaction import read_compaction, since_summary
from mapping.messages.request.messages import WORDING, TurnReader
from mapping.messages.request.thought import read_thought
from mapping.messages.request.tools import MessagesTools
from mapping.notes import Notes
from mapping.request.conversation.carried import CarriedSignatures, carried_first
from mapping.request.conversation.contents import Contents
from mapping.request.plan import Translated
from mapping.request.request_body import request_body
from mapping.request.settings import generation, parameters
from mapping.request.settings.google_extensions import read_google
from mapping.request.settings.response_format import place_response_format
from mapping.request.tools.tools import ToolSet
from mapping.values import JSON, Options, RawTurn, Recall, Unseal


def translate(
    body: Any, *, model: str, client_model: str, options: Options, recall: Recall, notes: Notes, unseal: Unseal
) -> tuple[Translated, MessagesPlan]:
    """The Gemini request for the parsed JSON `body` of a Messages request, and its plan with its own type.

    `model` is the Gemini model that was chosen, `client_model` the name the client used. `recall` finds earlier turns,
    `unseal` opens the signatures of the gateway's own. Raises Fault (400) for what the client got wrong. `body` stays
    as it is; the result shares values with it.
    """
    if not isinstance(body, dict):
        raise Fault(400, f"Invalid request body: expected an object, but got {faults.json_type(body)} instead.")
    info = generation.answering_model(model, options)
    settings.check_members(body, notes, options)
    declared, body = body, {**body, "messages": since_summary(body.get("messages"))}
    prewarm = settings.is_prewarm(body)
    compaction = None if prewarm else read_compaction(body, notes)
    if compaction is not None:
        body = compaction.without_a_reply(body, notes)
    stream = parameters.boolean(body.get("stream"), "stream") or False
    if prewarm:
        notes.add("prewarm", "max_tokens")
    tier = settings.read_tier(body)
    google = read_google(body, notes, options)
    toolset = ToolSet(info, notes, options)
    tools = MessagesTools(declared, toolset, options=options, notes=notes)
    toolset.add_google_tools(google.tools, google.tools_path)
    tools.choose({"type": "none"} if compaction is not None else body.get("tool_choice"))

    sampled = settings.read_length_and_sampling(body, info, notes, options)
    config: JSON = {**sampled.config}
    thought = read_thought(body, google, notes)
    thinking = thought.config(info, sampled.max_tokens, notes, options)
    if thinking is not None:
        config["thinkingConfig"] = thinking
    sentence = place_response_format(settings.read_format(body, notes), toolset.json_mode, config, notes, options)
    cleared = read_clearing(body, notes, options)

    carried: dict[str, RawTurn] = {}
    recall = carried_first(carried, recall)
    conversation = Contents(info, options=options, recall=recall, notes=notes, wording=WORDING, system_stays=True)
    signatures = CarriedSignatures(info.id, unseal=unseal, turns=carried, notes=notes)
    reader = TurnReader(
        conversation, toolset.gemini_name, signatures=signatures, cleared=cleared, options=options, notes=notes
    )
    reader.system(body.get("system"))
    reader.read(body.get("messages"))
    if sentence is not None:
        conversation.instruct(sentence)
    if compaction is not None:
        conversation.user([{"text": compaction.prompt}], compaction.path)
    config.update(google.config)

    plan = MessagesPlan(
        client_model=client_model,
        model=info.id,
        stream=stream,
        prewarm=prewarm,
        names=toolset.names,
        paths=toolset.paths,
        integers=toolset.schemas,
        used_ids=conversation.used_ids,
        json_by_sentence=sentence is not None,
        options=options,
        max_tokens=sampled.max_tokens,
        stops=settings.read_stops(body, notes),
        thinking=thought.asked,
        display=thought.display,
        citations=reader.content.citations,
        one_call=tools.one_call,
        applied_edits=cleared.applied,
        tool_changes=tools.changes() if compaction is not None else None,
        goes_on=compaction is not None and compaction.goes_on,
    )
    method = "streamGenerateContent" if stream else "generateContent"
    gemini_body = request_body(conversation, toolset, config, google, tier)
    used = {member for tool in gemini_body.get("tools", ()) for member in tool}
    plan.server_tools = {member: kind for member, kind in tools.server.items() if member in used}
    return Translated(model=info.id, method=method, body=gemini_body, plan=plan), plan
