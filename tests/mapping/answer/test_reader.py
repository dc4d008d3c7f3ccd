"""What a reader tells its writers, whatever an answer looks like."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapping.answer.parts.calls import Call, CallMaker
from mapping.answer.parts.grounding import Citation
from mapping.answer.reader import AnswerReader
from mapping.gemini.errors.rules import Kind
from mapping.gemini.errors.upstream_errors import UpstreamError
from mapping.notes import Notes
from mapping.request.plan import Plan
from mapping.request.signatures import text_key
from mapping.values import JSON, Options


class Recorder:
    """A writer that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.length = 0
        self.content = ""

    def text(self, text: str) -> None:
        self.content += text
        self.length += len(text)
        self.told.append(("text", text))

    def call(self, call: Call) -> None:
        self.told.append(("call", call.id, call.name, call.arguments))

    def annotations(self, citations: Sequence[Citation]) -> None:
        self.told.append(("annotations", *((c.start, c.end, c.title) for c in citations)))

    def thought(self, text: str) -> None:
        self.told.append(("thought", text))

    def image(self, mime: str, data: str) -> None:
        self.told.append(("image", mime, data))

    def audio(self, mime: str, data: str) -> None:
        self.told.append(("audio", mime, data))

    def code(self, language: str, code: str) -> None:
        self.text(code)

    def code_result(self, outcome: str, output: str) -> None:
        self.text(output)

    def file(self, mime: str, uri: str) -> None:
        self.told.append(("file", mime, uri))

    def logprobs(self, entries: list[JSON]) -> None:
        self.told.append(("logprobs", [entry["token"] for entry in entries]))

    def refusal(self, text: str) -> None:
        self.told.append(("refusal", text))

    def extra_content(self, google: JSON) -> None:
        self.told.append(("extra", google))

    def finish(self, reason: str) -> None:
        self.told.append(("finish", reason))


class Reading:
    """A reader and all that it made."""

    def __init__(self, *, live: bool = False, **plan: Any) -> None:
        self.notes = Notes()
        self.writers: list[Recorder] = []
        count = itertools.count(1)
        self.plan = Plan("gpt-x", "gemini-3.8-flash", **plan)
        calls = CallMaker(self.plan, lambda prefix: f"{prefix}{next(count)}")
        self.reader = AnswerReader(self.plan, calls, self.notes, self._writer, live=live)

    def _writer(self, index: int) -> Recorder:
        assert index == len(self.writers)
        self.writers.append(Recorder())
        return self.writers[-1]

    def read(self, responses: Sequence[JSON]) -> None:
        for item in responses:
            self.reader.add(item)
        self.reader.end()

    @property
    def told(self) -> list[Any]:
        return self.writers[0].told


def response(*parts: Any, finish: str | None = None, **more: Any) -> JSON:
    candidate: JSON = {"content": {"role": "model", "parts": list(parts)}, **more}
    if finish:
        candidate["finishReason"] = finish
    return {"candidates": [candidate]}


def read(*responses: JSON, live: bool = False, **plan: Any) -> Reading:
    reading = Reading(live=live, **plan)
    reading.read(responses)
    return reading


SIGNED = {"thoughtSignature": "c2ln"}


