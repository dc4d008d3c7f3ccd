"""The `messages` of a chat request, fed into a `Contents`.

Rules that this module keeps:

* Every role and content part of the OpenAI API reference is taken, the deprecated ones too. An unknown part or call is
  left out with a note, its text kept; an unknown role is the user's. `video_url` parts and `images` of assistant
  messages are taken as extensions.
* Assistant messages come back from clients in many shapes: content missing, null, "" or an array, with and without
  `type` on tool calls. All of them are taken.
* `reasoning_content` and the like are echoes of what the gateway sent. They are left out: Gemini wants the signatures
  back, not the thoughts.
* Every error names the member it is about: `messages[2].content[0].image_url.url`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mapping import faults
from mapping.faults import Fault
from mapping.notes import Notes
from mapping.openai.chat_shape import anthropic
from mapping.request import members, unknown
from mapping.request.conversation.call_arguments import call_arguments
from mapping.request.conversation.contents import Contents, Wording
from mapping.request.parts import content_parts, media
from mapping.request.parts.sources import SourceReader
from mapping.request.settings import parameters
from mapping.request.signatures import signature_of
from mapping.values import JSON, Options

WORDING = Wording(
    no_call=(
        "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'."
    ),
    no_result=(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. "
        "The following tool_call_ids did not have response messages: {id}"
    ),
    no_call_member=".role",
)
"""OpenAI's own words, spelling included."""


