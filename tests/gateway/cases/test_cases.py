"""Cases: every golden one is translated as recorded; what is exported, what is not, and what masking leaves."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mitmproxy import http

from addons.gateway.cases import export as cases
from addons.gateway.cases import files as case_files
from addons.gateway.cases.files import Case, CaseError
from addons.gateway.cases.masking import masked
from addons.gateway.cases.rerun import differences, rerun
from addons.gateway.record.flow_record import record_of
from mapping.inspect import masking
from mapping.openai.bodies import OpenAIBodies
from tests.gateway.cases.case_flows import ACCOUNT, flows_of

GOLDEN = Path(__file__).resolve().parents[2] / "cases"
FOLDERS = case_files.found_in(GOLDEN)
every_case = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: str(folder.name))


@every_case
def test_golden(folder: Path) -> None:
    case = case_files.read(folder)
    assert differences(case, rerun(case)) == []


def test_there_are_golden_cases_of_every_kind() -> None:
    read = [case_files.read(folder) for folder in FOLDERS]
    kinds = {"chat", "responses", "completions", "messages", "embeddings", "images", "image_edits", "transcriptions"}
    assert {case.endpoint for case in read} == kinds | {"count_tokens", "speech"}
    assert {(case.streamed, case.masked) for case in read} >= {(True, False), (False, False), (False, True)}
    assert any(case.ended for case in read)
    assert any(call.part for case in read for call in case.calls)
    for given in ("remembered", "history", "unsealed"):
        assert any(case.given.get(given) for case in read), given


# --- files and flows


@every_case
def test_a_case_is_the_same_after_writing(folder: Path, tmp_path: Path) -> None:
    case = case_files.read(folder)
    case_files.write(case, tmp_path / "case")
    assert case_files.read(tmp_path / "case") == case
    assert {path.name for path in (tmp_path / "case").iterdir()} == {path.name for path in folder.iterdir()}


@every_case
def test_flows_give_the_case(folder: Path) -> None:
    case = replace(case_files.read(folder), masked=False)
    found = cases.from_flows(list(reversed(flows_of(case))))
    assert found == replace(case, calls=found.calls)
    assert sorted(map(repr, found.calls)) == sorted(map(repr, case.calls))
    assert differences(found, rerun(found)) == []


def golden(name: str) -> Case:
    return case_files.read(GOLDEN / name)


def changed(flows: list[http.HTTPFlow], **members: Any) -> list[http.HTTPFlow]:
    """The flows with another record of the client's."""
    record_of(flows[0]).update(members)
    return flows


@pytest.mark.parametrize(
    ("flows", "why"),
    [
        (lambda flows: changed(flows, status=None), "the client left"),
        (lambda flows: changed(flows, endpoint="models"), "no request that is translated"),
        (lambda flows: changed(flows, model=None, status=401, error="invalid_api_key"), "401 invalid_api_key before"),
        (lambda flows: changed(flows, fault="cut;after=3"), "a fault on demand was done to it .cut;after=3."),
        (lambda flows: flows[1:], "the client's request is not among them"),
        (lambda flows: [*flows, *flows_of(golden("chat-grounding"))], "more than one exchange"),
        (lambda flows: [], "the client's request is not among them"),
        (lambda flows: record_of(flows[0]).pop("given") and flows, "not that of this version"),
        (lambda flows: record_of(flows[1]).pop("number") and flows, "not that of this version"),
    ],
    ids=[
        "client left",
        "not translated",
        "refused before",
        "fault",
        "attempts only",
        "two exchanges",
        "nothing",
        "record",
        "attempt",
    ],
)
def test_what_is_not_exported(flows: Any, why: str, tmp_path: Path) -> None:
    with pytest.raises(CaseError, match=why):
        cases.export(flows(flows_of(golden("chat-image-and-options"))), tmp_path / "case")
    assert not (tmp_path / "case").exists()


def test_a_background_response_is_not_exported() -> None:
    case = golden("responses-previous")
    with pytest.raises(CaseError, match="in the background"):
        cases.from_flows(flows_of(replace(case, request={**case.request, "background": True})))


def test_what_is_not_json_is_not_exported() -> None:
    flows = flows_of(golden("chat-grounding"))
    flows[0].request.content = b"{no"
    with pytest.raises(CaseError, match="not valid JSON"):
        cases.from_flows(flows)