@pytest.mark.parametrize(
    ("part", "told", "noted"),
    [
        pytest.param({"text": "a"}, [("text", "a")], [], id="text"),
        pytest.param({"text": "a", "thought": True}, [("thought", "a")], [], id="thought"),
        pytest.param({"text": "a", "thought": False}, [("text", "a")], [], id="no-thought"),
        pytest.param({"text": ""}, [], [], id="empty-text"),
        pytest.param({"text": "", **SIGNED}, [("extra", {"thought_signature": "c2ln"})], [], id="empty-signed-text"),
        pytest.param(SIGNED, [("extra", {"thought_signature": "c2ln"})], [], id="signature-only"),
        pytest.param({"functionCall": {"name": "f"}}, [("call", "call_1", "f", "{}")], [], id="call-without-args"),
        pytest.param(
            {"functionCall": {"id": "x", "name": "f", "args": {"a": 1}}}, [("call", "x", "f", '{"a":1}')], [], id="call"
        ),
        pytest.param({"functionCall": {}}, [], [], id="call-end-without-call"),
        pytest.param({"functionCall": {"args": {}}}, [], [("part-unknown", "functionCall")], id="call-without-name"),
        pytest.param(
            {"inlineData": {"mimeType": "image/png", "data": "AA=="}}, [("image", "image/png", "AA==")], [], id="image"
        ),
        pytest.param(
            {"inlineData": {"mimeType": "image/png", "data": "AA=="}, "thought": True},
            [],
            [("image-thought", "")],
            id="interim-image",
        ),
        pytest.param(
            {"inlineData": {"mimeType": "audio/L16", "data": "AA=="}}, [("audio", "audio/L16", "AA==")], [], id="audio"
        ),
        pytest.param(
            {"inlineData": {"mimeType": "video/mp4", "data": "AA=="}},
            [],
            [("part-unknown", "inlineData video/mp4")],
            id="video",
        ),
        pytest.param({"executableCode": {"language": "PYTHON", "code": "1"}}, [("text", "1")], [], id="code"),
        pytest.param(
            {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}}, [("text", "1")], [], id="result"
        ),
        pytest.param({"codeExecutionResult": {"outcome": "OUTCOME_OK"}}, [], [], id="result-without-output"),
        pytest.param({"fileData": {"mimeType": "a/b", "fileUri": "u"}}, [("file", "a/b", "u")], [], id="file"),
        pytest.param({"functionResponse": {"name": "f"}}, [], [], id="function-response"),
        pytest.param({"toolCall": {"id": "1"}}, [], [], id="server-tool-call"),
        pytest.param({"toolResponse": {"id": "1"}}, [], [], id="server-tool-response"),
        pytest.param({"hologram": {}}, [], [("part-unknown", "hologram")], id="unknown"),
        pytest.param({}, [], [], id="empty-part"),
        pytest.param(None, [], [], id="null-part"),
        pytest.param({"text": 5}, [], [], id="text-of-wrong-type"),
        pytest.param({"inlineData": 5}, [], [], id="data-of-wrong-type"),
        pytest.param({"functionCall": 5}, [], [], id="call-of-wrong-type"),
    ],
)
def test_parts(part: Any, told: list[Any], noted: list[Any]) -> None:
    reading = read(response(part, finish="STOP"))
    *all_but_finish, finish = reading.told
    assert all_but_finish == told
    assert finish == ("finish", "tool_calls" if "call" in {item[0] for item in told} else "stop")
    assert [note for note in reading.notes if note[0] != "empty"] == noted


@pytest.mark.parametrize(
    "candidate",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"content": None}, id="null-content"),
        pytest.param({"content": {}}, id="no-parts"),
        pytest.param({"content": {"role": "model"}}, id="role-only"),
        pytest.param({"content": {"parts": []}}, id="empty-parts"),
        pytest.param({"content": {"parts": None}}, id="null-parts"),
        pytest.param({"content": [], "index": None}, id="wrong-types"),
    ],
)
def test_candidates_without_content(candidate: JSON) -> None:
    reading = read({"candidates": [candidate]}, response({"text": "ok"}, finish="STOP"))
    assert reading.told == [("text", "ok"), ("finish", "stop")]


def test_text_after_the_finish_reason_counts() -> None:
    reading = read(
        response({"text": "a"}, finish="STOP"), response({"text": "b"}), {"usageMetadata": {"totalTokenCount": 3}}
    )
    assert reading.told == [("text", "a"), ("text", "b"), ("finish", "stop")]
    assert reading.reader.usage.totals().total == 3


@pytest.mark.parametrize(
    ("indices", "texts"),
    [
        ([None], ["0"]),
        ([None, 1], ["0", "1"]),
        ([1, None], ["1", "0"]),
        ([2, 1, 0], ["2", "1", "0"]),
        ([None, None, None], ["0", "1", "2"]),
    ],
)
def test_indices(indices: list[int | None], texts: list[str]) -> None:
    candidates = [
        {"content": {"parts": [{"text": text}]}, "finishReason": "STOP", **({} if index is None else {"index": index})}
        for index, text in zip(indices, texts, strict=True)
    ]
    reading = read({"candidates": candidates})
    assert [writer.content for writer in reading.writers] == sorted(texts)


@pytest.mark.parametrize("index", [-1, 128, 10**30, 1.5, "1", True, [1]])
def test_impossible_indices(index: Any) -> None:
    with pytest.raises(UpstreamError):
        read(response({"text": "a"}, finish="STOP", index=index))


