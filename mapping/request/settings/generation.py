"""Generation parameters that the dialects share: OpenAI's names and ranges -> members of `generationConfig`.

Rules that this module keeps:

* Types, ranges and errors are OpenAI's. Where Gemini's range is narrower, the value is clamped with a note.
* What the model does not take is left out with a note, not sent to be refused; strict settings refuse it.
* A value that asks for what happens anyway (a penalty of 0, `n` of 1) is not sent.

Sources: the OpenAI API reference (`CreateChatCompletionRequest`, `CreateCompletionRequest`, `CreateResponse`) and the
Gemini API reference (`GenerationConfig`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from mapping import faults
from mapping.gemini.models import Model, model_info
from mapping.notes import Notes
from mapping.request.settings import parameters
from mapping.values import JSON, Options

INT32_MAX = 2**31 - 1
MAX_COPIES = 8
"""The most choices of one request: candidateCount goes to 8, and so many calls at once are made at most."""
_MAX_N = 128
_MAX_STOPS = 5
MAX_TOP_LOGPROBS = 20


@dataclass(frozen=True, slots=True)
class Number:
    """A numeric parameter and its member of `generationConfig`."""

    name: str
    target: str
    low: float | None = None
    high: float | None = None
    whole: bool = False
    """Only integers are taken."""
    sampling: bool = False
    """Only models that honour sampling take it."""
    neutral: tuple[float, ...] = ()
    """Values that ask for what happens anyway."""
    rule: Callable[[float], float | None] | None = None
    """Moves a value into Gemini's range; None leaves the parameter out. Either is noted when it changes the value."""


TEMPERATURE = Number("temperature", "temperature", 0, 2, sampling=True)
# Gemini refuses a topP of 0.
TOP_P = Number("top_p", "topP", 0, 1, sampling=True, rule=lambda value: value or None)
# Not OpenAI's; other servers' clients say 0 or -1 for "no limit".
TOP_K = Number("top_k", "topK", -1, INT32_MAX, whole=True, sampling=True, neutral=(-1, 0))
# Gemini's range ends below 2.
FREQUENCY_PENALTY = Number(
    "frequency_penalty", "frequencyPenalty", -2, 2, neutral=(0,), rule=lambda value: min(value, 1.99)
)
PRESENCE_PENALTY = Number(
    "presence_penalty", "presencePenalty", -2, 2, neutral=(0,), rule=lambda value: min(value, 1.99)
)
# OpenAI takes 64 bits, Gemini 32.
SEED = Number("seed", "seed", whole=True, rule=lambda value: int(value) & INT32_MAX)


def answering_model(model: str, options: Options) -> Model:
    """The capabilities of a model that is to answer: of the one that Google serves under its name.

    Raises 400 for one that can't answer: it makes vectors, or films.
    """
    info = model_info(model)
    if other := options.served.get(info.id):
        info = replace(model_info(other), id=info.id)
    if not info.outputs:
        raise faults.unsupported_value(
            "model",
            f"The model '{info.id}' does not answer in words. Use one that does, such as 'gemini-flash'; "
            f"GET /v1/models lists them.{' For embeddings use POST /v1/embeddings.' if info.embedding else ''}",
        )
    return info


@dataclass(frozen=True, slots=True)
class Shared:
    """Which of the shared parameters a dialect has. Others in a request are no business of this module."""

    numbers: tuple[Number, ...]
    max_tokens: tuple[str, ...]
    """Names of the answer's length; the first present wins."""
    stop: str = ""
    """Name of the sequences that end an answer; empty: it has none."""
    n: str = ""
    """Name of how many choices are wanted, likewise."""


@dataclass(slots=True)
class Generation:
    """The generation parameters of one request."""

    config: JSON = field(default_factory=dict)
    """Members of `generationConfig`."""
    max_tokens: int | None = None
    """The length of the answer that was asked for, in tokens, thoughts included (as sent)."""
    n: int = 1
    """How many choices the client wants."""
    copies: int = 1
    """How many calls make them: 1 where the model takes candidateCount."""


