#!/usr/bin/env bash
# OpenLLMetry has no span for an Anthropic or Gemini stream that was not read to its end, not even if it was closed by `with`.
#
# Versions: opentelemetry-instrumentation-openai, -anthropic, -google-generativeai 0.62.4 (OpenLLMetry); beside them
#   openinference-instrumentation-openai 0.1.66, -anthropic 3.1.0, -google-genai 1.4.14; openai 3.57.0, anthropic 2.14.0,
#   google-genai 3.6.1.
#
# One would expect: a span begins with the request and ends when the stream does, by its last chunk or by close(), `with`
#   included; so each request has one, and those that were given up are the ones that tell something. Only a stream
#   that is neither read nor closed, and is still held, is rightly "under way".
#
# What happens: the spans of a request of which one chunk was read, by how it was left:
#
#                                  OpenLLMetry   OpenInference
#     openai, read to the end      1             1
#     openai, with, break          1             1
#     openai, break, close()       1             1
#     anthropic, read to the end   1             1
#     anthropic, with, break       0             1
#     anthropic, break, close()    0             1
#     google-genai, to the end     1             1
#     google-genai, break          0             1
#
#   0 is for good: the stream is dropped and collected, the provider is shut down, and nothing comes. No error, no warning.
#   (For openai after close() the span comes when the stream is collected, not before.)
#
# Why users of an LLM gateway care: streams are left early by every Stop button, and by timeouts of the program, so the counts
#   of requests in the dashboard and in the gateway's log differ by just those, and they look like requests that nobody
#   sent. A service that uses one vendor's SDK loses nothing, another with the same code loses them all. For what was given
#   up, the gateway's own numbers are the ones to believe.
#
# Seen: 2026-11-29
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"${PYTHON:-python3}" -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --no-compile --disable-pip-version-check opentelemetry-instrumentation-openai==0.62.4 \
  opentelemetry-instrumentation-anthropic==0.62.4 opentelemetry-instrumentation-google-generativeai==0.62.4 \
  openinference-instrumentation-openai==0.1.66 openinference-instrumentation-anthropic==3.1.0 openinference-instrumentation-google-genai==1.4.14 \
  opentelemetry-sdk==1.45.2 openai==3.57.0 anthropic==2.14.0 google-genai==3.6.1 > "$dir/pip.log" 2>&1 || { cat "$dir/pip.log"; exit 1; }

cat > "$dir/traced.py" <<'EOF'
import gc, http.server, json, sys, threading

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

class Stub(http.server.BaseHTTPRequestHandler):
    """Answers of five words, as each API streams them."""
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.end_headers()
        words = [f"word{n} " for n in range(5)]
        if "messages" in self.path:
            events = [("message_start", {"message": {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": None,
                                                     "stop_sequence": None, "usage": {"input_tokens": 10, "output_tokens": 0}}}),
                      ("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}}),
                      *(("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": word}}) for word in words),
                      ("content_block_stop", {"index": 0}),
                      ("message_delta", {"delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": {"output_tokens": 5}}),
                      ("message_stop", {})]
            lines = [f"event: {kind}\ndata: {json.dumps({'type': kind} | data)}\n\n" for kind, data in events]
        elif "streamGenerateContent" in self.path:
            lines = [f"data: {json.dumps({'candidates': [{'index': 0, 'content': {'role': 'model', 'parts': [{'text': word}]}}], 'usageMetadata': {'promptTokenCount': 10, 'candidatesTokenCount': n, 'totalTokenCount': 10 + n}})}\n\n"
                     for n, word in enumerate(words, 1)]
        else:
            lines = [f"data: {json.dumps({'id': 'c', 'object': 'chat.completion.chunk', 'created': 1, 'model': 'm', 'choices': [{'index': 0, 'delta': {'role': 'assistant', 'content': word}, 'finish_reason': None}]})}\n\n"
                     for word in words] + ["data: [DONE]\n\n"]
        try:
            for line in lines:
                self.wfile.write(line.encode())
        except OSError:
            pass  # the client has left
    def log_message(self, *args):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stub)
