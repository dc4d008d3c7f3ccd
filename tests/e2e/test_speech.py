"""`POST /v1/audio/speech`, with the OpenAI SDK over a real mitmdump: formats, streams, faults, records."""

from __future__ import annotations

import base64
import http.client
import io
import json
import subprocess
import sys
import wave
from typing import TYPE_CHECKING, Any

import av
import pytest
from mitmproxy.contentviews import Metadata
from mitmproxy.http import HTTPFlow
from mitmproxy.io import FlowReader
from openai import APIStatusError, BadRequestError, InternalServerError, OpenAI, RateLimitError

from addons.demo.answer import sound
from addons.gateway.views.client_view import ClientConversation
from tests.e2e.conftest import ROOT, TWO_ACCOUNTS, start_gateway
from tests.e2e.test_cases import cases
from tests.e2e.test_upstreams import PATHS, account
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.conftest import Answer, Gateway, Starter, Upstream

MODEL = "gemini-3.8-flash-tts"
PATH = "/v1/audio/speech"
SAID = "Good morning. The quokka sleeps, doesn't it? Yes, it does."
PCM = base64.b64decode(sound.speech_part(SAID)["inlineData"]["data"])
LONG = SAID * 20

TYPES = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg; codecs=opus",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
CONTAINERS = {"mp3": "mp3", "opus": "ogg", "aac": "aac", "flac": "flac", "wav": "wav"}


@pytest.fixture
def client(gateway: Gateway) -> OpenAI:
    return OpenAI(base_url=gateway.base_url, api_key="any", max_retries=0)


def what(data: bytes) -> str:
    with av.open(io.BytesIO(data), "r") as container:
        assert sum(frame.samples for frame in container.decode(audio=0)) > 1000
        return container.format.name


def test_as_the_sdk_asks_unasked(client: OpenAI, upstream: Upstream, tmp_path: Path) -> None:
    """mp3, and nothing else under its name."""
    with client.audio.speech.with_streaming_response.create(model="tts-1", voice="alloy", input=SAID) as response:
        assert response.headers["content-type"] == "audio/mpeg"
        assert response.headers["x-mapped-model"] == MODEL
        assert "emulated=voice" in response.headers["x-antigravity-notes"]
        response.stream_to_file(tmp_path / "speech.mp3")
    assert what((tmp_path / "speech.mp3").read_bytes()) == "mp3"
    [request] = upstream.requests
    assert request.path == f"/v1beta/models/{MODEL}:streamGenerateContent"
    assert request.body == {
        "contents": [{"role": "user", "parts": [{"text": SAID}]}],
        "generationConfig": {
            "responseModalities": ["AUDIO"],
            "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}},
        },
    }


@pytest.mark.parametrize("form", TYPES)
def test_formats(client: OpenAI, form: Any) -> None:
    found = client.audio.speech.create(model="tts-1", voice="Puck", input=SAID, response_format=form)
    assert found.response.headers["content-type"] == TYPES[form]
    if form == "pcm":
        assert found.content == PCM
    else:
        assert what(found.content) == CONTAINERS[form]
    if form == "wav":
        with wave.open(io.BytesIO(found.content)) as file:
            assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 24000)
            assert file.readframes(file.getnframes()) == PCM


def test_what_was_said_is_heard_again(client: OpenAI) -> None:
    said = client.audio.speech.create(model="tts-1", voice="nova", input=SAID, response_format="wav")
    assert client.audio.transcriptions.create(model="whisper-1", file=said.content).text == SAID


def test_sound_as_it_comes(gateway: Gateway) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=PATIENCE)
    body = {"model": "tts-1", "voice": "Puck", "input": LONG, "response_format": "pcm"}
    connection.request("POST", PATH, json.dumps(body), {"Content-Type": "application/json"})
    response = connection.getresponse()
    assert response.getheader("Transfer-Encoding") == "chunked"
    first = response.read1()
    assert 0 < len(first) < len(LONG) * 1000
    assert first + response.read() == base64.b64decode(sound.speech_part(LONG)["inlineData"]["data"])
    connection.close()


def test_wav_as_it_comes(client: OpenAI) -> None:
    found = client.audio.speech.create(
        model="tts-1", voice="Puck", input=SAID, response_format="wav", stream_format="audio"
    )
    assert found.content[:4] + found.content[40:44] == b"RIFF" + b"\xff" * 4
    assert found.content[44:] == PCM


@pytest.mark.parametrize("form", ["pcm", "mp3"])
def test_events(gateway: Gateway, form: str) -> None:
    body = {"model": "tts-1", "voice": "Puck", "input": SAID, "response_format": form, "stream_format": "sse"}
    answer = gateway.call("POST", PATH, body)
    assert answer.headers["content-type"].startswith("text/event-stream")
    *deltas, done = answer.events
    assert len(deltas) > 1
    data = b"".join(base64.b64decode(event["audio"]) for event in deltas)
    assert data == gateway.call("POST", PATH, {**body, "stream_format": "audio"}).body
    assert (done["type"], set(done["usage"])) == (
        "speech.audio.done",
        {"input_tokens", "output_tokens", "total_tokens"},
    )


