#!/usr/bin/env bash
# What hooks into httpx no longer sees the OpenAI and Gemini SDKs: no traceparent, and mocks that let requests out.
#
# Versions: openai 3.57.0, google-genai 3.6.1 (both on httpx2 2.16.2), opentelemetry-instrumentation-httpx 0.66b2,
#   respx 0.23.1, httpx 0.28.1.
#
# One would expect: these SDKs send by httpx, so OpenTelemetry's instrumentation of httpx gives each of their requests a
#   span and a traceparent header, and respx, the usual mock of httpx, answers them in tests. Both held for years, and
#   nobody refuses to work, or says a word, when the SDK is upgraded.
#
# What happens: both SDKs moved to httpx2, which is a package of its own. A request of plain httpx in the same span has its
#   traceparent; those of the SDKs have none. Within respx.mock, which by default lets nothing out that it doesn't know,
#   the SDK's request goes over the network all the same, and the mocked answer is never used.
#   The OpenAI SDK still takes http_client=httpx.Client(), and then both are as before.
#
# Why users of an LLM gateway care: the gateway's spans no longer join the caller's trace, and the cause is at the caller;
#   and test suites that were thought to be offline send real, paid requests to whatever OPENAI_BASE_URL names.
#
# Seen: 2026-11-29
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"${PYTHON:-python3}" -m venv "$dir/venv"
bin=$dir/venv/bin
"$bin/pip" install -q --no-compile --disable-pip-version-check openai==3.57.0 google-genai==3.6.1 httpx2==2.16.2 httpx==0.28.1 respx==0.23.1 \
  opentelemetry-instrumentation-httpx==0.66b2 opentelemetry-sdk==1.45.2 > "$dir/pip.log" 2>&1 || { cat "$dir/pip.log"; exit 1; }

"$bin/python" - <<'EOF'
import http.server, json, sys, threading
from importlib.metadata import version

CHAT = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "usage": None,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "from the network"}, "finish_reason": "stop"}]}
MOCKED = json.loads(json.dumps(CHAT).replace("from the network", "mocked"))
GEMINI = {"candidates": [{"content": {"role": "model", "parts": [{"text": "hi"}]}, "finishReason": "STOP", "index": 0}]}
seen = []

class Stub(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        seen.append("traceparent" in self.headers)
        body = json.dumps(GEMINI if "generateContent" in self.path else CHAT).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stub)
threading.Thread(target=server.serve_forever, daemon=True).start()
base = f"http://127.0.0.1:{server.server_port}"

import httpx, openai, respx
from google import genai
from opentelemetry import trace
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.trace import TracerProvider

def ask(client):
    return client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}]).choices[0].message.content

print(", ".join(f"{name} {version(name)}" for name in ("openai", "google-genai", "httpx2", "httpx", "respx", "opentelemetry-instrumentation-httpx")))
plain = openai.OpenAI(api_key="any", base_url=base + "/v1", max_retries=0)
given = openai.OpenAI(api_key="any", base_url=base + "/v1", max_retries=0, http_client=httpx.Client())
gemini = genai.Client(api_key="any", http_options={"base_url": base})
calls = {
    "httpx.post": lambda: httpx.post(base + "/x", json={}),
    "openai": lambda: ask(plain),
    "google-genai": lambda: gemini.models.generate_content(model="m", contents="hi"),
}

# 1. one request each, within a span
trace.set_tracer_provider(TracerProvider())
HTTPXClientInstrumentor().instrument()
wrapped = openai.OpenAI(api_key="any", base_url=base + "/v1", max_retries=0, http_client=httpx.Client())
got = {}
for name, call in {**calls, "openai with http_client=httpx.Client()": lambda: ask(wrapped)}.items():
    with trace.get_tracer("test").start_as_current_span("span"):
        call()
    got[name] = seen[-1]
    print(f"  {name:40} traceparent: {got[name]}")
HTTPXClientInstrumentor().uninstrument()

# 2. the same URL, mocked
said = {}
for name, client in (("openai", plain), ("openai with http_client=httpx.Client()", given)):
    with respx.mock(assert_all_called=False) as mock:
        mock.post(base + "/v1/chat/completions").respond(json=MOCKED)
        before = len(seen)
        said[name] = (ask(client), len(seen) - before)
    print(f"  {name:40} under respx.mock: {said[name][0]!r}, requests that went out: {said[name][1]}")

as_described = list(got.values()) == [True, False, False, True] and list(said.values()) == [("from the network", 1), ("mocked", 0)]
print("as described" if as_described else "CHANGED")
sys.exit(not as_described)
EOF