class MessageReader:
    """Feeds messages into a conversation.

    `gemini_name` gives the name under which Gemini knows a function of the client.
    """

    def __init__(
        self,
        conversation: Contents,
        gemini_name: Callable[[str], str],
        *,
        options: Options,
        notes: Notes,
    ) -> None:
        self.resolutions: list[str] = []
        """The media resolutions that were asked for and that the model takes only for the whole request."""
        self._conversation = conversation
        self._gemini_name = gemini_name
        self._options = options
        self._notes = notes
        self._sources = SourceReader(options=options, notes=notes)
        self._left_out: set[str] = set()
        """The ids of calls that were left out; their results are, too."""

    def read(self, messages: Any) -> None:
        """Feed the value of `messages`. Raises Fault."""
        messages = parameters.array(messages, "messages")
        if messages is None:
            raise faults.missing("messages")
        if not messages:
            raise Fault(
                400,
                "Invalid 'messages': empty array. Expected an array with minimum length 1, "
                "but got an empty array instead.",
                code="empty_array",
                param="messages",
            )
        for i, message in enumerate(messages):
            path = f"messages[{i}]"
            if _is_plain(message):
                if message["role"] == "user":
                    self._conversation.user([{"text": message["content"]}], path)
                else:
                    self._conversation.text(message["content"], path)
                continue
            if not isinstance(message, dict):
                raise faults.wrong_type(path, "an object", message)
            for told in anthropic.chat_messages(message, self._notes):
                self._message(told, path)

    def _message(self, message: JSON, path: str) -> None:
        role = message.get("role")
        read = _ROLES.get(role) if isinstance(role, str) else None
        if read is None:
            unknown.leave_out(role, f"{path}.role", _ROLES, self._notes, self._options)
            read = MessageReader._user
        read(self, message, path)

    # roles

    def _system(self, message: JSON, path: str) -> None:
        content = message.get("content")
        path = f"{path}.content"
        if isinstance(content, str):
            self._conversation.system(content, path)
            return
        for part, part_path in members.objects(members.present(content, path), path, "a string or an array"):
            kind = part.get("type")
            if kind == "text":
                self._conversation.system(members.string(part, "text", part_path), part_path)
                continue
            unknown.leave_out(kind, f"{part_path}.type", ("text",), self._notes, self._options)
            self._conversation.system(unknown.plain_text(part), part_path)

    def _user(self, message: JSON, path: str) -> None:
        content = message.get("content")
        if isinstance(content, str):
            parts: list[JSON] = [{"text": content}] if content else []
        else:
            parts = self._content(members.present(content, f"{path}.content"), f"{path}.content")
        self._conversation.user(parts, path)

    def _assistant(self, message: JSON, path: str) -> None:
        conversation = self._conversation
        content = message.get("content")
        signature = signature_of(message)
        if isinstance(content, str):
            conversation.text(content, path, signature)
        else:
            conversation.text("", path, signature)
            if content is not None:
                self._model_parts(self._content(content, f"{path}.content"), path)
        if message.get("refusal") is not None:
            conversation.text(members.string(message, "refusal", path), path)
        if message.get("audio") is not None:
            raise faults.unsupported_value(
                f"{path}.audio", "Audio of earlier answers is not stored; send its transcript."
            )
        if message.get("images") is not None:
            self._images(message["images"], f"{path}.images")
        if message.get("tool_calls") is not None:
            for call, call_path in members.objects(message["tool_calls"], f"{path}.tool_calls", "an array"):
                self._tool_call(call, call_path)
        if message.get("function_call") is not None:
            self._function_call(message, path)

    def _tool(self, message: JSON, path: str) -> None:
        call_id = members.string(message, "tool_call_id", path)
        if call_id in self._left_out:
            return
        name = parameters.string(message.get("name"), f"{path}.name")
        output, files = self._output(message, path)
        self._conversation.result(
            call_id,
            output,
            path=path,
            name=self._gemini_name(name) if name else None,
            media=[*files, *_google_parts(message)],
        )

    def _function(self, message: JSON, path: str) -> None:
        name = self._gemini_name(members.string(message, "name", path))
        output, files = self._output(message, path)
        self._conversation.result(None, output, path=path, name=name, media=files)

    # calls

    def _tool_call(self, call: JSON, path: str) -> None:
        id = members.string(call, "id", path)
        kind = call.get("type")
        if kind == "custom":
            custom = members.json_object(call, "custom", path)
            name = members.string(custom, "name", f"{path}.custom")
            args: JSON = {"input": members.string(custom, "input", f"{path}.custom")}
        elif kind is None or kind == "function":
            name, args = self._named_arguments(members.json_object(call, "function", path), f"{path}.function")
        else:
            unknown.leave_out(kind, f"{path}.type", ("function", "custom"), self._notes, self._options)
            self._left_out.add(id)
            return
        self._conversation.call(id, self._gemini_name(name), args, path=path, signature=signature_of(call))

    def _function_call(self, message: JSON, path: str) -> None:
        path = f"{path}.function_call"
        call = message["function_call"]
        if not isinstance(call, dict):
            raise faults.wrong_type(path, "an object", call)
        name, args = self._named_arguments(call, path)
        self._conversation.call(None, self._gemini_name(name), args, path=path, signature=signature_of(call))

    def _named_arguments(self, function: JSON, path: str) -> tuple[str, JSON]:
        args = call_arguments(
            function.get("arguments"), path=f"{path}.arguments", strict=self._options.strict, notes=self._notes
        )
        return members.string(function, "name", path), args

    # content

    def _content(self, content: Any, path: str) -> list[JSON]:
        """The Gemini parts of an array of content parts, empty texts left out."""
        parts: list[JSON] = []
        for part, part_path in members.objects(content, path, "a string or an array"):
            kind = part.get("type")
            read = _PARTS.get(kind) if isinstance(kind, str) else None
            if read is None:
                unknown.leave_out(kind, f"{part_path}.type", _PARTS, self._notes, self._options)
                read = MessageReader._unknown
            converted = read(self, part, part_path)
            if isinstance(converted, list):
                parts += converted
            elif converted is not None:
                parts.append(converted)
        return parts

    def _output(self, message: JSON, path: str) -> tuple[str, Sequence[JSON]]:
        """Text and files of a tool result. Tools that return nothing are sent as null by some clients."""
        content = message.get("content")
        if content is None:
            return "", ()
        if isinstance(content, str):
            return content, ()
        parts = self._content(content, f"{path}.content")
        output = "\n".join(part["text"] for part in parts if "text" in part)
        return output, [part for part in parts if "text" not in part]

    def _model_parts(self, parts: list[JSON], path: str) -> None:
        for part in parts:
            if "text" in part:
                self._conversation.text(part["text"], path)
            else:
                self._conversation.part(part, path)

    def _images(self, images: Any, path: str) -> None:
        for image, image_path in members.objects(images, path, "an array"):
            part = self._image(image, image_path)
            signature = signature_of(image)
            self._conversation.part({**part, "thoughtSignature": signature} if signature else part, image_path)

    def _image(self, part: JSON, path: str) -> JSON:
        path = f"{path}.image_url"
        image = part.get("image_url")
        if isinstance(image, str):
            return media.image_part(image, path=path, notes=self._notes)
        image = members.json_object(part, "image_url", path.removesuffix(".image_url"))
        converted = media.image_part(image.get("url"), path=f"{path}.url", notes=self._notes)
        level = media.resolution(image.get("detail"), path=f"{path}.detail", notes=self._notes, options=self._options)
        if level is None:
            return converted
        if self._conversation.gemini_3:
            return {**converted, "mediaResolution": {"level": level}}
        self.resolutions.append(level)
        return converted

    def _text(self, part: JSON, path: str) -> JSON | None:
        return content_parts.text(part, path)

    def _refusal(self, part: JSON, path: str) -> JSON | None:
        return content_parts.refusal(part, path)

    def _unknown(self, part: JSON, path: str) -> JSON | None:
        """What is left of a part of an unknown type."""
        text = unknown.plain_text(part)
        return {"text": text} if text else None

    def _audio(self, part: JSON, path: str) -> JSON:
        return content_parts.audio(part, path, self._notes)

    def _file(self, part: JSON, path: str) -> JSON:
        return media.file_part(members.json_object(part, "file", path), path=f"{path}.file", notes=self._notes)

    def _source(self, part: JSON, path: str) -> list[JSON] | JSON | None:
        """An image or a document as Anthropic's API has it."""
        kind = part["type"]
        if not isinstance(part.get("source"), dict):
            unknown.leave_out(kind, f"{path}.type", _PARTS, self._notes, self._options)
            return self._unknown(part, path)
        return self._sources.image(part, path) if kind == "image" else self._sources.document(part, path)

    def _video(self, part: JSON, path: str) -> JSON:
        video = part.get("video_url")
        if isinstance(video, str):
            return media.video_part(video, path=f"{path}.video_url", notes=self._notes)
        video = members.json_object(part, "video_url", path)
        return media.video_part(video.get("url"), path=f"{path}.video_url.url", notes=self._notes)


