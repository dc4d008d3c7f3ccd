"""What Gemini refuses in `contents`: empty turns, calls and results that do not match, missing thought signatures.

A turn of the model may be in several contents: google-genai sends one for each event of a stream back. Results of one
turn have to be in one content.
"""

from __future__ import annotations

from typing import Any

from addons.demo import signatures
from addons.demo.models import DemoModel
from addons.demo.refusal import invalid, violation
from addons.demo.request.proto import JSON, PART_DATA

_MEDIA = ("image/", "audio/", "video/", "text/")
_DOCUMENTS = frozenset(("application/pdf", "application/json", "application/x-javascript", "application/x-python-code"))
_OFFICE = "application/vnd."


def check(contents: list[JSON], model: DemoModel) -> None:
    """Refuse contents that Gemini would refuse for this model."""
    if not contents:
        raise violation("contents", "contents is not specified")
    for i, content in enumerate(contents):
        _check_content(content, f"contents[{i}]", model)
    _check_order(joined(contents), model)
    if model.signs:
        _check_signatures(contents)
    if role(contents[-1]) == "model" and not model.continues_model_turn:
        raise invalid(
            f"Please ensure that the last turn is a user turn: models/{model.name} does not continue a model turn."
        )


def role(content: JSON) -> str:
    """`user` or `model`; Gemini takes `user` when it is missing."""
    return str(content.get("role") or "user")


def calls(content: JSON) -> list[JSON]:
    """The function calls of a content."""
    return [part["functionCall"] for part in content.get("parts", ()) if "functionCall" in part]


def results(content: JSON) -> list[JSON]:
    """The function responses of a content."""
    return [part["functionResponse"] for part in content.get("parts", ()) if "functionResponse" in part]


def joined(contents: list[JSON]) -> list[JSON]:
    """The contents with every turn of the model in one."""
    turns: list[JSON] = []
    for content in contents:
        if turns and role(content) == role(turns[-1]) == "model":
            turns[-1] = {**turns[-1], "parts": [*turns[-1]["parts"], *content["parts"]]}
        else:
            turns.append(content)
    return turns


def begin(contents: list[JSON]) -> int:
    """The place of the user's content that the current turn began with; -1 when there is none."""
    return max((i for i, c in enumerate(contents) if role(c) == "user" and not results(c)), default=-1)


def texts(content: JSON) -> list[str]:
    """The texts of a content."""
    return [part["text"] for part in content["parts"] if "text" in part]


def text(content: JSON) -> str:
    """The texts of a content, each in a line."""
    return "\n".join(texts(content))


# ---- one content


def _check_content(content: JSON, path: str, model: DemoModel) -> None:
    if role(content) not in ("user", "model"):
        raise invalid("Please use a valid role: user, model.")
    parts = content.get("parts")
    if not parts:
        raise violation(f"{path}.parts", "contents.parts must not be empty.")
    for i, part in enumerate(parts):
        _check_part(part, f"{path}.parts[{i}]", model)


def _check_part(part: JSON, path: str, model: DemoModel) -> None:
    if not any(name in part for name in PART_DATA):
        raise violation(f"{path}.data", "required oneof field 'data' must have one initialized field")
    if "inlineData" in part:
        _check_blob(part["inlineData"], f"{path}.inline_data")
    if "fileData" in part and not part["fileData"].get("fileUri"):
        raise violation(f"{path}.file_data.file_uri", "file_uri must not be empty.")
    if "functionCall" in part and not part["functionCall"].get("name"):
        raise violation(f"{path}.function_call.name", "Name cannot be empty.")
    if "functionResponse" in part:
        _check_result(part["functionResponse"], f"{path}.function_response", model)