def test_flows_that_are_no_exchange_are_passed_over() -> None:
    flows = flows_of(golden("chat-grounding"), "req_one")
    stranger = flows_of(golden("chat-grounding"))[0]
    stranger.metadata.clear()
    attempts_only = flows_of(golden("chat-grounding"), "req_two")[1:]
    assert cases.by_exchange([stranger, *flows, *attempts_only, flows[0]]) == {"req_one": flows}


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text("{}")
    with pytest.raises(CaseError, match="not empty"):
        cases.export(flows_of(golden("chat-grounding")), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.json"]


def test_a_case_is_replaced(tmp_path: Path) -> None:
    cases.export(flows_of(golden("chat-quota-used-up")), tmp_path / "case")
    cases.export(flows_of(golden("chat-grounding")), tmp_path / "case")
    case = case_files.read(tmp_path / "case")
    assert case.request == golden("chat-grounding").request
    assert not list((tmp_path / "case").glob("*-2.json"))


def rename(folder: Path, old: str, new: str) -> None:
    """Have the case name another file."""
    about = folder / "case.json"
    about.write_text(about.read_text().replace(old, new))


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda folder: (folder / "gemini-answer.json").unlink(), "gemini-answer.json"),
        (lambda folder: (folder / "case.json").write_text("{"), "is no case"),
        (lambda folder: (folder / "case.json").write_text('{"version": 1}'), "is no case"),
        (lambda folder: (folder / "case.json").write_text('{"version": 99}'), "99"),
        (lambda folder: (folder / "case.json").write_text("[]"), "is no case"),
        (lambda folder: (folder / "case.json").write_text("[" * 100_000), "is no case"),
        (lambda folder: rename(folder, "gemini-answer.json", "../secret.json"), "no file of the case"),
        (lambda folder: rename(folder, "gemini-request.json", "/etc/hostname"), "no file of the case"),
    ],
    ids=["file missing", "no JSON", "members missing", "another version", "no object", "deep", "elsewhere", "absolute"],
)
def test_a_damaged_case(damage: Any, why: str, tmp_path: Path) -> None:
    case_files.write(golden("chat-grounding"), tmp_path)
    damage(tmp_path)
    with pytest.raises(CaseError, match=re.escape(why)):
        case_files.read(tmp_path)


# --- no secrets

KEY = "AIzaSy" + "D" * 33
LABELS = ("someone@example.com", "build bot")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "invalid_api_key",
            "Gemini refused the key of account someone@example.com: API key not valid. Give this account another key.",
        ),
        (
            "insufficient_quota",
            "No account has money left. someone@example.com: its money has run out (429): No. ; build bot: the same",
        ),
        ("no_account", "No account can serve gemini-2.5-flash. someone@example.com: no file bot.json; build bot: x."),
        ("no_credential", "The account has no valid credential: build bot: bot.json can't be read"),
    ],
)
@pytest.mark.parametrize("streamed", [False, True])
def test_labels_of_accounts_stay_behind(code: str, message: str, streamed: bool, tmp_path: Path) -> None:
    error = json.dumps({"error": {"message": message, "type": "server_error", "param": None, "code": code}}).encode()
    case = replace(golden("chat-quota-used-up"), answer=b"data: " + error + b"\n\n" if streamed else error)
    cases.export(flows_of(replace(case, streamed=streamed)), tmp_path / "case")
    everything = b"".join(path.read_bytes() for path in (tmp_path / "case").iterdir()).decode()
    for secret in (*LABELS, ACCOUNT, "bot.json"):
        assert secret not in everything
    assert message.split(" " + LABELS[0])[0].split(":")[0].split(". ")[0] in everything


def test_keys_and_projects_in_errors_stay_behind(tmp_path: Path) -> None:
    case = golden("chat-quota-used-up")
    said = f"Consumer 'api_key:{KEY}' of projects/123456789 has been suspended."
    error = json.dumps({"error": {"code": 403, "message": said, "status": "PERMISSION_DENIED"}}).encode()
    event = b'data: {"candidates":[{"content":{"parts":[{"text":"projects/x"}]}}]}\n\ndata: ' + error + b"\n\n"
    calls = [replace(case.calls[0], answer=error, status=403), replace(case.calls[0], answer=event, status=200)]
    cases.export(flows_of(replace(case, calls=calls)), tmp_path / "case")
    written = [call.answer for call in case_files.read(tmp_path / "case").calls]
    assert KEY.encode() not in b"".join(written)
    assert b"123456789" not in b"".join(written)
    assert json.loads(written[0])["error"]["status"] == "PERMISSION_DENIED"
    assert b'"text":"projects/x"' in written[1]


def test_a_project_stays_behind() -> None:
    case = golden("chat-grounding")
    inner = {"model": "gemini-2.5-flash", "project": "acme-internal-77", "user_prompt_id": "x", "request": {}}
    [call] = cases.from_flows(
        flows_of(replace(case, calls=[replace(case.calls[0], request=inner, upstream="code-assist")]))
    ).calls
    assert call.request == {**inner, "project": "project-1"}
    assert call.has_project


def test_headers_stay_behind(tmp_path: Path) -> None:
    flows = flows_of(golden("chat-grounding"))
    for flow in flows:
        flow.request.headers["x-thing"] = "something-of-a-header"
        assert flow.response
        flow.response.headers["x-thing"] = "something-of-a-header"
    cases.export(flows, tmp_path / "case")
    assert all(b"something-of-a-header" not in path.read_bytes() for path in (tmp_path / "case").iterdir())


