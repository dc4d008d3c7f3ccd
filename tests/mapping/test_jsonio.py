"""mapping.jsonio: what is read, and what is refused so that nothing else is written for it."""

from __future__ import annotations

import pytest

from mapping import jsonio

LONG = "1" + "0" * 5000


@pytest.mark.parametrize("literal", ["0", "-1.5", "18446744073709551615", "1e+308", "1" + "0" * 400])
def test_numbers_that_are_read_are_written_again(literal: str) -> None:
    assert jsonio.dumps(jsonio.loads(f"[{literal}]")).decode() == f"[{literal}]"


@pytest.mark.parametrize("literal", ["1e400", "-1E999", LONG, f"-{LONG}", f"{LONG}.5"])
def test_numbers_beyond_any_are_refused(literal: str) -> None:
    """They would be null by the time they are written."""
    with pytest.raises(ValueError, match=r"the number .* is too large") as caught:
        jsonio.loads(f'{{"a": {literal}}}')
    assert len(str(caught.value)) < 80
