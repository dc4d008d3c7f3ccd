#!/usr/bin/env bash
# OpenTelemetry's own instrumentation of the OpenAI SDK, newest with newest: no span, and no word about it.
#
# Versions: opentelemetry-instrumentation-openai-v2 2.4b0, opentelemetry-util-genai 1.3b0, opentelemetry-distro 0.66b2,
#   openai 3.57.0. This is what "pip install opentelemetry-instrumentation-openai-v2 opentelemetry-distro openai" gives.
#
# One would expect: pip has resolved it, "pip check" is content, the instrumentation says "openai >= 1.26.0", so
#   "opentelemetry-instrument python app.py", as its README has it, traces each chat, or complains.
#
# What happens: the program runs, stdout is right, stderr is empty, the exit status is 0, and there is not one span.
#   The instrumentation can't be imported, for two reasons, one behind the other:
#   it imports httpx without requiring it, which openai 3 no longer brings along (it uses httpx2);
#   and it imports opentelemetry.util.genai.instruments, which util-genai has no more since 1.2b0 (it asks for ">=0.4b0.dev").
#   opentelemetry-instrument takes a ModuleNotFoundError for "this library is not installed here" and skips it, which it
#   tells at level DEBUG only. With httpx added and util-genai 1.1b0 the same program has its span.
#
# Why users of an LLM gateway care: tokens and latency by model disappear from their dashboards after an upgrade, and the
#   natural suspect is the gateway ("no usage in its answers"), which sends what it always did. They should pin
#   opentelemetry-util-genai<1.2 and add httpx, or count at the gateway.
#
# Seen: 2026-11-29
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"${PYTHON:-python3}" -m venv "$dir/venv"
bin=$dir/venv/bin
install() { "$bin/pip" install -q --no-compile --disable-pip-version-check "$@" > "$dir/pip.log" 2>&1 || { cat "$dir/pip.log"; exit 1; }; }
install openai==3.57.0 opentelemetry-instrumentation-openai-v2==2.4b0 opentelemetry-util-genai==1.3b0 \
  opentelemetry-distro==0.66b2 opentelemetry-sdk==1.45.2

cat > "$dir/app.py" <<'EOF'
import http.server, json, threading
import openai

class Stub(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps({
            "id": "c", "object": "chat.completion", "created": 1, "model": "m",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stub)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = openai.OpenAI(api_key="any", base_url=f"http://127.0.0.1:{server.server_port}/v1")
print("answer:", client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}]).choices[0].message.content)
EOF
run() {
  OTEL_TRACES_EXPORTER=console OTEL_METRICS_EXPORTER=none OTEL_LOGS_EXPORTER=none \
    "$bin/opentelemetry-instrument" "$bin/python" "$dir/app.py" > "$dir/out" 2> "$dir/err" && status=0 || status=$?
  spans=$(grep -c '"span_id"' "$dir/out" || true)
  echo "  $(head -1 "$dir/out"); exit $status, $(wc -c < "$dir/err") bytes on stderr, spans: $spans"
}
missing() { { "$bin/python" -c 'import opentelemetry.instrumentation.openai_v2' 2>&1 || true; } | tail -1; }

"$bin/pip" list 2> /dev/null | grep -E '^(openai|opentelemetry-(instrumentation-openai-v2|util-genai|distro)) '
echo "pip check: $("$bin/pip" check)"
echo "as installed:"; run
as_installed="$status $(wc -c < "$dir/err") $spans"
first=$(missing); echo "  importing it by hand: $first"
install httpx==0.28.1
echo "with httpx:"; run
with_httpx=$spans
second=$(missing); echo "  importing it by hand: $second"
install opentelemetry-util-genai==1.1b0
echo "with httpx and util-genai 1.1b0:"; run

[ "$as_installed" = "0 0 0" ] && [ "$with_httpx" = 0 ] && [ "$spans" = 1 ] \
  && [ "$first" = "ModuleNotFoundError: No module named 'httpx'" ] \
  && [ "$second" = "ModuleNotFoundError: No module named 'opentelemetry.util.genai.instruments'" ] \
  || { echo "CHANGED"; exit 1; }
echo "as described"