def _is_plain(message: Any) -> bool:
    """Whether it is a text of the user's or the model's, and nothing else, as most of a long conversation are.

    They are read as `_message` reads them, in half the time.
    """
    return (
        isinstance(message, dict)
        and len(message) == 2
        and message.get("role") in ("user", "assistant")
        and isinstance(text := message.get("content"), str)
        and text != ""
    )


_ROLES: Mapping[str, Callable[[MessageReader, JSON, str], None]] = {
    "system": MessageReader._system,
    "assistant": MessageReader._assistant,
    "user": MessageReader._user,
    "function": MessageReader._function,
    "tool": MessageReader._tool,
    "developer": MessageReader._system,
}
_PARTS: Mapping[str, Callable[[MessageReader, JSON, str], list[JSON] | JSON | None]] = {
    "text": MessageReader._text,
    "image_url": MessageReader._image,
    "input_audio": MessageReader._audio,
    "refusal": MessageReader._refusal,
    "file": MessageReader._file,
    "video_url": MessageReader._video,
    "image": MessageReader._source,
    "document": MessageReader._source,
}
# Not in the reader: bound methods in it would lead from it to itself, and what is in such a circle, all of the
# conversation, stays until the garbage collector comes.


def _google_parts(message: JSON) -> list[JSON]:
    """`extra_content.google.parts` of a tool message: files of the result, in Google's compatibility layer."""
    extra = message.get("extra_content")
    google = extra.get("google") if isinstance(extra, dict) else None
    parts = google.get("parts") if isinstance(google, dict) else None
    if not isinstance(parts, list):
        return []
    found = [part.get("inlineData") or part.get("inline_data") for part in parts if isinstance(part, dict)]
    return [{"inlineData": data} for data in found if isinstance(data, dict)]
