"""`POST /v1/embeddings`, with the OpenAI SDK over a real mitmdump: forms, batches, failover, accounts, records."""

from __future__ import annotations

import base64
import json
import math
import struct
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from openai import APIStatusError, BadRequestError, InternalServerError, NotFoundError, OpenAI, RateLimitError

from addons.demo.answer import media
from tests.e2e.answer_checks import check_embeddings
from tests.e2e.conftest import KEYS, ROOT, TWO_ACCOUNTS
from tests.e2e.test_cases import cases
from tests.e2e.test_upstreams import PATHS, account

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.conftest import Answer, Gateway, Starter, Upstream

FIRST, SECOND, SMALL = "gemini-embedding-001", "gemini-embedding-2", "text-embedding-3-small"
PATH = "/v1/embeddings"


@pytest.fixture
def client(gateway: Gateway) -> OpenAI:
    return OpenAI(base_url=gateway.base_url, api_key="any", max_retries=0)


def unit(vector: list[float]) -> list[float]:
    norm = math.hypot(*vector)
    return [value / norm for value in vector]


def embedded(answer: Answer) -> list[Any]:
    """The vectors of a good answer."""
    assert answer.status == 200, answer.body
    return check_embeddings(answer.body)


def test_the_sdk_asks_for_base64_unasked(client: OpenAI, gateway: Gateway, upstream: Upstream) -> None:
    found = client.embeddings.create(model=FIRST, input="Hello")
    assert found.data[0].embedding == pytest.approx(media.vector("Hello", 3072), abs=1e-7)
    assert found.model == FIRST
    assert found.usage.prompt_tokens == found.usage.total_tokens > 0
    [request] = upstream.requests
    assert request.path == f"/v1beta/models/{FIRST}:embedContent"
    answer = gateway.call("POST", PATH, {"model": FIRST, "input": "Hello", "encoding_format": "base64"})
    assert isinstance(answer.json["data"][0]["embedding"], str)


def test_floats(client: OpenAI) -> None:
    found = client.embeddings.create(model=FIRST, input=["Hello", "you"], encoding_format="float")
    assert [one.embedding for one in found.data] == [media.vector("Hello", 3072), media.vector("you", 3072)]


@pytest.mark.parametrize("form", ["float", "base64"])
@pytest.mark.parametrize("dimensions", [1, 256, 1536, 3072])
def test_shorter_vectors_are_of_unit_length(client: OpenAI, dimensions: int, form: Any) -> None:
    found = client.embeddings.create(model=SECOND, input="Hello", dimensions=dimensions, encoding_format=form)
    vector = found.data[0].embedding
    if isinstance(vector, str):
        vector = list(struct.unpack(f"<{dimensions}f", base64.b64decode(vector)))
    assert vector == pytest.approx(unit(media.vector("Hello", dimensions)), abs=1e-6)


@pytest.mark.parametrize(
    ("name", "size"), [(SMALL, 1536), ("text-embedding-3-large", 3072), ("text-embedding-ada-002", 1536)]
)
def test_models_of_openai(client: OpenAI, upstream: Upstream, name: str, size: int) -> None:
    raw = client.embeddings.with_raw_response.create(model=name, input=["a", "b"])
    found = raw.parse()
    assert found.model == name
    assert [len(one.embedding) for one in found.data] == [size, size]
    assert raw.headers["x-mapped-model"] == SECOND
    assert ("emulated=dimensions=1536" in raw.headers.get("x-antigravity-notes", "")) == (size == 1536)
    assert upstream.requests[-1].path == f"/v1beta/models/{SECOND}:batchEmbedContents"


def test_2048_inputs_in_their_order(client: OpenAI, upstream: Upstream) -> None:
    texts = [f"text {n}" for n in range(2048)]
    found = client.embeddings.create(model=FIRST, input=texts, dimensions=4)
    assert [one.index for one in found.data] == list(range(2048))
    for text, one in zip(texts, found.data, strict=True):
        assert one.embedding == pytest.approx(unit(media.vector(text, 4)), abs=1e-6)
    assert found.usage.prompt_tokens > 2048
    sizes = Counter(len(request.body["requests"]) for request in upstream.requests)
    assert sizes == {100: 20, 48: 1}


def key_of(request: Any) -> str:
    return str(request.headers["x-goog-api-key"])


