"""What Gemini refuses although every member is of the right type. `check` raises a `Refusal` for the first fault.

Sources: the Gemini API reference and its pages on function calling, thinking, thought signatures, structured output
and the newer models; the words of the messages as seen in recorded answers, where there are such.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from addons.demo.models import DemoModel
from addons.demo.refusal import invalid, violation
from addons.demo.request import schemas, turns
from addons.demo.request.proto import JSON

_FUNCTION_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,127}")
_RATIOS = frozenset(
    ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9", "1:4", "4:1", "1:8", "8:1")
)
_SIZES = frozenset(("512", "1K", "2K", "4K"))
_MIME_TYPES = frozenset(("text/plain", "application/json", "text/x.enum"))


def check(request: JSON, model: DemoModel, *, circulation: bool = True) -> None:
    """Refuse a GenerateContentRequest in canonical form that Gemini would refuse for this model.

    `circulation`: the API has `includeServerSideToolInvocations`, and wants it for mixed tools.
    """
    for rule in _RULES:
        rule(request, model)
    if circulation:
        _circulation(request, model)


def functions(request: JSON) -> list[JSON]:
    """All function declarations of a request."""
    return [f for tool in request.get("tools", ()) for f in tool.get("functionDeclarations", ())]


def builtin_tools(request: JSON) -> list[str]:
    """The names of Google's own tools that a request offers."""
    return [name for tool in request.get("tools", ()) for name in tool if name != "functionDeclarations"]


def calling(request: JSON) -> JSON:
    """The functionCallingConfig of a request, empty when there is none."""
    config: JSON = request.get("toolConfig", {}).get("functionCallingConfig", {})
    return config


def _config(request: JSON) -> JSON:
    config: JSON = request.get("generationConfig", {})
    return config


# ---- system instruction, caches, safety


def _system_instruction(request: JSON, model: DemoModel) -> None:
    instruction = request.get("systemInstruction")
    if instruction is None:
        return
    if not model.system_instruction:
        raise invalid(f"Developer instruction is not enabled for models/{model.name}")
    if not instruction.get("parts"):
        raise violation("system_instruction.parts", "contents.parts must not be empty.")
    if any("text" not in part for part in instruction["parts"]):
        raise invalid("System instruction only supports text parts.")


def _cached_content(request: JSON, model: DemoModel) -> None:
    if "cachedContent" in request and request.keys() & {"systemInstruction", "tools", "toolConfig"}:
        raise invalid(
            "CachedContent can not be used with GenerateContent request setting system_instruction, tools or "
            "tool_config.\n\nProposed fix: move those values to CachedContent from GenerateContent request."
        )


def _safety(request: JSON, model: DemoModel) -> None:
    categories = [setting.get("category") for setting in request.get("safetySettings", ())]
    if len(categories) != len(set(categories)):
        raise violation("safety_settings", "There should be only one setting for each category.")


# ---- tools


def _declarations(request: JSON, model: DemoModel) -> None:
    seen: set[str] = set()
    for i, tool in enumerate(request.get("tools", ())):
        for j, function in enumerate(tool.get("functionDeclarations", ())):
            _declaration(function, f"tools[{i}].function_declarations[{j}]")
            if function["name"] in seen:
                raise invalid(f"Duplicate function declaration found: {function['name']}")
            seen.add(function["name"])
    if len(seen) > 512:
        raise invalid("At most 512 function declarations are supported.")


def _declaration(function: JSON, path: str) -> None:
    if not _FUNCTION_NAME.fullmatch(function.get("name", "")):
        raise violation(
            f"{path}.name",
            "[Invalid function name. Must start with a letter or an underscore. Must be alphanumeric (a-z, A-Z, 0-9), "
            "underscores (_), dots (.), colons (:), or dashes (-), with a maximum length of 128.]",
        )
    if "parameters" in function and "parametersJsonSchema" in function:
        raise violation(f"{path}.parameters", "only one of parameters and parameters_json_schema may be set.")
    if "parameters" in function:
        if function["parameters"].get("type") != "OBJECT":
            raise invalid(f"{function['name']} functionDeclaration parameters schema should be of type OBJECT.")
        schemas.check_schema(function["parameters"], f"{path}.parameters")
    if "parametersJsonSchema" in function:
        schemas.check_json_schema(function["parametersJsonSchema"], f"{path}.parameters_json_schema", object_root=True)


