"""A Messages request (`POST /v1/messages`) -> a Gemini request.

Rules that this module keeps:

* Members are read before messages: what is wrong with a request is found before the long part of it is walked.
* Tools come first of all, because the conversation needs Gemini's names of them.
"""

from __future__ import annotations

from typing import Any

from mapping import faults
from mapping.faults import Fault
from mapping.messages.plan import MessagesPlan
from mapping.messages.request.messages import WORDING, TurnReader
from mapping.messages.request.settings import PARAMETERS, SHARED
from mapping.notes import Notes
from mapping.request.conversation.contents import Contents
from mapping.request.plan import Translated
from mapping.request.request_body import request_body
from mapping.request.settings import generation, parameters
from mapping.request.settings.google_extensions import read_google
from mapping.request.tools.tools import ToolSet
from mapping.values import JSON, Options, Recall, Unseal


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
    parameters.check_unused(body, PARAMETERS, notes, options)
    stream = parameters.boolean(body.get("stream"), "stream") or False
    google = read_google(body, notes, options)
    tools = ToolSet(info, notes, options)
    sampled = generation.read_generation(body, info, notes, options, SHARED)
    config: JSON = {**sampled.config, **google.config}

    conversation = Contents(info, options=options, recall=recall, notes=notes, wording=WORDING)
    reader = TurnReader(conversation, tools.gemini_name, options=options, notes=notes)
    reader.system(body.get("system"))
    reader.read(body.get("messages"))

    plan = MessagesPlan(
        client_model=client_model,
        model=info.id,
        stream=stream,
        names=tools.names,
        paths=tools.paths,
        integers=tools.schemas,
        used_ids=conversation.used_ids,
        options=options,
        max_tokens=sampled.max_tokens,
        stops=config.get("stopSequences", []),
    )
    method = "streamGenerateContent" if stream else "generateContent"
    gemini_body = request_body(conversation, tools, config, google, None)
    return Translated(model=info.id, method=method, body=gemini_body, plan=plan), plan
