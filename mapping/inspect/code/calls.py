"""How programs make the requests of a dialect: a part of the contract that a dialect need not bring.

A package that has a module `sdk` brings `SDKS` in it, by the names of its dialects (`mapping.dialects`). Where none is
brought, `Sdk` itself is used: it knows no SDK, and then a program sends the JSON with what its language has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mapping.values import JSON

KEY = "ANTIGRAVITY_API_KEY"
"""The variable of the environment that programs take the gateway's key from."""


@dataclass(frozen=True, slots=True)
class AnswerUse:
    """What a program does with the `answer` of a call."""

    python: Sequence[str]
    javascript: Sequence[str]
    imports: Sequence[str] = ()
    """What it needs in JavaScript."""


WHOLE = AnswerUse(
    ("print(answer.model_dump_json(indent=2))",),
    ("console.log(JSON.stringify(answer, null, 2));",),
)
EVENTS = AnswerUse(
    ("for event in answer:", "    print(event.model_dump_json())"),
    ("for await (const event of answer) console.log(JSON.stringify(event));",),
)


@dataclass(frozen=True, slots=True)
class Kit:
    """An SDK for both languages. In a client's text `{url}` is the gateway, `{key}` the value of the key."""

    python: str
    """What is installed with pip."""
    python_import: str
    python_client: str
    javascript: str
    """What is installed with npm."""
    javascript_import: str
    javascript_client: str
    javascript_file: str = ""
    """What `toFile` comes from."""


@dataclass(frozen=True, slots=True)
class SdkCall:
    """A request as a call of an SDK's method."""

    kit: Kit
    python: str
    """The method: `client.chat.completions.create`."""
    javascript: str
    keywords: Mapping[str, Any]
    """Python's arguments."""
    argument: Mapping[str, Any]
    """JavaScript's. Values may be `mapping.inspect.code.literals.Base64` and `FileValue` in both."""
    result: AnswerUse = WHOLE
    options: Mapping[str, Any] = field(default_factory=dict)
    """JavaScript's second argument."""


class Sdk:
    """How programs make a dialect's requests. Those that know better derive from it."""

    key_field: tuple[str, str] = ("Authorization", "Bearer ")
    """The header field with the key, and what stands before the key in it."""

    def wire(self, request: JSON) -> JSON:
        """The JSON that is sent for a request as its dialect reads it (`mapping.dialect.Dialect.read`)."""
        return request

    def call(self, request: JSON, fields: Mapping[str, str], /) -> SdkCall | None:
        """The call of an SDK that makes the request; None: no SDK makes it. `fields`: header fields that are a part
        of it, by their names in small letters."""
        return None