def _calling(request: JSON, model: DemoModel) -> None:
    if "functionCallingConfig" not in request.get("toolConfig", {}):
        return
    names = {function["name"] for function in functions(request)}
    if not names:
        raise invalid("Function calling config is set without function_declarations.")
    config = calling(request)
    allowed = config.get("allowedFunctionNames", ())
    if allowed and config.get("mode") not in ("ANY", "VALIDATED"):
        raise invalid("Allowed function names should be set only when function calling mode is ANY or VALIDATED.")
    for name in allowed:
        if name not in names:
            raise invalid(f"Allowed function name '{name}' is not among the function declarations.")


def _mixed_tools(request: JSON, model: DemoModel) -> None:
    if builtin_tools(request) and functions(request) and not model.new:
        raise invalid("Tool use with function calling is unsupported")


def _circulation(request: JSON, model: DemoModel) -> None:
    circulation = request.get("toolConfig", {}).get("includeServerSideToolInvocations", False)
    if circulation and not model.new:
        raise invalid(f"Tool call context circulation is not enabled for models/{model.name}")
    if builtin_tools(request) and functions(request) and not circulation:
        raise invalid(
            "Please enable tool_config.include_server_side_tool_invocations to use Built-in tools with "
            "Function calling."
        )


# ---- generationConfig


def _ranges(request: JSON, model: DemoModel) -> None:
    config = _config(request)
    for name, path, low, high, text in _LIMITS:
        value = config.get(name)
        if value is not None and not low <= value <= high:
            raise violation(f"generation_config.{path}", text)
    if len(config.get("stopSequences", ())) > 5:
        raise violation("generation_config.stop_sequences", "at most 5 stop sequences are supported.")
    if config.get("candidateCount", 1) > 1 and not model.many_candidates:
        raise invalid(f"Multiple candidates is not enabled for models/{model.name}")
    if config.get("responseLogprobs"):
        raise invalid(f"Logprobs is not enabled for models/{model.name}")
    if "logprobs" in config:
        raise invalid("logprobs can only be set when response_logprobs is true.")


_LIMITS = (
    ("temperature", "temperature", 0, 2, "must be in the range [0.0, 2.0]."),
    ("topP", "top_p", 1e-9, 1, "must be in the range (0.0, 1.0]."),
    ("topK", "top_k", 1, 1000, "must be positive."),
    ("candidateCount", "candidate_count", 1, 8, "must be in the range [1, 8]."),
    ("maxOutputTokens", "max_output_tokens", 1, 1048576, "must be in the range [1, 1048577)."),
    ("presencePenalty", "presence_penalty", -2, 1.999999, "must be in the range [-2.0, 2.0)."),
    ("frequencyPenalty", "frequency_penalty", -2, 1.999999, "must be in the range [-2.0, 2.0)."),
)
"""Member, its path, lowest and highest value, and the message."""


def _thinking(request: JSON, model: DemoModel) -> None:
    config = _config(request).get("thinkingConfig")
    if config is None:
        return
    if model.thinking == "none":
        raise invalid(f"Thinking is not enabled for models/{model.name}")
    budget, level = config.get("thinkingBudget"), config.get("thinkingLevel")
    if budget is not None and level is not None:
        raise invalid("You can only set only one of thinking budget and thinking level.")
    if level is not None and model.thinking == "budget":
        raise invalid("Thinking level is not supported for this model.")
    if budget is not None and model.thinking == "level":
        raise invalid("Thinking budget is not supported for this model. Please use thinking level instead.")
    if level is not None and level not in model.levels:
        raise invalid(f"Thinking level {level} is not supported for this model.")
    if budget is not None:
        _thinking_budget(budget, model)


def _thinking_budget(budget: int, model: DemoModel) -> None:
    low, high = model.budgets
    if budget == 0 and not model.can_switch_thinking_off:
        raise invalid("Budget 0 is invalid. This model only works in thinking mode.")
    if budget not in (0, -1) and not low <= budget <= high:
        raise invalid(f"The thinking budget {budget} is invalid. Please choose a value between {low} and {high}.")


def _output(request: JSON, model: DemoModel) -> None:
    config = _config(request)
    mime = config.get("responseMimeType", "text/plain")
    schema = [name for name in ("responseSchema", "responseJsonSchema") if name in config]
    if mime not in _MIME_TYPES:
        raise violation(
            "generation_config.response_mime_type",
            f"allowed mimetypes are `text/plain`, `application/json`, `application/xml`, `application/yaml` and "
            f"`text/x.enum`. Got `{mime}`.",
        )
    if len(schema) > 1:
        raise violation("generation_config", "only one of response_schema and response_json_schema may be set.")
    if schema and mime == "text/plain":
        raise violation("generation_config.response_mime_type", "a response schema requires `application/json`.")
    if "responseSchema" in config:
        schemas.check_schema(config["responseSchema"], "generation_config.response_schema")
    if "responseJsonSchema" in config:
        path = "generation_config.response_json_schema"
        schemas.check_json_schema(config["responseJsonSchema"], path, object_root=False)
    if mime == "application/json" and request.get("tools"):
        if not model.new:
            raise invalid(f"Function calling with a response mime type: '{mime}' is unsupported")
        if calling(request).get("mode") == "ANY":
            raise invalid(f"Forced function calling (ANY mode) with a response mime type: '{mime}' is unsupported")


