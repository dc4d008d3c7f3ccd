"""`POST /v1/audio/transcriptions` and `/translations`, with the OpenAI SDK over a real mitmdump.

The demo understands what it has said itself, and of other recordings tells what they are.
"""

from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
import wave
from typing import TYPE_CHECKING, Any

import pytest
from openai import APIStatusError, BadRequestError, InternalServerError, OpenAI, RateLimitError
from openai.types.audio import Transcription, TranscriptionDiarized, TranscriptionVerbose

from addons.demo.answer import sound
from tests.e2e.conftest import FLASH, ROOT, TWO_ACCOUNTS, start_gateway
from tests.e2e.test_cases import cases
from tests.e2e.test_upstreams import PATHS, account
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.conftest import Answer, Gateway, Starter, Upstream

MODEL = "gemini-3.5-transcribe"
PATH = "/v1/audio/transcriptions"
SAID = "Good morning. The quokka sleeps, doesn't it? Yes, it does."


def spoken(text: str = SAID) -> bytes:
    """A WAV file in which the demo says this."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sound.RATE)
        file.writeframes(base64.b64decode(sound.speech_part(text)["inlineData"]["data"]))
    return out.getvalue()


SPOKEN = spoken()
LENGTH = (len(SPOKEN) - 44) / 2 / sound.RATE


def form(boundary: str = "b0undary", **members: Any) -> tuple[bytes, dict[str, str]]:
    """A form by hand: bytes are files."""
    body = b""
    for name, value in members.items():
        file = f'; filename="{name}.wav"\r\nContent-Type: audio/x-wav' if isinstance(value, bytes) else ""
        body += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode()
        body += (value if isinstance(value, bytes) else str(value).encode()) + b"\r\n"
    return body + f"--{boundary}--\r\n".encode(), {"Content-Type": f"multipart/form-data; boundary={boundary}"}


def ask(gateway: Gateway, path: str = PATH, **members: Any) -> Answer:
    body, headers = form(**{"file": SPOKEN, "model": "whisper-1", **members})
    return gateway.call("POST", path, body, headers=headers)


@pytest.fixture
def client(gateway: Gateway) -> OpenAI:
    return OpenAI(base_url=gateway.base_url, api_key="any", max_retries=0)


def test_json(client: OpenAI, upstream: Upstream) -> None:
    raw = client.audio.transcriptions.with_raw_response.create(model="whisper-1", file=("a.wav", SPOKEN), language="en")
    found = raw.parse()
    Transcription.model_validate_json(raw.content, strict=True)
    assert found.text == SAID
    assert raw.headers["content-type"] == "application/json"
    assert raw.headers["x-mapped-model"] == MODEL
    [request] = upstream.requests
    assert request.path == f"/v1beta/models/{MODEL}:generateContent"
    [part] = request.body["contents"][0]["parts"]
    assert part == {"inlineData": {"mimeType": "audio/wav", "data": base64.b64encode(SPOKEN).decode()}}
    assert request.body["generationConfig"] == {"audioTranscriptionConfig": {"languageCodes": ["en-US"]}}


def test_another_recording_gives_another_transcript(client: OpenAI) -> None:
    texts = {
        client.audio.transcriptions.create(model="whisper-1", file=b"OggS" + bytes(number)).text
        for number in (40, 41, 42)
    }
    assert len(texts) == 3
    assert all("audio/ogg" in text for text in texts)


@pytest.mark.parametrize("name", ["text", "srt", "vtt"])
def test_texts(client: OpenAI, name: Any) -> None:
    raw = client.audio.transcriptions.with_raw_response.create(model=MODEL, file=SPOKEN, response_format=name)
    assert raw.headers["content-type"] == "text/plain; charset=utf-8"
    found: Any = raw.parse()
    assert found == raw.text
    if name == "text":
        assert found == SAID + "\n"
    else:
        assert found.startswith("1\n00:00:00,000 --> " if name == "srt" else "WEBVTT\n\n00:00:00.000 --> ")
        assert "The quokka sleeps, doesn't it?\n\n" in found


def test_verbose(client: OpenAI) -> None:
    raw = client.audio.transcriptions.with_raw_response.create(
        model="whisper-1", file=SPOKEN, response_format="verbose_json", timestamp_granularities=["word", "segment"]
    )
    found = raw.parse()
    TranscriptionVerbose.model_validate_json(raw.content, strict=False)
    assert (found.text, found.language) == (SAID, "english")
    assert float(found.duration) == pytest.approx(LENGTH, abs=0.01)
    assert found.words
    assert found.segments
    assert " ".join(word.word for word in found.words) == SAID
    assert [segment.text for segment in found.segments] == [
        "Good morning.",
        "The quokka sleeps, doesn't it?",
        "Yes, it does.",
    ]
    assert found.segments[-1].end == found.words[-1].end


def test_speakers(client: OpenAI) -> None:
    raw = client.audio.transcriptions.with_raw_response.create(
        model="gpt-4o-transcribe-diarize", file=SPOKEN, response_format="diarized_json", chunking_strategy="auto"
    )
    found = raw.parse()
    TranscriptionDiarized.model_validate_json(raw.content, strict=True)
    assert [segment.speaker for segment in found.segments] == ["A", "B", "A"]
    assert found.text == SAID


def test_stream(client: OpenAI) -> None:
    stream = client.audio.transcriptions.create(model="gpt-4o-transcribe", file=SPOKEN, stream=True)
    events = list(stream)
    assert [event.type for event in events] == ["transcript.text.delta"] * (len(events) - 1) + ["transcript.text.done"]
    done: Any = events[-1]
    assert done.text == SAID
    assert "".join(event.delta for event in events if event.type == "transcript.text.delta") == SAID
    assert done.usage.input_token_details.audio_tokens > 0


def test_stream_of_speakers(client: OpenAI) -> None:
    stream = client.audio.transcriptions.create(model=MODEL, file=SPOKEN, stream=True, response_format="diarized_json")
    events = list(stream)
    assert [event.speaker for event in events if event.type == "transcript.text.segment"] == ["A", "B", "A"]


def test_any_other_model(client: OpenAI, upstream: Upstream) -> None:
    raw = client.audio.transcriptions.with_raw_response.create(
        model="gemini-flash", file=SPOKEN, prompt="Quokka.", response_format="verbose_json"
    )
    found: Any = raw.parse()
    assert found.text == SAID
    assert found.segments is None
    assert float(found.duration) == pytest.approx(LENGTH, abs=0.01)
    assert "model-refuses=timestamp_granularities" in raw.headers["x-antigravity-notes"]
    assert "Write down what is said" in upstream.requests[-1].body["contents"][0]["parts"][1]["text"]
    with pytest.raises(BadRequestError, match=MODEL) as e:
        client.audio.transcriptions.create(model="gemini-flash", file=SPOKEN, response_format="srt")
    assert e.value.param == "response_format"


@pytest.mark.filterwarnings("ignore:deprecated")
def test_translation(client: OpenAI, upstream: Upstream) -> None:
    raw = client.audio.translations.with_raw_response.create(model="whisper-1", file=SPOKEN)
    assert raw.parse().text == SAID
    assert raw.headers["x-mapped-model"] == FLASH
    assert "into English" in upstream.requests[-1].body["contents"][0]["parts"][1]["text"]
    verbose: Any = client.audio.translations.create(model="whisper-1", file=SPOKEN, response_format="verbose_json")
    assert (verbose.language, verbose.text) == ("english", SAID)
    assert client.audio.translations.create(model="whisper-1", file=SPOKEN, response_format="text") == SAID + "\n"


def test_files_as_people_give_them(client: OpenAI, tmp_path: Path) -> None:
    path = tmp_path / 'größe "1".wav'
    path.write_bytes(SPOKEN)
    with path.open("rb") as opened:
        for file in (path, opened, ("x", SPOKEN, "audio/wav"), io.BytesIO(SPOKEN)):
            assert client.audio.transcriptions.create(model=MODEL, file=file).text == SAID


def test_chunked_without_a_length(gateway: Gateway) -> None:
    import http.client

    body, headers = form(file=SPOKEN, model=MODEL)
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=PATIENCE)
    connection.request("POST", PATH, iter([body[:1000], body[1000:]]), headers, encode_chunked=True)
    assert json.loads(connection.getresponse().read())["text"] == SAID
    connection.close()


def test_as_json(gateway: Gateway) -> None:
    file = {"filename": "a.wav", "data": base64.b64encode(SPOKEN).decode()}
    assert gateway.call("POST", PATH, {"model": MODEL, "file": file}).json["text"] == SAID


REFUSED: list[tuple[str, dict[str, Any], int, str | None, str]] = [
    ("no file", {"file": ""}, 400, "file", "a text came"),
    ("no model", {"model": ""}, 404, "model", "does not exist"),
    ("no sound", {"file": b"\x89PNG" + bytes(99)}, 400, "file", "image/png"),
    ("form", {"response_format": "docx"}, 400, "response_format", "'vtt'"),
    ("temperature", {"temperature": "7"}, 400, "temperature", "<= 1"),
    ("one value a byte", {f"file[{i}]": "137" for i in range(3000)}, 400, "file", "toFile("),
]


@pytest.mark.parametrize(
    ("members", "status", "param", "said"), [row[1:] for row in REFUSED], ids=[r[0] for r in REFUSED]
)
def test_refused(
    gateway: Gateway, upstream: Upstream, members: dict[str, Any], status: int, param: str, said: str
) -> None:
    answer = ask(gateway, **members)
    assert (answer.status, answer.error["param"]) == (status, param)
    assert said in answer.error["message"]
    assert not upstream.requests


def test_too_large(client: OpenAI) -> None:
    with pytest.raises(APIStatusError) as e:
        client.audio.transcriptions.create(model=MODEL, file=("a.flac", b"fLaC" + bytes(25 * 2**20)))
    assert (e.value.status_code, e.value.body["param"]) == (413, "file")  # type: ignore[index]
    largest = client.audio.transcriptions.create(model=MODEL, file=("a.flac", b"fLaC" + bytes(25 * 2**20 - 4)))
    assert "26214400 bytes" in largest.text


FAULTS = [
    ("demo-429-all", RateLimitError),
    ("demo-503-all", InternalServerError),
    ("demo-refuse-all", InternalServerError),
    ("demo-blocked-all", BadRequestError),
    ("demo-safety-all", BadRequestError),
]


@pytest.mark.parametrize(("model", "error"), FAULTS)
@pytest.mark.parametrize("stream", [False, True])
def test_faults(client: OpenAI, model: str, error: type[APIStatusError], stream: bool) -> None:
    with pytest.raises(error):
        client.audio.transcriptions.create(model=model, file=SPOKEN, stream=stream)  # type: ignore[call-overload]


@pytest.mark.parametrize("fault", ["429", "503", "cut-mid-stream", "html", "garbage"])
def test_the_other_account_answers(client: OpenAI, fault: str) -> None:
    raw = client.audio.transcriptions.with_raw_response.create(model=f"demo-{fault}-first-heard", file=SPOKEN)
    assert raw.parse().text == SAID
    assert "retried=" in raw.headers["x-antigravity-notes"]


@pytest.mark.parametrize("fault", ["error-mid-stream", "cut-mid-stream", "end-without-finish"])
def test_a_stream_that_breaks(client: OpenAI, fault: str) -> None:
    got: list[Any] = []
    with pytest.raises(Exception, match=r".+"):
        got.extend(client.audio.transcriptions.create(model=f"demo-{fault}-gemini", file=spoken(SAID * 9), stream=True))
    assert not any(event.type == "transcript.text.done" for event in got)


def test_kinds_of_accounts(starter: Starter, upstream: Upstream) -> None:
    gateway = starter(account("vertex"))
    assert ask(gateway, model=MODEL).json["text"] == SAID
    assert upstream.requests[-1].path == f"{PATHS['vertex']}{MODEL}:generateContent"
    gateway = starter(account("code-assist"))
    answer = ask(gateway)
    assert answer.json["text"] == SAID, "a flash model has stood in"
    assert answer.headers["x-mapped-model"] == FLASH
    answer = ask(gateway, model=MODEL)
    assert (answer.status, answer.error["code"]) == (503, "no_account")
    assert "no models that transcribe" in answer.error["message"]


# --- records


ASKED: list[dict[str, Any]] = [
    {"language": "en"},
    {"response_format": "srt"},
    {"response_format": "verbose_json", "timestamp_granularities[]": "word"},
    {"response_format": "diarized_json", "stream": "true"},
    {"model": "gemini-flash", "prompt": "Quokkas adore wattle."},
    {"model": "demo-503-first-saved", "stream": "true"},
    {"model": "demo-400-all"},
]


@pytest.fixture(scope="module")
def saved(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Answer]]:
    """What was saved, and what was answered."""
    folder = tmp_path_factory.mktemp("saved")
    gateway = start_gateway(folder, TWO_ACCOUNTS.replace("UPSTREAM", upstream.url), "-w", "saved.flow")
    answers = [ask(gateway, **members) for members in ASKED]
    gateway.stop()
    return folder / "saved.flow", answers


def test_replayed(saved: tuple[Path, list[Answer]], starter: Starter, upstream: Upstream) -> None:
    """Also where the client has made up another boundary."""
    gateway = starter(TWO_ACCOUNTS, "-S", str(saved[0]))
    for members, answer in zip(ASKED, saved[1], strict=True):
        body, headers = form(boundary="another", **{"file": SPOKEN, "model": "whisper-1", **members})
        again = gateway.call("POST", PATH, body, headers=headers)
        assert (again.status, again.body) == (answer.status, answer.body)
    assert not upstream.requests


@pytest.mark.parametrize("masked", [(), ("--mask",)], ids=["as it was", "masked"])
def test_cases(saved: tuple[Path, list[Answer]], tmp_path: Path, masked: tuple[str, ...]) -> None:
    exported = cases("export", saved[0], tmp_path / "cases", *masked)
    assert exported.returncode == 0, exported.stdout + exported.stderr
    checked = cases("run", tmp_path / "cases")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert checked.stdout == f"{len(ASKED)} cases, all as recorded\n"
    if masked:
        text = "".join(path.read_text() for path in (tmp_path / "cases").rglob("*") if path.is_file())
        assert "quokka" not in text.lower()


def test_by_hand() -> None:
    given = {"model": MODEL, "file": {"filename": "a.flac", "data": "ZkxhQwAAAAAAAAAA"}, "language": "fr"}
    done = subprocess.run(
        [sys.executable, "-m", "mapping", "request"],
        cwd=ROOT,
        input=json.dumps(given).encode(),
        capture_output=True,
        check=True,
    )
    assert json.loads(done.stdout)["generationConfig"] == {"audioTranscriptionConfig": {"languageCodes": ["fr-FR"]}}
