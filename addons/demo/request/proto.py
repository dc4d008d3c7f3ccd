"""The members that the Gemini API's requests may have, and the reading of them as Google's JSON parser does it.

Rules of this module:

* A member that the table does not name is refused; so are values of another type, each with its path.
* What the parser lets pass, passes: snake_case names, numbers in strings, a single object for a list of one, null for
  nothing, enum names in lower case.
* What comes out has camelCase names, lists for repeated members, enum names in upper case, and no nulls.

Source: the Gemini API reference (v1beta) and the protobuf JSON mapping.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from addons.demo.refusal import Refusal, invalid

type JSON = dict[str, Any]

# Types: a scalar below, `Struct` (any object), `Value` (anything), `enum X`, `[] T`, `map T`, or another message.
MESSAGES: dict[str, dict[str, str]] = {
    "GenerateContentRequest": {
        "model": "string",
        "contents": "[] Content",
        "systemInstruction": "Content",
        "tools": "[] Tool",
        "toolConfig": "ToolConfig",
        "safetySettings": "[] SafetySetting",
        "generationConfig": "GenerationConfig",
        "cachedContent": "string",
        "serviceTier": "enum ServiceTier",
        "labels": "map string",
        "store": "bool",
        "continuationToken": "bytes",
    },
    "CountTokensRequest": {"contents": "[] Content", "generateContentRequest": "GenerateContentRequest"},
    "EmbedContentRequest": {
        "model": "string",
        "content": "Content",
        "taskType": "enum TaskType",
        "title": "string",
        "outputDimensionality": "int32",
    },
    "BatchEmbedContentsRequest": {"requests": "[] EmbedContentRequest"},
    "Content": {"role": "string", "parts": "[] Part"},
    "Part": {
        "text": "string",
        "inlineData": "Blob",
        "fileData": "FileData",
        "functionCall": "FunctionCall",
        "functionResponse": "FunctionResponse",
        "executableCode": "Struct",
        "codeExecutionResult": "Struct",
        "toolCall": "Struct",
        "toolResponse": "Struct",
        "thought": "bool",
        "thoughtSignature": "bytes",
        "videoMetadata": "Struct",
        "mediaResolution": "PartMediaResolution",
        "partMetadata": "Struct",
        "speechMetadata": "SpeechMetadata",
    },
    "SpeechMetadata": {"speaker": "string", "style": "string"},
    "Blob": {"mimeType": "string", "data": "bytes", "displayName": "string"},
    "FileData": {"mimeType": "string", "fileUri": "string", "displayName": "string"},
    "FunctionCall": {"id": "string", "name": "string", "args": "Struct"},
    "FunctionResponse": {
        "id": "string",
        "name": "string",
        "response": "Struct",
        "parts": "[] FunctionResponsePart",
        "willContinue": "bool",
        "scheduling": "string",
    },
    "FunctionResponsePart": {"inlineData": "Blob", "fileData": "FileData"},
    "PartMediaResolution": {"level": "enum PartMediaResolution.Level", "numTokens": "int32"},
    "Tool": {
        "functionDeclarations": "[] FunctionDeclaration",
        "googleSearch": "Struct",
        "googleSearchRetrieval": "Struct",
        "codeExecution": "Struct",
        "urlContext": "Struct",
        "googleMaps": "Struct",
        "fileSearch": "Struct",
        "computerUse": "Struct",
        "mcpServers": "[] Struct",
    },
    "FunctionDeclaration": {
        "name": "string",
        "description": "string",
        "behavior": "string",
        "parameters": "Schema",
        "parametersJsonSchema": "Value",
        "response": "Schema",
        "responseJsonSchema": "Value",
    },
    "Schema": {
        "type": "enum Type",
        "format": "string",
        "title": "string",
        "description": "string",
        "nullable": "bool",
        "enum": "[] string",
        "items": "Schema",
        "minItems": "int64",
        "maxItems": "int64",
        "properties": "map Schema",
        "required": "[] string",
        "propertyOrdering": "[] string",
        "minProperties": "int64",
        "maxProperties": "int64",
        "minLength": "int64",
        "maxLength": "int64",
        "minimum": "float",
        "maximum": "float",
        "pattern": "string",
        "example": "Value",
        "default": "Value",
        "anyOf": "[] Schema",
    },
    "ToolConfig": {
        "functionCallingConfig": "FunctionCallingConfig",
        "retrievalConfig": "Struct",
        "includeServerSideToolInvocations": "bool",
    },
    "FunctionCallingConfig": {"mode": "enum Mode", "allowedFunctionNames": "[] string"},
    "SafetySetting": {"category": "enum HarmCategory", "threshold": "enum HarmBlockThreshold"},
    "GenerationConfig": {
        "temperature": "float",
        "topP": "float",
        "topK": "int32",
        "candidateCount": "int32",
        "maxOutputTokens": "int32",
        "stopSequences": "[] string",
        "responseLogprobs": "bool",
        "logprobs": "int32",
        "presencePenalty": "float",
        "frequencyPenalty": "float",
        "seed": "int32",
        "responseMimeType": "string",
        "responseSchema": "Schema",
        "responseJsonSchema": "Value",
        "responseModalities": "[] enum Modality",
        "mediaResolution": "enum MediaResolution",
        "speechConfig": "SpeechConfig",
        "thinkingConfig": "ThinkingConfig",
        "imageConfig": "ImageConfig",
        "enableEnhancedCivicAnswers": "bool",
        "audioTranscriptionConfig": "AudioTranscriptionConfig",
    },
    "SpeechConfig": {
        "voiceConfig": "VoiceConfig",
        "languageCode": "string",
        "multiSpeakerVoiceConfig": "Struct",
    },
    "VoiceConfig": {"prebuiltVoiceConfig": "PrebuiltVoiceConfig", "replicatedVoiceConfig": "Struct", "voice": "string"},
    "PrebuiltVoiceConfig": {"voiceName": "string"},
    "AudioTranscriptionConfig": {
        "languageCodes": "[] string",
        "languageAuto": "Struct",
        "languageHints": "Struct",
        "customVocabulary": "[] string",
        "adaptationPhrases": "[] string",
        "wordTimestamp": "bool",
        "diarization": "bool",
        "mode": "enum TranscriptionMode",
        "sourceText": "string",
    },
    "ThinkingConfig": {"includeThoughts": "bool", "thinkingBudget": "int32", "thinkingLevel": "enum ThinkingLevel"},
    "ImageConfig": {"aspectRatio": "string", "imageSize": "string"},
}

_RESOLUTIONS = "MEDIA_RESOLUTION_UNSPECIFIED MEDIA_RESOLUTION_LOW MEDIA_RESOLUTION_MEDIUM MEDIA_RESOLUTION_HIGH"
ENUMS: dict[str, frozenset[str]] = {
    name: frozenset(values.split())
    for name, values in {
        "ServiceTier": "STANDARD FLEX PRIORITY",
        "TaskType": "TASK_TYPE_UNSPECIFIED RETRIEVAL_QUERY RETRIEVAL_DOCUMENT SEMANTIC_SIMILARITY CLASSIFICATION "
        "CLUSTERING QUESTION_ANSWERING FACT_VERIFICATION CODE_RETRIEVAL_QUERY",
        "Type": "TYPE_UNSPECIFIED STRING NUMBER INTEGER BOOLEAN ARRAY OBJECT NULL",
        "Mode": "MODE_UNSPECIFIED AUTO ANY NONE VALIDATED",
        "HarmCategory": "HARM_CATEGORY_HARASSMENT HARM_CATEGORY_HATE_SPEECH HARM_CATEGORY_SEXUALLY_EXPLICIT "
        "HARM_CATEGORY_DANGEROUS_CONTENT HARM_CATEGORY_CIVIC_INTEGRITY",
        "HarmBlockThreshold": "HARM_BLOCK_THRESHOLD_UNSPECIFIED OFF BLOCK_NONE BLOCK_ONLY_HIGH "
        "BLOCK_MEDIUM_AND_ABOVE BLOCK_LOW_AND_ABOVE",
        "TranscriptionMode": "MODE_UNSPECIFIED VERBATIM SMART",
        "Modality": "MODALITY_UNSPECIFIED TEXT IMAGE AUDIO",
        "MediaResolution": _RESOLUTIONS,
        "PartMediaResolution.Level": _RESOLUTIONS + " MEDIA_RESOLUTION_ULTRA_HIGH",
        "ThinkingLevel": "THINKING_LEVEL_UNSPECIFIED MINIMAL LOW MEDIUM HIGH XHIGH",
    }.items()
}

PART_DATA = (
    "text",
    "inlineData",
    "fileData",
    "functionCall",
    "functionResponse",
    "executableCode",
    "codeExecutionResult",
    "toolCall",
    "toolResponse",
)
"""The members of a Part of which it has exactly one."""

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]*={0,2}")
_HUMP = re.compile(r"[A-Z]")


def snake(name: str) -> str:
    """`thinkingConfig` -> `thinking_config`, the spelling of error messages."""
    return _HUMP.sub(lambda m: "_" + m[0].lower(), name)


class ProtoForm:
    """The messages of one API. `messages` is a table such as `MESSAGES`."""

    def __init__(self, messages: dict[str, dict[str, str]]) -> None:
        self.messages = messages
        self.names: dict[str, dict[str, str]] = {
            message: {alias: name for name in members for alias in (name, snake(name))}
            for message, members in messages.items()
        }
        """Message -> each spelling of a member -> the one of the table."""

    def read(self, message: str, body: Any) -> JSON:
        """A request body in canonical form. Raises `Refusal` 400 with every violation found."""
        if not isinstance(body, dict):
            raise invalid('Invalid JSON payload received. Unknown name "": Root element must be a message.')
        reader = _Reader(self)
        value = reader.message(message, body, "")
        if reader.violations:
            raise reader.refusal()
        return value


PUBLIC = ProtoForm(MESSAGES)


class _Reader:
    """Collects the violations of one body."""

    def __init__(self, dialect: ProtoForm) -> None:
        self.violations: list[tuple[str, str]] = []
        self._dialect = dialect

    def refusal(self) -> Refusal:
        return invalid("\n".join(text for _, text in self.violations), self.violations)

    def message(self, message: str, value: JSON, path: str) -> JSON:
        """The members of one message; unknown ones are violations."""
        names, members, result = self._dialect.names[message], self._dialect.messages[message], {}
        for key, item in value.items():
            name = names.get(key)
            if name is None:
                where = f" at '{path}'" if path else ""
                text = f'Invalid JSON payload received. Unknown name "{key}"{where}: Cannot find field.'
                self.violations.append((path, text))
            elif item is not None:
                result[name] = self.value(members[name], item, f"{path}.{snake(name)}" if path else snake(name))
        if message == "Part":
            self.one_of(result, path)
        return result

    def one_of(self, part: JSON, path: str) -> None:
        """A Part holds one kind of data."""
        held = [name for name in PART_DATA if name in part]
        if len(held) > 1:
            text = f"Invalid value at '{path}' (oneof), oneof field 'data' is already set. Cannot set '{held[1]}'"
            self.violations.append((path, text))

    def value(self, kind: str, value: Any, path: str) -> Any:
        """A value of the type that the table names."""
        word, _, inner = kind.partition(" ")
        if word == "[]":
            items = value if isinstance(value, list) else [value]
            return [self.value(inner, item, f"{path}[{i}]") for i, item in enumerate(items)]
        if word == "map":
            if not isinstance(value, dict):
                return self.wrong(path, "Map", value)
            return {k: self.value(inner, v, f"{path}[{i}].value") for i, (k, v) in enumerate(value.items())}
        if word == "enum":
            if isinstance(value, str) and value.upper() in ENUMS[inner]:
                return value.upper()
            return self.wrong(path, f"type.googleapis.com/google.ai.generativelanguage.v1beta.{inner}", value)
        if kind in self._dialect.messages:
            if isinstance(value, dict):
                return self.message(kind, value, path)
            return self.wrong(path, f"type.googleapis.com/google.ai.generativelanguage.v1beta.{kind}", value)
        type_name, read_scalar = _SCALARS[kind]
        result = read_scalar(value)
        return self.wrong(path, type_name, value) if result is None else result

    def wrong(self, path: str, type_name: str, value: Any) -> None:
        self.violations.append((path, f"Invalid value at '{path}' ({type_name}), {json.dumps(value)[:200]}"))


def _number(value: Any) -> float | None:
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return None
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _integer(bits: int) -> Callable[[Any], int | None]:
    def read_integer(value: Any) -> int | None:
        number = _number(value)
        if number is None or not number.is_integer() or not -(2 ** (bits - 1)) <= number < 2 ** (bits - 1):
            return None
        return int(number)

    return read_integer


def _bytes(value: Any) -> str | None:
    """Both base64 alphabets, with or without padding."""
    if not isinstance(value, str) or not _BASE64.fullmatch(value):
        return None
    return value if len(value.rstrip("=")) % 4 != 1 else None


_SCALARS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "string": ("TYPE_STRING", lambda value: value if isinstance(value, str) else None),
    "bool": ("TYPE_BOOL", lambda value: value if isinstance(value, bool) else None),
    "int32": ("TYPE_INT32", _integer(32)),
    "int64": ("TYPE_INT64", _integer(64)),
    "float": ("TYPE_FLOAT", _number),
    "bytes": ("TYPE_BYTES", _bytes),
    "Struct": ("type.googleapis.com/google.protobuf.Struct", lambda value: value if isinstance(value, dict) else None),
    "Value": ("type.googleapis.com/google.protobuf.Value", lambda value: value),
}
"""A type's name in messages, and its reader, which gives None for what it does not take."""