@pytest.mark.parametrize(
    ("responses", "kind", "code"),
    [
        pytest.param([], Kind.ANSWER, "upstream_empty", id="no-events"),
        pytest.param([{}], Kind.ANSWER, "upstream_empty", id="no-candidates"),
        pytest.param([response({"text": "a"})], Kind.ANSWER, "upstream_incomplete", id="no-finish-reason"),
        pytest.param([response(finish="OTHER")], Kind.ANSWER, None, id="nothing-in-it"),
        pytest.param([response(finish="MISSING_THOUGHT_SIGNATURE")], Kind.SIGNATURE, None, id="signature"),
        pytest.param(
            [response({"text": "a", "thought": True}, finish="MALFORMED_FUNCTION_CALL")],
            Kind.ANSWER,
            "malformed_function_call",
            id="thoughts-are-no-output",
        ),
        pytest.param(
            [{"candidates": [{"finishReason": "STOP"}, {"index": 1}]}],
            Kind.ANSWER,
            "upstream_incomplete",
            id="one-is-cut",
        ),
    ],
)
@pytest.mark.parametrize("live", [False, True])
def test_faults(responses: list[JSON], kind: Kind, code: str | None, live: bool) -> None:
    reading = Reading(live=live)
    with pytest.raises(UpstreamError) as caught:
        reading.read(responses)
    assert (caught.value.kind, caught.value.error.code) == (kind, code)
    assert not any(("finish", reason) in writer.told for writer in reading.writers for reason in ("stop", "tool_calls"))


def test_what_the_client_has_already_makes_a_malformed_call_a_stop() -> None:
    spoilt = response({"text": "a"}, finish="MALFORMED_FUNCTION_CALL")
    assert read(spoilt, live=True).told[-1] == ("finish", "stop")
    with pytest.raises(UpstreamError):
        read(spoilt)


def test_an_unexpected_call_of_a_declared_function_is_a_call() -> None:
    reading = read(
        response({"functionCall": {"name": "default_api.f"}}, finish="UNEXPECTED_TOOL_CALL"), names={"f": "f!"}
    )
    assert reading.told == [("call", "call_1", "f!", "{}"), ("finish", "tool_calls")]


# blocked prompts

BLOCKED: JSON = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 3}}
REFUSED = [("refusal", "The prompt was blocked by Gemini (blockReason=SAFETY)."), ("finish", "content_filter")]


@pytest.mark.parametrize("more", [{}, {"candidates": []}, {"candidates": None}], ids=["absent", "empty", "null"])
def test_a_blocked_prompt(more: JSON) -> None:
    reading = read({**BLOCKED, **more})
    assert reading.told == REFUSED
    assert reading.reader.blocked
    assert list(reading.notes) == [("finish", "SAFETY")]


def test_a_blocked_prompt_in_more_choices() -> None:
    reading = read(BLOCKED)
    reading.reader.refuse(range(1, 3))
    assert [writer.told for writer in reading.writers] == [REFUSED] * 3


def test_a_blocked_prompt_as_error() -> None:
    with pytest.raises(UpstreamError) as caught:
        read(BLOCKED, options=Options(blocked_prompt="error"))
    assert (caught.value.kind, caught.value.error.code) == (Kind.REQUEST, "content_policy_violation")


@pytest.mark.parametrize("feedback", [None, {}, {"safetyRatings": []}, {"blockReason": ""}, {"blockReason": 5}, 5])
def test_feedback_that_blocks_nothing(feedback: Any) -> None:
    reading = read(response({"text": "a"}), {"promptFeedback": feedback}, response(finish="STOP"))
    assert not reading.reader.blocked
    assert reading.told == [("text", "a"), ("finish", "stop")]


# calls in pieces


def piece(willContinue: bool = True, name: str | None = None, **value: Any) -> JSON:
    call: JSON = {"name": name} if name else {}
    if value:
        call["partialArgs"] = [value]
    if willContinue:
        call["willContinue"] = True
    return {"functionCall": call}


def test_a_call_in_pieces_is_told_when_it_is_complete() -> None:
    reading = Reading()
    for part in (
        {**piece(name="f"), **SIGNED},
        piece(jsonPath="$.a", stringValue="x", willContinue=True),
        piece(jsonPath="$.b", boolValue=False),
    ):
        reading.reader.add(response(part))
        assert reading.writers == [] or reading.told == []
    reading.reader.add(response({"functionCall": {}}))
    assert reading.told == [("call", "call_1", "f", '{"a":"x","b":false}')]


