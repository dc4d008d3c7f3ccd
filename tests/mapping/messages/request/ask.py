"""Messages requests for tests, and what became of them."""

from __future__ import annotations

from typing import Any

from mapping.messages.plan import MessagesPlan
from mapping.messages.request.request import translate
from mapping.notes import Notes
from mapping.values import JSON, Options, Recall, Unseal, nothing_remembered

G25 = "gemini-2.5-flash"
G3 = "gemini-3.1-pro-preview"
HI: JSON = {"role": "user", "content": "hi"}
SAID: JSON = {"role": "user", "parts": [{"text": "hi"}]}
SCHEMA: JSON = {"type": "object", "properties": {"x": {"type": "integer"}}}
TOOL: JSON = {"name": "f", "description": "Does.", "input_schema": SCHEMA}
PNG = "iVBORw0KGgo="
PICTURE: JSON = {"inlineData": {"mimeType": "image/png", "data": PNG}}


class Asked:
    """A request, translated. Members that a request has to have and the test does not care for are added."""

    def __init__(
        self,
        body: JSON,
        model: str = G25,
        *,
        recall: Recall = nothing_remembered,
        unseal: Unseal = lambda text: None,
        **options: Any,
    ) -> None:
        notes = Notes()
        translated, self.plan = translate(
            {"model": "claude-x", "max_tokens": 60_000, "messages": [HI], **body},
            model=model,
            client_model="claude-x",
            options=Options(**options),
            recall=recall,
            notes=notes,
            unseal=unseal,
        )
        self.method = translated.method
        self.body = translated.body
        self.notes = sorted(notes)
        assert isinstance(translated.plan, MessagesPlan)

    @property
    def config(self) -> JSON:
        """`generationConfig`, without the length that every request here has."""
        return {name: value for name, value in self.body["generationConfig"].items() if name != "maxOutputTokens"}

    @property
    def contents(self) -> list[JSON]:
        found: list[JSON] = self.body["contents"]
        return found

    @property
    def functions(self) -> list[str]:
        """Names of the declared functions."""
        tools = self.body.get("tools", ())
        return [one["name"] for tool in tools for one in tool.get("functionDeclarations", ())]


def user(*blocks: Any) -> JSON:
    return {"role": "user", "content": [*blocks]}


def assistant(*blocks: Any) -> JSON:
    return {"role": "assistant", "content": [*blocks]}


def text(said: str, **more: Any) -> JSON:
    return {"type": "text", "text": said, **more}


def use(id: str = "toolu_1", name: str = "f", **input: Any) -> JSON:
    return {"type": "tool_use", "id": id, "name": name, "input": input}


def result(content: Any = "r", id: str = "toolu_1", **more: Any) -> JSON:
    return {"type": "tool_result", "tool_use_id": id, "content": content, **more}


def source(kind: str, /, block: str = "document", **members: Any) -> JSON:
    return {"type": block, "source": {"type": kind, **members}}