def test_instructions_and_speed(client: OpenAI, upstream: Upstream) -> None:
    found = client.audio.speech.create(
        model="gpt-4o-mini-tts", voice="ash", input=SAID, instructions="Whisper.", speed=2, response_format="wav"
    )
    part = upstream.requests[-1].body["contents"][0]["parts"][0]
    style = "Whisper. Speak fast, at 2 times the usual pace"
    assert part == {"text": SAID, "speechMetadata": {"style": style}}
    assert found.response.headers["x-antigravity-notes"] == "2 emulated=voice,speed"
    client.audio.speech.create(
        model="gemini-3.1-flash-tts-preview", voice="ash", input=SAID, instructions="Whisper", response_format="wav"
    )
    assert upstream.requests[-1].body["contents"][0]["parts"] == [{"text": f"Whisper:\n{SAID}"}]


def test_voices_of_the_settings(starter: Starter, upstream: Upstream) -> None:
    gateway = starter('[translation.voices]\nalloy = "Leda"\n' + TWO_ACCOUNTS)
    answer = gateway.call("POST", PATH, {"model": "tts-1", "voice": "alloy", "input": "Hi", "response_format": "wav"})
    assert answer.status == 200
    config = upstream.requests[-1].body["generationConfig"]["speechConfig"]["voiceConfig"]
    assert config == {"prebuiltVoiceConfig": {"voiceName": "Leda"}}


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"input": ""}, "input", "nothing to say"),
    ({"voice": 1}, "voice", "a string"),
    ({"voice": "Nobody"}, "voice", "not supported"),
    ({"response_format": "ogg"}, "response_format", "'mp3'"),
    ({"speed": 9}, "speed", "<= 4"),
    ({"model": "gpt-4o"}, "model", "does not speak"),
]


@pytest.mark.parametrize(("members", "param", "said"), REFUSED, ids=lambda value: str(value)[:40])
def test_refused(client: OpenAI, members: dict[str, Any], param: str, said: str) -> None:
    with pytest.raises(BadRequestError, match=said) as e:
        client.audio.speech.create(**{"model": "tts-1", "voice": "alloy", "input": "Hi", **members})
    assert e.value.param == param


def test_without_the_encoder(starter: Starter, tmp_path: Path) -> None:
    """`av` is an extra: where it is missing, the gateway says what works."""
    (tmp_path / "hidden").mkdir()
    hide = (
        "import importlib.util as u\nf = u.find_spec\nu.find_spec = lambda n, p=None: None if n == 'av' else f(n, p)\n"
    )
    (tmp_path / "hidden" / "sitecustomize.py").write_text(hide)
    gateway = starter(TWO_ACCOUNTS, environ={"PYTHONPATH": str(tmp_path / "hidden")})
    body = {"model": "tts-1", "voice": "alloy", "input": "Hi"}
    answer = gateway.call("POST", PATH, body)
    assert (answer.status, answer.error["param"]) == (400, "response_format")
    assert "pip install av" in answer.error["message"]
    assert gateway.call("POST", PATH, {**body, "response_format": "wav"}).body.startswith(b"RIFF")


FAULTS = [
    ("demo-429-all", RateLimitError),
    ("demo-503-all", InternalServerError),
    ("demo-refuse-all", InternalServerError),
    ("demo-blocked-all", BadRequestError),
    ("demo-safety-all", BadRequestError),
    ("demo-empty-all", InternalServerError),
]


@pytest.mark.parametrize(("model", "error"), FAULTS)
@pytest.mark.parametrize("form", ["wav", "pcm"])
def test_faults(client: OpenAI, model: str, error: type[APIStatusError], form: Any) -> None:
    with pytest.raises(error):
        client.audio.speech.create(model=model, voice="Puck", input=SAID, response_format=form)


@pytest.mark.parametrize("fault", ["429", "503", "cut-first", "html", "garbage"])
@pytest.mark.parametrize("form", ["wav", "pcm"])
def test_the_other_account_answers(client: OpenAI, fault: str, form: Any) -> None:
    found = client.audio.speech.create(
        model=f"demo-{fault}-first-spoken-{form}", voice="Puck", input=SAID, response_format=form
    )
    assert found.content[-len(PCM) :] == PCM
    assert "retried=" in found.response.headers["x-antigravity-notes"]