@pytest.mark.parametrize("fault", ["429-first", "503-first", "cut-mid-stream-first", "html-first", "garbage-first"])
def test_a_batch_that_fails_is_asked_for_again_alone(client: OpenAI, upstream: Upstream, fault: str) -> None:
    texts = [f"text {n}" for n in range(450)]
    raw = client.embeddings.with_raw_response.create(model=f"demo-{fault}-embedding-batches", input=texts, dimensions=4)
    for text, one in zip(texts, raw.parse().data, strict=True):
        assert one.embedding == pytest.approx(unit(media.vector(text, 4)), abs=1e-6)
    assert "retried=" in raw.headers["x-antigravity-notes"]
    [first] = {key_of(upstream.requests[0])} & set(KEYS)
    asked = Counter(
        (request.body["requests"][0]["content"]["parts"][0]["text"], key_of(request) == first)
        for request in upstream.requests
    )
    beginnings = {"text 0", "text 100", "text 200", "text 300", "text 400"}
    assert {text for text, _ in asked} == beginnings
    assert [asked[text, False] for text in sorted(beginnings)] == [1] * 5, (
        "each was answered once, by the other account"
    )
    assert sum(asked[text, True] for text in beginnings) < 10


FAULTS = [
    ("demo-429-all-embedding", RateLimitError, 429, None),
    ("demo-503-all-embedding", InternalServerError, 503, None),
    ("demo-cut-mid-stream-all-embedding", InternalServerError, 502, None),
    ("demo-refuse-all-embedding", InternalServerError, 502, None),
    ("demo-garbage-all-embedding", InternalServerError, 500, None),
    ("demo-400-all-embedding", BadRequestError, 400, None),
    ("demo-404-all-embedding", NotFoundError, 404, "model"),
]


@pytest.mark.parametrize("count", [1, 150])
@pytest.mark.parametrize(("model", "kind", "status", "param"), FAULTS)
def test_faults(client: OpenAI, model: str, kind: type[APIStatusError], status: int, param: Any, count: int) -> None:
    with pytest.raises(kind) as e:
        client.embeddings.create(model=model, input=["a"] * count)
    assert (e.value.status_code, e.value.param) == (status, param)
    assert e.value.request_id


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"input": ""}, "input", "empty string"),
    ({"input": []}, "input", "empty array"),
    ({"input": ["a", ""]}, "input[1]", "empty string"),
    ({"input": ["a"] * 2049}, "input", "maximum length 2048"),
    ({"input": "word " * 10_000}, "input", "maximum input length is 2048 tokens"),
    ({"input": "a", "dimensions": 0}, "dimensions", ">= 1"),
    ({"input": "a", "dimensions": 4000}, "dimensions", "[1, 3072]"),
    ({"input": ["a"] * 101, "dimensions": 4000}, "dimensions", "[1, 3072]"),
    ({"input": "a", "encoding_format": "hex"}, "encoding_format", "'base64'"),
    ({"input": [[1, 2]]}, "input[0]", "check_embedding_ctx_length=False"),
    ({"input": "a", "model": "gemini-3.8-flash"}, "model", "makes no embeddings"),
    ({"input": "a", "model": "gpt-4o"}, "model", "makes no embeddings"),
]


@pytest.mark.parametrize(("members", "param", "said"), REFUSED, ids=lambda value: str(value)[:40])
def test_refused(client: OpenAI, members: dict[str, Any], param: str, said: str) -> None:
    with pytest.raises(BadRequestError) as e:
        client.embeddings.create(**{"model": FIRST, **members})
    assert e.value.param == param
    assert said in e.value.message


def test_white_space_is_a_text(client: OpenAI) -> None:
    assert len(client.embeddings.create(model=FIRST, input=[" ", "\n"]).data) == 2


def test_an_embedding_model_asked_for_a_chat(client: OpenAI) -> None:
    for model in (FIRST, SMALL):
        with pytest.raises(BadRequestError, match="For embeddings use POST /v1/embeddings") as e:
            client.chat.completions.create(model=model, messages=[{"role": "user", "content": "Hi"}])
        assert e.value.param == "model"


# --- accounts of all kinds


VERTEX = [
    (FIRST, "Hello", "embedContent"),
    (SECOND, ["Hello", "you"], "batchEmbedContents"),
    ("text-embedding-005", ["Hello", "you"], "predict"),
    ("text-multilingual-embedding-002", "Hello", "predict"),
]


