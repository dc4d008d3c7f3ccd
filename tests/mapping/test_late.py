"""mapping.late: a module is loaded when something of it is first asked for, and is the same for all."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mapping import jsonio
from mapping.late import late
from tests.e2e.conftest import ROOT

SCRIPT = """
import sys
from mapping.late import late
found = late("mapping.request.second_try")
assert found is late("mapping.request.second_try")
assert "mapping.gemini.schema" not in sys.modules
assert found.TOOLS and "mapping.gemini.schema" in sys.modules
from mapping.request import second_try
assert second_try is found
"""


def test_it_is_loaded_when_it_is_asked_for() -> None:
    subprocess.run([sys.executable, "-c", SCRIPT], cwd=ROOT, check=True)


def test_what_is_loaded_is_given() -> None:
    assert late("mapping.jsonio") is jsonio


def test_what_is_not_there() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"'mapping\.nothing'"):
        late("mapping.nothing")