@pytest.mark.parametrize("wire", ["auto", "layers"])
def test_sound_that_breaks_off_never_looks_whole(starter: Starter, wire: str) -> None:
    gateway = starter("[retry]\ncooldown = false\n" + TWO_ACCOUNTS, "--set", f"antigravity_wire={wire}")
    body = {"voice": "Puck", "input": LONG, "response_format": "pcm"}
    for fault in ("error-mid-stream", "cut-mid-stream", "end-without-finish"):
        with pytest.raises(http.client.IncompleteRead) as e:
            gateway.call("POST", PATH, {"model": f"demo-{fault}-spoken", **body})
        assert len(e.value.partial) > 1000
        told = {"model": f"demo-{fault}-told", **body, "stream_format": "sse"}
        with pytest.raises(http.client.IncompleteRead) as e:
            gateway.call("POST", PATH, told)
        last = json.loads(e.value.partial.decode().rstrip().rpartition("data: ")[2])
        assert last["type"] == "error"
    assert gateway.call("POST", PATH, {"model": MODEL, **body}).status == 200


def test_kinds_of_accounts(starter: Starter, upstream: Upstream) -> None:
    body = {"model": "tts-1", "voice": "Puck", "input": SAID, "response_format": "pcm", "instructions": "Softly."}
    gateway = starter(account("vertex"))
    assert gateway.call("POST", PATH, body).body == PCM
    assert upstream.requests[-1].path == f"{PATHS['vertex']}{MODEL}:streamGenerateContent"
    gateway = starter(account("code-assist"))
    answer = gateway.call("POST", PATH, body)
    assert (answer.status, answer.error["code"]) == (503, "no_account")
    assert "no models that speak" in answer.error["message"]


# --- records


ASKED: list[dict[str, Any]] = [
    {},
    {"response_format": "wav", "instructions": "As quokkas do."},
    {"response_format": "flac"},
    {"response_format": "pcm"},
    {"response_format": "opus", "stream_format": "sse"},
    {"model": "demo-503-first-saved", "response_format": "pcm"},
    {"model": "demo-400-all"},
]


def body_of(members: dict[str, Any]) -> dict[str, Any]:
    return {"model": "tts-1", "voice": "alloy", "input": SAID, **members}


@pytest.fixture(scope="module")
def saved(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Answer]]:
    """What was saved, and what was answered."""
    folder = tmp_path_factory.mktemp("saved")
    gateway = start_gateway(folder, TWO_ACCOUNTS.replace("UPSTREAM", upstream.url), "-w", "saved.flow")
    answers = [gateway.call("POST", PATH, body_of(members)) for members in ASKED]
    gateway.stop()
    return folder / "saved.flow", answers


def test_replayed(saved: tuple[Path, list[Answer]], starter: Starter, upstream: Upstream) -> None:
    gateway = starter(TWO_ACCOUNTS, "-S", str(saved[0]))
    for members, answer in zip(ASKED, saved[1], strict=True):
        again = gateway.call("POST", PATH, body_of(members))
        assert (again.status, again.body) == (answer.status, answer.body)
    assert not upstream.requests


def test_sound_is_shown_as_what_it_is(saved: tuple[Path, list[Answer]]) -> None:
    with saved[0].open("rb") as file:
        flows = [flow for flow in FlowReader(file).stream() if isinstance(flow, HTTPFlow) and flow.request.path == PATH]
    view, texts = ClientConversation(), []
    for flow in flows:
        assert flow.response
        about = Metadata(content_type=flow.response.headers["content-type"], flow=flow, http_message=flow.response)
        assert view.render_priority(flow.response.content or b"", about) > 2
        texts.append(view.prettify(flow.response.content or b"", about))
    assert "[sound audio/mpeg, " in texts[0]
    assert "tts-1 → gemini-3.8-flash-tts" in texts[0]
    assert f"[sound audio/pcm, {len(PCM) / 1000:.1f} kB]" in texts[3]


@pytest.mark.parametrize("masked", [(), ("--mask",)], ids=["as it was", "masked"])
def test_cases(saved: tuple[Path, list[Answer]], tmp_path: Path, masked: tuple[str, ...]) -> None:
    exported = cases("export", saved[0], tmp_path / "cases", *masked)
    assert exported.returncode == 0, exported.stdout + exported.stderr
    checked = cases("run", tmp_path / "cases")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert checked.stdout == f"{len(ASKED)} cases, all as recorded\n"
    if masked:
        found = b"".join(path.read_bytes() for path in (tmp_path / "cases").rglob("*") if path.is_file())
        assert b"quokka" not in found
        assert base64.b64encode(PCM)[:100] not in found


def test_by_hand() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mapping", "request"],
        cwd=ROOT,
        input=json.dumps({"model": MODEL, "voice": "Kore", "input": "Hi", "response_format": "wav"}).encode(),
        capture_output=True,
        check=True,
    )
    assert json.loads(done.stdout)["contents"] == [{"role": "user", "parts": [{"text": "Hi"}]}]
