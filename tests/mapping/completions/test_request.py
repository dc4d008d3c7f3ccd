"""Completions requests: every parameter lands where it belongs, and no request breaks the translator."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapping import jsonio
from mapping.completions.plan import CompletionsPlan
from mapping.completions.request import FILL_GAP, MAX_PROMPTS, translate
from mapping.completions.settings import PARAMETERS
from mapping.faults import Fault
from mapping.notes import Notes
from mapping.openai import errors
from mapping.request.plan import Translated
from mapping.totals import Totals
from mapping.values import Options, nothing_remembered

G2 = "gemini-2.5-flash"
G2_PRO = "gemini-2.5-pro"
G3 = "gemini-3.1-pro-preview"
G38 = "gemini-3.8-flash"
GEMMA = "gemma-4-31b-it"
NAMES = PARAMETERS.keys()


def translated(body: Any, model: str = G38, notes: Notes | None = None, **options: Any) -> Translated:
    return translate(
        body,
        model=model,
        client_model="gpt-3.5-turbo-instruct",
        options=Options(**options),
        recall=nothing_remembered,
        notes=Notes() if notes is None else notes,
    )


def request(**more: Any) -> dict[str, Any]:
    return {"model": "gpt-3.5-turbo-instruct", "prompt": "Hello", **more}


def noted(body: Any, model: str = G38) -> list[tuple[str, str]]:
    notes = Notes()
    translated(body, model, notes)
    return list(notes)


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "parts": [{"text": text}]}


def plan(call: Translated) -> CompletionsPlan:
    assert isinstance(call.plan, CompletionsPlan)
    return call.plan


def test_a_prompt_is_a_turn_of_the_user() -> None:
    notes = Notes()
    call = translated(request(), notes=notes)
    assert (call.model, call.method, call.copies, call.further) == (G38, "generateContent", 1, [])
    assert call.body == {"contents": [user("Hello")]}
    assert list(notes) == []
    found = plan(call)
    assert (found.client_model, found.model, found.stream) == ("gpt-3.5-turbo-instruct", G38, False)
    assert (found.prompts, found.echo, found.n, found.copies, found.names) == (("Hello",), False, 1, 1, {})


def test_a_stream() -> None:
    call = translated(request(stream=True, stream_options={"include_usage": True}))
    assert call.method == "streamGenerateContent"
    assert (call.plan.stream, call.plan.include_usage) == (True, True)
    assert not translated(request(stream=True)).plan.include_usage


# prompts


@pytest.mark.parametrize(
    ("prompt", "texts"),
    [
        pytest.param("a\n ", ["a\n "], id="a string"),
        pytest.param(["a"], ["a"], id="one"),
        pytest.param(["a", "b", "a"], ["a", "b", "a"], id="several"),
        pytest.param(None, [" "], id="none"),
        pytest.param("", [" "], id="empty"),
        pytest.param(["", "b"], [" ", "b"], id="one of them empty"),
    ],
)
def test_every_prompt_is_a_call(prompt: Any, texts: list[str]) -> None:
    call = translated(request(prompt=prompt, temperature=0.5), G2)
    assert [call.body, *call.further] == [
        {"contents": [user(text)], "generationConfig": {"temperature": 0.5}} for text in texts
    ]
    assert plan(call).prompts == tuple(text.strip(" ") if text == " " else text for text in texts)


def test_an_absent_prompt() -> None:
    assert translated({"model": "m"}).body == {"contents": [user(" ")]}


@pytest.mark.parametrize(
    ("model", "n", "copies", "candidates", "texts"),
    [
        pytest.param(G2, 1, 1, None, "ab", id="one"),
        pytest.param(G2, 3, 1, 3, "ab", id="candidateCount"),
        pytest.param(G38, 3, 3, None, "aaabbb", id="several calls"),
    ],
)
def test_calls_come_in_the_order_of_the_choices(
    model: str, n: int, copies: int, candidates: int | None, texts: str
) -> None:
    call = translated(request(prompt=["a", "b"], n=n), model)
    bodies = [call.body] * call.copies + call.further
    assert "".join(body["contents"][0]["parts"][0]["text"] for body in bodies) == texts
    assert {body.get("generationConfig", {}).get("candidateCount") for body in bodies} == {candidates}
    found = plan(call)
    assert (call.copies, found.copies, found.n, found.per_call) == (copies, copies, n, n // copies)
    assert [found.prompt(choice) for choice in range(2 * n)] == ["a"] * n + ["b"] * n


def test_the_prompt_of_copies_counts_once() -> None:
    shared = CompletionsPlan("m", G38, n=2, prompts=("a", "b"), copies=2)
    answers = [Totals(prompt=prompt, completion=1, total=prompt + 1) for prompt in (5, 5, 7, 7)]
    totals = shared.totals(answers)
    assert (totals.prompt, totals.completion, totals.total) == (12, 4, 16)


# parameters


@pytest.mark.parametrize(
    ("model", "members", "config"),
    [
        pytest.param(G38, {}, None, id="nothing"),
        pytest.param(
            G2,
            {"temperature": 0.5, "top_p": 0.9, "top_k": 5, "seed": 7, "stop": ["END", ""]},
            {"temperature": 0.5, "topP": 0.9, "topK": 5, "seed": 7, "stopSequences": ["END"]},
            id="sampling",
        ),
        pytest.param(
            G2,
            {"frequency_penalty": 2, "presence_penalty": -1},
            {"frequencyPenalty": 1.99, "presencePenalty": -1},
            id="penalties",
        ),
        pytest.param(G2, {"logprobs": 5}, {"responseLogprobs": True, "logprobs": 5}, id="logprobs"),
        pytest.param(G2, {"logprobs": 0}, {"responseLogprobs": True}, id="logprobs of the chosen tokens alone"),
        pytest.param(
            G2,
            {"max_tokens": 16},
            {"maxOutputTokens": 16, "thinkingConfig": {"thinkingBudget": 0}},
            id="max_tokens switches thinking off",
        ),
        pytest.param(
            G2_PRO,
            {"max_tokens": 16},
            {"maxOutputTokens": 16, "thinkingConfig": {"thinkingBudget": 128}},
            id="or makes it the least",
        ),
        pytest.param(
            G38,
            {"max_tokens": 4096},
            {"maxOutputTokens": 4096, "thinkingConfig": {"thinkingLevel": "LOW"}},
            id="or the lowest",
        ),
        pytest.param(GEMMA, {"max_tokens": 16}, {"maxOutputTokens": 16}, id="or nothing, where none is"),
        pytest.param(
            G38,
            {"max_tokens": 4096, "reasoning_effort": "high"},
            {"maxOutputTokens": 4096, "thinkingConfig": {"thinkingLevel": "HIGH"}},
            id="unless the client says otherwise",
        ),
        pytest.param(
            G38,
            {
                "max_tokens": 4096,
                "extra_body": {"google": {"thinking_config": {"thinking_level": "medium", "include_thoughts": True}}},
            },
            {"maxOutputTokens": 4096, "thinkingConfig": {"thinkingLevel": "MEDIUM"}},
            id="in Google's terms",
        ),
        pytest.param(
            G38,
            dict.fromkeys(NAMES - {"prompt"}),
            None,
            id="all null",
        ),
        pytest.param(G38, {"user": "u", "logit_bias": {}, "best_of": 1, "n": 1, "echo": False}, None, id="no wish"),
    ],
)
def test_parameters(model: str, members: dict[str, Any], config: Any) -> None:
    expected = {"contents": [user("Hello")]} | ({"generationConfig": config} if config else {})
    call = translated(request(**members), model)
    assert call.body == expected
    assert call.plan.logprobs == (members.get("logprobs") is not None)


def test_safety_settings() -> None:
    chosen = [{"category": "X", "threshold": "OFF"}]
    assert translated(request(safety_settings=chosen)).body["safetySettings"] == chosen


def test_a_suffix_is_asked_for_by_an_instruction() -> None:
    call = translated(request(prompt=["def f():", ""], suffix="return x"))
    asked = {"systemInstruction": {"parts": [{"text": FILL_GAP}]}}
    assert call.body == {
        **asked,
        "contents": [user("<PREFIX>def f():</PREFIX>\n<SUFFIX>return x</SUFFIX>")],
    }
    assert call.further == [{**asked, "contents": [user("<PREFIX></PREFIX>\n<SUFFIX>return x</SUFFIX>")]}]
    assert plan(call).prompts == ("def f():", "")
    assert translated(request(suffix="")).body == {"contents": [user("Hello")]}


def test_a_model_without_instructions_gets_the_one_for_a_suffix_from_the_user() -> None:
    body = translated(request(suffix="b"), GEMMA).body
    assert "systemInstruction" not in body
    assert body["contents"][0]["parts"][0] == {"text": FILL_GAP}


@pytest.mark.parametrize(
    ("members", "notes"),
    [
        pytest.param({"logit_bias": {"50256": -100}}, [("ignored", "logit_bias")], id="logit_bias"),
        pytest.param({"best_of": 3}, [("ignored", "best_of")], id="best_of"),
        pytest.param({"best_of": 2, "n": 2}, [("emulated", "n")], id="best_of as n"),
        pytest.param({"max_new_tokens": 3}, [("ignored", "max_new_tokens")], id="unknown"),
        pytest.param({"echo": True}, [("emulated", "echo")], id="echo"),
        pytest.param(
            {"echo": True, "logprobs": 1}, [("ignored", "echo.logprobs"), ("emulated", "echo")], id="echo and logprobs"
        ),
        pytest.param({"suffix": "x"}, [("emulated", "suffix")], id="suffix"),
        pytest.param({"prompt": ["a", "b"]}, [("emulated", "prompt")], id="several prompts"),
        pytest.param({"prompt": ""}, [("turn-inserted", "user")], id="no prompt"),
        pytest.param({"max_tokens": 16}, [("thinking", "max_tokens")], id="max_tokens"),
        pytest.param(
            {"google": {"tools": [{"google_search": {}}], "thought_tag_marker": "think"}},
            [("ignored", "google.tools"), ("ignored", "thought_tag_marker")],
            id="extensions without a place",
        ),
        pytest.param({"temperature": 0.5}, [("model-refuses", "temperature")], id="sampling"),
    ],
)
def test_what_is_lost_or_changed_is_noted(members: dict[str, Any], notes: list[Any]) -> None:
    assert noted(request(**members)) == notes


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        pytest.param([], None, None, id="an array"),
        pytest.param(None, None, None, id="null"),
        pytest.param(request(prompt=5), "prompt", "invalid_type", id="a number"),
        pytest.param(request(prompt={}), "prompt", "invalid_type", id="an object"),
        pytest.param(request(prompt=[]), "prompt", "empty_array", id="no prompts"),
        pytest.param(request(prompt=[1, 2]), "prompt", "unsupported_value", id="tokens"),
        pytest.param(request(prompt=[[1, 2], [3]]), "prompt", "unsupported_value", id="arrays of tokens"),
        pytest.param(request(prompt=[[]]), "prompt", "unsupported_value", id="an empty array of tokens"),
        pytest.param(request(prompt=["a", None]), "prompt[1]", "invalid_type", id="null among prompts"),
        pytest.param(request(prompt=["a", ["b"]]), "prompt[1]", "invalid_type", id="texts in an array"),
        pytest.param(request(prompt=[True]), "prompt[0]", "invalid_type", id="a boolean"),
        pytest.param(request(prompt=["a"] * (MAX_PROMPTS + 1)), "prompt", "invalid_value", id="too many prompts"),
        pytest.param(request(suffix=1), "suffix", "invalid_type", id="suffix"),
        pytest.param(request(echo="yes"), "echo", "invalid_type", id="echo"),
        pytest.param(request(stream=1), "stream", "invalid_type", id="stream"),
        pytest.param(request(stream_options={}), "stream_options", "invalid_value", id="options without a stream"),
        pytest.param(request(logprobs=True), "logprobs", "invalid_type", id="chat's logprobs"),
        pytest.param(request(logprobs=6), "logprobs", "invalid_value", id="logprobs above 5"),
        pytest.param(request(logprobs=-1), "logprobs", "invalid_value", id="logprobs below 0"),
        pytest.param(request(best_of=21), "best_of", "invalid_value", id="best_of above 20"),
        pytest.param(request(best_of=1, n=2), "best_of", "invalid_value", id="best_of below n"),
        pytest.param(request(best_of=2, n=2, stream=True), "best_of", "invalid_value", id="best_of in a stream"),
        pytest.param(request(n=0), "n", "invalid_value", id="n"),
        pytest.param(request(n=9), "n", "unsupported_value", id="n above 8"),
        pytest.param(request(max_tokens=0), "max_tokens", "invalid_value", id="max_tokens"),
        pytest.param(request(temperature=3), "temperature", "invalid_value", id="temperature"),
        pytest.param(request(stop=["a"] * 6), "stop", "invalid_value", id="stop"),
        pytest.param(request(logit_bias=[]), "logit_bias", "invalid_type", id="logit_bias"),
    ],
)
def test_errors(body: Any, param: str | None, code: str | None) -> None:
    with pytest.raises(Fault) as caught:
        translated(body)
    assert (caught.value.status, caught.value.param, caught.value.code) == (400, param, code)


@pytest.mark.parametrize(
    ("members", "param", "code"),
    [
        ({"best_of": 2}, "best_of", "unsupported_parameter"),
        ({"logit_bias": {"1": 1}}, "logit_bias", "unsupported_parameter"),
        ({"echo": True, "logprobs": 0}, "logprobs", "unsupported_value"),
    ],
)
def test_strict(members: dict[str, Any], param: str, code: str) -> None:
    with pytest.raises(Fault) as caught:
        translated(request(**members), strict=True)
    assert (caught.value.status, caught.value.param, caught.value.code) == (400, param, code)


# properties

JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 30) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
PROMPTS = st.text(max_size=3) | st.lists(st.sampled_from(["", "a", "\ud83d"]), min_size=1, max_size=3)
FAIR = {
    "prompt": PROMPTS,
    "n": st.integers(1, 3),
    "echo": st.booleans(),
    "suffix": st.text(max_size=3),
    "logprobs": st.integers(0, 5),
    "max_tokens": st.integers(1, 5000),
}
MODELS = st.sampled_from([G2, G2_PRO, G3, G38, GEMMA, "x"])


@given(st.fixed_dictionaries({}, optional=FAIR), MODELS)
def test_fair_requests_have_a_call_for_every_choice(body: dict[str, Any], model: str) -> None:
    before = copy.deepcopy(body)
    call = translated(body, model)
    assert body == before
    found = plan(call)
    bodies = [call.body] * call.copies + call.further
    assert len(bodies) * found.per_call == len(found.prompts) * found.n
    for sent in bodies:
        assert sent["contents"][-1]["parts"][-1]["text"]
        jsonio.loads(jsonio.dumps(sent))


@given(JUNK | st.dictionaries(st.sampled_from(sorted(NAMES)), JUNK | PROMPTS), MODELS, st.booleans())
def test_any_json_gives_a_call_or_an_error(body: Any, model: str, strict: bool) -> None:
    before = copy.deepcopy(body)
    found = outcome(body, model, strict)
    if isinstance(found, Fault):
        assert found.status == 400
        assert errors.error_body(found)
    else:
        assert found.body["contents"]
    assert body == before


def outcome(body: Any, model: str, strict: bool) -> Translated | Fault:
    try:
        return translated(body, model, strict=strict)
    except Fault as error:
        return error