def test_a_call_in_pieces_is_kept_as_one_part() -> None:
    reading = read(
        response({"functionCall": {"id": "x", "name": "f", "willContinue": True}, **SIGNED}),
        response(piece(jsonPath="$.a", numberValue=1)),
        response({"functionCall": {}}, finish="STOP"),
    )
    turn = reading.reader.turns()["x"]
    assert turn.parts == [{"functionCall": {"id": "x", "name": "f", "args": {"a": 1}}, **SIGNED}]
    assert turn.call_ids == ["x"]


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        pytest.param([piece(name="f")], [("call", "call_1", "f", "{}")], id="end-mark-missing"),
        pytest.param(
            [piece(name="f"), piece(jsonPath="$.a", numberValue=1, willContinue=False)],
            [("call", "call_1", "f", '{"a":1}')],
            id="last-piece-ends-it",
        ),
        pytest.param(
            [piece(name="f"), piece(name="g"), {"functionCall": {}}],
            [("call", "call_1", "f", "{}"), ("call", "call_2", "g", "{}")],
            id="next-call-ends-it",
        ),
        pytest.param(
            [piece(name="f"), {"functionCall": {"name": "g", "args": {}}}],
            [("call", "call_1", "f", "{}"), ("call", "call_2", "g", "{}")],
            id="whole-call-ends-it",
        ),
    ],
)
def test_the_end_of_a_call_in_pieces(parts: list[JSON], told: list[Any]) -> None:
    reading = read(*(response(part) for part in parts), response(finish="STOP"))
    assert reading.told == [*told, ("finish", "tool_calls")]


def test_a_call_in_pieces_that_a_limit_cut_is_not_told() -> None:
    reading = read(response({"text": "a"}), response(piece(name="f")), response(finish="MAX_TOKENS"))
    assert reading.told == [("text", "a"), ("finish", "length")]
    assert list(reading.notes) == [("call-cut", "f")]


def test_a_call_whose_text_is_cut_is_a_fault() -> None:
    cut = {"functionCall": {"partialArgs": [{"jsonPath": "$.a", "stringValue": "x", "willContinue": True}]}}
    with pytest.raises(UpstreamError) as caught:
        read(response(piece(name="f")), response(cut), response(finish="STOP"))
    assert caught.value.error.code == "malformed_function_call"


# what to remember


def test_turns_with_calls_are_remembered_under_each_call_unchanged() -> None:
    parts: list[JSON] = [
        {"toolCall": {"id": "s"}, "thoughtSignature": "AA=="},
        {"text": "a", "thought": True},
        {"functionCall": {"id": "x", "name": "f", "args": {"n": 1.0}}, **SIGNED},
        {"functionCall": {"name": "f"}},
    ]
    reading = read(response(*parts[:2]), response(*parts[2:], finish="STOP"))
    turns = reading.reader.turns()
    assert list(turns) == ["x", "call_1"]
    assert turns["x"].parts == parts
    assert turns["x"].call_ids == ["x", "call_1"]
    assert turns["x"].model == "gemini-3.8-flash"


@pytest.mark.parametrize(
    ("parts", "remembered"),
    [
        pytest.param([{"text": "ab"}], False, id="plain"),
        pytest.param([{"text": "t", "thought": True}, {"text": "ab"}], False, id="thoughts"),
        pytest.param([{"text": "ab", **SIGNED}], True, id="signed"),
        pytest.param([{"text": "ab"}, {"text": "", **SIGNED}], True, id="signed-at-the-end"),
        pytest.param([{"text": "ab"}, SIGNED], True, id="signature-only"),
        pytest.param([{"text": "ab"}, {"inlineData": {"mimeType": "image/png", "data": "AA=="}}], True, id="image"),
        pytest.param([{"text": "ab"}, {"toolCall": {}}], True, id="server-tool"),
        pytest.param([{"text": "ab"}, {}], False, id="empty-part"),
    ],
)
def test_turns_without_calls(parts: list[JSON], remembered: bool) -> None:
    turns = read(response(*parts, finish="STOP")).reader.turns()
    assert list(turns) == ([text_key("ab")] if remembered else [])
    for turn in turns.values():
        assert turn.parts == parts


def test_an_image_without_a_text_has_no_key() -> None:
    image = {"inlineData": {"mimeType": "image/png", "data": "AA=="}, **SIGNED}
    assert read(response(image, finish="STOP")).reader.turns() == {}


# metadata

PAGE = {"web": {"uri": "https://a.example", "title": "A"}}


def grounding(*segments: JSON) -> JSON:
    supports = [{"segment": segment, "groundingChunkIndices": [0]} for segment in segments]
    return {"groundingMetadata": {"groundingChunks": [PAGE], "groundingSupports": supports}}