def _modalities(request: JSON, model: DemoModel) -> None:
    config = _config(request)
    asked = config.get("responseModalities", [])
    if not set(asked) <= set(model.modalities):
        accepted = "\n".join(f"* {modality}" for modality in model.modalities)
        raise invalid(
            f"The requested combination of response modalities ({', '.join(asked)}) is not supported by the model. "
            f"models/{model.name} accepts the following combination of response modalities:\n{accepted}\n"
        )
    image = config.get("imageConfig", {})
    if image.get("aspectRatio", "1:1") not in _RATIOS:
        raise violation("generation_config.image_config.aspect_ratio", f"must be one of {sorted(_RATIOS)}.")
    if image.get("imageSize", "1K") not in _SIZES:
        raise violation("generation_config.image_config.image_size", f"must be one of {sorted(_SIZES)}.")


def _sound(request: JSON, model: DemoModel) -> None:
    """Speech and transcriptions: what goes together, and which models do it."""
    config = _config(request)
    voice = config.get("speechConfig", {}).get("voiceConfig", {}).get("prebuiltVoiceConfig", {}).get("voiceName")
    if voice is not None and voice.lower() not in _VOICES:
        allowed = ", ".join(sorted(_VOICES))
        raise invalid(f"Voice name {voice} is not supported. Allowed voice names are: {allowed}")
    parts = [part for content in request.get("contents", ()) for part in content.get("parts", ())]
    if any("speechMetadata" in part for part in parts) and not model.takes_style:
        raise invalid(f"Speech metadata is not supported for models/{model.name}")
    wanted: JSON = config.get("audioTranscriptionConfig", {})
    if "audioTranscriptionConfig" in config and not model.transcribes:
        raise invalid(f"Audio transcription config is not supported for models/{model.name}")
    if model.kind == "transcription" and not any("inlineData" in part or "fileData" in part for part in parts):
        raise invalid(f"models/{model.name} requires audio input.")
    detailed = wanted.get("wordTimestamp") or wanted.get("diarization")
    if detailed and (wanted.get("customVocabulary") or wanted.get("mode") == "SMART"):
        raise invalid("Custom vocabulary and smart mode are incompatible with word timestamps and diarization.")
    if len(wanted.get("customVocabulary", ())) > _MAX_PHRASES:
        raise violation("generation_config.audio_transcription_config.custom_vocabulary", "at most 1000 phrases.")


_MAX_PHRASES = 1000
_VOICES = frozenset(
    re.findall(
        r"\w+",
        """
        achernar achird algenib algieba alnilam aoede autonoe callirrhoe charon despina enceladus erinome fenrir
        gacrux iapetus kore laomedeia leda orus puck pulcherrima rasalgethi sadachbia sadaltager schedar sulafat
        umbriel vindemiatrix zephyr zubenelgenubi
        """,
    )
)


def _contents(request: JSON, model: DemoModel) -> None:
    turns.check(request.get("contents", []), model)


_RULES: tuple[Callable[[JSON, DemoModel], None], ...] = (
    _system_instruction,
    _cached_content,
    _safety,
    _declarations,
    _calling,
    _mixed_tools,
    _ranges,
    _thinking,
    _output,
    _modalities,
    _sound,
    _contents,
)


def check_embed(request: JSON, name: str, index: int | None = None) -> None:
    """Refuse an EmbedContentRequest. `index` is its place in a batch, where each must name the model of the path."""
    where = "EmbedContentRequest" if index is None else f"BatchEmbedContentsRequest.requests[{index}]"
    named = request.get("model", "" if index is not None else f"models/{name}")
    if named != f"models/{name}":
        raise invalid(f"* {where}.model: unexpected model name format or mismatch with the path: '{named}'\n")
    parts: list[Any] = request.get("content", {}).get("parts", [])
    if not parts:
        raise invalid(f"* {where}.content: content is not specified\n")
    if not any(part.get("text") or part.get("inlineData") for part in parts):
        raise invalid(f"* {where}.content: content is empty\n")
    if not 1 <= request.get("outputDimensionality", 1) <= 3072:
        raise invalid(f"* {where}.output_dimensionality: must be in the range [1, 3072]\n")