@pytest.fixture(scope="module")
def vertex(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A gateway with an account of each kind but the public API's."""
    from tests.e2e.conftest import start_gateway

    settings = "".join(account(kind) for kind in ("code-assist", "vertex")).replace("UPSTREAM", upstream.url)
    gateway = start_gateway(tmp_path_factory.mktemp("vertex"), settings)
    yield gateway
    gateway.stop()


@pytest.mark.parametrize(("model", "texts", "method"), VERTEX)
def test_vertex(vertex: Gateway, upstream: Upstream, model: str, texts: Any, method: str) -> None:
    """And none of it goes to the account of Code Assist."""
    upstream.forget()
    for _ in range(2):
        answer = vertex.call("POST", PATH, {"model": model, "input": texts, "dimensions": 8})
        asked = texts if isinstance(texts, list) else [texts]
        assert embedded(answer) == [pytest.approx(unit(media.vector(text, 8)), abs=1e-6) for text in asked]
        assert answer.json["usage"]["prompt_tokens"] > 0
        assert "x-antigravity-notes" not in answer.headers
    assert [request.path for request in upstream.requests] == [f"{PATHS['vertex']}{model}:{method}"] * 2


def test_vertex_refuses_what_is_too_long(vertex: Gateway) -> None:
    for model, text in ((SECOND, "語" * 40_000), ("text-embedding-005", "word " * 3000)):
        answer = vertex.call("POST", PATH, {"model": model, "input": text})
        assert (answer.status, answer.error["param"], answer.error["code"]) == (400, "input", "context_length_exceeded")


def test_what_no_account_has(starter: Starter, upstream: Upstream) -> None:
    gateway = starter(account("code-assist"))
    answer = gateway.call("POST", PATH, {"model": SMALL, "input": "a"})
    assert (answer.status, answer.error["code"]) == (503, "no_account")
    assert "code-assist accounts have no embeddings; add an account with an API key" in answer.error["message"]
    gateway = starter(account("gemini"))
    answer = gateway.call("POST", PATH, {"model": "text-embedding-005", "input": "a"})
    assert (answer.status, answer.error["code"]) == (503, "no_account")
    assert 'add an account with upstream = "vertex"' in answer.error["message"]
    assert not upstream.requests


# --- records


BODIES: list[dict[str, Any]] = [
    {"model": SMALL, "input": "Quokkas adore wattle", "encoding_format": "base64"},
    {"model": FIRST, "input": [f"Wombat {n}" for n in range(120)], "dimensions": 4},
    {"model": "demo-503-first-embedding-saved", "input": ["a", "b"], "dimensions": 4},
    {"model": FIRST, "input": "a", "task_type": "CLUSTERING", "user": "me", "dimensions": 4},
    {"model": FIRST, "input": ["a", ""]},
    {"model": "demo-400-all-embedding", "input": "a"},
]


@pytest.fixture(scope="module")
def saved(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Answer]]:
    """What was saved, and what was answered."""
    from tests.e2e.conftest import start_gateway

    folder = tmp_path_factory.mktemp("saved")
    gateway = start_gateway(folder, TWO_ACCOUNTS.replace("UPSTREAM", upstream.url), "-w", "saved.flow")
    answers = [gateway.call("POST", PATH, body) for body in BODIES]
    gateway.stop()
    return folder / "saved.flow", answers


def test_replayed(saved: tuple[Path, list[Answer]], starter: Starter, upstream: Upstream) -> None:
    gateway = starter(TWO_ACCOUNTS, "-S", str(saved[0]))
    for body, answer in zip(BODIES, saved[1], strict=True):
        again = gateway.call("POST", PATH, body)
        assert (again.status, again.body) == (answer.status, answer.body)
    assert not upstream.requests


@pytest.mark.parametrize("masked", [(), ("--mask",)], ids=["as it was", "masked"])
def test_cases(saved: tuple[Path, list[Answer]], tmp_path: Path, masked: tuple[str, ...]) -> None:
    exported = cases("export", saved[0], tmp_path / "cases", *masked)
    assert exported.returncode == 0, exported.stdout + exported.stderr
    checked = cases("run", tmp_path / "cases")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert checked.stdout == f"{len(BODIES)} cases, all as recorded\n"
    if masked:
        text = "".join(path.read_text() for path in (tmp_path / "cases").rglob("*") if path.is_file())
        assert "Quokkas" not in text
        assert "Wombat" not in text
        assert str(media.vector("Quokkas adore wattle", 3)[2]) not in text


def test_a_case_of_vertex(starter: Starter, tmp_path: Path) -> None:
    gateway = starter(account("vertex"), "-w", "saved.flow")
    for model, _, _ in VERTEX:
        embedded(gateway.call("POST", PATH, {"model": model, "input": ["a", "b"], "dimensions": 4}))
    gateway.stop()
    cases("export", gateway.folder / "saved.flow", tmp_path / "cases")
    checked = cases("run", tmp_path / "cases")
    assert checked.stdout == f"{len(VERTEX)} cases, all as recorded\n"


def test_by_hand() -> None:
    def run(command: str, given: Any, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [sys.executable, "-m", "mapping", command, *arguments],
            cwd=ROOT,
            input=json.dumps(given).encode(),
            capture_output=True,
            check=False,
        )

    done = run("request", {"model": FIRST, "input": "Hi", "dimensions": 4})
    content = {"parts": [{"text": "Hi"}]}
    assert json.loads(done.stdout) == {"model": f"models/{FIRST}", "content": content, "outputDimensionality": 4}
    assert done.stderr.decode().split() == ["POST", f"/v1beta/models/{FIRST}:embedContent"]
    refused = run("request", {"model": FIRST}, "--dialect", "embeddings")
    assert (refused.returncode, json.loads(refused.stdout)["error"]["param"]) == (1, "input")