def annotations(reading: Reading) -> tuple[Any, ...]:
    return next(item[1:] for item in reading.told if item[0] == "annotations")


def test_parts_of_one_event_count_each() -> None:
    segments = {"partIndex": 1, "startIndex": 1, "endIndex": 2}, {"endIndex": 2}
    reading = read(response({"text": "éa"}, {"text": "bc"}, finish="STOP", **grounding(*segments)))
    assert annotations(reading) == ((3, 4, "A"), (0, 1, "A"))


def test_pieces_of_several_events_make_one_part() -> None:
    segments = {"partIndex": 1, "startIndex": 2, "endIndex": 4}, {"partIndex": 3, "endIndex": 1}
    reading = read(
        response({"text": "why", "thought": True}),
        response({"text": "é"}),
        response({"text": "bc"}),
        response({"executableCode": {"code": "print()"}}),
        response({"text": "d"}, finish="STOP", **grounding(*segments)),
    )
    assert annotations(reading) == ((1, 3, "A"), (10, 11, "A"))


def test_grounding_without_any_part() -> None:
    told = read({"candidates": [{"finishReason": "STOP", **grounding({"partIndex": 1, "endIndex": 2})}]})
    assert annotations(told) == ((0, 0, "A"),)


def test_grounding_metadata_goes_with_the_message() -> None:
    early = {"groundingMetadata": {"webSearchQueries": ["q"]}}
    reading = read(response({"text": "ab"}, **early), response(finish="STOP", **grounding({"endIndex": 2})))
    google = next(item[1] for item in reading.told if item[0] == "extra")
    assert google["grounding_metadata"]["webSearchQueries"] == ["q"]
    assert google["grounding_metadata"]["groundingChunks"] == [PAGE]


@pytest.mark.parametrize("asked", [True, False])
def test_logprobs_come_before_their_text_if_asked_for(asked: bool) -> None:
    result = {"chosenCandidates": [{"token": "a", "logProbability": -1}], "topCandidates": []}
    reading = read(response({"text": "a"}, logprobsResult=result), response(finish="STOP"), logprobs=asked)
    expected = [("logprobs", ["a"])] if asked else []
    assert reading.told == [*expected, ("text", "a"), ("finish", "stop")]


# long answers


def hop(text: str, token: str, **more: Any) -> JSON:
    return {**response({"text": text}, finish="CONTINUATION", continuationToken=token), **more}


def test_hops_make_one_answer() -> None:
    reading = Reading()
    reading.reader.add(hop("a", "t1", usageMetadata={"promptTokenCount": 5, "candidatesTokenCount": 10}))
    reading.reader.end()
    assert reading.reader.continuation == "t1"
    reading.reader.add(hop("b", "t2", usageMetadata={"promptTokenCount": 15, "candidatesTokenCount": 10}))
    reading.reader.end()
    assert reading.reader.continuation == "t2"
    final = response({"text": "c"}, finish="STOP", **grounding({"endIndex": 1}))
    reading.reader.add({**final, "usageMetadata": {"promptTokenCount": 25, "candidatesTokenCount": 1}})
    reading.reader.end()
    assert reading.reader.continuation is None
    assert [item[:2] for item in reading.told if item[0] in ("text", "finish")] == [
        ("text", "a"),
        ("text", "b"),
        ("text", "c"),
        ("finish", "stop"),
    ]
    assert annotations(reading) == ((2, 3, "A"),)
    totals = reading.reader.usage.totals()
    assert (totals.prompt, totals.completion, totals.total) == (5, 21, 26)


def test_a_hop_may_be_the_last() -> None:
    reading = read(hop("a", "t1"))
    reading.reader.end()
    assert reading.reader.continuation is None
    assert reading.told == [("text", "a"), ("finish", "length")]


@pytest.mark.parametrize("token", ["t1", "", None])
def test_a_token_that_is_not_new_ends_the_answer(token: Any) -> None:
    reading = read(hop("a", "t1"))
    reading.reader.add(hop("b", token))
    reading.reader.end()
    assert reading.told[-1] == ("finish", "length")


# anything