def _check_blob(blob: JSON, path: str) -> None:
    mime = blob.get("mimeType", "")
    if not mime:
        raise violation(f"{path}.mime_type", "mime_type must not be empty.")
    if not mime.startswith((*_MEDIA, _OFFICE)) and mime not in _DOCUMENTS:
        raise invalid(f"Unsupported MIME type: {mime}")
    if not blob.get("data"):
        raise violation(f"{path}.data", "data must not be empty.")


def _check_result(result: JSON, path: str, model: DemoModel) -> None:
    if not result.get("name"):
        raise violation(f"{path}.name", "Name cannot be empty.")
    if "response" not in result:
        raise violation(f"{path}.response", "response must be set.")
    if not model.new:
        if "parts" in result:
            raise invalid(f"Multimodal function response is not supported for models/{model.name}")
        return
    # Gemini 3 takes `$ref` in a result for the name of one of its media parts.
    known = {part.get("inlineData", {}).get("displayName") for part in result.get("parts", ())}
    for reference in _references(result["response"]):
        if reference not in known:
            raise invalid(f"The function response references an undefined part: {reference}")


def _references(value: Any) -> list[Any]:
    if isinstance(value, list):
        return [found for item in value for found in _references(item)]
    if not isinstance(value, dict):
        return []
    own = [value["$ref"]] if "$ref" in value else []
    return own + [found for item in value.values() for found in _references(item)]


# ---- calls and results


def _check_order(contents: list[JSON], model: DemoModel) -> None:
    """`contents`: every turn of the model in one."""
    for i, content in enumerate(contents):
        before = contents[i - 1] if i else None
        after = contents[i + 1] if i + 1 < len(contents) else None
        called, answered = calls(content), results(content)
        if called:
            if role(content) != "model" or before is None or role(before) != "user":
                raise invalid(
                    "Please ensure that function call turn comes immediately after a user turn or after a function "
                    "response turn."
                )
            if after is None or len(results(after)) != len(called):
                raise invalid(
                    "Please ensure that the number of function response parts is equal to the number of function "
                    "call parts of the function call turn."
                )
        if answered:
            if role(content) != "user" or before is None or not calls(before):
                raise invalid("Please ensure that function response turn comes immediately after a function call turn.")
            if model.new and len(answered) < len(content["parts"]):
                raise invalid("Please ensure that the function response turn contains function response parts only.")
            _check_match(calls(before), answered, model)


def _check_match(called: list[JSON], answered: list[JSON], model: DemoModel) -> None:
    """Names must match; ids too, since Gemini 3 gives them, but google-genai for Python sends none back."""
    if sorted(c["name"] for c in called) != sorted(r["name"] for r in answered):
        raise invalid("Please ensure that the function response names match the names of the function call turn.")
    told = {id for response in answered if (id := response.get("id"))}
    if model.new and told and sorted(c.get("id", "") for c in called) != sorted(r.get("id", "") for r in answered):
        raise invalid("Please ensure that the function response ids match the ids of the function call turn.")


# ---- thought signatures


def _check_signatures(contents: list[JSON]) -> None:
    """Each step of the current turn brings the signature of its first call; any signature must be genuine."""
    for content in contents:
        for part in content["parts"]:
            if "thoughtSignature" in part and not signatures.genuine(part["thoughtSignature"]):
                raise invalid("Thought signature is not valid")
    start = begin(contents)
    is_seen = False  # the first call of the step
    for position, content in enumerate(contents[start + 1 :], start + 1):
        first = next((part for part in content["parts"] if "functionCall" in part), None)
        is_first, is_seen = not is_seen, role(content) == "model" and (is_seen or first is not None)
        if first is not None and is_first and not first.get("thoughtSignature"):
            raise invalid(
                "Function call is missing a thought_signature in functionCall parts. This is required for tools to "
                "work correctly, and missing thought_signature may lead to degraded model performance. Additional "
                f"data, function call `default_api:{first['functionCall']['name']}` , position {position + 1}. Please "
                "refer to https://ai.google.dev/gemini-api/docs/thought-signatures for more details."
            )
