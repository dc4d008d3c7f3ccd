"""The demo's answers: made-up, but in every member and number as Gemini gives them.

Rules of this module:

* The same request gives the same text; only ids and signatures differ.
* An answer is a value. `DemoAnswer.whole` is its unary form, `DemoAnswer.events` the stream's; both add up to the same.
* Four characters count as a token. Totals are `prompt + tool use + thoughts + candidates`.
"""

from __future__ import annotations

import itertools
import json
import math
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from addons.demo import signatures
from addons.demo.answer import calls, examples, media, sound, texts
from addons.demo.models import ALIASES, DemoModel
from addons.demo.request import rules, turns
from addons.demo.request.proto import JSON

_IMAGE_TOKENS = 1290
_PROMPT_IMAGE_TOKENS = 258
_BYTES_A_TOKEN = 1000
"""Of a recording: 32 tokens are a second, which has 32 000 bytes or fewer."""
_TOOL_USE_TOKENS = 40
_THOUGHTS = {"MINIMAL": 4, "LOW": 16, "MEDIUM": 32, "HIGH": 64, "XHIGH": 128}
_PIECE = re.compile(r"\S*\s*(?:\S+\s*){0,3}")
"""About four words: the text of one event."""


@dataclass
class DemoCandidate:
    """One candidate: the parts of its content (thoughts first), why it ended, and its other members."""

    parts: list[JSON]
    finish: str | None = "STOP"
    extra: JSON = field(default_factory=dict)
    """Members such as `groundingMetadata`; in a stream they come with the last event."""


