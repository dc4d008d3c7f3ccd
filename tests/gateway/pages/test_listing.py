"""addons.gateway.pages.listed.listing: what is listed, and what the facets say."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.gateway.pages.listed.listing import FACETS, FIRST, ListAsked, holds_in, listing
from mapping.values import JSON


def one(id: str, **told: Any) -> JSON:
    plain = {
        "id": id, "method": "POST", "path": "/v1/chat/completions", "endpoint": "chat", "client_model": "gpt-4o",
        "model": "flash", "account": "a", "status": 200, "error": None, "outcome": "ok", "message": None,
        "finish": ["stop"], "attempts": [], "notes": [], "client": "openai-python", "conversation": "c1",
    }  # fmt: skip
    return {**plain, **told}


GOOD = one("req_1")
SLOW = one("req_2", model="pro", account="b")
BROKEN = one(
    "req_3", status=400, error="invalid_value", outcome="invalid_value", message="tools[1] is wrong", account="b"
)
EMPTY = one("req_4", notes=[["empty", "MAX_TOKENS"]], conversation="c2")
LEFT = one("req_5", status=200, outcome="client_left", client=None)
KNOWN = [LEFT, EMPTY, BROKEN, SLOW, GOOD]
TEXTS = {"req_1": [b'{"text": "The \\u00e4pple"}'], "req_4": ['{"text": "Äpple, and \\"more\\""}'.encode()]}


def holds(id: str, word: str) -> bool:
    return holds_in(TEXTS.get(id, ()), word)


def ids(**query: str) -> list[str]:
    return [str(found["id"])[-1] for found in listing(KNOWN, ListAsked.of(query), holds).exchanges]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, "54321"),
        ({"errors": "1"}, "543"),
        ({"errors": "0"}, "54321"),
        ({"model": "pro"}, "2"),
        ({"account": "b"}, "32"),
        ({"account": "b", "model": "flash"}, "3"),
        ({"conversation": "c2"}, "4"),
        ({"outcome": "client_left"}, "5"),
        ({"client": "openai-python", "errors": "1"}, "43"),
        ({"q": "TOOLS[1]"}, "3"),
        ({"q": "pro chat"}, "2"),
        ({"q": "äpple"}, ""),
        ({"q": "äpple", "texts": "1"}, "41"),
        ({"q": "äpple flash", "texts": "1"}, "41"),
        ({"q": "the", "texts": "1"}, "1"),
        ({"q": '"more"', "texts": "1"}, "4"),
        ({"q": "äpple", "texts": "1", "errors": "1"}, "4"),
        ({"q": "the", "texts": "1", "errors": "1"}, ""),
        ({"model": "none of these"}, ""),
    ],
)
def test_what_is_listed(query: dict[str, str], found: str) -> None:
    assert "".join(ids(**query)) == found


def facets(**query: str) -> dict[str, dict[str, int]]:
    made = listing(KNOWN, ListAsked.of(query), holds)
    return {facet.name: {value.value: value.count for value in facet.values} for facet in made.facets}


def test_a_client_is_named_without_its_version() -> None:
    known = [one(f"req_{at}", client=client) for at, client in enumerate(("tool 1.2", "tool 1.10", "tool", "tools 1"))]

    def found(client: str) -> tuple[str, dict[str, int]]:
        made = listing(known, ListAsked.of({"client": client}), holds)
        counts = next(facet for facet in made.facets if facet.name == "client").values
        return "".join(str(one["id"])[-1] for one in made.exchanges), {value.value: value.count for value in counts}

    assert found("tool 1.2")[0] == "0"
    assert found("tools") == ("3", {"tools": 1, "tool": 1, "tool 1.10": 1, "tool 1.2": 1, "tools 1": 1})
    assert found("tool")[0] == "012"
    assert found("too")[0] == ""


def test_each_facet_counts_what_choosing_it_would_show() -> None:
    assert facets()["account"] == {"a": 3, "b": 2}
    assert facets(model="pro") == {
        "model": {"pro": 1, "flash": 4},
        "account": {"b": 1},
        "endpoint": {"chat": 1},
        "outcome": {"ok": 1},
        "client": {"openai-python": 1},
        "conversation": {"c1": 1},
    }
    assert facets(errors="1")["outcome"] == {"client_left": 1, "invalid_value": 1, "ok": 1}
    assert facets(model="gone")["model"] == {"gone": 0, "flash": 4, "pro": 1}


def test_a_chosen_value_leads_back() -> None:
    made = listing(KNOWN, ListAsked.of({"model": "pro", "q": "x&y", "errors": "1"}), holds)
    (model,) = (facet for facet in made.facets if facet.name == "model")
    assert model.values[0].chosen
    assert model.values[0].address == "/exchanges?errors=1&q=x%26y"


def test_few_are_listed_unless_all_are_asked_for() -> None:
    many = [one(f"req_{number}", model=f"m{number}") for number in range(FIRST + 20)]
    made = listing(many, ListAsked.of({}), holds)
    assert (len(made.exchanges), made.fitting, made.known) == (FIRST, FIRST + 20, FIRST + 20)
    assert made.facets[0].more == FIRST + 8
    assert len(listing(many, ListAsked.of({"all": "1"}), holds).exchanges) == FIRST + 20


@given(st.dictionaries(st.sampled_from([*FACETS, "q", "errors", "texts", "all"]), st.text(max_size=5)))
def test_an_address_asks_for_the_same_again(query: dict[str, str]) -> None:
    asked = ListAsked.of(query)
    again = ListAsked.of(dict(parse_qsl(urlsplit(asked.address()).query)))
    assert again == asked


@given(st.sampled_from(sorted(FACETS)), st.dictionaries(st.sampled_from(sorted(FACETS)), st.sampled_from("abx")))
def test_choosing_a_value_shows_as_many_as_it_says(facet: str, query: dict[str, str]) -> None:
    made = listing(KNOWN, ListAsked.of(query), holds)
    for found in made.facets:
        if found.name == facet:
            for value in found.values:
                shown = listing(KNOWN, ListAsked.of({**query, facet: value.value}), holds)
                assert shown.fitting == value.count
