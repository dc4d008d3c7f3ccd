"""scripts/cases.py: cases are made of saved files, run, and updated."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from mitmproxy import http, io

from addons.gateway.cases import copies
from addons.gateway.cases import files as case_files
from scripts import bootstrap, cases
from scripts.commands import case_commands
from tests.gateway.cases.case_flows import flows_of

GOLDEN = Path(bootstrap.ROOT) / "tests" / "cases"


def run(*argv: object) -> int:
    return case_commands.run(cases.parse([str(word) for word in argv]))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two cases."""
    for name in ("chat-grounding", "chat-stream-retried"):
        shutil.copytree(GOLDEN / name, tmp_path / "cases" / name)
    return tmp_path / "cases"


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A saved file with two exchanges, one that can't be exported, and a flow of somebody else's."""
    flows = [
        *flows_of(case_files.read(GOLDEN / "chat-grounding"), "req_one"),
        *flows_of(case_files.read(GOLDEN / "chat-stream-retried"), "req_two"),
        *flows_of(case_files.read(GOLDEN / "chat-grounding"), "req_left"),
    ]
    flows[-2].metadata["antigravity"]["status"] = None
    stranger = http.HTTPFlow(flows[0].client_conn, flows[0].server_conn)
    stranger.request = http.Request.make("GET", "http://example.com/")
    with (tmp_path / "saved.flow").open("wb") as file:
        writer = io.FlowWriter(file)
        for flow in [stranger, *flows]:
            writer.add(flow)
    return tmp_path / "saved.flow"


def test_of_a_file_that_breaks_off_what_comes_before_counts(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = saved.read_bytes()
    assert run("list", saved) == 0
    before = capsys.readouterr().out
    cut, damaged, junk = (saved.with_name(name) for name in ("cut.flow", "damaged.flow", "junk.flow"))
    cut.write_bytes(whole[:-100])
    damaged.write_bytes(whole + b"12:{junk")
    junk.write_bytes(b"junk")
    assert run("list", damaged) == 0
    told = capsys.readouterr()
    assert told.out == before
    assert "damaged.flow breaks off, or is damaged" in told.err
    assert run("list", cut) == 0
    assert "req_one" in capsys.readouterr().out
    for name, said in (
        (junk, "junk.flow is no file that mitmproxy has saved"),
        (saved.with_name("none"), "No such file"),
    ):
        assert run("list", name) == 1
        assert said in capsys.readouterr().err


# --- run and update


def test_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("run", folder) == 0
    assert capsys.readouterr().out == "2 cases, all as recorded\n"
    assert run("run", folder / "chat-grounding", folder / "chat-stream-retried") == 0


def test_run_shows_what_differs_and_update_takes_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer = folder / "chat-grounding" / "client-answer.json"
    before = answer.read_bytes()
    answer.write_bytes(before.replace(b'"finish_reason":"stop"', b'"finish_reason":"length"'))
    assert run("run", folder) == 1
    out = capsys.readouterr().out
    assert f"FAILED {folder / 'chat-grounding'}\n" in out
    assert "chat-stream-retried" not in out
    assert "--- client-answer (recorded)\n+++ client-answer (now)\n" in out
    assert '-      "finish_reason": "length",\n' in out
    assert '+      "finish_reason": "stop",\n' in out
    assert out.endswith("2 cases, 1 failed\n")

    assert run("update", folder) == 0
    assert capsys.readouterr().out == f"updated {folder / 'chat-grounding'}\n2 cases, 1 updated\n"
    assert answer.read_bytes() == before
    assert run("run", folder) == 0


def test_update_leaves_what_is_right_as_it_is(folder: Path) -> None:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    before = [(path.read_bytes(), path.stat().st_mtime_ns) for path in files]
    assert run("update", folder) == 0
    assert [(path.read_bytes(), path.stat().st_mtime_ns) for path in files] == before


def test_update_does_not_take_a_crash(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("addons.gateway.cases.rerun.translate", None)
    before = (folder / "chat-grounding" / "case.json").read_bytes()
    assert run("update", folder) == 1
    assert "its translation fails" in capsys.readouterr().err
    assert (folder / "chat-grounding" / "case.json").read_bytes() == before


@pytest.mark.parametrize("command", ["run", "update"])
def test_no_case(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(command, tmp_path) == 1
    assert run(command, tmp_path / "nowhere") == 1
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "case.json").write_text("{}")
    assert run(command, tmp_path) == 1
    assert capsys.readouterr().err.count("\n") == 3


# --- export


def test_export(saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("export", saved, tmp_path / "made") == 0
    told = capsys.readouterr()
    assert sorted(path.name for path in (tmp_path / "made").iterdir()) == ["req_one", "req_two"]
    assert "req_one  /v1/chat/completions gemini-2.5-flash -> gemini-2.5-flash 200\n" in told.out
    assert "req_left can't be exported: the client left" in told.err
    assert run("run", tmp_path / "made") == 0


def test_export_of_one_masked(saved: Path, tmp_path: Path) -> None:
    assert run("export", saved, tmp_path / "made", "--id", "req_two", "--mask") == 0
    [path] = (tmp_path / "made").iterdir()
    assert path.name == "req_two"
    assert json.loads((path / "client-request.json").read_bytes())["messages"][0]["content"] == "xxxxx!"
    assert run("run", path) == 0


def test_export_says_what_is_wrong(saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = tmp_path / "made"
    empty = tmp_path / "empty.flow"
    empty.write_bytes(b"")
    for file, more, said in (
        (saved, ["--id", "req_none"], "has no exchange req_none"),
        (saved, ["--id", "req_left"], "the client left"),
        (tmp_path / "nowhere.flow", [], "nowhere.flow"),
        (Path(__file__), [], "test_cases.py"),
        (empty, [], "no exchange of this gateway"),
    ):
        assert run("export", file, made, *more) == 1
        assert said in capsys.readouterr().err
    assert not made.exists()


# --- the script


@pytest.mark.parametrize("argv", ["", "run", "export saved.flow", "nonsense", "run --mask x"])
def test_refused(argv: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as e:
        cases.parse(argv.split())
    assert e.value.code == 2
    assert "usage:" in capsys.readouterr().err


# --- diff


def test_diff_of_cases_and_of_a_saved_file(saved: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("diff", folder / "chat-grounding", folder / "chat-grounding") == 0
    assert "differs" not in capsys.readouterr().out
    assert run("diff", f"{saved}#req_one", "req_two") == 1
    text = capsys.readouterr().out
    assert text.startswith("- req_one · ")
    assert "── the client's request ──\n" in text
    assert run("diff", folder / "chat-grounding", f"{saved}#req_o") == 0
    capsys.readouterr()
    assert run("diff", f"{saved}#req_two/1", "req_two/2", "--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert told["before"].startswith("attempt 1/2 of req_two")
    assert run("diff", f"{saved}#req_two/2", "req_two") == 0, "an exchange stands for its last attempt"


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("nowhere", "nowhere", "nowhere: there is no case of this name"),
        ("{saved}#req_one", "req_", "has 3 exchanges req_…"),
        ("{saved}#req_one", "req_none", "has no exchange req_none…"),
        ("{saved}#req_one/9", "req_one", "req_one has no attempt 9; it has 1"),
        ("{saved}.none#req_one", "req_one", "No such file"),
    ],
)
def test_diff_says_what_is_wrong(
    saved: Path, before: str, after: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("diff", before.format(saved=saved), after) == 1
    assert said in capsys.readouterr().err


# --- conversations


def test_conversations_of_a_saved_file(saved: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("conversation", saved) == 0
    whole = capsys.readouterr().out
    assert [line.partition(" · ")[0][:13] for line in whole.splitlines() if " turn" in line[:40]] == [
        "conversation "
    ] * 2
    id = whole.split()[1]
    assert run("conversation", saved, id) == run("conversation", f"{saved}#req_one") == 0
    one, same = capsys.readouterr().out.split("conversation ")[1:]
    assert one == same
    assert "turn 1 · req_one" in one
    assert run("cache", saved, "req_one", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["id"] == id
    assert [turn["id"] for turn in told["threads"][0]["turns"]] == ["req_one", "req_left"], "it asks the same again"
    assert run("cache", folder) == 0
    assert "the first turn" in capsys.readouterr().out
    assert run("conversation", saved, "nothing") == 1
    assert "nothing" in capsys.readouterr().err


# --- copy


def test_the_forms_of_the_command_line_are_those_that_there_are() -> None:
    for form in copies.FORMS:
        assert cases.parse(["copy", form, "x"]).form == form
    text = (Path(bootstrap.ROOT) / "scripts" / "cases.py").read_text()
    assert f"choices={tuple(copies.FORMS)}".replace("'", '"') in text


def test_copy(saved: Path, folder: Path, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert run("copy", "curl", f"{saved}#req_one") == 0
    out = capsysbinary.readouterr().out
    assert out.startswith(b"curl -sSN 'http://127.0.0.1:80/v1/chat/completions' ")
    assert run("copy", "jsonl", saved, folder) == 0
    rows = [json.loads(line) for line in capsysbinary.readouterr().out.splitlines()]
    assert [row["id"] for row in rows] == ["req_one", "req_two", "req_left", None, None]
    assert run("copy", "html", saved, "--mask", "--out", tmp_path / "page.html") == 0
    page = (tmp_path / "page.html").read_text()
    assert page.count("<h2>POST /v1/chat/completions") == 3
    assert "Hello" not in page
    assert capsysbinary.readouterr().out == b""


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("python", "{saved}"), "One exchange is copied as python; these are 3"),
        (("jsonl", "{saved}#req_none"), "has no exchange req_none"),
        (("jsonl", "{saved}.none"), "No such file"),
        (("jsonl", "{saved}", "--out", "/proc/none/x"), "/proc/none/x: "),
    ],
)
def test_copy_says_what_is_wrong(
    saved: Path, argv: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("copy", *(word.format(saved=saved) for word in argv)) == 1
    assert said in capsys.readouterr().err


# --- what there is to tell of each


@pytest.mark.parametrize("what", ["timeline", "tokens"])
def test_told(what: str, saved: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(what, saved, folder / "chat-grounding") == 0
    text = capsys.readouterr().out
    assert [id in text for id in ("req_one", "req_two", "req_left")] == [True] * 3
    assert run(what, f"{saved}#req_two", folder / "chat-grounding", "--json") == 0
    assert [json.loads(line)["id"] for line in capsys.readouterr().out.splitlines()] == ["req_two", ""]
    assert run(what, f"{saved}#req_none") == 1
    assert "has no exchange req_none" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["diff", "copy"])
def test_a_reader_that_has_seen_enough(command: str) -> None:
    names = {"diff": ["chat-grounding", "messages-thread"], "copy": ["html", "."]}[command]
    script = (
        "import sys; from scripts import cases as c; from scripts.commands.case_commands import run; "
        "sys.exit(run(c.parse(sys.argv[1:])))"
    )
    words = [sys.executable, "-c", script, command, *names]
    environ = {**os.environ, "PYTHONPATH": str(bootstrap.ROOT)}
    pipe = subprocess.PIPE
    with subprocess.Popen(words, cwd=GOLDEN, env=environ, stdout=pipe, stderr=pipe) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()


def test_old_pythons_can_read_the_script() -> None:
    text = Path(cases.__file__).read_text()
    ast.parse(text, feature_version=(3, 7))
    assert "from __future__ import annotations" not in text


def test_help_needs_nothing_installed() -> None:
    script = os.path.join(bootstrap.ROOT, "scripts", "cases.py")
    done = subprocess.run([sys.executable, "-I", "-S", script, "export", "--help"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "--mask" in done.stdout


# --- page


def test_page(saved: Path, folder: Path, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert run("page", f"{saved}#req_one") == 0
    assert capsysbinary.readouterr().out.startswith(b"<!doctype html>")
    case = next(path.parent for path in sorted(folder.glob("*/case.json")))
    assert run("page", case, "--mask", "--out", tmp_path / "page.html") == 0
    assert b"fillers for what was said" in (tmp_path / "page.html").read_bytes()
    assert run("page", saved) == 1
    assert b"A page is of one exchange" in capsysbinary.readouterr().err


# --- list


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        ((), ["req_left", "req_one", "req_two"]),
        (("--errors",), ["req_left"]),
        (("--endpoint", "chat"), ["req_left", "req_one", "req_two"]),
        (("--with", "two"), ["req_two"]),
        (("--with", "nobody says this", "--texts"), []),
        (("--model", "none of these"), []),
    ],
)
def test_list(saved: Path, options: tuple[str, ...], ids: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list", saved, *options, "--json") == (0 if ids else 1)
    assert sorted(json.loads(line)["id"] for line in capsys.readouterr().out.splitlines()) == ids
    run("list", saved, *options)
    lines = capsys.readouterr().out.splitlines()
    assert f"{len(ids)} of 3" in lines
    assert sorted(line.rpartition(" · ")[2] for line in lines[: len(ids)]) == ids


def test_list_finds_words_in_what_was_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list", folder) == 0
    assert "2 of 2" in capsys.readouterr().out
    said = json.loads((folder / "chat-grounding" / "client-request.json").read_bytes())["messages"][-1]["content"]
    word = max(str(said).split(), key=len)
    assert run("list", folder, "--with", word, "--texts") == 0
    assert run("list", folder, "--with", word) == 1
