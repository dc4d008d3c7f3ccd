"""The conversation builder: alternation, calls and results, ids, signatures, replay of remembered turns."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from mapping.faults import Fault
from mapping.gemini.models import model_info
from mapping.notes import Notes
from mapping.request.conversation.contents import Contents, Wording
from mapping.request.conversation.turns import BETWEEN, BLANK, CONTINUE
from mapping.request.signatures import DUMMY, encode_call_id, text_key
from mapping.values import Options, RawTurn, Recall, nothing_remembered

G2 = "gemini-2.5-flash"
G3 = "gemini-3.1-pro-preview"
G38 = "gemini-3.8-flash"
GEMMA = "gemma-4-31b-it"

WORDING = Wording("no call {id}", "no result {id}", ".role")


class Built:
    """A conversation, fed by `feed`, and what came of it."""

    def __init__(
        self,
        feed: Callable[[Contents], object],
        model: str = G3,
        recall: Recall = nothing_remembered,
        **options: Any,
    ) -> None:
        self.notes = Notes()
        conversation = Contents(
            model_info(model), options=Options(**options), recall=recall, notes=self.notes, wording=WORDING
        )
        feed(conversation)
        self.system, self.contents = conversation.build()
        self.used_ids = conversation.used_ids

    @property
    def codes(self) -> set[str]:
        return {code for code, _ in self.notes}


def memory(*turns: RawTurn, **texts: RawTurn) -> Recall:
    """Remembers turns by the ids of their calls, and by text."""
    found = {id: turn for turn in turns for id in turn.call_ids}
    found |= {text_key(text): turn for text, turn in texts.items()}
    return found.get


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "parts": [{"text": text}]}


def said(text: str) -> dict[str, Any]:
    return {"role": "model", "parts": [{"text": text}]}


def called(name: str, args: Any = None, id: str | None = None, signature: str | None = None) -> dict[str, Any]:
    call = {"name": name, "args": args or {}}
    part: dict[str, Any] = {"functionCall": call if id is None else {"id": id, **call}}
    return part if signature is None else {**part, "thoughtSignature": signature}


def answered(name: str, output: str, id: str | None = None) -> dict[str, Any]:
    response = {"name": name, "response": {"output": output}}
    return {"functionResponse": response if id is None else {"id": id, **response}}


def unanswered(name: str, id: str | None = None) -> dict[str, Any]:
    response = {"name": name, "response": {"error": "no result was provided for this call"}}
    return {"functionResponse": response if id is None else {"id": id, **response}}


def feed(*steps: Any) -> Callable[[Contents], None]:
    """Steps: "u:text", "m:text", "s:text", (id, name[, arguments]) for a call, (id, name, text) for a result."""

    def run(conversation: Contents) -> None:
        for i, step in enumerate(steps):
            path = f"messages[{i}]"
            if isinstance(step, tuple):
                if len(step) == 2 or isinstance(step[2], dict):
                    conversation.call(step[0], step[1], *step[2:] or ({},), path=path)
                else:
                    conversation.result(step[0], step[2], path=path, name=step[1])
            elif step[0] == "u":
                conversation.user([{"text": step[2:]}] if step[2:] else [], path)
            elif step[0] == "s":
                conversation.system(step[2:], path)
            else:
                conversation.text(step[2:], path)

    return run


@pytest.mark.parametrize(
    ("model", "steps", "contents", "codes"),
    [
        pytest.param(G3, ["u:a"], [user("a")], set(), id="one message"),
        pytest.param(G3, [], [user(BLANK)], {"turn-inserted"}, id="nothing at all"),
        pytest.param(G3, ["u:a", "m:b", "u:c"], [user("a"), said("b"), user("c")], set(), id="alternating"),
        pytest.param(
            G3,
            ["u:a", "u:b"],
            [{"role": "user", "parts": [{"text": "a"}, {"text": "b"}]}],
            set(),
            id="adjacent user turns merge, their parts do not",
        ),
        pytest.param(
            G3,
            ["u:a", "m:b", "s:", "m:c", "u:d"],
            [user("a"), {"role": "model", "parts": [{"text": "b"}, {"text": "c"}]}, user("d")],
            set(),
            id="adjacent model turns merge",
        ),
        pytest.param(
            G3,
            ["u:a", "m:", "u:b"],
            [{"role": "user", "parts": [{"text": "a"}, {"text": "b"}]}],
            {"turn-dropped"},
            id="an empty model turn is dropped",
        ),
        pytest.param(G3, ["u:", "u:b"], [user("b")], {"turn-dropped"}, id="an empty user turn is dropped"),
        pytest.param(G3, ["u:"], [user(BLANK)], {"turn-dropped", "turn-inserted"}, id="all is dropped"),
        pytest.param(
            G3, ["m:a", "u:b"], [user(BLANK), said("a"), user("b")], {"turn-inserted"}, id="the model speaks first"
        ),
        pytest.param(G3, ["u:a", "m:b"], [user("a"), said("b")], set(), id="a prefill is continued"),
        pytest.param(
            G38, ["u:a", "m:b"], [user("a"), said("b"), user(CONTINUE)], {"prefill"}, id="a model without prefill"
        ),
        pytest.param(
            G2,
            ["u:a", ("1", "f"), ("1", None, "r"), "u:b"],
            [
                user("a"),
                {"role": "model", "parts": [called("f")]},
                {"role": "user", "parts": [answered("f", "r"), {"text": "b"}]},
            ],
            set(),
            id="before Gemini 3 the user's text may stand beside results",
        ),
        pytest.param(
            G3,
            ["u:a", ("1", "f"), ("1", None, "r"), "u:b"],
            [
                user("a"),
                {"role": "model", "parts": [called("f", id="1")]},
                {"role": "user", "parts": [answered("f", "r", "1")]},
                said(BETWEEN),
                user("b"),
            ],
            {"turn-inserted"},
            id="from Gemini 3 on it may not",
        ),
        pytest.param(
            G2,
            ["u:a", "m:t", ("1", "f"), ("2", "g"), ("1", None, "x"), ("2", None, "y")],
            [
                user("a"),
                {"role": "model", "parts": [{"text": "t"}, called("f"), called("g")]},
                {"role": "user", "parts": [answered("f", "x"), answered("g", "y")]},
            ],
            set(),
            id="parallel results stand in one turn",
        ),
        pytest.param(
            G2,
            ["u:a", ("1", "f"), ("2", "g"), ("2", None, "y"), ("1", None, "x")],
            [
                user("a"),
                {"role": "model", "parts": [called("f"), called("g")]},
                {"role": "user", "parts": [answered("f", "x"), answered("g", "y")]},
            ],
            {"result-order"},
            id="results in the order of the calls",
        ),
        pytest.param(
            G2,
            ["u:a", ("1", "f"), ("2", "g"), ("2", None, "y")],
            [
                user("a"),
                {"role": "model", "parts": [called("f"), called("g")]},
                {"role": "user", "parts": [unanswered("f"), answered("g", "y")]},
            ],
            {"result-missing", "result-order"},
            id="a missing result",
        ),
        pytest.param(
            G2,
            ["u:a", ("1", "f")],
            [user("a"), {"role": "model", "parts": [called("f")]}, {"role": "user", "parts": [unanswered("f")]}],
            {"result-missing"},
            id="the conversation ends with a call",
        ),
        pytest.param(
            G2,
            ["u:a", ("1", "f"), "u:b", ("1", None, "x")],
            [
                user("a"),
                {"role": "model", "parts": [called("f")]},
                {"role": "user", "parts": [answered("f", "x"), {"text": "b"}]},
            ],
            set(),
            id="a late result moves to its call",
        ),
        pytest.param(
            G2,
            ["u:a", ("1", "f"), "s:now", ("1", None, "x")],
            [user("a"), {"role": "model", "parts": [called("f")]}, {"role": "user", "parts": [answered("f", "x")]}],
            {"system-late"},
            id="a system message between call and result",
        ),
        pytest.param(
            G2,
            ["u:a", ("1", "f"), "s:", ("2", "g"), ("1", None, "x"), ("2", None, "y")],
            [
                user("a"),
                {"role": "model", "parts": [called("f")]},
                {"role": "user", "parts": [answered("f", "x")]},
                {"role": "model", "parts": [called("g")]},
                {"role": "user", "parts": [answered("g", "y")]},
            ],
            set(),
            id="calls apart are steps",
        ),
        pytest.param(
            G2,
            ["u:a", ("1", "f"), ("1", None, "x"), ("1", None, "again")],
            [
                user("a"),
                {"role": "model", "parts": [called("f")]},
                {"role": "user", "parts": [answered("f", "x"), {"text": "[tool result] f: again"}]},
            ],
            {"result-orphan"},
            id="a second result for one call",
        ),
        pytest.param(
            G2,
            ["u:a", ("x", "f", "r")],
            [{"role": "user", "parts": [{"text": "a"}, {"text": "[tool result] f: r"}]}],
            {"result-orphan"},
            id="a result without a call",
        ),
        pytest.param(
            G2,
            ["u:a", ("1", "f"), ("1", None, "x"), ("1", "g"), ("1", None, "y")],
            [
                user("a"),
                {"role": "model", "parts": [called("f")]},
                {"role": "user", "parts": [answered("f", "x")]},
                {"role": "model", "parts": [called("g")]},
                {"role": "user", "parts": [answered("g", "y")]},
            ],
            set(),
            id="an id used again means the later call",
        ),
        pytest.param(
            G2,
            ["u:a", ("", "f"), ("", "g"), ("", None, "x"), ("", None, "y")],
            [
                user("a"),
                {"role": "model", "parts": [called("f"), called("g")]},
                {"role": "user", "parts": [answered("f", "x"), answered("g", "y")]},
            ],
            set(),
            id="the same id twice in one turn",
        ),
        pytest.param(
            G3,
            ["u:a", (None, "f"), (None, "f", "x"), "m:done"],
            [
                user("a"),
                {"role": "model", "parts": [called("f", signature=DUMMY)]},
                {"role": "user", "parts": [answered("f", "x")]},
                said("done"),
            ],
            {"signature-dummy"},
            id="a legacy call has no id, nor has its result",
        ),
        pytest.param(
            G2,
            ["u:a", (None, "f"), (None, "g", "x")],
            [
                user("a"),
                {"role": "model", "parts": [called("f")]},
                {"role": "user", "parts": [unanswered("f"), {"text": "[tool result] g: x"}]},
            ],
            {"result-missing", "result-orphan"},
            id="a legacy result of another function",
        ),
    ],
)
def test_turns(model: str, steps: list[Any], contents: list[Any], codes: set[str]) -> None:
    built = Built(feed(*steps), model)
    assert built.contents == contents
    assert built.codes == codes


@pytest.mark.parametrize(
    ("model", "late", "steps", "system", "contents", "codes"),
    [
        pytest.param(G3, "hoist", ["s:x", "s:y", "u:a"], ["x", "y"], [user("a")], set(), id="in front"),
        pytest.param(G3, "hoist", ["s:", "u:a"], None, [user("a")], set(), id="empty"),
        pytest.param(G3, "hoist", ["u:a", "s:x", "u:b"], ["x"], None, {"system-late"}, id="late, hoisted"),
        pytest.param(
            G3,
            "inline",
            ["u:a", "s:x"],
            None,
            [{"role": "user", "parts": [{"text": "a"}, {"text": "<system>x</system>"}]}],
            set(),
            id="late, inline",
        ),
        pytest.param(G3, "inline", ["s:x", "u:a"], ["x"], [user("a")], set(), id="inline is for late ones only"),
        pytest.param(G3, "hoist", ["s:x"], None, [user("x")], set(), id="nothing but a system message"),
        pytest.param(
            GEMMA,
            "hoist",
            ["s:x", "u:a"],
            None,
            [{"role": "user", "parts": [{"text": "x"}, {"text": "a"}]}],
            set(),
            id="Gemma has no system instruction",
        ),
        pytest.param(
            GEMMA,
            "hoist",
            ["s:x", "m:a", "u:b"],
            None,
            [user("x"), said("a"), user("b")],
            set(),
            id="Gemma, model first",
        ),
    ],
)
def test_system(
    model: str, late: str, steps: list[str], system: list[str] | None, contents: list[Any] | None, codes: set[str]
) -> None:
    built = Built(feed(*steps), model, late_system=late)
    assert built.system == (system and {"parts": [{"text": text} for text in system]})
    assert contents is None or built.contents == contents
    assert built.codes == codes


def test_the_gateways_own_instruction_stands_last_and_is_never_late() -> None:
    def steps(conversation: Contents) -> None:
        conversation.system("x", "messages[0]")
        conversation.user([{"text": "a"}], "messages[1]")
        conversation.instruct("JSON only")

    built = Built(steps, late_system="inline")
    assert built.system == {"parts": [{"text": "x"}, {"text": "JSON only"}]}
    assert built.codes == set()


# results


def test_a_result_that_nothing_names_is_refused() -> None:
    with pytest.raises(Fault) as caught:
        Built(feed("u:a", ("lost", None, "r")))
    assert (caught.value.status, caught.value.param, caught.value.message) == (400, "messages[1].role", "no call lost")


def test_a_remembered_call_names_its_result() -> None:
    turn = RawTurn(G3, [called("f"), called("g")], ["1", "2"])
    built = Built(feed("u:a", ("2", None, "r")), recall=memory(turn))
    assert built.contents[0]["parts"][1] == {"text": "[tool result] g: r"}


def test_strict_refuses_a_missing_result() -> None:
    with pytest.raises(Fault) as caught:
        Built(feed("u:a", ("1", "f"), "u:b"), strict=True)
    assert (caught.value.status, caught.value.param, caught.value.message) == (400, "messages[1]", "no result 1")


IMAGE = {"inlineData": {"mimeType": "image/png", "data": "QUJD"}}
SOUND = {"inlineData": {"mimeType": "audio/wav", "data": "QUJD"}}
LINK = {"fileData": {"fileUri": "https://example.com/a.png"}}
MARK = {"text": "[files of the result of f]"}
LABEL = {"text": "Attached image(s) from tool result:"}


def shown(output: str, *parts: Any) -> dict[str, Any]:
    """The function response of a call of f that has files."""
    response = answered("f", output, "1")
    return {"functionResponse": {**response["functionResponse"], "parts": [*parts]}}


def beside(*parts: Any) -> list[Any]:
    """What follows a result that does not hold its files."""
    return [said(BETWEEN), {"role": "user", "parts": [MARK, *parts]}]


def responses(*parts: Any) -> dict[str, Any]:
    return {"role": "user", "parts": [*parts]}


FINE = {**IMAGE, "mediaResolution": {"level": "MEDIA_RESOLUTION_LOW"}}


@pytest.mark.parametrize(
    ("model", "media", "after"),
    [
        pytest.param(G3, [], [responses(answered("f", "r", "1"))], id="none"),
        pytest.param(G3, [FINE], [responses(shown("r", IMAGE))], id="into the response"),
        pytest.param(
            G3, [LINK], [responses(answered("f", "r", "1")), *beside(LINK)], id="a link: into a turn of its own"
        ),
        pytest.param(G3, [SOUND], [responses(answered("f", "r", "1")), *beside(SOUND)], id="a sound too"),
        pytest.param(
            G3, [LINK, FINE, SOUND], [responses(shown("r", IMAGE)), *beside(LINK, SOUND)], id="each where it can stand"
        ),
        pytest.param(
            G2, [FINE, LINK], [responses(answered("f", "r"), MARK, FINE, LINK)], id="before Gemini 3: beside it"
        ),
    ],
)
def test_files_of_a_result(model: str, media: list[Any], after: list[Any]) -> None:
    def run(conversation: Contents) -> None:
        conversation.user([{"text": "a"}], "messages[0]")
        conversation.call("1", "f", {}, path="messages[1]")
        conversation.result("1", "r", path="messages[2]", media=media)

    built = Built(run, model)
    assert built.contents[2:] == after
    assert ("turn-inserted" in built.codes) == (len(after) > 1)


def test_files_that_no_response_holds_follow_all_results_of_the_turn_and_precede_what_the_user_says() -> None:
    def run(conversation: Contents) -> None:
        conversation.user([{"text": "a"}], "messages[0]")
        conversation.call("1", "f", {}, path="messages[1]")
        conversation.call("2", "g", {}, path="messages[1]")
        conversation.result("1", "r", path="messages[2]", media=[LINK])
        conversation.result("2", "s", path="messages[3]")
        conversation.user([{"text": "b"}], "messages[4]")

    assert Built(run).contents[2:] == [
        responses(answered("f", "r", "1"), answered("g", "s", "2")),
        said(BETWEEN),
        responses(MARK, LINK, {"text": "b"}),
    ]


@pytest.mark.parametrize(
    ("model", "parts", "after"),
    [
        pytest.param(G3, [IMAGE], [responses(shown("r", IMAGE))], id="pictures alone (Goose, Cline)"),
        pytest.param(
            G3, [LABEL, IMAGE], [responses(shown(f"r\n{LABEL['text']}", IMAGE))], id="after a label (opencode, pi)"
        ),
        pytest.param(
            G3,
            [{"text": "(attached media from previous tool call)"}, {"text": "a.png: made smaller"}, IMAGE],
            [responses(shown("r\n(attached media from previous tool call)\na.png: made smaller", IMAGE))],
            id="after a label and more (Qwen Code)",
        ),
        pytest.param(
            G3, [LABEL, LINK], [responses(answered("f", f"r\n{LABEL['text']}", "1")), *beside(LINK)], id="a link"
        ),
        pytest.param(
            G2, [IMAGE], [responses(answered("f", "r"), MARK, IMAGE)], id="before Gemini 3: beside the result"
        ),
        pytest.param(
            G3,
            [{"text": "No, like this:"}, IMAGE],
            [responses(answered("f", "r", "1")), said(BETWEEN), responses({"text": "No, like this:"}, IMAGE)],
            id="what the user says with a picture is the user's",
        ),
        pytest.param(
            G3,
            [IMAGE, LABEL],
            [responses(answered("f", "r", "1")), said(BETWEEN), responses(IMAGE, LABEL)],
            id="a label comes first",
        ),
        pytest.param(
            G3,
            [LABEL],
            [responses(answered("f", "r", "1")), said(BETWEEN), responses(LABEL)],
            id="a label without files is a text",
        ),
    ],
)
def test_files_handed_on_in_a_users_message_belong_to_the_last_result(
    model: str, parts: list[Any], after: list[Any]
) -> None:
    def run(conversation: Contents) -> None:
        conversation.user([{"text": "a"}], "messages[0]")
        conversation.call("1", "f", {}, path="messages[1]")
        conversation.result("1", "r", path="messages[2]")
        conversation.user(parts, "messages[3]")

    built = Built(run, model)
    assert built.contents[2:] == after
    assert (("result-files", "messages[3]") in built.notes) == (len(after) != 3 or after[2]["parts"][0] == MARK)


def test_pictures_that_do_not_follow_a_result_directly_are_the_users() -> None:
    def run(conversation: Contents) -> None:
        conversation.user([IMAGE], "messages[0]")
        conversation.call("1", "f", {}, path="messages[1]")
        conversation.result("1", "r", path="messages[2]")
        conversation.text("done", "messages[3]")
        conversation.user([IMAGE], "messages[4]")
        conversation.result("1", "again", path="messages[5]", name="f")
        conversation.user([IMAGE], "messages[6]")

    built = Built(run)
    assert built.contents[4]["parts"] == [IMAGE, {"text": "[tool result] f: again"}, IMAGE]
    assert "result-files" not in built.codes


# ids and signatures


def step(id: str = "1", signature: str | None = None) -> Callable[[Contents], None]:
    """The user asks, the model calls f, the result is there."""

    def run(conversation: Contents) -> None:
        conversation.user([{"text": "a"}], "messages[0]")
        conversation.call(id, "f", {"x": 1}, path="messages[1].tool_calls[0]", signature=signature)
        conversation.result(id, "r", path="messages[2]")

    return run


CARRIED = encode_call_id("nonce", "fc-1", "gemini-3.1-pro", "QUJD")
CARRIED_WITHOUT_ID = encode_call_id("nonce", None, "gemini-3.1-pro", "QUJD")
CARRIED_2 = encode_call_id("nonce", None, "gemini-2.5-flash", "QUJD")
CARRIED_2_WITH_ID = encode_call_id("nonce", "fc-1", "gemini-2.5-flash", "QUJD")
TOLD = "VE9MRA=="


@pytest.mark.parametrize(
    ("model", "id", "told", "sent_id", "signature", "codes"),
    [
        pytest.param(G3, "1", None, "1", DUMMY, {"signature-dummy"}, id="Gemini 3, nothing known"),
        pytest.param(G3, "1", TOLD, "1", TOLD, set(), id="Gemini 3, the client gives the signature back"),
        pytest.param(G3, CARRIED, None, "fc-1", "QUJD", set(), id="Gemini 3, carried in the id"),
        pytest.param(G3, CARRIED_WITHOUT_ID, None, "nonce", "QUJD", set(), id="Gemini 3, carried, Gemini gave no id"),
        pytest.param(G3, CARRIED, TOLD, "fc-1", TOLD, set(), id="what the client tells comes first"),
        pytest.param(
            G38, CARRIED, None, "fc-1", DUMMY, {"signature-foreign", "signature-dummy"}, id="carried for another model"
        ),
        pytest.param(
            G38, CARRIED, TOLD, "fc-1", DUMMY, {"signature-foreign", "signature-dummy"}, id="told of a foreign call"
        ),
        pytest.param(G2, "1", None, None, None, set(), id="Gemini 2 gets neither id nor placeholder"),
        pytest.param(G2, "1", TOLD, None, TOLD, set(), id="Gemini 2 gets signatures"),
        pytest.param(G2, CARRIED_2, None, None, "QUJD", set(), id="Gemini 2, carried"),
        pytest.param(G2, CARRIED_2_WITH_ID, None, "fc-1", "QUJD", set(), id="Gemini 2, an id that it issued"),
        pytest.param(G2, CARRIED, None, None, None, {"signature-foreign"}, id="Gemini 2, a call of Gemini 3"),
        pytest.param(GEMMA, "1", None, None, None, set(), id="Gemma is no Gemini 3"),
    ],
)
def test_ids_and_signatures(
    model: str, id: str, told: str | None, sent_id: str | None, signature: str | None, codes: set[str]
) -> None:
    built = Built(step(id, told), model)
    assert built.contents[1]["parts"] == [called("f", {"x": 1}, sent_id, signature)]
    assert built.contents[2]["parts"] == [answered("f", "r", sent_id)]
    assert built.codes == codes
    assert built.used_ids == {id}


def signatures(contents: list[Any]) -> list[list[str | None]]:
    """Of each content with calls, the signature of each call."""
    found = [[p.get("thoughtSignature") for p in c["parts"] if "functionCall" in p] for c in contents]
    return [signatures for signatures in found if signatures]


@pytest.mark.parametrize(
    ("model", "steps", "expected"),
    [
        pytest.param(
            G3, ["u:a", ("1", "f"), ("2", "g"), ("1", None, ""), ("2", None, "")], [[DUMMY, None]], id="the first call"
        ),
        pytest.param(
            G3,
            ["u:a", ("1", "f"), ("1", None, ""), ("2", "g"), ("2", None, "")],
            [[DUMMY], [DUMMY]],
            id="of every step",
        ),
        pytest.param(
            G3,
            ["u:a", ("1", "f"), ("1", None, ""), "m:done", "u:b", ("2", "g"), ("2", None, "")],
            [[None], [DUMMY]],
            id="of the current turn only",
        ),
        pytest.param(
            G3, ["u:a", ("1", "f"), ("1", None, ""), "m:done"], [[DUMMY]], id="a prefill does not end the turn"
        ),
        pytest.param(G3, ["u:a", ("1", "f"), ("1", None, ""), "m:done", "u:b"], [[None]], id="no step in the turn"),
        pytest.param(G2, ["u:a", ("1", "f"), ("1", None, "")], [[None]], id="not before Gemini 3"),
    ],
)
def test_where_the_placeholder_goes(model: str, steps: list[Any], expected: list[Any]) -> None:
    assert signatures(Built(feed(*steps), model).contents) == expected


def test_the_signature_of_a_text_goes_onto_its_last_part() -> None:
    def steps(conversation: Contents) -> None:
        conversation.user([{"text": "a"}], "messages[0]")
        conversation.text("b", "messages[1]", "QUJD")
        conversation.text("c", "messages[1]")
        conversation.user([{"text": "d"}], "messages[2]")

    assert Built(steps).contents[1]["parts"] == [{"text": "b"}, {"text": "c", "thoughtSignature": "QUJD"}]


# remembered turns

THOUGHT = {"text": "hm", "thought": True}


def remembered(model: str = G3) -> RawTurn:
    """A turn with a thought, text, two calls of which Gemini named one, and the empty end of a stream."""
    parts = [
        THOUGHT,
        {"text": "I look."},
        called("f", {"x": 1.0}, "fc-1", "c2ln"),
        {"functionCall": {"name": "g"}},
        {"text": ""},
    ]
    return RawTurn(model, parts, ["fc-1", "call_2"])


def two_calls(
    text: str = "I look.", name: str = "f", args: Any = None, ids: tuple[str, str] = ("fc-1", "call_2")
) -> Callable[[Contents], None]:
    def run(conversation: Contents) -> None:
        conversation.user([{"text": "a"}], "messages[0]")
        conversation.text(text, "messages[1]")
        conversation.call(ids[0], name, {"x": 1} if args is None else args, path="messages[1].tool_calls[0]")
        conversation.call(ids[1], "g", {}, path="messages[1].tool_calls[1]")
        conversation.result(ids[0], "r", path="messages[2]")
        conversation.result(ids[1], "s", path="messages[3]")

    return run


@pytest.mark.parametrize("text", ["I look.", "", " I look.\n"])
def test_a_turn_is_replayed_as_gemini_gave_it(text: str) -> None:
    turn = remembered()
    before = copy.deepcopy(turn)
    built = Built(two_calls(text), recall=memory(turn))
    assert built.contents[1]["parts"] == turn.parts[:-1]
    assert built.contents[2]["parts"] == [answered("f", "r", "fc-1"), answered("g", "s")]
    assert set(built.notes) == {("turn-replayed", "messages[1]")}
    assert turn == before


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(two_calls(text="I do not."), id="text"),
        pytest.param(two_calls(name="h"), id="name"),
        pytest.param(two_calls(args={"x": 2}), id="arguments"),
        pytest.param(two_calls(ids=("fc-1", "other")), id="an id"),
        pytest.param(two_calls(ids=("call_2", "fc-1")), id="order"),
    ],
)
def test_a_turn_that_the_client_changed_is_not_replayed(changed: Callable[[Contents], None]) -> None:
    built = Built(changed, recall=memory(remembered()))
    assert THOUGHT not in built.contents[1]["parts"]
    assert "turn-replayed" not in built.codes


CODE = {"executableCode": {"language": "PYTHON", "code": "1"}}


@pytest.mark.parametrize(
    ("told", "replayed"),
    [("I look.```python\n1\n```So f.", True), ("So f.```python\n1\n```I look.", False), ("I look.", False)],
)
def test_shown_code_may_stand_within_the_text(told: str, replayed: bool) -> None:
    turn = RawTurn(G3, [{"text": "I look. "}, CODE, {"text": "So f."}, called("f", {"x": 1}, "1", "c2ln")], ["1"])

    def run(conversation: Contents) -> None:
        conversation.user([{"text": "a"}], "messages[0]")
        conversation.text(told, "messages[1]")
        conversation.call("1", "f", {"x": 1}, path="messages[1].tool_calls[0]")
        conversation.result("1", "r", path="messages[2]")

    assert (CODE in Built(run, recall=memory(turn)).contents[1]["parts"]) is replayed


def test_signatures_come_singly_when_the_client_changed_the_turn() -> None:
    built = Built(two_calls(text="I do not."), recall=memory(remembered()))
    assert built.contents[1]["parts"] == [
        {"text": "I do not."},
        called("f", {"x": 1}, "fc-1", "c2ln"),
        called("g", {}, "call_2"),
    ]
    assert built.codes == set()


ONE_BY_ONE = ["u:a", "m:I look.", ("fc-1", "f", {"x": 1}), ("fc-1", None, "r"), ("call_2", "g"), ("call_2", None, "s")]
SIBLING = {"id": "2", "name": "g", "args": {}}


@pytest.mark.parametrize(
    ("steps", "replayed"),
    [
        pytest.param(ONE_BY_ONE, True, id="call, result, call, result (Goose)"),
        pytest.param([*ONE_BY_ONE[:1], *ONE_BY_ONE[2:]], True, id="without the text"),
        pytest.param([*ONE_BY_ONE[:1], "m:I do not.", *ONE_BY_ONE[2:]], False, id="with another text"),
        pytest.param([*ONE_BY_ONE[:4], "s:", *ONE_BY_ONE[4:]], True, id="a system message between them"),
    ],
)
def test_calls_of_one_answer_that_come_back_one_by_one_are_one_turn(steps: list[Any], replayed: bool) -> None:
    built = Built(feed(*steps), recall=memory(remembered()))
    assert [content["role"] for content in built.contents] == ["user", "model", "user"]
    results = [answered("f", "r", "fc-1"), answered("g", "s", None if replayed else "call_2")]
    assert built.contents[2]["parts"] == results
    assert signatures(built.contents) == [["c2ln", None]]
    assert ("turn-replayed" in built.codes) is replayed
    assert "calls-joined" in built.codes
    assert "signature-dummy" not in built.codes


def test_pictures_between_calls_that_come_back_one_by_one() -> None:
    def run(conversation: Contents) -> None:
        conversation.user([{"text": "a"}], "messages[0]")
        for at, (id, name, args) in enumerate([("fc-1", "f", {"x": 1}), ("call_2", "g", {})]):
            conversation.call(id, name, args, path=f"messages[{at * 3 + 1}]")
            conversation.result(id, "r", path=f"messages[{at * 3 + 2}]")
            conversation.user([IMAGE], f"messages[{at * 3 + 3}]")

    built = Built(run, recall=memory(remembered()))
    assert len(built.contents) == 3
    assert [part["functionResponse"]["parts"] for part in built.contents[2]["parts"]] == [[IMAGE], [IMAGE]]


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([*ONE_BY_ONE[:4], "u:stop", *ONE_BY_ONE[4:]], id="the user spoke between them"),
        pytest.param([*ONE_BY_ONE[:4], ("other", "g"), ("other", None, "s")], id="a call of another answer"),
        pytest.param([*ONE_BY_ONE[:4], ("fc-1", "f"), ("fc-1", None, "s")], id="the same id again"),
    ],
)
def test_calls_of_other_answers_stay_steps(steps: list[Any]) -> None:
    built = Built(feed(*steps), recall=memory(remembered()))
    assert len(signatures(built.contents)) == 2
    assert "calls-joined" not in built.codes


@pytest.mark.parametrize(
    ("model", "first", "second", "text", "joined"),
    [
        pytest.param(G3, (CARRIED, None), ("2", None), "", True, id="the id carries the signature"),
        pytest.param(G3, ("1", TOLD), ("2", None), "", True, id="the client gives the signature back"),
        pytest.param(G3, ("1", None), ("2", None), "", False, id="no signature at all"),
        pytest.param(G3, ("1", TOLD), ("2", TOLD), "", False, id="both are signed: two steps"),
        pytest.param(G3, ("1", TOLD), (CARRIED, None), "", False, id="both are signed, in either way"),
        pytest.param(G3, ("1", TOLD), ("2", None), "Now g.", False, id="a text begins an answer"),
        pytest.param(G38, (CARRIED, None), ("2", None), "", False, id="a signature of another model"),
        pytest.param(G2, ("1", TOLD), ("2", None), "", False, id="before Gemini 3 nothing is known by it"),
    ],
)
def test_after_a_restart_a_call_without_a_signature_belongs_to_the_signed_one_before_it(
    model: str, first: tuple[str, str | None], second: tuple[str, str | None], text: str, joined: bool
) -> None:
    def run(conversation: Contents) -> None:
        conversation.user([{"text": "a"}], "messages[0]")
        conversation.call(first[0], "f", {}, path="messages[1]", signature=first[1])
        conversation.result(first[0], "r", path="messages[2]")
        conversation.text(text, "messages[3]")
        conversation.call(second[0], "g", {}, path="messages[3]", signature=second[1])
        conversation.result(second[0], "s", path="messages[4]")

    built = Built(run, model)
    assert len(built.contents) == (3 if joined else 5)
    assert ("calls-joined" in built.codes) is joined
    if joined:
        assert [part.get("thoughtSignature") is None for part in built.contents[1]["parts"]] == [False, True]
        assert built.contents[1]["parts"][1]["functionCall"] == SIBLING


def test_a_turn_of_another_model_is_not_replayed() -> None:
    built = Built(two_calls(), G38, memory(remembered()))
    assert built.contents[1]["parts"] == [
        {"text": "I look."},
        called("f", {"x": 1}, "fc-1", DUMMY),
        called("g", {}, "call_2"),
    ]
    assert set(built.notes) == {
        ("signature-foreign", "messages[1].tool_calls[0]"),
        ("signature-dummy", "messages[1]"),
    }


def test_a_turn_of_the_same_family_is_replayed() -> None:
    assert THOUGHT in Built(two_calls(), "gemini-3.1-pro", memory(remembered())).contents[1]["parts"]


def test_a_replayed_turn_without_a_signature_gets_the_placeholder_on_a_copy() -> None:
    turn = RawTurn(G3, [called("f", {"x": 1}, "1")], ["1"])
    before = copy.deepcopy(turn)
    built = Built(step(), recall=memory(turn))
    assert signatures(built.contents) == [[DUMMY]]
    assert turn == before


def test_a_replayed_turn_beside_another_is_not_changed_in_the_memory() -> None:
    drawn = RawTurn(G3, [{"text": "b"}], [])
    Built(feed("u:a", "m:b", "s:", "m:c", "u:d"), recall=memory(b=drawn))
    assert drawn.parts == [{"text": "b"}]


def test_a_text_is_remembered_with_its_image_and_signature() -> None:
    parts = [{"text": "Here", "thoughtSignature": "c2ln"}, IMAGE, {"text": "", "thoughtSignature": "ZW5k"}]
    built = Built(feed("u:a", "m:Here", "u:b"), recall=memory(Here=RawTurn(G3, parts, [])))
    assert built.contents[1]["parts"] == parts
    assert built.codes == {"turn-replayed"}


def test_a_text_of_another_model_stays_text() -> None:
    turn = RawTurn(G2, [{"text": "Here", "thoughtSignature": "c2ln"}], [])
    built = Built(feed("u:a", "m:Here", "u:b"), recall=memory(Here=turn))
    assert built.contents[1] == said("Here")
    assert built.codes == {"signature-foreign"}


def test_the_memory_is_asked_for_texts_only_where_there_are_no_calls() -> None:
    asked: list[str] = []

    def recall(key: str) -> None:
        asked.append(key)

    Built(feed("u:a", "m:t", ("1", "f"), ("1", None, "r"), "m:done", "u:b", "m:", "u:c"), recall=recall)
    assert [key for key in asked if key.startswith("text_")] == [text_key("done")]