KEYS = [
    "candidates", "content", "parts", "text", "thought", "thoughtSignature", "functionCall", "name", "args", "id",
    "partialArgs", "willContinue", "jsonPath", "stringValue", "inlineData", "mimeType", "data", "executableCode",
    "code", "codeExecutionResult", "output", "fileData", "fileUri", "finishReason", "finishMessage", "index",
    "groundingMetadata", "groundingChunks", "groundingSupports", "groundingChunkIndices", "segment", "web", "uri",
    "citationMetadata", "citations", "logprobsResult", "chosenCandidates", "topCandidates", "promptFeedback",
    "blockReason", "usageMetadata", "promptTokenCount", "continuationToken", "responseId",
]  # fmt: skip
VALUES = ["", "a", "STOP", "MAX_TOKENS", "CONTINUATION", "OTHER", "$.a", "$.a[0]", "image/png", "audio/L16", "AA=="]
LEAVES = st.none() | st.booleans() | st.integers(-2, 130) | st.floats() | st.sampled_from(VALUES)
ANYTHING = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
)
PARTS = st.dictionaries(st.sampled_from(KEYS[3:22]), ANYTHING, max_size=3)
CANDIDATES = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(KEYS[23:], ANYTHING) | {"content": st.fixed_dictionaries({"parts": st.lists(PARTS)})}
)
RESPONSES = st.dictionaries(st.sampled_from(KEYS), ANYTHING) | st.fixed_dictionaries(
    {"candidates": st.lists(CANDIDATES)}
)


@given(st.lists(RESPONSES, max_size=3), st.booleans())
def test_nothing_but_an_upstream_error_is_raised(responses: list[JSON], live: bool) -> None:
    reading = Reading(live=live, logprobs=True)
    try:
        reading.read(responses)
    except UpstreamError:
        return
    if reading.reader.continuation is None:
        assert [writer.told[-1][0] for writer in reading.writers] == ["finish"] * len(reading.writers)
    reading.reader.turns()


THOUGHT = {"text": "Hm.", "thought": True}
CALL = {"functionCall": {"name": "f", "args": {}}}


@pytest.mark.parametrize(
    ("responses", "empty"),
    [
        ([response({"text": ""}, finish="STOP")], True),
        ([response(finish="STOP")], True),
        ([{"candidates": [{"finishReason": "STOP"}]}], True),
        ([response(THOUGHT), response({"text": "", **SIGNED}, finish="STOP")], True),
        ([{"candidates": [{"finishReason": "STOP"}, {"finishReason": "STOP", "index": 1}]}], True),
        ([{**response(finish="STOP"), "usageMetadata": {"thoughtsTokenCount": 9, "candidatesTokenCount": 0}}], True),
        ([{**response(finish="STOP"), "usageMetadata": {"candidatesTokenCount": 2}}], False),
        ([response({"text": "a"}), response({"text": ""}, finish="STOP")], False),
        ([response({"text": "a"}, finish="STOP"), response(finish="STOP", index=1)], False),
        ([response(CALL, finish="STOP")], False),
        ([response({"functionCall": {"name": "f", "willContinue": True}}, finish="STOP")], False),
        ([response({"inlineData": {"mimeType": "image/png", "data": "AA=="}}, finish="STOP")], False),
        ([response({"executableCode": {"language": "PYTHON", "code": "1"}}, finish="STOP")], False),
        ([response(finish="MAX_TOKENS")], False),
        ([response(finish="SAFETY")], False),
        ([{"promptFeedback": {"blockReason": "SAFETY"}}], False),
    ],
)
def test_an_answer_that_ends_well_and_holds_nothing(responses: list[JSON], empty: bool) -> None:
    reading = Reading()
    for item in responses:
        reading.reader.add(item)
    if not empty:
        reading.reader.end(needs_content=True)
        assert reading.told[-1][0] == "finish"
        return
    with pytest.raises(UpstreamError) as caught:
        reading.reader.end(needs_content=True)
    assert (caught.value.kind, caught.value.reason) == (Kind.EMPTY, "empty answer")
    assert not list(reading.notes)
    reading.reader.end()
    assert ("finish", "stop") in reading.told


def test_a_call_that_comes_twice_under_one_id_is_told_once() -> None:
    """The client would run the tool twice. In one event the same id can only be two calls."""
    call = {"functionCall": {"name": "f", "args": {"a": 1}, "id": "c1"}}
    other = {"functionCall": {"name": "f", "args": {"a": 2}, "id": "c1"}}
    reading = read(response(call), response(call), response(other), response(finish="STOP"))
    assert reading.told == [
        ("call", "c1", "f", '{"a":1}'),
        ("call", "call_1", "f", '{"a":2}'),
        ("finish", "tool_calls"),
    ]
    assert ("call-repeated", "f") in list(reading.notes)
    assert len(reading.reader.turn().parts) == 2  # type: ignore[union-attr]
