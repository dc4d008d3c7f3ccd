"""How programs make requests with OpenAI's SDKs. See `mapping.inspect.code.calls`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, override

from mapping.inspect.code.calls import EVENTS, WHOLE, AnswerUse, Kit, Sdk, SdkCall
from mapping.inspect.code.literals import FileValue
from mapping.inspect.transcript import elements, members, string
from mapping.values import JSON

KIT = Kit(
    python="openai",
    python_import="from openai import OpenAI",
    python_client='OpenAI(base_url="{url}/v1", api_key={key})',
    javascript="openai",
    javascript_import='import OpenAI from "openai";',
    javascript_client='new OpenAI({{ baseURL: "{url}/v1", apiKey: {key} }})',
    javascript_file='import { toFile } from "openai";',
)


@dataclass(frozen=True, slots=True)
class OpenAISdk(Sdk):
    """One method of OpenAI's SDKs."""

    method: str
    """As Python calls it: `client.chat.completions.create`."""
    known: frozenset[str]
    """The arguments of the method. Other members of a request go by Python's `extra_body`."""
    needed: tuple[str, ...] = ("model",)
    """Without one of these the SDKs don't make the call."""
    files: tuple[str, ...] = ()
    """Members that are files."""
    javascript: str = ""
    """As JavaScript calls it, if otherwise."""
    result: AnswerUse = WHOLE

    @override
    def call(self, request: JSON, fields: Mapping[str, str], /) -> SdkCall | None:
        if any(request.get(name) is None for name in self.needed):
            return None
        argument: dict[str, Any] = dict(request)
        for name in self.files:
            if name in request:
                argument[name] = _files(request[name])
                if argument[name] is None:
                    return None
        keywords = {name: value for name, value in argument.items() if name in self.known}
        if further := {name: value for name, value in argument.items() if name not in self.known}:
            keywords["extra_body"] = further
        return SdkCall(
            kit=KIT,
            python=self.method,
            javascript=self.javascript or self.method,
            keywords=keywords,
            argument=argument,
            result=self.result_of(request),
        )

    def result_of(self, request: JSON) -> AnswerUse:
        """What is done with the answer."""
        return EVENTS if request.get("stream") is True and "stream" in self.known else self.result


def words(text: str) -> frozenset[str]:
    """The words of a text, for a list of arguments."""
    return frozenset(text.split())


def _files(value: Any) -> Any:
    """A file, or a list of files; None for what is none, as a URL."""
    if isinstance(value, list):
        found = [_files(one) for one in elements(value)]
        return found if all(found) else None
    told = members(value)
    if not isinstance(told.get("data"), str):
        return None
    return FileValue(string(told.get("filename")) or "file", told["data"], string(told.get("content_type")))
