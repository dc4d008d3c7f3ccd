"""OpenAI's Node SDK: the scripts of the folder `node`, and what they and the upstream saw."""

from __future__ import annotations

import base64
import json
import math
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from addons.demo.answer import media, sound
from tests.e2e.answer_checks import Wire
from tests.e2e.sdk_tools import first_calls, is_genuine
from tests.e2e.test_transcriptions import SAID, SPOKEN
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from tests.e2e.conftest import Gateway, Upstream

pytestmark = pytest.mark.node

SCRIPTS = Path(__file__).parent / "node"
type Node = Callable[..., Any]


@pytest.fixture
def node(gateway: Gateway) -> Node:
    """Runs a script, checks every answer that it got, and returns its results."""

    def run(script: str, *arguments: str) -> Any:
        done = subprocess.run(
            ["node", script, gateway.base_url, *arguments],
            cwd=SCRIPTS,
            capture_output=True,
            text=True,
            timeout=2 * PATIENCE,
        )
        assert done.returncode == 0, done.stderr
        report = json.loads(done.stdout)
        wire = Wire()
        for answer in report["wire"]:
            wire.take(answer["path"], answer["status"], answer["type"], answer["body"].encode())
        wire.verify()
        return report["results"]

    return run


@pytest.mark.parametrize("model", ["gemini-2.5-flash", "gemini-3-flash"])
def test_chat(node: Node, model: str) -> None:
    found = node("chat.mjs", model)
    text = found["whole"]["choices"][0]["message"]["content"]
    assert "Hello, 你好 🇨🇭!" in text
    assert found["streamed"] == found["deltas"] == found["same"] == text
    assert found["final"]["choices"][0]["message"]["content"] == text
    assert found["final"]["choices"][0]["finish_reason"] == "stop"
    assert found["usage"]["total_tokens"] == found["whole"]["usage"]["total_tokens"]
    assert [choice["index"] for choice in found["choices"]] == [0, 1, 2]
    assert all("Hello" in choice["message"]["content"] for choice in found["choices"])
    assert found["requestId"].startswith("req_")
    assert found["mapped"].startswith(model)
    assert "gemini-2.5-flash" in found["models"]
    assert found["model"]["id"] == "gemini-2.5-flash"


@pytest.mark.parametrize("model", ["gemini-2.5-flash", "gemini-3-flash", "gemini-4-argon"])
def test_run_tools(node: Node, upstream: Upstream, model: str) -> None:
    found = node("tools.mjs", model)
    weather, nothing = {"city": "demo city", "days": 2, "unit": "C"}, {}
    assert found["called"] == [["get_weather", weather], ["get_time", nothing]] * 2
    assert found["calls"] == [weather, nothing]
    for answer in ("whole", "streamed"):
        assert '{\\"sky\\":\\"blue\\"}' in found[answer]
        assert "noon" in found[answer]
    replayed = [part for request in upstream.requests for part in first_calls(request.body)]
    assert len(replayed) == 2
    assert all(map(is_genuine, replayed)) == (model != "gemini-2.5-flash")


@pytest.mark.parametrize("model", ["gemini-2.5-flash", "gemini-3-flash"])
def test_structured_output(node: Node, upstream: Upstream, model: str) -> None:
    found = node("structured.mjs", model)
    assert found["whole"] == found["streamed"]
    assert found["whole"]["favourite"] == "red"
    assert found["whole"]["kind"] == "person"
    assert found["whole"]["contact"] == {"mail": "demo mail"}
    assert found["category"]["title"] == "demo title"
    assert found["failures"] == {
        "demo-max-tokens": "LengthFinishReasonError",
        "demo-safety": "ContentFilterFinishReasonError",
    }
    schema = upstream.requests[-1].body["generationConfig"]["responseJsonSchema"]
    assert "$schema" not in schema
    assert list(schema["properties"]) == ["title", "children"]


