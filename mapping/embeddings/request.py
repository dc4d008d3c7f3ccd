"""An embeddings request (`POST /v1/embeddings`) -> what is to be embedded, and how the vectors are wanted.

Rules of this module:

* Limits and errors are OpenAI's: at most 2048 inputs, none of them empty. White space is a text like any other.
* A text that is certainly longer than the model reads is refused, as OpenAI does it. One that may be is sent, with a
  note: the public API cuts off what is too long without a word, and only its own tokenizer could tell.
* Who names a model of OpenAI's and no `dimensions` gets vectors as long as that model's: indexes are made for them.
* `task_type` and `title` are Google's, and stand beside OpenAI's parameters.

Source: the OpenAI API reference (`CreateEmbeddingRequest`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mapping import faults
from mapping.dialect import Given
from mapping.embeddings import tokens
from mapping.faults import Fault
from mapping.gemini import embeddings
from mapping.gemini.catalogue import BY_NAME
from mapping.gemini.models import model_info, strip_prefixes
from mapping.notes import Notes
from mapping.request.settings import parameters
from mapping.request.settings.parameters import Unused
from mapping.values import JSON

MAX_INPUTS = 2048
CHARACTERS_PER_TOKEN = 4
"""On average, as Google says of its models; for estimates."""
_LONGEST_TOKEN = 32
"""Characters. No token is longer."""

PARAMETERS: Mapping[str, Unused | None] = {
    **dict.fromkeys(("dimensions", "encoding_format", "input", "model", "task_type", "title")),
    "user": Unused(str),
}
"""The parameters, for `mapping.request.settings.parameters.check_unused`."""

SIZES = {"text-embedding-3-small": 1536, "text-embedding-3-large": 3072, "text-embedding-ada-002": 1536}
"""OpenAI's models -> the length of their vectors."""

_EXPECTED = "a string, an array of strings, or an array of tokens"


@dataclass(frozen=True, slots=True)
class Asked:
    """An understood request."""

    texts: Sequence[str]
    dimensions: int | None
    """The length that the vectors are to have; None: as the model makes them."""
    base64: bool
    """The vectors are wanted as bytes."""
    settings: JSON
    """Members of each request to Gemini."""


def read(body: JSON, given: Given) -> Asked:
    """Raises Fault (400) for what the client got wrong. `body` stays as it is."""
    model, notes, options = given.model, given.notes, given.options
    _check_model(model)
    parameters.check_unused(body, PARAMETERS, notes, options)
    form = parameters.one_of(body.get("encoding_format"), "encoding_format", ("float", "base64"))
    asked = parameters.integer(body.get("dimensions"), "dimensions", 1)
    dimensions = asked if asked is not None else _size(given.client_model, model, notes)
    settings: JSON = {}
    task = parameters.string(body.get("task_type"), "task_type")
    title = parameters.string(body.get("title"), "title")
    if task is not None:
        settings |= _task(task.upper(), model, given)
    if title is not None:
        settings["title"] = title
    if dimensions is not None:
        settings["outputDimensionality"] = dimensions
    texts = _texts(body.get("input"), given)
    _check_lengths(texts, isinstance(body.get("input"), str), model, notes)
    return Asked(texts, dimensions, form == "base64", settings)


def _check_model(model: str) -> None:
    if not model_info(model).embedding:
        raise faults.unsupported_value(
            "model",
            f"The model '{model}' makes no embeddings. Use one that does, such as 'gemini-embedding-001' or "
            "'text-embedding-3-small'; for answers in words use POST /v1/chat/completions.",
        )


def _size(client_model: str, model: str, notes: Notes) -> int | None:
    size = SIZES.get(strip_prefixes(client_model))
    if size is None or size == embeddings.NATIVE or not model.startswith("gemini-embedding-"):
        return None
    notes.add("emulated", f"dimensions={size}")
    return size


def _task(task: str, model: str, given: Given) -> JSON:
    taken = embeddings.tasks(model)
    if not taken:
        parameters.leave_out("task_type", given.notes, given.options, "model-refuses")
        return {}
    return {"taskType": parameters.one_of(task, "task_type", sorted(taken))}


# --- inputs


def _texts(value: Any, given: Given) -> list[str]:
    if value is None:
        raise faults.missing("input")
    if isinstance(value, str):
        return [_said(value, "input")]
    if not isinstance(value, list):
        raise faults.wrong_type("input", _EXPECTED, value)
    if not value:
        raise _empty("input")
    if _is_token(value[0]):
        return _decoded([value], ["input"], given)
    if len(value) > MAX_INPUTS:
        raise Fault(
            400,
            f"Invalid 'input': array too long. Expected an array with maximum length {MAX_INPUTS}, but got an array "
            f"with length {len(value)} instead.",
            code="array_above_max_length",
            param="input",
        )
    paths = [f"input[{index}]" for index in range(len(value))]
    if isinstance(value[0], list):
        return _decoded(value, paths, given)
    return [_said(text, path) for text, path in zip(value, paths, strict=True)]


def _said(text: Any, path: str) -> str:
    if not isinstance(text, str):
        raise faults.wrong_type(path, "a string", text)
    if not text:
        raise faults.bad_value(path, f"Invalid '{path}': input cannot be an empty string.")
    return text


def _decoded(arrays: Sequence[Any], paths: Sequence[str], given: Given) -> list[str]:
    for found, path in zip(arrays, paths, strict=True):
        if not isinstance(found, list):
            raise faults.wrong_type(path, "an array of tokens", found)
        if not found:
            raise _empty(path)
        for index, token in enumerate(found):
            if not _is_token(token):
                raise faults.wrong_type(f"{path}[{index}]", "an integer", token)
    decode = tokens.decoder(given.client_model, paths[0])
    given.notes.add("emulated", "input (tokens)")
    return [_said(decode(found, path), path) for found, path in zip(arrays, paths, strict=True)]


def _is_token(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _empty(path: str) -> Fault:
    return Fault(
        400,
        f"Invalid '{path}': empty array. Expected an array with minimum length 1, but got an empty array instead.",
        code="empty_array",
        param=path,
    )


# --- lengths


def estimate(text: str) -> int:
    """About how many tokens a text has."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)


def _check_lengths(texts: Sequence[str], alone: bool, model: str, notes: Notes) -> None:
    known = BY_NAME.get(model)
    if known is None:
        return
    limit, doubtful = known.inputs, []
    for index, text in enumerate(texts):
        size = len(text.encode("utf-8", "replace"))
        if size <= limit:  # a token has a byte at least
            continue
        path = "input" if alone else f"input[{index}]"
        if _fewest(text) > limit:
            raise faults.bad_value(path, f"Invalid '{path}': maximum input length is {limit} tokens.")
        if size > limit * CHARACTERS_PER_TOKEN:
            doubtful.append(path)
    if doubtful:
        more = f" and {len(doubtful) - 1} more" if len(doubtful) > 1 else ""
        notes.add("input-cut", f"{doubtful[0]}{more} (maybe)")


def _fewest(text: str) -> int:
    """A number of tokens that a text has at least: no token goes over the end of a word."""
    return sum(-(-len(word) // _LONGEST_TOKEN) for word in text.split())
