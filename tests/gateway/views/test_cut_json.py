"""addons.gateway.views.cut_json: what JSON says that breaks off, and what is no JSON."""

from __future__ import annotations

from typing import Any

import pytest

from addons.gateway.views import cut_json

CUT = [
    ('{"a": "hel', {"a": "hel"}),
    ('{"a": "hel\\', {"a": "hel"}),
    ('{"a": "hel\\u00', {"a": "hel"}),
    ('{"a": "hel\\\\', {"a": "hel\\"}),
    ('{"a": "hel\\\\\\', {"a": "hel\\"}),
    ('{"a": "hel\\ud83d', {"a": "hel"}),
    ('{"a": "12', {"a": "12"}),
    ('{"a": "x\\ud83d\\ude', {"a": "x"}),
    ('{"a": 1, "b": 12', {"a": 1}),
    ('{"a": 1, "b": -1.5e', {"a": 1}),
    ('{"a": [true, fal', {"a": [True]}),
    ('{"a": 1, "b', {"a": 1}),
    ('{"a": 1, "b"', {"a": 1}),
    ('{"a": 1, "b":', {"a": 1}),
    ('{"a": 1,', {"a": 1}),
    ('[[1, 2], {"a": {}', [[1, 2], {"a": {}}]),
    ('\ufeff{"a": "x', {"a": "x"}),
    ("{", {}),
]


@pytest.mark.parametrize(("text", "value"), CUT)
def test_what_there_is_of_it(text: str, value: Any) -> None:
    assert cut_json.loads(text.encode()) == (value, True)


def test_half_a_character() -> None:
    whole = '{"a": "h\N{LATIN SMALL LETTER E WITH ACUTE}'.encode()
    assert cut_json.loads(whole[:-1]) == ({"a": "h"}, True)
    assert cut_json.loads(b'{"a": "h\xffh') == ({"a": "h\ufffdh"}, True)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "abc",
        "tr",
        '"abc',
        '{"a": 1}}',
        '{"a": 1]',
        '{"a": 1} {',
        "[1 2",
        "[1a",
        '{"a" 1',
        '{"a": NaN',
        '["\n',
    ],
)
def test_what_is_no_json(text: str) -> None:
    with pytest.raises(ValueError):
        cut_json.loads(text.encode())


def test_whole_json_is_not_cut() -> None:
    assert cut_json.loads(b'{"a": [1]}') == ({"a": [1]}, False)
    assert cut_json.loads(b"12") == (12, False)