def read_generation(body: JSON, model: Model, notes: Notes, options: Options, shared: Shared) -> Generation:
    """Read the parameters that `shared` names. Raises 400 for wrong types and values out of OpenAI's range."""
    found = Generation()
    config = found.config
    for rule in shared.numbers:
        given = body.get(rule.name)
        if given is not None and (value := _number(rule, given, model, notes, options)) is not None:
            config[rule.target] = value
    found.max_tokens = _max_tokens(body, shared.max_tokens, model, notes)
    if found.max_tokens is not None:
        config["maxOutputTokens"] = found.max_tokens
    if shared.stop:
        stops = stop_sequences(body.get(shared.stop), shared.stop)
        if stops:
            config["stopSequences"] = stops
    if shared.n:
        found.n = choice_count(body.get(shared.n), shared.n)
        if found.n > 1 and model.candidate_count:
            config["candidateCount"] = found.n
        elif found.n > 1:
            found.copies = found.n
            notes.add("emulated", shared.n)
    return found


def _number(rule: Number, given: Any, model: Model, notes: Notes, options: Options) -> float | None:
    read = parameters.integer if rule.whole else parameters.number
    value: float | None = read(given, rule.name, rule.low, rule.high)
    if value is None or value in rule.neutral:
        return None
    if rule.sampling and not model.sampling:
        # 1 is the default at OpenAI, and what its own models without sampling take.
        if value != 1:
            parameters.leave_out(rule.name, notes, options, "model-refuses")
        return None
    if rule.rule is None:
        return value
    moved = rule.rule(value)
    if moved is None:
        parameters.leave_out(rule.name, notes, options)
    elif moved != value:
        notes.add("clamped", rule.name)
    return moved


def _max_tokens(body: JSON, names: tuple[str, ...], model: Model, notes: Notes) -> int | None:
    """The first of the lengths that is present, within the model's limit."""
    value = None
    for name in names:
        other = parameters.integer(body.get(name), name, 1)
        if other is None:
            continue
        if value is not None:
            if other != value:
                notes.add("ignored", name)
            continue
        value = other
        limit = model.output_limit or INT32_MAX
        if value > limit:
            notes.add("clamped", name)
            value = limit
    return value


def stop_sequences(value: Any, path: str = "stop") -> list[str]:
    """`stop`, a string or an array of strings, without the empty ones. Gemini takes one more than OpenAI's four."""
    if value is None:
        return []
    stops = [value] if isinstance(value, str) else value
    if not isinstance(stops, list):
        raise faults.wrong_type(path, "a string or an array of strings", value)
    if len(stops) > _MAX_STOPS:
        raise faults.bad_value(
            path,
            f"Invalid '{path}': array too long. Expected at most {_MAX_STOPS} stop sequences, but got {len(stops)}.",
        )
    for i, stop in enumerate(stops):
        if not isinstance(stop, str):
            raise faults.wrong_type(f"{path}[{i}]", "a string", stop)
    return [stop for stop in stops if stop]


def choice_count(value: Any, path: str = "n") -> int:
    """`n`: 1 when absent; 400 outside of OpenAI's 1 to 128, and 400 `unsupported_value` above `MAX_COPIES`."""
    n = parameters.integer(value, path, 1, _MAX_N)
    if n is not None and n > MAX_COPIES:
        raise faults.unsupported_value(
            path, f"Unsupported value: '{path}' is {n}, but at most {MAX_COPIES} choices are supported."
        )
    return n or 1


def logprobs_config(top: int) -> JSON:
    """The members of `generationConfig` for the log probability of each token and of the `top` likeliest beside it."""
    return {"responseLogprobs": True, "logprobs": top} if top else {"responseLogprobs": True}
