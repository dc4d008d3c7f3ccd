"""mapping.inspect.code: values as literals, and requests as programs. tests/e2e/test_copies.py runs them."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapping import dialects
from mapping.inspect.code import programs
from mapping.inspect.code.calls import Sdk
from mapping.inspect.code.literals import Base64, FileValue, JavaScript, Python, pretty, quoted
from mapping.inspect.code.programs import CopiedRequest

_TEXTS = st.text(st.characters(codec="utf-8"), max_size=60) | st.text("a\n\"'\\$`{}", max_size=200)
_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXTS, inner, max_size=4),
    max_leaves=20,
)
_DEEP: Any = ["x"]
for _ in range(300):
    _DEEP = {"a": [_DEEP]}


@given(_VALUES)
def test_pythons_literals_are_the_values(value: Any) -> None:
    assert eval(Python().write(value)) == value


def test_what_is_deep_is_json() -> None:
    writer = Python()
    assert eval(writer.write(_DEEP), {"json": json}) == _DEEP
    assert writer.needs == {"JSON"}


@pytest.mark.node
def test_javascripts_literals_are_the_values() -> None:
    values = [
        *({"__proto__": 1, "constructor": 2, "a-b": 3, "ü": 4, "$x": 5, "1": 6}, {"": {"__proto__": {}}}, _DEEP),
        *(None, True, False, 1, -1.5, 1e300, "\u2028\u2029\x00\x7f\u202e\ufeff😀\n\r\t\\\"'`${x}", "</script>\n" * 20),
        *({}, [], [[]], {"a": {}}),
    ]
    literals = ",\n".join(JavaScript().write(value) for value in values)
    script = f"console.log(JSON.stringify([{literals}]))"
    done = subprocess.run(["node", "--input-type=module", "-"], input=script.encode(), capture_output=True, check=True)
    assert json.loads(done.stdout) == values


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30), max_size=3))
def test_a_word_of_the_shell_is_the_text(texts: list[str]) -> None:
    script = "printf '%s\\0' x " + " ".join(map(quoted, texts))
    done = subprocess.run(["sh", "-c", script], capture_output=True, check=True)
    assert done.stdout.decode().split("\0") == ["x", *texts, ""]


@given(_VALUES)
def test_pretty_json_ends_no_document(value: Any) -> None:
    """Neither a line that is the mark of the end, nor one that steers a terminal."""
    lines = pretty({"body": value}).split("\n")
    assert "JSON" not in lines
    assert all(map(str.isprintable, lines))
    assert json.loads("\n".join(lines)) == {"body": value}


def test_files_and_bytes() -> None:
    file = FileValue('a "b".wav', base64.b64encode(b"\0sound").decode(), "audio/wav")
    python = Python()
    written = python.write({"file": file, "data": Base64("AAE=")})
    assert eval(written, {"base64": base64}) == {"file": ('a "b".wav', b"\0sound", "audio/wav"), "data": b"\0\1"}
    assert python.needs == {"Base64", "FileValue"}
    assert 'await toFile(Buffer.from("AHNvdW5k", "base64"), "a \\"b\\".wav"' in JavaScript().write([file])
    assert JavaScript().write(Base64("AAE=")) == '"AAE="'


def test_texts_of_several_lines_stand_in_lines() -> None:
    assert Python().write({"a": "one\n" * 30}).count("\n") > 30
    assert JavaScript().write({"a": "one\n" * 30}).count("\n") > 30
    assert Python().write({"a": "one\ntwo"}).count("\n") <= 3


@pytest.mark.parametrize(
    ("name", "request_", "said"),
    [
        ("chat", {"model": "m", "messages": [], "top_k": 3}, 'extra_body={"top_k": 3}'),
        ("chat", {"model": "m", "input": "x"}, "urllib.request"),
        ("responses", {"model": "m", "input": "x"}, "client.responses.create("),
        ("messages", {"model": "m", "messages": []}, "urllib.request"),
        ("image_edits", {"model": "m", "prompt": "x", "image": "https://example.com/x.png"}, "urllib.request"),
        ("countTokens", {"model": "m", "generateContentRequest": {"contents": []}}, "urllib.request"),
        ("generateContent", {"model": "m", "contents": "not a content"}, "urllib.request"),
        ("generateContent", {"model": "m", "api": "vertex", "contents": [{"parts": []}]}, "urllib.request"),
        (
            "batchEmbedContents",
            {"model": "m", "requests": [{"content": {}, "taskType": "X"}, {"content": {}}]},
            "urllib",
        ),
        ("none such", {"anything": 1}, "urllib.request"),
    ],
)
def test_the_call_that_makes_a_request(name: str, request_: dict[str, Any], said: str) -> None:
    """Where no SDK makes it, by HTTP."""
    asked = CopiedRequest(dialects.sdk(name), "POST", "http://127.0.0.1:1", "/v1/x", request_)
    assert said in programs.python(asked)
    assert ("fetch(" in programs.javascript(asked)) == ("urllib" in said)


@pytest.mark.parametrize(
    ("method", "path", "said"),
    [
        ("GET", "/v1/models", "curl -sSN 'http://127.0.0.1:1/v1/models' \\\n"),
        ("DELETE", "/v1/responses/r", "curl -sSN -X DELETE '"),
        ("POST", "/v1/responses/r/cancel", "-d ''"),
        ("GET", "/v1/models/{x}", "curl -sSNg '"),
        ("GET", "/v1/models/it's", "/it'\\''s'"),
    ],
)
def test_requests_without_a_body(method: str, path: str, said: str) -> None:
    asked = CopiedRequest(Sdk(), method, "http://127.0.0.1:1", path, None)
    assert said in programs.curl(asked)
    assert f'method="{method}"' in programs.python(asked)
    assert f'method: "{method}"' in programs.javascript(asked)
    compile(programs.python(asked), "ask.py", "exec")


def test_every_shell_reads_the_command() -> None:
    request = {"model": "m", "messages": [{"role": "user", "content": "it's $HOME `x` \\ !"}]}
    command = programs.curl(CopiedRequest(dialects.sdk("chat"), "POST", "http://127.0.0.1:1", "/v1/x", request))
    for shell in filter(shutil.which, ("sh", "bash", "dash", "zsh", "ksh")):
        assert not subprocess.run([shell, "-n"], input=command.encode(), capture_output=True, check=True).stderr