@dataclass
class DemoAnswer:
    """A whole answer. `thoughts` and `tool_use` are in tokens, `prompt` is a token count by modality."""

    model: DemoModel
    prompt: dict[str, int]
    candidates: list[DemoCandidate]
    thoughts: int = 0
    tool_use: int = 0
    feedback: JSON | None = None
    """promptFeedback of a blocked prompt."""
    id: str = field(default_factory=lambda: secrets.token_urlsafe(12))

    def whole(self) -> JSON:
        """The answer of generateContent."""
        units = sum(_units(part) for candidate in self.candidates for part in candidate.parts)
        return self._response(
            [_candidate(i, c.parts, c.finish, c.extra) for i, c in enumerate(self.candidates)],
            self._usage(self.thoughts, _tokens(units)),
        )

    def events(self) -> Iterator[JSON]:
        """The events of streamGenerateContent. Usage is a running total in each."""
        if not self.candidates:
            yield self.whole()
            return
        units = thoughts = 0
        streams = [_stream(i, candidate) for i, candidate in enumerate(self.candidates)]
        for step in itertools.zip_longest(*streams):
            for event in filter(None, step):
                for part in event.get("content", {}).get("parts", ()):
                    units += _units(part)
                    if part.get("thought"):
                        thoughts = min(self.thoughts, thoughts + max(1, self.thoughts // 2))
                    else:
                        thoughts = self.thoughts
                if "finishReason" in event:
                    thoughts = self.thoughts
                yield self._response([event], self._usage(thoughts, _tokens(units)))

    def _response(self, candidates: list[JSON], usage: JSON) -> JSON:
        response: JSON = {"candidates": candidates} if candidates else {}
        if self.feedback:
            response["promptFeedback"] = self.feedback
        version = ALIASES.get(self.model.name, self.model.name)
        return {**response, "usageMetadata": usage, "modelVersion": version, "responseId": self.id}

    def _usage(self, thoughts: int, candidates: int) -> JSON:
        prompt = sum(self.prompt.values())
        usage = {
            "promptTokenCount": prompt,
            "candidatesTokenCount": candidates,
            "thoughtsTokenCount": thoughts,
            "toolUsePromptTokenCount": self.tool_use,
            "totalTokenCount": prompt + candidates + thoughts + self.tool_use,
        }
        # As protobuf writes JSON: a count of zero is not there.
        details = [{"modality": modality, "tokenCount": count} for modality, count in self.prompt.items() if count]
        return {**{name: count for name, count in usage.items() if count}, "promptTokensDetails": details}


def _candidate(index: int, parts: list[JSON], finish: str | None, extra: JSON | None = None) -> JSON:
    candidate: JSON = {}
    if parts:
        candidate["content"] = {"parts": parts, "role": "model"}
    elif finish in ("STOP", "MAX_TOKENS"):
        candidate["content"] = {"role": "model"}
    if finish:
        candidate["finishReason"] = finish
    if index:
        candidate["index"] = index
    return {**candidate, **(extra or {})}


def _stream(index: int, candidate: DemoCandidate) -> Iterator[JSON]:
    """The events of one candidate: texts in pieces, other parts whole, the signature of a text in the last event."""
    signature = None
    for part in candidate.parts:
        if sound.is_speech(part):
            yield from (_candidate(index, [piece], None) for piece in sound.pieces(part))
            continue
        if "text" not in part or "audioTranscription" in part:
            yield _candidate(index, [part], None)
            continue
        signature = part.get("thoughtSignature")
        for piece in pieces(part["text"]):
            thought = {"thought": True} if part.get("thought") else {}
            yield _candidate(index, [{"text": piece, **thought}], None)
    last = {"text": "", "thoughtSignature": signature} if signature else {"text": ""}
    yield _candidate(index, [last] if candidate.parts else [], candidate.finish, candidate.extra)


def pieces(text: str) -> list[str]:
    """A text cut at words, for the events of a stream. Nothing is lost."""
    return [piece for piece in _PIECE.findall(text) if piece]


def _units(part: JSON) -> int:
    """The size of an answer's part in quarters of a token. Thoughts are counted apart."""
    if part.get("thought"):
        return 0
    if "inlineData" in part:
        return sound.units(part) if sound.is_speech(part) else 4 * _IMAGE_TOKENS
    return len(part["text"]) if "text" in part else len(json.dumps(part.get("functionCall", part)))


def _tokens(characters: int) -> int:
    return math.ceil(characters / 4)


def count_prompt(request: JSON) -> dict[str, int]:
    """The tokens of a request's contents, system instruction and tools, by modality."""
    text, image, audio, other = 0, 0, 0, 0
    for content in (*request.get("contents", ()), request.get("systemInstruction", {})):
        for part in content.get("parts", ()):
            mime = part.get("inlineData", part.get("fileData", {})).get("mimeType", "")
            if "text" in part:
                text += len(part["text"])
            elif mime.startswith("image/"):
                image += _PROMPT_IMAGE_TOKENS
            elif mime.startswith("audio/") and "inlineData" in part:
                audio += math.ceil(len(part["inlineData"]["data"]) / 4 * 3 / _BYTES_A_TOKEN)
            elif "inlineData" in part or "fileData" in part:
                other += _PROMPT_IMAGE_TOKENS
            else:
                text += len(json.dumps(part))
    text += len(json.dumps(request["tools"])) if request.get("tools") else 0
    counted = {"TEXT": _tokens(text), "IMAGE": image, "AUDIO": audio, "DOCUMENT": other}
    return {modality: count for modality, count in counted.items() if count}


# ---- composing


def compose(request: JSON, model: DemoModel) -> DemoAnswer:
    """The answer to a GenerateContentRequest that has passed `rules.check`."""
    config = request.get("generationConfig", {})
    answer = DemoAnswer(model, count_prompt(request), [], thoughts=_thought_tokens(config, model))
    if rules.builtin_tools(request):
        answer.tool_use = _TOOL_USE_TOKENS
    budget = config.get("maxOutputTokens")
    if budget is not None:
        # Thinking takes of the same budget, but leaves room for some text.
        answer.thoughts = min(answer.thoughts, budget // 2)
        budget -= answer.thoughts
    for number in range(config.get("candidateCount", 1)):
        candidate = _compose_candidate(request, model, number)
        _stop(candidate, config.get("stopSequences", ()))
        if budget is not None:
            cut(candidate, budget)
        if model.signs:
            _sign(candidate)
        if config.get("thinkingConfig", {}).get("includeThoughts") and answer.thoughts:
            candidate.parts.insert(0, {"text": _thought_summary(request), "thought": True})
        answer.candidates.append(candidate)
    return answer


def _compose_candidate(request: JSON, model: DemoModel, number: int) -> DemoCandidate:
    config = request.get("generationConfig", {})
    called = calls.choose(request, model)
    if called:
        return DemoCandidate(called)
    if (sounds := sound.parts(request, model, last_text(request))) is not None:
        return DemoCandidate(sounds)
    shape = _shaped_text(request, config)
    if shape is not None:
        return DemoCandidate([{"text": shape}])
    if "IMAGE" in config.get("responseModalities", ["IMAGE"] if model.kind == "image" else ()):
        return _image(request, config, model)
    tools = rules.builtin_tools(request)
    text = _reply(request, model) + (f" This is candidate {number + 1}." if number else "")
    if "googleSearch" in tools:
        return _grounded(request, text)
    if "codeExecution" in tools:
        return DemoCandidate([*_code(), {"text": text}])
    return DemoCandidate([{"text": text}])


def _thought_tokens(config: JSON, model: DemoModel) -> int:
    thinking = config.get("thinkingConfig", {})
    budget = thinking.get("thinkingBudget")
    if model.thinking == "none" or budget == 0:
        return 0
    if budget is not None and budget > 0:
        return min(int(budget), _THOUGHTS["HIGH"])
    if budget is None and not thinking.get("thinkingLevel") and not model.thinks_unasked:
        return 0
    return _THOUGHTS[thinking.get("thinkingLevel", "MEDIUM")]


def _thought_summary(request: JSON) -> str:
    turn = len(request["contents"])
    return (
        f"**Reading the request**\n\nTurn {turn} of the conversation asks for an answer. I am a demo, so I make one up."
    )


def _stop(candidate: DemoCandidate, stops: list[str]) -> None:
    """End the text before the first stop sequence."""
    for part in candidate.parts:
        places = [part["text"].find(stop) for stop in stops if stop and stop in part.get("text", "")]
        if places:
            part["text"] = part["text"][: min(places)]
            candidate.parts = candidate.parts[: candidate.parts.index(part) + 1]
            candidate.extra = {}
            return


def cut(candidate: DemoCandidate, budget: int) -> None:
    """End a candidate after `budget` tokens of text and calls, with MAX_TOKENS."""
    room = budget * 4
    for i, part in enumerate(candidate.parts):
        size = 0 if "inlineData" in part else _units(part)
        if size > room:
            kept = [{**part, "text": part["text"][:room]}] if "text" in part and room else []
            candidate.parts = candidate.parts[:i] + kept
            candidate.finish, candidate.extra = "MAX_TOKENS", {}
            return
        room -= size


def _sign(candidate: DemoCandidate) -> None:
    """Put signatures where Gemini 3 puts them: first call, every image, code; of texts only the last part."""
    first_call = next((p for p in candidate.parts if "functionCall" in p), None)
    for part in candidate.parts:
        last_text = part is candidate.parts[-1] and "text" in part
        if part is first_call or last_text or "inlineData" in part or "executableCode" in part:
            part["thoughtSignature"] = signatures.sign()


# ---- texts


def last_text(request: JSON) -> str:
    """The text of the last user turn."""
    for content in reversed(request["contents"]):
        found = turns.text(content)
        if turns.role(content) == "user" and found:
            return found
    return ""


def _said(request: JSON) -> str:
    """What of the last user turn with a text is repeated."""
    for content in reversed(request["contents"]):
        if turns.role(content) == "user" and turns.text(content):
            return texts.gist(turns.texts(content))
    return ""


def _reply(request: JSON, model: DemoModel) -> str:
    answered = calls.answered(request["contents"])
    results = turns.results(answered)
    if results:
        quoted = "; ".join(f"{r['name']}: {json.dumps(r['response'], ensure_ascii=False)}" for r in results)
        shown = [part for result in results for part in result.get("parts", ())]
        return f"The demo upstream, as {model.name}, got these results: {texts.harmless(quoted)}{_media_seen(shown)}"
    seen = _media_seen(answered["parts"])
    text = texts.gist(turns.texts(answered)) or _said(request)
    said = f' You said: "{text}"' if text else " You said nothing."
    return f"This is the demo upstream, answering as {model.name}; no model was asked.{seen}{said}"


def _media_seen(parts: list[JSON]) -> str:
    """A sentence about the media among parts, so that one sees that they arrived."""
    kinds: dict[str, list[str]] = {}
    for part in parts:
        if "inlineData" in part:
            blob = part["inlineData"]
            size = len(blob["data"].rstrip("=")) * 3 // 4
            kinds.setdefault(media.noun(blob["mimeType"]), []).append(f"{blob['mimeType']}, {size} bytes")
        elif "fileData" in part:
            kinds.setdefault("link", []).append(part["fileData"]["fileUri"])
    seen = [f"{len(v)} {noun}{'s' if len(v) > 1 else ''} ({'; '.join(v)})" for noun, v in kinds.items()]
    return f" I see {' and '.join(seen)}." if seen else ""


def _shaped_text(request: JSON, config: JSON) -> str | None:
    """The text in the form that the request demands, None when it demands none."""
    mime = config.get("responseMimeType", "text/plain")
    if mime == "text/plain":
        return None
    schema = config.get("responseJsonSchema", config.get("responseSchema"))
    if schema is None and mime == "application/json":
        schema = _described_schema(request)
    if schema is None:
        value: Any = {"answer": "This is the demo upstream.", "you_said": _said(request)}
    else:
        value = examples.example(schema)
    return str(value) if mime == "text/x.enum" else json.dumps(value, ensure_ascii=False)


def _described_schema(request: JSON) -> JSON | None:
    """The JSON Schema that stands in the prompt, the user's text first: so frameworks ask for JSON."""
    contents = [c for c in reversed(request["contents"]) if turns.role(c) == "user"]
    for content in (*contents, request.get("systemInstruction", {"parts": []})):
        if (schema := texts.schema(turns.text(content))) is not None:
            return schema
    return None


# ---- Google's own tools, images


def _grounded(request: JSON, text: str) -> DemoCandidate:
    """A text with two sentences that have sources. Offsets count UTF-8 bytes; a start of 0 is left away."""
    first, second = "Zürich lies in Switzerland 🇨🇭.", "It has a lake."
    supports = []
    for sentence, chunks in ((first, [0, 1]), (second, [1])):
        start = len(f"{first} ".encode()) if sentence is second else 0
        segment: JSON = {"startIndex": start} if start else {}
        segment |= {"endIndex": start + len(sentence.encode()), "text": sentence}
        supports.append({"segment": segment, "groundingChunkIndices": chunks})
    metadata = {
        "webSearchQueries": [last_text(request)[:60] or "demo"],
        "searchEntryPoint": {"renderedContent": "<div>demo</div>"},
        "groundingChunks": [
            {"web": {"uri": "https://example.com/zurich", "title": "example.com"}},
            {"web": {"uri": "https://example.org/lake", "title": "example.org"}},
        ],
        "groundingSupports": supports,
    }
    return DemoCandidate([{"text": f"{first} {second} {text}"}], extra={"groundingMetadata": metadata})


def _code() -> list[JSON]:
    return [
        {"executableCode": {"language": "PYTHON", "code": "print(sum(range(11)))\n"}},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "55\n"}},
    ]


def _image(request: JSON, config: JSON, model: DemoModel) -> DemoCandidate:
    """A picture that follows from the text and from the pictures that were sent.

    The newer models sketch it first, where a picture alone is asked for.
    """
    shape = config.get("imageConfig", {})
    ratio, size = shape.get("aspectRatio", "1:1"), shape.get("imageSize", "1K")
    text = last_text(request) + "".join(part["inlineData"]["data"] for part in _blobs(request))
    image = media.image_part(text, ratio, size)
    if "TEXT" in config.get("responseModalities", ("TEXT",)):
        return DemoCandidate([{"text": "Here is a picture from the demo upstream."}, image])
    if model.kind == "image" and model.new:
        return DemoCandidate([{**media.image_part(f"A sketch of: {text}", ratio, size), "thought": True}, image])
    return DemoCandidate([image])


def _blobs(request: JSON) -> list[JSON]:
    return [part for content in request["contents"] for part in content.get("parts", ()) if "inlineData" in part]
