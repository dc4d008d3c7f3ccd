"""A completions request (`POST /v1/completions`) -> a Gemini request, or one for each of its prompts.

Rules that this module keeps:

* A prompt is one turn of the user. What stands between a prompt and a suffix is asked for by an instruction.
* Without `max_tokens` the model's own limit holds, not OpenAI's 16 tokens: models that think would say nothing.
  With it the model thinks as little as it can, unless the client says otherwise.
* Prompts are text. OpenAI's tokens mean nothing to Gemini.
* Of Google's extensions those are taken that have a meaning here: no tools, and no tags for thoughts.

Source: the OpenAI API reference (`CreateCompletionRequest`).
"""

from __future__ import annotations

from typing import Any

from mapping import faults
from mapping.completions.plan import CompletionsPlan
from mapping.completions.settings import PARAMETERS, SHARED
from mapping.faults import Fault
from mapping.gemini.models import Model
from mapping.notes import Notes
from mapping.openai.settings import include_usage
from mapping.request.conversation.contents import Contents, Wording
from mapping.request.plan import Translated
from mapping.request.settings import generation, parameters
from mapping.request.settings.google_extensions import GoogleExtensions, read_google
from mapping.request.settings.thinking import read_reasoning, thinking_config
from mapping.values import JSON, Options, Recall, nothing_remembered

MAX_PROMPTS = 128
"""The most prompts of one request; each is an upstream call, or several."""

FILL_GAP = (
    "The user sends the beginning of a text between <PREFIX> and </PREFIX> and its end between <SUFFIX> and </SUFFIX>. "
    "Fill the gap: answer with exactly the text that belongs between PREFIX and SUFFIX, and with nothing else. "
    "Do not repeat either of them, do not explain, and do not put a code fence around it."
)
"""The instruction that stands for `suffix`."""

_MAX_LOGPROBS = 5
_MAX_BEST_OF = 20

_WORDING = Wording(no_call="", no_result="")


def translate(
    body: Any, *, model: str, client_model: str, options: Options, recall: Recall, notes: Notes
) -> Translated:
    """The Gemini request for the parsed JSON `body` of a completions request.

    `model` is the Gemini model that was chosen, `client_model` the name the client used. `recall` is not asked: there
    are no earlier turns. Raises Fault (400) for what the client got wrong. `body` stays as it is; the result
    shares values with it.
    """
    if not isinstance(body, dict):
        raise Fault(400, f"Invalid request body: expected an object, but got {faults.json_type(body)} instead.")
    info = generation.answering_model(model, options)
    parameters.check_unused(body, PARAMETERS, notes, options)
    stream = parameters.boolean(body.get("stream"), "stream") or False
    with_usage = include_usage(body, stream, notes)
    google = _google(body, notes, options)
    sampled = generation.read_generation(body, info, notes, options, SHARED)
    _check_best_of(body.get("best_of"), sampled.n, stream, notes, options)
    echo = parameters.boolean(body.get("echo"), "echo") or False
    config: JSON = {**sampled.config, **_logprobs(body.get("logprobs"), echo, notes, options)}
    thinking = _thinking(body, google, info, sampled.max_tokens, notes)
    if thinking is not None:
        config["thinkingConfig"] = thinking
    config.update(google.config)
    prompts = _prompts(body.get("prompt"), notes)
    suffix = parameters.string(body.get("suffix"), "suffix")
    for name, used in (("echo", echo), ("suffix", suffix)):
        if used:
            notes.add("emulated", name)

    bodies = [_request(prompt, suffix, config, google, info, notes, options) for prompt in prompts]
    return Translated(
        model=info.id,
        method="streamGenerateContent" if stream else "generateContent",
        body=bodies[0],
        plan=CompletionsPlan(
            client_model=client_model,
            model=info.id,
            stream=stream,
            include_usage=with_usage,
            n=sampled.n,
            logprobs="responseLogprobs" in config,
            options=options,
            prompts=tuple(prompts),
            echo=echo,
            copies=sampled.copies,
        ),
        copies=sampled.copies,
        further=[body for body in bodies[1:] for _ in range(sampled.copies)],
    )