# --- masking


def said_in(case: Case) -> set[str]:
    """What was said by the client and by Gemini, in pairs of words: single words are names of members, too."""
    said = texts(case.request, masking.mask_request(case.request, OpenAIBodies.structure))
    for call in case.calls:
        if call.status == 200:
            said += re.findall(r'"text": ?"((?:[^"\\]|\\.)*)"', call.answer.decode())
    return {pair for text in said for pair in re.findall(r"(?=\b([^\W\d_]+ [^\W\d_]{2,})\b)", text)}


def texts(value: Any, masked_value: Any) -> list[str]:
    """The texts that are others when masked."""
    if isinstance(value, str):
        return [value] if value != masked_value else []
    if isinstance(value, dict):
        return [text for name in value for text in texts(value[name], masked_value[name])]
    if isinstance(value, list):
        return [text for one, other in zip(value, masked_value, strict=True) for text in texts(one, other)]
    return []


def written(case: Case, folder: Path) -> str:
    case_files.write(case, folder)
    return "\n".join(path.read_text() for path in folder.iterdir())


@every_case
def test_a_masked_case_passes_and_says_nothing(folder: Path, tmp_path: Path) -> None:
    case = case_files.read(folder)
    made = masked(case)
    assert made.masked
    assert differences(made, rerun(made)) == []
    assert (made.status, [code for code, _ in made.notes]) == (case.status, [code for code, _ in case.notes])
    everything = written(made, tmp_path / "case")
    assert case.masked or not {pair for pair in said_in(case) if pair in everything}


@every_case
def test_a_case_that_fails_still_fails_when_masked(folder: Path, tmp_path: Path) -> None:
    case = case_files.read(folder)
    for old, new in ((b'"stop"', b'"length"'), (b"server_error", b"some_error"), (b"completed", b"incomplete")):
        if old in case.answer:
            failing = replace(case, answer=case.answer.replace(old, new))
            break
    else:
        answer = case.answer
        for name in (b'"type":', b'"object":', b'"created":', b'"input_tokens":'):
            answer = answer.replace(name, b'"kind":')
        failing = replace(case, answer=answer)
    made = masked(failing)
    expected = [difference.name for difference in differences(failing, rerun(failing))]
    assert [difference.name for difference in differences(made, rerun(made))] == expected
    assert "client-answer" in expected
    everything = written(made, tmp_path / "case")
    assert case.masked or not {pair for pair in said_in(case) if pair in everything}


def test_only_what_differs_differs_when_masked() -> None:
    """Where the recorded answer has another text, the masked one has; the texts that the gateway adds stay equal."""
    case = golden("chat-image-and-options")
    failing = replace(case, answer=case.answer.replace(b"This is the demo", b"This was the demo!", 1))
    made = masked(failing)
    [difference] = differences(made, rerun(made))
    recorded, now = difference.recorded.splitlines(), difference.now.splitlines()
    assert len([1 for one, other in zip(recorded, now, strict=True) if one != other]) == 1


def test_what_depends_on_the_words_is_not_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A masked case must not go another way than the exchange did."""
    case = golden("chat-image-and-options")
    case = replace(case, request={**case.request, "reasoning_effort": "low"})
    assert masked(case).masked
    structure = OpenAIBodies.structure
    monkeypatch.setattr(OpenAIBodies, "structure", replace(structure, kept=structure.kept - {"reasoning_effort"}))
    with pytest.raises(CaseError, match="can't be masked"):
        masked(case)


# --- what the rerun tells


def test_a_crash_is_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    case = golden("chat-grounding")

    def broken(*_: Any) -> None:
        raise ZeroDivisionError("deliberate")

    monkeypatch.setattr("addons.gateway.cases.rerun.translate", broken)
    found = differences(case, rerun(case))
    assert "ZeroDivisionError: deliberate" in next(d.now for d in found if d.name == "crash")


def test_signs_of_life_do_not_count() -> None:
    case = golden("chat-stream-retried")
    events = case.answer.split(b"\n\n")
    with_life = replace(case, answer=b"\n\n".join([events[0], b": keep-alive", *events[1:]]))
    assert with_life.answer != case.answer
    assert differences(with_life, rerun(with_life)) == []


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda case: replace(case, answer=case.answer.replace(b"stop", b"length")), "client-answer"),
        (lambda case: replace(case, answer=case.answer + b" "), "client-answer"),
        (lambda case: replace(case, status=418), "status"),
        (lambda case: replace(case, notes=[["ignored", "seed"]]), "notes"),
        (lambda case: replace(case, calls=[replace(case.calls[0], request={"contents": []})]), "gemini-request"),
    ],
    ids=["value", "byte", "status", "notes", "request"],
)
def test_differences(change: Any, name: str) -> None:
    case = change(golden("chat-grounding"))
    [difference] = differences(case, rerun(case))
    assert difference.name == name
    assert difference.recorded != difference.now
