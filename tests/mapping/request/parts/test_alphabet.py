"""Whether a text is of an alphabet: by glibc and by Python's table the same."""

import string

import pytest

from mapping.request.parts import alphabet
from mapping.request.parts.alphabet import Alphabet

LETTERS = string.ascii_letters + string.digits + "+/"
LONG = 3 * alphabet._SLICE + 17


@pytest.fixture(params=["glibc", "table"])
def base64(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Alphabet:
    """Each way of looking; where the C library is not glibc, the table twice."""
    if request.param == "table":
        monkeypatch.setattr(alphabet, "_by_glibc", lambda _: None)
    return Alphabet(LETTERS)


def test_each_character(base64: Alphabet) -> None:
    for code in (*range(300), 0x20AC, 0xD800, 0x1F680):
        text = "AB" + chr(code) + "CD"
        assert base64.holds(text, len(text)) == (chr(code) in LETTERS), code


@pytest.mark.parametrize("at", [0, 1, alphabet._SLICE - 1, alphabet._SLICE, 2 * alphabet._SLICE + 5, LONG - 1])
def test_one_other_in_a_long_text(base64: Alphabet, at: int) -> None:
    text = "z" * LONG
    assert base64.holds(text, LONG)
    for other in ("\0", "=", "-", "\n", "\x7f"):
        assert not base64.holds(text[:at] + other + text[at + 1 :], LONG)


def test_what_comes_after_the_end_does_not_count(base64: Alphabet) -> None:
    assert base64.holds("AAA=", 3)
    assert base64.holds("", 0)
    assert base64.holds("==", 0)
    assert not base64.holds("AAA=", 4)
    assert base64.holds("z" * alphabet._SLICE + "=", alphabet._SLICE)
