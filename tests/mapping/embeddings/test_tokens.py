"""Token arrays become texts again where tiktoken and its table are at hand; otherwise a 400 says what to do."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import tiktoken
from tiktoken import registry

from mapping.embeddings import tokens
from mapping.notes import Notes
from tests.mapping.embeddings.test_request import refused, translated

SMALL = "text-embedding-3-small"
WORDS = [b"Hello", b" world", "é".encode(), "語".encode()]
"""Further tokens of the table of the tests; before them stand all single bytes."""
HELLO = [256, 257]


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tiny encoding in the place of cl100k_base, and a file where its table would be."""
    ranks = {bytes([n]): n for n in range(256)} | {word: 256 + n for n, word in enumerate(WORDS)}
    tiny = tiktoken.Encoding("cl100k_base", pat_str=r"\s?\w+|.", mergeable_ranks=ranks, special_tokens={})
    monkeypatch.setitem(registry.ENCODINGS, "cl100k_base", tiny)
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    tokens.table_of("cl100k_base").touch()


def texts(value: Any, client_model: str = SMALL) -> list[str]:
    notes = Notes()
    [call] = translated({"input": value}, "gemini-embedding-2", notes, client_model=client_model).calls
    assert ("emulated", "input (tokens)") in list(notes)
    assert call.body
    return [one["content"]["parts"][0]["text"] for one in call.body.get("requests", [call.body])]


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (HELLO, ["Hello world"]),
        ([HELLO], ["Hello world"]),
        ([HELLO, [259, 33]], ["Hello world", "語!"]),
        ([[258, 0xE8, 0xAA]], ["é\N{REPLACEMENT CHARACTER}"]),
    ],
    ids=["one array", "a list of one", "a list", "half a character"],
)
def test_decoded(value: Any, expected: list[str]) -> None:
    assert texts(value) == expected


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize("name", [*tokens.ENCODINGS, f"openai/{SMALL}"])
def test_whose_tokens_are_known(name: str) -> None:
    assert texts(HELLO, name) == ["Hello world"]


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize("token", [999, -1, 10**30])
def test_a_number_that_is_no_token(token: int) -> None:
    error = refused({"input": [HELLO, [token]]}, client_model=SMALL)
    assert (error.param, error.code) == ("input[1]", "invalid_value")
    assert "no token of cl100k_base" in error.message


@pytest.mark.usefixtures("table")
def test_other_models_have_no_tokens_that_are_known() -> None:
    error = refused({"input": [HELLO]}, client_model="gemini-embedding-001")
    assert (error.param, error.code) == ("input[0]", "unsupported_value")
    assert "check_embedding_ctx_length=False" in error.message
    assert SMALL in error.message


@pytest.mark.usefixtures("table")
def test_without_tiktoken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tiktoken", None)
    error = refused({"input": HELLO}, client_model=SMALL)
    assert (error.param, error.code) == ("input", "unsupported_value")
    assert "pip install tiktoken" in error.message
    assert "check_embedding_ctx_length=False" in error.message


def test_without_the_table_nothing_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path / "none"))
    monkeypatch.setattr(tiktoken, "get_encoding", lambda name: pytest.fail("it would be fetched"))
    error = refused({"input": HELLO}, client_model=SMALL)
    assert (error.param, error.code) == ("input", "unsupported_value")
    assert 'tiktoken.get_encoding("cl100k_base")' in error.message


def test_the_table_is_where_tiktoken_keeps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands there is what tiktoken reads, and finds to be none."""
    from tiktoken import load
    from tiktoken_ext import openai_public

    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    table = tokens.table_of("cl100k_base")
    table.write_bytes(b"not a table")
    monkeypatch.setattr(load, "read_file", lambda path: pytest.fail(f"{path} would be fetched"))
    monkeypatch.setattr(load, "check_hash", lambda data, expected: data == b"not a table")
    with pytest.raises(ValueError, match="not a table"):
        openai_public.cl100k_base()