@pytest.mark.parametrize("model", ["gemini-embedding-001", "text-embedding-3-large"])
def test_embeddings(node: Node, upstream: Upstream, model: str) -> None:
    found = node("embeddings.mjs", model)
    assert found["floats"] == media.vector("Hello", 3072)
    assert found["one"] == pytest.approx(found["floats"], abs=1e-7)
    assert found["indices"] == list(range(150))
    for number, vector in enumerate(found["many"]):
        whole = media.vector(f"text {number}", 4)
        assert vector == pytest.approx([value / math.hypot(*whole) for value in whole], abs=1e-6)
    assert found["model"] == model
    assert found["usage"]["total_tokens"] > 150
    assert found["empty"] == {"class": "BadRequestError", "status": 400, "code": "invalid_value", "param": "input[1]"}
    assert found["dimensions"]["param"] == "dimensions"
    assert len(upstream.requests) == 5


def test_audio(node: Node, upstream: Upstream, tmp_path: Path) -> None:
    """Node sends what is read from a file without a length, and a bare Buffer as a field for each byte."""
    file = tmp_path / "talk"
    file.write_bytes(SPOKEN)
    found = node("audio.mjs", str(file))
    for way in ("plain", "fromDisk", "blob", "translated", "verbose"):
        assert found[way]["text"] == SAID, way
    assert found["srt"].startswith("1\n00:00:00,000 --> ")
    assert " ".join(word["word"] for word in found["verbose"]["words"]) == SAID
    assert found["verbose"]["segments"][0]["text"] == "Good morning."
    assert found["streamed"][-1]["text"] == SAID
    assert found["broken"] is not None
    assert (found["buffer"]["status"], found["buffer"]["param"]) == (400, "file")
    assert found["spoken"]["type"] == "audio/pcm"
    assert found["spoken"]["sound"] == sound.speech_part("One. Two.")["inlineData"]["data"]
    assert found["brokenSpeech"] is not None, "the connection has broken off"
    sent = [
        part["inlineData"]
        for call in upstream.requests
        for part in call.body["contents"][0]["parts"][:1]
        if "inlineData" in part
    ]
    assert {(blob["mimeType"], blob["data"]) for blob in sent} == {("audio/wav", base64.b64encode(SPOKEN).decode())}


CLASSES = {
    "param": ("BadRequestError", 400, "invalid_value", "temperature"),
    "model": ("NotFoundError", 404, "model_not_found", "model"),
    "limit": ("RateLimitError", 429, "rate_limit_exceeded", None),
    "server": ("InternalServerError", 500, None, None),
    "overloaded": ("InternalServerError", 503, None, None),
    "unreachable": ("InternalServerError", 502, "upstream_unreachable", None),
}


def test_errors(node: Node) -> None:
    found = node("errors.mjs")
    for name, expected in CLASSES.items():
        for error in (found[name], found[f"{name} streamed"]):
            assert (error["class"], error["status"], error["code"], error["param"]) == expected
            assert error["requestID"].startswith("req_")
    for model in ("demo-error-mid-stream", "demo-cut-mid-stream", "demo-end-without-finish"):
        assert found[model]["class"] == "APIError"
        assert found[model]["type"] == "server_error"
        assert found[f"{model} helper"] is not None


def test_images(node: Node, upstream: Upstream, tmp_path: Path) -> None:
    """Node sends what is read from a file without a length, and a bare Buffer as a field for each byte."""
    file = tmp_path / "picture"
    file.write_bytes(base64.b64decode(media.image_part("A picture", "4:3")["inlineData"]["data"]))
    found = node("images.mjs", str(file))
    assert len(found["generated"]["data"]) == 2
    assert found["edited"]["size"] == found["several"]["size"] == "1024x1024"
    assert found["several"]["usage"]["input_tokens_details"]["image_tokens"] == 2 * 258
    assert [event["type"] for event in found["streamed"]] == [
        "image_generation.partial_image",
        "image_generation.completed",
    ]
    assert [event["type"] for event in found["editStreamed"]] == ["image_edit.completed"]
    blocked = {"class": "BadRequestError", "status": 400, "code": "moderation_blocked", "param": None}
    assert found["blocked"] == {**blocked, "type": "image_generation_user_error"}
    assert found["broken"]["code"] == "upstream_broke_off"
    assert (found["buffer"]["status"], found["buffer"]["param"]) == (400, "image")
    given = [
        part["inlineData"]["mimeType"] for call in upstream.requests for part in call.body["contents"][0]["parts"][1:]
    ]
    assert set(given) == {"image/png"}
