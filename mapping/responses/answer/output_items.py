"""The output items of a response, as values.

Rules of this module (OpenAI API reference, `ResponseOutputItem`):

* Members that OpenAI always sends are always there, also while the item is in progress.
* `annotations` and `logprobs` are the lists given, not copies: they may grow until the response is written.
"""

from __future__ import annotations

from collections.abc import Sequence

from mapping.answer.parts.grounding import Citation
from mapping.values import JSON

_IMAGE_FORMATS = {
    "image/png": "png",
    "image/jpeg": "jpeg",
    "image/webp": "webp",
    "image/gif": "gif",
    "image/svg+xml": "svg",
}


def message(id: str, status: str, *parts: JSON) -> JSON:
    """An item of type `message`: what the model says, in parts."""
    return {"id": id, "type": "message", "status": status, "role": "assistant", "content": list(parts)}


def output_text(text: str, annotations: list[JSON], logprobs: list[JSON]) -> JSON:
    """A text as a part of a message, with its citations and the log probabilities of its tokens."""
    return {"type": "output_text", "text": text, "annotations": annotations, "logprobs": logprobs}


def refusal(text: str) -> JSON:
    """A part of a message that says why there is no answer."""
    return {"type": "refusal", "refusal": text}


def url_citation(citation: Citation, start: int, end: int) -> JSON:
    """A citation, with its place in the text of the part: code points, the end exclusive."""
    return {
        "type": "url_citation",
        "url": citation.url,
        "title": citation.title,
        "start_index": start,
        "end_index": end,
    }


def reasoning(id: str, summary: Sequence[str], encrypted_content: str | None) -> JSON:
    """What the model thought, and the carrier of its signatures."""
    item: JSON = {"id": id, "type": "reasoning", "summary": [summary_text(text) for text in summary]}
    return item if encrypted_content is None else {**item, "encrypted_content": encrypted_content}


def summary_text(text: str) -> JSON:
    """A part of a reasoning summary."""
    return {"type": "summary_text", "text": text}


def code_interpreter_call(id: str, status: str, code: str, container_id: str, logs: str | None) -> JSON:
    """Code that Gemini ran. `logs` is None where the client did not ask for outputs, or there are none."""
    outputs = None if logs is None else [{"type": "logs", "logs": logs}]
    return {
        "id": id,
        "type": "code_interpreter_call",
        "status": status,
        "code": code,
        "container_id": container_id,
        "outputs": outputs,
    }


def image_generation_call(id: str, status: str, mime: str, result: str | None) -> JSON:
    """An image, base64; no result while it is made."""
    item: JSON = {"id": id, "type": "image_generation_call", "status": status, "result": result}
    if (name := _IMAGE_FORMATS.get(mime)) is not None:
        item["output_format"] = name
    return item


def web_search_call(id: str, status: str, queries: Sequence[str], sources: Sequence[str] | None) -> JSON:
    """A search. `sources` are addresses; None where the client did not ask for them."""
    action: JSON = {"type": "search", "query": queries[0], "queries": [*queries]}
    if sources is not None:
        action["sources"] = [{"type": "url", "url": url} for url in sources]
    return {"id": id, "type": "web_search_call", "status": status, "action": action}


def compaction(id: str, encrypted_content: str) -> JSON:
    """What stands for the conversation so far."""
    return {"id": id, "type": "compaction", "encrypted_content": encrypted_content}
