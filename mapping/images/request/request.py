"""A request for images (`POST /v1/images/generations`, `/v1/images/edits`) -> Gemini requests, one for each image.

Rules of this module:

* Only models that make images are asked, with `generateContent`, and for images alone.
* `n` images are made by `n` calls beside one another: Gemini's image models make one candidate.
* What an opaque picture can't stand for (a transparent background, a mask) is refused. What only makes a difference to
  OpenAI is left out with a note.

Source: the OpenAI API reference (`CreateImageRequest`, `CreateImageEditRequest`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mapping import faults
from mapping.faults import Fault
from mapping.gemini.models import Model, model_info
from mapping.images import convert
from mapping.images.plan import ImagesPlan
from mapping.images.request.inputs import read_images
from mapping.images.request.settings import EDITS, GENERATIONS, MAX_IMAGES
from mapping.images.request.sizes import read_picture
from mapping.notes import Notes
from mapping.request.plan import Translated
from mapping.request.settings import generation, parameters
from mapping.request.settings.google_extensions import GoogleExtensions, read_google
from mapping.values import JSON, STREAM, WHOLE, Options, Recall

_FORMATS = ("png", "jpeg", "webp")
_FORMATS_ELSEWHERE = ("gif", "svg")
"""Of OpenAI's models."""
_MAX_PARTIAL = 3


def generate(body: Any, *, model: str, client_model: str, options: Options, recall: Recall, notes: Notes) -> Translated:
    """The Gemini requests for images that a text describes. `recall` is not asked. Raises Fault (400)."""
    return _translate(body, model, client_model, options, notes, edit=False)


def edit(body: Any, *, model: str, client_model: str, options: Options, recall: Recall, notes: Notes) -> Translated:
    """The same for images that are made of others."""
    return _translate(body, model, client_model, options, notes, edit=True)


def _translate(body: Any, model: str, client_model: str, options: Options, notes: Notes, *, edit: bool) -> Translated:
    if not isinstance(body, dict):
        raise Fault(400, f"Invalid request body: expected an object, but got {faults.json_type(body)} instead.")
    info = _image_model(model, client_model, options)
    parameters.check_unused(body, EDITS if edit else GENERATIONS, notes, options)
    prompt = _prompt(body.get("prompt"))
    images = read_images(body, notes) if edit else []
    stream = parameters.boolean(body.get("stream"), "stream") or False
    n = parameters.integer(body.get("n"), "n", 1, MAX_IMAGES) or 1
    if n > 1:
        notes.add("emulated", "n")
    _check_background(body.get("background"))
    google = _google(body, notes, options)
    picture = read_picture(body, info, notes, options)
    output_format, compression = _output(body, notes, options)
    config: JSON = {"responseModalities": ["IMAGE"], **google.config}
    if shape := {**picture.config, **google.config.get("imageConfig", {})}:
        config["imageConfig"] = shape
    contents = [{"role": "user", "parts": [{"text": prompt}, *images]}]
    return Translated(
        model=info.id,
        method=STREAM if stream else WHOLE,
        body={"contents": contents, "generationConfig": config, **google.request},
        plan=ImagesPlan(
            client_model=client_model,
            model=info.id,
            stream=stream,
            n=n,
            # There is no answer that could tell of a block.
            options=replace(options, blocked_prompt="answer"),
            edit=edit,
            as_url=_as_url(body.get("response_format")),
            output_format=output_format,
            compression=compression,
            quality=picture.quality,
            partial_images=_partial_images(body.get("partial_images"), notes, stream=stream),
        ),
        copies=n,
    )


def _image_model(model: str, client_model: str, options: Options) -> Model:
    """The capabilities of the model. Raises 400 for one that makes no images."""
    if "IMAGE" not in model_info(options.served.get(model, model)).outputs:
        named = f"'{client_model[:100]}'" if client_model == model else f"'{client_model[:100]}' ({model})"
        raise faults.unsupported_value(
            "model",
            f"The model {named} makes no images with generateContent. Use one that does, such as "
            "'gemini-3.1-flash-image' or 'gpt-image-1', which stands for Gemini's newest; GET /v1/models lists them.",
        )
    return generation.answering_model(model, options)


def _prompt(value: Any) -> str:
    prompt = parameters.string(value, "prompt")
    if prompt is None:
        raise faults.missing("prompt")
    if not prompt.strip():
        raise faults.bad_value("prompt", "Invalid 'prompt': it is empty. Say what the image is to show.")
    return prompt


def _check_background(value: Any) -> None:
    if parameters.one_of(value, "background", ("transparent", "opaque", "auto")) == "transparent":
        raise faults.unsupported_value(
            "background",
            "Unsupported value: 'background' is 'transparent', and Gemini's images have no transparency. Leave it out, "
            "and ask for a plain background in the prompt.",
        )


def _as_url(value: Any) -> bool:
    return parameters.one_of(value, "response_format", ("url", "b64_json")) == "url"


def _partial_images(value: Any, notes: Notes, *, stream: bool) -> int:
    wanted = parameters.integer(value, "partial_images", 0, _MAX_PARTIAL) or 0
    if wanted and not stream:
        notes.add("ignored", "partial_images")
        return 0
    return wanted


def _output(body: JSON, notes: Notes, options: Options) -> tuple[str | None, int | None]:
    """`output_format` and `output_compression`, as far as images can be converted."""
    form = parameters.one_of(body.get("output_format"), "output_format", (*_FORMATS, *_FORMATS_ELSEWHERE))
    if form in _FORMATS_ELSEWHERE:
        raise faults.unsupported_value(
            "output_format",
            f"Unsupported value: '{form}'. Supported values are: {parameters.quoted(_FORMATS)}.",
        )
    compression = parameters.integer(body.get("output_compression"), "output_compression", 0, 100)
    possible = convert.possible()
    if form and not possible and options.strict:
        raise faults.unsupported_parameter(
            "output_format", f"Unsupported parameter: 'output_format'. {convert.MISSING}"
        )
    if compression is not None and compression < 100 and (form in (None, "png") or not possible):
        parameters.leave_out("output_compression", notes, options)
        compression = None
    return form, compression


def _google(body: JSON, notes: Notes, options: Options) -> GoogleExtensions:
    google = read_google(body, notes, options)
    for given, path in ((google.tools, google.tools_path), (google.thinking, google.thinking_path)):
        if given:
            parameters.leave_out(path, notes, options)
    if google.thought_tag:
        parameters.leave_out("thought_tag_marker", notes, options)
    return google
