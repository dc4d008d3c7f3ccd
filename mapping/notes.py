"""Notes: what was dropped or changed on the way from the client to Gemini and back, so that nothing is lost silently.

A note is a code (one of `CODES`) and a short detail, usually the path of the parameter. Details name parameters,
keywords and tools, never message text and never a credential: the header goes to logs.
"""

from __future__ import annotations

from collections.abc import Iterator

CODES: dict[str, str] = {
    # requests
    "ignored": "A parameter has no equivalent at Gemini and was left out.",
    "clamped": "A number was moved into the range that Gemini takes.",
    "model-refuses": "The model does not take this parameter; it was left out.",
    "upstream-refuses": "The upstream refused this; it was left out, or sent as the words in brackets say.",
    "schema": "A JSON Schema keyword that Gemini does not take was dropped or moved into a description.",
    "schema-cut": "A JSON Schema was cut: too deep, too large, or recursive where Gemini does not allow it.",
    "renamed": "A tool has a name that Gemini does not take; it goes under another name and is named back in answers.",
    "duplicate-tool": "A tool was declared twice with the same content; it is sent once.",
    "arguments": "The arguments of an earlier tool call are not a JSON object; they were wrapped into one.",
    "result-missing": "A tool call of an earlier turn has no result; an error result was put in its place.",
    "result-orphan": "A tool result answers no call of the conversation; it is sent as text.",
    "result-order": "Tool results were put into the order of their calls.",
    "result-files": "Files that came in a message of the user right after a tool result were put into the result.",
    "calls-joined": "Calls of one answer that came back one by one, each with its result, are one turn again.",
    "turn-inserted": "A turn was inserted, because Gemini demands that user and model alternate.",
    "turn-dropped": "A message without content was dropped.",
    "turn-replayed": "An earlier model turn was replayed as Gemini gave it.",
    "system-late": "A system message from the middle of the conversation was moved to the front.",
    "prefill": "The model does not continue a given answer; a turn that asks it to was added.",
    "signature-dummy": "A thought signature is not known any more; the documented placeholder was sent.",
    "signature-foreign": "A thought signature of another model was dropped.",
    "reasoning-foreign": "Reasoning that another provider encrypted was left out.",
    "compaction-foreign": "A summary that another provider encrypted was left out; what it stood for is lost.",
    "content-foreign": "A text that another provider encrypted was left out.",
    "shape": "Something came in the shape of Anthropic's API and was taken as what it means.",
    "media-type": "The bytes of a file are not of the type that was told; the right type was sent.",
    "unknown": "A role, item, part or tool is not known here and was left out; a text that it had was kept.",
    "item-dropped": "What a tool of the client's provider did in an earlier turn was left out.",
    "thinking": "The thinking asked for became the nearest that the model offers, or that the answer has room for.",
    "json-by-prompt": "The model takes no JSON schema beside tools; it was asked for by a sentence.",
    "emulated": "A parameter is emulated by the gateway.",
    "prewarm": "The client wanted nothing but a warm cache; Gemini was not asked, and the answer is empty.",
    "cassette-miss": "No recording of the cassette has this request; the recording that is named is the nearest.",
    "counted": "The same was counted before; Gemini was not asked again.",
    "path": "The path was not the usual one.",
    "retires": "The model retires on that day, or has; Google then serves another one under its name, or none.",
    "fault": "A fault was ordered. The detail is what was done, or why nothing was.",
    # answers
    "served": "Another model answered than the one that was asked; Google serves it under that name.",
    "held": "It was held by a person, at a breakpoint or in its stream, for so long.",
    "retried": "The upstream was asked more than once.",
    "empty": "The answer has no content: no text, no call, no picture.",
    "finish": "The answer ended with a finish reason that the client's API does not have.",
    "part-unknown": "The answer holds a part that the client's API has no place for.",
    "call-cut": "A streamed function call was cut off before it was complete; it was left out.",
    "call-repeated": "The upstream told a function call twice under one id; the client gets it once.",
    "choice-missing": "The upstream gave fewer choices than it was asked for; an empty one stands in their place.",
    "call-left": "The client takes one function call in an answer; further ones were left out.",
    "image-thought": "An interim image of the model's thinking was left out.",
    "estimated": "Gemini did not tell these numbers; they were estimated from the length of the texts.",
    "input-cut": "A text is longer than the model reads, or may be; what is beyond has no part in its vector.",
    "unlisted": "The upstream could not be asked for its models; the built-in list was answered.",
}


class Notes:
    """The notes of one exchange, in order, each (code, detail) once."""

    __slots__ = ("_seen",)

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], None] = {}

    def add(self, code: str, detail: str = "") -> None:
        """Note something. `code` is a key of `CODES`; `detail` is short."""
        assert code in CODES, code
        self._seen[code, detail] = None

    def cut(self, length: int) -> None:
        """Forget all but the first so many: what noted them is done anew."""
        for note in list(self._seen)[length:]:
            del self._seen[note]

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._seen)

    def __len__(self) -> int:
        return len(self._seen)

    def header(self, limit: int = 400) -> str:
        """The value of `X-Antigravity-Notes`: the count, then `code=detail` items, cut at `limit` characters.

        Only visible ASCII, so that it is a valid header whatever a client named its tools.
        """
        by_code: dict[str, list[str]] = {}
        for code, detail in self._seen:
            by_code.setdefault(code, []).append(detail)
        items = []
        for code, details in by_code.items():
            named = ",".join(filter(None, details))
            items.append(f"{code}={named}" if named else code)
        text = f"{len(self._seen)} " + " ".join(items)
        if not (text.isascii() and text.isprintable()):
            text = "".join(c if " " <= c <= "~" else "?" for c in text)
        return text if len(text) <= limit else text[: limit - 3] + "..."
