"""`POST /v1/images/generations` and `/v1/images/edits`, with the OpenAI SDK: what clients get, and what goes wrong."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import openai
import pytest
from mitmproxy import http
from mitmproxy import io as flow_io
from mitmproxy.contentviews import Metadata
from openai import OpenAI
from openai.types import ImageEditCompletedEvent, ImageGenCompletedEvent, ImageGenPartialImageEvent
from PIL import Image

from addons.gateway import views
from addons.gateway.views.translation_view import Translation
from scripts.cases import parse
from scripts.commands.case_commands import run
from tests.e2e.conftest import ROOT, TWO_ACCOUNTS, start_gateway

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.conftest import Gateway, Starter, Upstream

IMAGE = "gemini-3.1-flash-image"


@pytest.fixture
def client(gateway: Gateway) -> OpenAI:
    return OpenAI(base_url=gateway.base_url, api_key="any", max_retries=0)


def opened(data: str | None) -> tuple[str | None, tuple[int, int]]:
    """Format and size of an image in base64."""
    with Image.open(io.BytesIO(base64.b64decode(data or ""))) as image:
        image.load()
        return image.format, image.size


def made(form: str) -> bytes:
    """The bytes of an image."""
    out = io.BytesIO()
    Image.new("RGB", (7, 5), "green").save(out, form)
    return out.getvalue()


def sent(upstream: Upstream) -> list[Any]:
    """The parts of each call after its prompt."""
    return [request.body["contents"][0]["parts"][1:] for request in upstream.requests]


def test_generate(client: OpenAI, upstream: Upstream) -> None:
    raw = client.images.with_raw_response.generate(prompt="A tree", size="1536x1024")
    found = raw.parse()
    assert found.data
    assert opened(found.data[0].b64_json) == ("PNG", (2512, 1680))
    assert (found.size, found.output_format, found.quality, found.background) == ("2512x1680", "png", "high", "opaque")
    assert found.usage
    assert found.usage.total_tokens == found.usage.input_tokens + found.usage.output_tokens > 0
    assert raw.headers["x-mapped-model"] == IMAGE
    assert raw.headers["x-antigravity-notes"] == "2 clamped=size image-thought"
    config = upstream.requests[0].body["generationConfig"]
    assert config["imageConfig"] == {"aspectRatio": "3:2", "imageSize": "2K"}


def test_several_in_parallel(client: OpenAI, upstream: Upstream) -> None:
    found = client.images.generate(model="dall-e-3", prompt="A tree", n=10, response_format="url")
    assert found.data
    assert len(found.data) == len(upstream.requests) == 10
    assert all((one.url or "").startswith("data:image/png;base64,") for one in found.data)
    assert {request.path.rpartition(":")[2] for request in upstream.requests} == {"generateContent"}


def test_formats(client: OpenAI) -> None:
    found = client.images.generate(model=IMAGE, prompt="A tree", output_format="webp", output_compression=30)
    assert found.data
    assert opened(found.data[0].b64_json) == ("WEBP", (1024, 1024))
    assert found.output_format == "webp"


def test_edit_files(client: OpenAI, upstream: Upstream, tmp_path: Path) -> None:
    """As SDKs send them: bytes without a type, a path, an open file, several."""
    (tmp_path / "a.png").write_bytes(made("PNG"))
    with (tmp_path / "a.png").open("rb") as file:
        ways: list[Any] = [made("JPEG"), tmp_path / "a.png", file, [("x", made("WEBP")), ("y", made("PNG"))]]
        answers = [client.images.edit(image=way, prompt="Bluer", model="gpt-image-1") for way in ways]
    kinds = [[part["inlineData"]["mimeType"] for part in parts] for parts in sent(upstream)]
    assert kinds == [["image/jpeg"], ["image/png"], ["image/png"], ["image/webp", "image/png"]]
    assert base64.b64decode(sent(upstream)[0][0]["inlineData"]["data"]) == made("JPEG")
    pictures = [answer.data[0].b64_json for answer in answers if answer.data]
    assert len(set(pictures)) == 3, "the demo's pictures follow from what was sent"
    assert answers[3].usage
    assert answers[3].usage.input_tokens_details.image_tokens == 2 * 258


def test_edit_by_json(gateway: Gateway, upstream: Upstream) -> None:
    url = "data:image/jpeg;base64," + base64.b64encode(made("JPEG")).decode()
    body = {"prompt": "Bluer", "images": [{"image_url": url}, {"image_url": "https://example.com/b.png"}]}
    answer = gateway.call("POST", "/v1/images/edits", body)
    assert (answer.status, len(answer.json["data"])) == (200, 1)
    assert sent(upstream)[0][1] == {"fileData": {"fileUri": "https://example.com/b.png", "mimeType": "image/png"}}


def test_streams(client: OpenAI) -> None:
    events = list(client.images.generate(model=IMAGE, prompt="A tree", n=2, stream=True, partial_images=3))
    assert [type(event) for event in events] == [ImageGenPartialImageEvent, *[ImageGenCompletedEvent] * 2]
    assert [opened(event.b64_json) for event in events] == [("PNG", (1024, 1024))] * 3
    assert events[0].b64_json != events[1].b64_json
    edited = list(client.images.edit(image=made("PNG"), prompt="Bluer", model="gpt-image-1", stream=True))
    assert [type(event) for event in edited] == [ImageEditCompletedEvent]


def failure(client: OpenAI, **members: Any) -> openai.APIError:
    """What is raised, whole and streamed alike."""
    with pytest.raises(openai.APIError) as whole:
        client.images.generate(**{"prompt": "A tree", **members})
    with pytest.raises(openai.APIError) as stream:
        list(client.images.generate(**{"prompt": "A tree", **members, "stream": True}))
    assert str(whole.value) == str(stream.value)
    return whole.value


@pytest.mark.parametrize(
    ("members", "status", "param", "code", "said"),
    [
        ({"model": "demo-safety"}, 400, None, "moderation_blocked", "finishReason SAFETY"),
        ({"model": "demo-blocked"}, 400, None, "moderation_blocked", "blockReason=SAFETY"),
        ({"model": "demo-safety", "n": 3}, 400, None, "moderation_blocked", "finishReason SAFETY"),
        ({"model": "gpt-4o"}, 400, "model", "unsupported_value", "makes no images"),
        ({"model": "imagen-4.0-generate-001"}, 400, "model", "unsupported_value", "makes no images"),
        ({"model": "llama-7b"}, 404, "model", "model_not_found", "does not exist"),
        ({"model": IMAGE, "size": "huge"}, 400, "size", "invalid_value", "1024x1024"),
        ({"model": IMAGE, "background": "transparent"}, 400, "background", "unsupported_value", "no transparency"),
        ({"model": "demo-empty"}, 500, None, "no_image", "Gemini made no image"),
        ({"model": "demo-429-all"}, 429, None, "rate_limit_exceeded", "Rate limit"),
    ],
)
def test_errors(client: OpenAI, members: dict[str, Any], status: int, param: str | None, code: str, said: str) -> None:
    error = failure(client, **members)
    assert isinstance(error, openai.APIStatusError)
    assert (error.status_code, error.param, error.code) == (status, param, code)
    assert said in error.message
    assert error.type == ("image_generation_user_error" if code == "moderation_blocked" else error.type)


def test_refused_edits(client: OpenAI, gateway: Gateway) -> None:
    with pytest.raises(openai.BadRequestError) as e:
        client.images.edit(image=made("PNG"), mask=made("PNG"), prompt="Bluer")
    assert (e.value.param, e.value.code) == ("mask", "unsupported_parameter")
    with pytest.raises(openai.BadRequestError) as e:
        client.images.edit(image=b"no picture", prompt="Bluer")
    assert e.value.param == "image"
    with pytest.raises(openai.NotFoundError, match="Use POST /v1/images/edits"):
        client.post("/images/variations", cast_to=object, body={})
    assert gateway.call("GET", "/v1/images/edits").status == 405


def test_the_other_account_is_asked(client: OpenAI, upstream: Upstream) -> None:
    found = client.images.generate(model="demo-503-first-images", prompt="A tree", n=2)
    assert found.data
    assert len(found.data) == 2
    events = list(client.images.generate(model="demo-429-first-images", prompt="A tree", stream=True))
    assert len(events) == 1


@pytest.mark.parametrize("model", ["demo-cut-mid-stream", "demo-end-without-finish", "demo-error-mid-stream"])
def test_broken_streams_raise(client: OpenAI, model: str) -> None:
    with pytest.raises(openai.APIError):
        list(client.images.generate(model=model, prompt="A tree", stream=True))


# the record

ASKED: list[tuple[str, dict[str, Any]]] = [
    ("generations", {"model": "dall-e-3", "prompt": "A tree", "n": 2, "style": "vivid"}),
    ("generations", {"prompt": "A tree", "stream": True, "partial_images": 1}),
    ("generations", {"model": "demo-safety", "prompt": "A secret tree"}),
    ("edits", {"prompt": "Bluer", "images": [{"image_url": "https://example.com/b.png"}]}),
]
BOUNDARY = "multipart/form-data; boundary=x"
FORM = (
    b'--x\r\nContent-Disposition: form-data; name="prompt"\r\n\r\nBluer\r\n'
    b'--x\r\nContent-Disposition: form-data; name="image"; filename="secret.png"\r\n\r\n'
    + made("PNG")
    + b"\r\n--x--\r\n"
)


@pytest.fixture(scope="module")
def saved(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Any]]:
    """A file with what was asked, and the answers."""
    folder = tmp_path_factory.mktemp("images")
    running = start_gateway(folder, TWO_ACCOUNTS.replace("UPSTREAM", upstream.url), "-w", "saved.flow")
    answers = [running.call("POST", f"/v1/images/{path}", body) for path, body in ASKED]
    answers.append(running.call("POST", "/v1/images/edits", FORM, headers={"Content-Type": BOUNDARY}))
    running.stop()
    assert [answer.status for answer in answers] == [200, 200, 400, 200, 200]
    return folder / "saved.flow", answers


def test_replayed_from_a_file(saved: tuple[Path, list[Any]], starter: Starter, upstream: Upstream) -> None:
    upstream.forget()
    gateway = starter(TWO_ACCOUNTS, "-S", str(saved[0]))
    again = [gateway.call("POST", f"/v1/images/{path}", body) for path, body in ASKED]
    again.append(gateway.call("POST", "/v1/images/edits", FORM, headers={"Content-Type": BOUNDARY}))
    assert [answer.body for answer in again] == [answer.body for answer in saved[1]]
    assert not upstream.requests


def test_cases(saved: tuple[Path, list[Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for folder, options in (("plain", []), ("masked", ["--mask"])):
        for command in (["export", str(saved[0]), str(tmp_path / folder), *options], ["run", str(tmp_path / folder)]):
            assert run(parse(command)) == 0
        assert capsys.readouterr().out.endswith("5 cases, all as recorded\n")
    kept = b"".join(path.read_bytes() for path in (tmp_path / "masked").rglob("*") if path.is_file())
    assert not any(word in kept for word in (b"tree", b"Bluer", b"secret.png"))


def test_shown(saved: tuple[Path, list[Any]]) -> None:
    """Requests and answers; and what became of each member, also where the model was not named, or a form came."""
    shown, translated = [], []
    for flow in flow_io.FlowReader(saved[0].open("rb")).stream():
        if isinstance(flow, http.HTTPFlow) and flow.request.path.startswith("/v1/images"):
            for message in (flow.request, flow.response):
                assert message is not None
                about, data = Metadata(flow=flow, http_message=message), message.content or b""
                view = max(views.VIEWS, key=lambda one: one.render_priority(data, about))
                shown.append(view.prettify(data, about))
            about = Metadata(flow=flow, http_message=flow.request)
            translated.append(Translation().prettify(flow.request.content or b"", about))
    text = "\n".join(shown)
    assert "── prompt ──\nA tree" in text
    assert "[image png" in text
    assert "1024 x 1024 pixels" in text
    assert "[images https://example.com/b.png]" in text
    assert f"[image secret.png image/png, {len(made('PNG'))} B]" in text
    assert "moderation_blocked" in text
    assert all("contents[0].parts[0].text" in one for one in translated)
    assert "contents[0].parts[1].inlineData.data" in translated[-1]


@pytest.mark.parametrize(("path", "body"), [ASKED[0], ASKED[3]])
def test_by_hand(path: str, body: dict[str, Any]) -> None:
    command = [sys.executable, "-m", "mapping", "request", "--model", IMAGE]
    given = json.dumps({"model": "gpt-image-1", **body}).encode()
    done = subprocess.run(command, cwd=ROOT, input=given, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["generationConfig"]["responseModalities"] == ["IMAGE"]