def _prompts(value: Any, notes: Notes) -> list[str]:
    """The prompts; one that is empty if there is none."""
    if value is None or isinstance(value, str):
        return [value or ""]
    if not isinstance(value, list):
        raise faults.wrong_type("prompt", "a string or an array of strings", value)
    if not value:
        raise Fault(
            400,
            "Invalid 'prompt': empty array. Expected an array with minimum length 1, but got an empty array instead.",
            code="empty_array",
            param="prompt",
        )
    if len(value) > MAX_PROMPTS:
        raise faults.bad_value(
            "prompt",
            f"Invalid 'prompt': array too long. Expected at most {MAX_PROMPTS} prompts, but got {len(value)}.",
        )
    for i, prompt in enumerate(value):
        if _is_token(prompt) or (isinstance(prompt, list) and all(map(_is_token, prompt))):
            raise faults.unsupported_value(
                "prompt",
                "Unsupported value: 'prompt' holds tokens. Token arrays are not supported, because they are made for "
                "OpenAI's models; send the text instead.",
            )
        if not isinstance(prompt, str):
            raise faults.wrong_type(f"prompt[{i}]", "a string", prompt)
    if len(value) > 1:
        notes.add("emulated", "prompt")
    return value


def _is_token(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _request(
    prompt: str,
    suffix: str | None,
    config: JSON,
    google: GoogleExtensions,
    model: Model,
    notes: Notes,
    options: Options,
) -> JSON:
    """The body of the call for one prompt."""
    conversation = Contents(model, options=options, recall=nothing_remembered, notes=notes, wording=_WORDING)
    if suffix:
        conversation.instruct(FILL_GAP)
        prompt = f"<PREFIX>{prompt}</PREFIX>\n<SUFFIX>{suffix}</SUFFIX>"
    if prompt:
        conversation.user([{"text": prompt}], "prompt")
    system, contents = conversation.build()
    members = {"systemInstruction": system, "contents": contents, "generationConfig": config or None, **google.request}
    return {name: value for name, value in members.items() if value is not None}


def _check_best_of(value: Any, n: int, stream: bool, notes: Notes, options: Options) -> None:
    """Choosing among more choices than are answered takes log probabilities, which few models give."""
    best_of = parameters.integer(value, "best_of", 0, _MAX_BEST_OF)
    if not best_of:
        return
    if best_of < n:
        raise faults.bad_value(
            "best_of", f"Invalid value for 'best_of': it must not be below 'n', which is {n}, but got {best_of}."
        )
    if stream and best_of > 1:
        raise faults.bad_value("best_of", "Invalid value for 'best_of': results cannot be streamed when it is above 1.")
    if best_of > n:
        parameters.leave_out("best_of", notes, options)


def _logprobs(value: Any, echo: bool, notes: Notes, options: Options) -> JSON:
    """`logprobs` as members of `generationConfig`. Gemini has none for the prompt."""
    top = parameters.integer(value, "logprobs", 0, _MAX_LOGPROBS)
    if top is None:
        return {}
    if echo:
        if options.strict:
            raise faults.unsupported_value(
                "logprobs", "Unsupported value: there are no log probabilities of a prompt that is echoed."
            )
        notes.add("ignored", "echo.logprobs")
    return generation.logprobs_config(top)


def _thinking(body: JSON, google: GoogleExtensions, model: Model, max_tokens: int | None, notes: Notes) -> JSON | None:
    """Thoughts are never asked for: there is no place for them."""
    reasoning = read_reasoning(body, google.thinking, google.thinking_path, notes)
    effort, path = reasoning.effort, reasoning.effort_path
    if max_tokens is not None and not reasoning.asked and effort is None:
        effort, path = "none", "max_tokens"
    return thinking_config(
        model,
        effort=effort,
        explicit=reasoning.explicit,
        show=False,
        max_tokens=max_tokens,
        notes=notes,
        path=path,
        explicit_path=reasoning.explicit_path,
    )


def _google(body: JSON, notes: Notes, options: Options) -> GoogleExtensions:
    google = read_google(body, notes, options)
    if google.tools:
        parameters.leave_out(google.tools_path, notes, options)
    if google.thought_tag:
        parameters.leave_out("thought_tag_marker", notes, options)
    return google