threading.Thread(target=server.serve_forever, daemon=True).start()
base = f"http://127.0.0.1:{server.server_port}"

class Spans(InMemorySpanExporter):
    def shutdown(self):
        pass  # goes on taking spans

if sys.argv[1] == "OpenLLMetry":
    from opentelemetry.instrumentation.anthropic import AnthropicInstrumentor
    from opentelemetry.instrumentation.google_generativeai import GoogleGenerativeAiInstrumentor as GeminiInstrumentor
    from opentelemetry.instrumentation.openai import OpenAIInstrumentor
else:
    from openinference.instrumentation.anthropic import AnthropicInstrumentor
    from openinference.instrumentation.google_genai import GoogleGenAIInstrumentor as GeminiInstrumentor
    from openinference.instrumentation.openai import OpenAIInstrumentor
spans, provider = Spans(), TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(spans))
for instrumentor in (OpenAIInstrumentor(), AnthropicInstrumentor(), GeminiInstrumentor()):
    instrumentor.instrument(tracer_provider=provider)

import anthropic, openai
from google import genai

messages = [{"role": "user", "content": "hi"}]
chat = openai.OpenAI(base_url=base + "/v1", api_key="any")
claude = anthropic.Anthropic(base_url=base, api_key="any")
gemini = genai.Client(api_key="any", http_options={"base_url": base})
ask = {
    "openai": lambda: chat.chat.completions.create(model="m", messages=messages, stream=True),
    "anthropic": lambda: claude.messages.create(model="m", max_tokens=99, messages=messages, stream=True),
    "google-genai": lambda: gemini.models.generate_content_stream(model="gemini-2.5-flash", contents="hi"),
}

def to_the_end(stream):
    for _ in stream:
        pass

def with_break(stream):
    with stream:
        for _ in stream:
            break

def break_close(stream):
    for _ in stream:
        break
    stream.close()

def just_break(stream):
    for _ in stream:
        break

count = {}
for sdk, leave in (("openai", to_the_end), ("openai", with_break), ("openai", break_close),
                   ("anthropic", to_the_end), ("anthropic", with_break), ("anthropic", break_close),
                   ("google-genai", to_the_end), ("google-genai", just_break)):
    leave(ask[sdk]())
    gc.collect()
    count[sdk, leave.__name__] = len(spans.get_finished_spans())
    spans.clear()
provider.shutdown()
for (sdk, leave), number in count.items():
    print(f"{sys.argv[1]:14} {sdk:13} {leave:12} spans: {number}")
print(f"{sys.argv[1]:14} later, at the shutdown: {len(spans.get_finished_spans())}", flush=True)
EOF
for by in OpenLLMetry OpenInference; do
  "$dir/venv/bin/python" "$dir/traced.py" "$by" >> "$dir/seen" 2> "$dir/err" || { tail -5 "$dir/err"; exit 1; }
done
cat "$dir/seen"
if diff <(sed 's/  */ /g' "$dir/seen") - <<'EOF'
OpenLLMetry openai to_the_end spans: 1
OpenLLMetry openai with_break spans: 1
OpenLLMetry openai break_close spans: 1
OpenLLMetry anthropic to_the_end spans: 1
OpenLLMetry anthropic with_break spans: 0
OpenLLMetry anthropic break_close spans: 0
OpenLLMetry google-genai to_the_end spans: 1
OpenLLMetry google-genai just_break spans: 0
OpenLLMetry later, at the shutdown: 0
OpenInference openai to_the_end spans: 1
OpenInference openai with_break spans: 1
OpenInference openai break_close spans: 1
OpenInference anthropic to_the_end spans: 1
OpenInference anthropic with_break spans: 1
OpenInference anthropic break_close spans: 1
OpenInference google-genai to_the_end spans: 1
OpenInference google-genai just_break spans: 1
OpenInference later, at the shutdown: 0
EOF
then echo "as described"; else echo CHANGED; exit 1; fi
