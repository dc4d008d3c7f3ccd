#!/usr/bin/env bash
# OpenLLMetry's spans: Gemini's thoughts are no output tokens, and the first token of an Anthropic stream counts twice.
#
# Versions: opentelemetry-instrumentation-google-generativeai and opentelemetry-instrumentation-anthropic 0.62.4 (OpenLLMetry);
#   beside them openinference-instrumentation-google-genai 1.4.14, openinference-instrumentation-anthropic 3.1.0; google-genai
#   3.6.1, anthropic 2.14.0.
#
# One would expect: gen_ai.usage.output_tokens is what was generated and is paid for; thoughts are part of it, as they are of
#   OpenAI's completion_tokens. Input and output add up to the total. In an Anthropic stream the numbers of `message_delta`
#   are those of the whole answer ("cumulative", says its documentation), with the 1 of `message_start` in them.
#
# What happens: of Gemini's usageMetadata OpenLLMetry takes candidatesTokenCount alone, which leaves thoughts out. An answer
#   of 5 tokens after 700 of thoughts has output_tokens 5, and a total of 715 beside 10 + 5; the 700 have no attribute. It
#   is so for whole answers and for streams. In an Anthropic stream the output tokens of `message_start` are added to those
#   of `message_delta`: 6 for 5; the same answer whole has 5. OpenInference has 705 and 5.
#
# Why users of an LLM gateway care: costs made from such spans leave out most of what a thinking model costs, because Google
#   charges thoughts as output, and the same answer asked for in OpenAI's format looks 140 times as dear. For Gemini the
#   total minus the input is the right number. A gateway that writes `message_start` should put 0 output tokens there.
#
# Seen: 2026-11-29 (input, output, total)
#   OpenLLMetry    Gemini, whole      [10, 5, 715]
#   OpenLLMetry    Gemini, stream     [10, 5, 715]
#   OpenLLMetry    Anthropic, whole   [10, 5, 15]
#   OpenLLMetry    Anthropic, stream  [10, 6, 16]
#   OpenInference  Gemini, whole      [10, 705, 715]
#   OpenInference  Gemini, stream     [10, 705, 715]
#   OpenInference  Anthropic, whole   [10, 5, 15]
#   OpenInference  Anthropic, stream  [10, 5, 15]
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"${PYTHON:-python3}" -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --no-compile --disable-pip-version-check opentelemetry-instrumentation-google-generativeai==0.62.4 \
  opentelemetry-instrumentation-anthropic==0.62.4 openinference-instrumentation-google-genai==1.4.14 \
  openinference-instrumentation-anthropic==3.1.0 opentelemetry-sdk==1.45.2 google-genai==3.6.1 anthropic==2.14.0 \
  > "$dir/pip.log" 2>&1 || { cat "$dir/pip.log"; exit 1; }

cat > "$dir/traced.py" <<'EOF'
import http.server, json, sys, threading

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

class Stub(http.server.BaseHTTPRequestHandler):
    """Gemini: 10 tokens in, 5 out after 700 of thoughts. Anthropic: 10 in, 5 out, as its API tells it."""
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        gemini, stream = "models/" in self.path, "stream" in self.path or asked.get("stream")
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8" if stream else "application/json")
        self.end_headers()
        if gemini:
            answer = json.dumps({"candidates": [{"index": 0, "content": {"role": "model", "parts": [{"text": "Yes."}]}, "finishReason": "STOP"}],
                                 "usageMetadata": {"promptTokenCount": 10, "candidatesTokenCount": 5, "thoughtsTokenCount": 700, "totalTokenCount": 715},
                                 "modelVersion": "gemini-2.5-flash", "responseId": "r"})
            self.wfile.write(f"data: {answer}\n\n".encode() if stream else answer.encode())
            return
        message = {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": None, "stop_sequence": None,
                   "usage": {"input_tokens": 10, "output_tokens": 1}}
        if not stream:
            message |= {"content": [{"type": "text", "text": "Yes."}], "stop_reason": "end_turn", "usage": {"input_tokens": 10, "output_tokens": 5}}
            self.wfile.write(json.dumps(message).encode())
            return
        for kind, data in (("message_start", {"message": message}),
                           ("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}}),
                           ("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": "Yes."}}),
                           ("content_block_stop", {"index": 0}),
                           ("message_delta", {"delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": {"output_tokens": 5}}),
                           ("message_stop", {})):
            self.wfile.write(f"event: {kind}\ndata: {json.dumps({'type': kind} | data)}\n\n".encode())
    def log_message(self, *args):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stub)
threading.Thread(target=server.serve_forever, daemon=True).start()
base = f"http://127.0.0.1:{server.server_port}"

spans, provider = InMemorySpanExporter(), TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(spans))
if sys.argv[1] == "OpenLLMetry":
    from opentelemetry.instrumentation.anthropic import AnthropicInstrumentor
    from opentelemetry.instrumentation.google_generativeai import GoogleGenerativeAiInstrumentor as GeminiInstrumentor
    names = [f"gen_ai.usage.{part}_tokens" for part in ("input", "output", "total")]
else:
    from openinference.instrumentation.anthropic import AnthropicInstrumentor
    from openinference.instrumentation.google_genai import GoogleGenAIInstrumentor as GeminiInstrumentor
    names = [f"llm.token_count.{part}" for part in ("prompt", "completion", "total")]
for instrumentor in (GeminiInstrumentor(), AnthropicInstrumentor()):
    instrumentor.instrument(tracer_provider=provider)

import anthropic
from google import genai

gemini = genai.Client(api_key="any", http_options={"base_url": base})
claude = anthropic.Anthropic(base_url=base, api_key="any")
ask = {"model": "m", "max_tokens": 99, "messages": [{"role": "user", "content": "hi"}]}
for title, call in (("Gemini, whole", lambda: gemini.models.generate_content(model="gemini-2.5-flash", contents="hi")),
                    ("Gemini, stream", lambda: list(gemini.models.generate_content_stream(model="gemini-2.5-flash", contents="hi"))),
                    ("Anthropic, whole", lambda: claude.messages.create(**ask)),
                    ("Anthropic, stream", lambda: list(claude.messages.create(**ask, stream=True)))):
    call()
    (span,) = spans.get_finished_spans()
    spans.clear()
    print(f"{sys.argv[1]:14} {title:18} {[span.attributes.get(name) for name in names]}", flush=True)
EOF
for by in OpenLLMetry OpenInference; do
  "$dir/venv/bin/python" "$dir/traced.py" "$by" >> "$dir/seen" 2> "$dir/err" || { tail -5 "$dir/err"; exit 1; }
done
cat "$dir/seen"
if diff "$dir/seen" - <<'EOF'
OpenLLMetry    Gemini, whole      [10, 5, 715]
OpenLLMetry    Gemini, stream     [10, 5, 715]
OpenLLMetry    Anthropic, whole   [10, 5, 15]
OpenLLMetry    Anthropic, stream  [10, 6, 16]
OpenInference  Gemini, whole      [10, 705, 715]
OpenInference  Gemini, stream     [10, 705, 715]
OpenInference  Anthropic, whole   [10, 5, 15]
OpenInference  Anthropic, stream  [10, 5, 15]
EOF
then echo "as described"; else echo CHANGED; exit 1; fi
