"""Google's SDK for Node on Gemini's own paths: the script `node/genai.mjs`, and what it saw."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.patience import PATIENCE

if TYPE_CHECKING:
    from tests.e2e.conftest import Gateway

pytestmark = pytest.mark.node

SCRIPTS = Path(__file__).parent / "node"
MODEL = "gemini-3.8-flash"
FAULTS = [
    # model, name of the error, HTTP status, whether a part of the answer came before
    ["demo-503-all", "ApiError", 503, False],
    ["demo-429-all", "ApiError", 429, False],
    ["demo-error-mid-stream", "ApiError", 500, True],
    ["demo-cut-mid-stream", "ApiError", 502, True],
    ["no-such-model", "ApiError", 404, False],
]


def test_google_genai(gateway: Gateway) -> None:
    command = ["node", "genai.mjs", gateway.base_url, MODEL]
    done = subprocess.run(command, cwd=SCRIPTS, capture_output=True, text=True, timeout=2 * PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert "Hello, 你好 🇨🇭!" in found["text"]
    assert (found["streamed"], found["version"]) == (found["text"], MODEL)
    assert ["first" in found["turns"][0], "second" in found["turns"][1]] == [True, True]
    assert found["totalTokens"] > 0
    assert found["lengths"] == [3072, 3072]
    assert f"models/{MODEL}" in found["models"]
    assert found["file"].startswith("files/")
    assert "The sea is green." in found["seen"]
    assert found["faults"] == FAULTS
