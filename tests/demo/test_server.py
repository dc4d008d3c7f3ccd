"""The demo upstream's models, tokens and vectors, and the server itself."""

from __future__ import annotations

import asyncio
import http.client
import json
import math
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from addons.demo.faults import FAULTS
from scripts.demo_upstream import parse, start
from tests.demo.asking import (
    LEVEL,
    SYSTEM,
    Upstream,
    ask,
    tools,
)
from tests.patience import PATIENCE

ROOT = Path(__file__).parent.parent.parent


# ---- models, tokens, vectors


def test_the_list_of_models_comes_in_pages(upstream: Upstream) -> None:
    found: list[Any] = []
    token = ""
    while True:
        page = upstream.send("GET", f"/v1beta/models?pageSize=20&pageToken={token}").json()
        assert len(page["models"]) <= 20
        found += page["models"]
        token = page.get("nextPageToken", "")
        if not token:
            break
    whole = upstream.send("GET", "/v1beta/models?pageSize=1000").json()
    assert whole == {"models": found}
    names = [model["name"] for model in found]
    assert {"models/gemini-3.8-flash", "models/gemini-embedding-001"} <= set(names)
    assert [name for name in names if "demo" in name] == ["models/demo-echo"]
    members = {"name", "version", "displayName", "inputTokenLimit", "outputTokenLimit", "supportedGenerationMethods"}
    assert all(members <= model.keys() for model in found)
    assert upstream.send("GET", "/v1beta/models?pageToken=x").status == 400


def test_one_model(upstream: Upstream) -> None:
    assert upstream.send("GET", f"/v1beta/models/{LEVEL}").json()["displayName"] == "Gemini 3.8 Flash"
    assert upstream.send("GET", "/v1beta/models/demo-503").json()["name"] == "models/demo-503"
    assert upstream.send("GET", "/v1beta/models/gpt-4o").status == 404


def test_counted_tokens_are_those_of_the_answer(upstream: Upstream) -> None:
    request = ask("How many?", systemInstruction=SYSTEM, tools=tools())
    counted = upstream.post(LEVEL, "countTokens", {"generateContentRequest": {"model": f"models/{LEVEL}", **request}})
    usage = upstream.whole(LEVEL, request).json()["usageMetadata"]
    assert counted.json()["totalTokens"] == usage["promptTokenCount"]
    assert upstream.post(LEVEL, "countTokens", ask("12345678")).json()["totalTokens"] == 2
    assert upstream.post(LEVEL, "countTokens", request).status == 400
    assert upstream.post(LEVEL, "countTokens", {}).status == 400


def test_embeddings(upstream: Upstream) -> None:
    model = "gemini-embedding-001"
    one = {"content": {"parts": [{"text": "a"}]}}
    values = upstream.post(model, "embedContent", one).json()["embedding"]["values"]
    assert len(values) == 3072
    assert math.isclose(sum(v * v for v in values), 1, rel_tol=1e-3)
    short = upstream.post(model, "embedContent", {**one, "outputDimensionality": 4}).json()["embedding"]["values"]
    assert short == values[:4]
    named = {**one, "model": f"models/{model}"}
    batch = upstream.post(model, "batchEmbedContents", {"requests": [named, named]}).json()
    assert [e["values"] for e in batch["embeddings"]] == [values, values]


@pytest.mark.parametrize(
    ("method", "body"),
    [
        ("embedContent", {}),
        ("embedContent", {"content": {"parts": [{"text": ""}]}}),
        ("embedContent", {"content": {"parts": [{"text": "a"}]}, "model": "models/other"}),
        ("embedContent", {"content": {"parts": [{"text": "a"}]}, "outputDimensionality": 4000}),
        ("batchEmbedContents", {"requests": []}),
        ("batchEmbedContents", {"requests": [{"content": {"parts": [{"text": "a"}]}}]}),
        ("batchEmbedContents", {"requests": [{"content": {"parts": [{"text": "a"}]}}] * 101}),
    ],
)
def test_refused_embeddings(upstream: Upstream, method: str, body: Any) -> None:
    assert upstream.post("gemini-embedding-001", method, body).status == 400


# ---- the server


def test_requests_are_kept(upstream: Upstream) -> None:
    upstream.stream(LEVEL, ask("Keep this."), "kept")
    received = upstream.demo.requests[-1]
    assert (received.method, received.path) == ("POST", f"/v1beta/models/{LEVEL}:streamGenerateContent")
    assert received.query == {"alt": "sse"}
    assert received.headers["x-goog-api-key"] == "kept"
    assert received.body == ask("Keep this.")


def test_a_connection_serves_many_requests(upstream: Upstream) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", upstream.demo.port, timeout=PATIENCE)
    for method in ("generateContent", "streamGenerateContent?alt=sse", "generateContent"):
        connection.request("POST", f"/v1beta/models/{LEVEL}:{method}", json.dumps(ask()), {"x-goog-api-key": "k"})
        assert connection.getresponse().read()
    connection.close()


def test_loopback_only() -> None:
    with pytest.raises(ValueError, match="loopback"):
        asyncio.run(start(host="0.0.0.0"))


def test_every_fault_is_documented_and_listed(upstream: Upstream, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--help"])
    help_text = capsys.readouterr().out
    told = upstream.send("GET", "/v1beta/models?pageSize=1000").json()["models"][-1]["description"]
    for name in FAULTS:
        assert f"demo-{name} " in help_text
        assert re.search(rf"\b{name}\b", told)
        assert upstream.send("GET", f"/v1beta/models/demo-{name}").status == 200


def test_the_command() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "demo_upstream.py"), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline().rpartition(":")[2])
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
            connection.request("GET", "/v1beta/models", headers={"x-goog-api-key": "k"})
            assert connection.getresponse().status == 200
            connection.close()
        finally:
            process.terminate()
