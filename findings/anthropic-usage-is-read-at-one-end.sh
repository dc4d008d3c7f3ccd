#!/usr/bin/env bash
# Tokens of the prompt in an Anthropic stream: one LangChain reads them at its start only, the other at its end only.
#
# Versions: langchain-anthropic 1.7.10 (Python), @langchain/anthropic 1.5.11 (Node); beside them anthropic 2.14.0,
#   pydantic-ai-slim 2.68.0, @ai-sdk/anthropic 3.0.140.
#
# One would expect: `message_start` has the usage as far as it is known (tokens of the prompt, those from the cache), and
#   `message_delta` has what it came to; what is not said again stands. So a stream may tell of the prompt at its start
#   (as Anthropic's first examples do), or at its end (who does not know it earlier), or at both.
#
# What happens, for a prompt of 10 and 4 tokens from the cache, and an answer of 5:
#   the SDK, pydantic-ai and AI SDK report 14 in and 5 out in all three cases;
#   langchain-anthropic (Python) reads `message_delta` alone: a stream that tells of the prompt at its start has 0 in;
#   @langchain/anthropic (Node) reads the prompt from `message_start` alone: a stream that tells of it at its end has 0
#     in; and it adds the output tokens of both events up, so that a `message_start` with "output_tokens": 1, as
#     Anthropic's own has it, makes 6 of 5.
#   Nobody warns.
#
# Why users of an LLM gateway care: whoever translates into this API learns the number of tokens late, and will put zeros
#   into `message_start`; costs and limits in LangChain are then wrong in one language, and no test in the other shows it.
#   What all read right: the prompt's tokens in both events, and 0 output tokens in the first.
#
# Seen: 2026-11-29, input and output tokens that were reported:
#                    prompt at the start   at the end   at both, "output_tokens": 0 at the start
#   anthropic              14 5               14 5              14 5
#   pydantic-ai            14 5               14 5              14 5
#   AI SDK                 14 5               14 5              14 5
#   LangChain, Python       0 5               14 5              14 5
#   LangChain, Node        14 6                0 5              14 5
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
command -v npm > /dev/null || { echo "needs npm"; exit 1; }
"${PYTHON:-python3}" -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --no-compile --disable-pip-version-check langchain-anthropic==1.7.10 anthropic==2.14.0 \
  "pydantic-ai-slim[anthropic]==2.68.0" > "$dir/pip.log" 2>&1 || { cat "$dir/pip.log"; exit 1; }
(cd "$dir" && npm install --silent --no-audit --no-fund @langchain/anthropic@1.5.11 @ai-sdk/anthropic@3.0.140 ai@6.0.326 > npm.log 2>&1) || { cat "$dir/npm.log"; exit 1; }

cat > "$dir/clients.mjs" <<'EOF'
import { ChatAnthropic } from "@langchain/anthropic";
import { createAnthropic } from "@ai-sdk/anthropic";
import { streamText } from "ai";

globalThis.AI_SDK_LOG_WARNINGS = false;
const base = process.argv[2];
const answer = streamText({ model: createAnthropic({ baseURL: `${base}/v1`, apiKey: "any" })("m"), prompt: "hi" });
for await (const piece of answer.textStream);
const { inputTokens, outputTokens } = await answer.usage;
let whole;
for await (const chunk of await new ChatAnthropic({ model: "m", anthropicApiUrl: base, apiKey: "any", maxRetries: 0 }).stream("hi"))
  whole = whole ? whole.concat(chunk) : chunk;
const { input_tokens, output_tokens } = whole.usage_metadata;
console.log(JSON.stringify([[inputTokens, outputTokens], [input_tokens, output_tokens]]));
EOF

"$dir/venv/bin/python" - "$dir/clients.mjs" 2> "$dir/err" <<'EOF' || { tail -5 "$dir/err"; exit 1; }
import asyncio, http.server, json, subprocess, sys, threading

import anthropic
from langchain_anthropic import ChatAnthropic
from pydantic_ai import Agent
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.providers.anthropic import AnthropicProvider

PROMPT = {"input_tokens": 10, "cache_read_input_tokens": 4, "cache_creation_input_tokens": 0}
SHAPES = {  # usage of message_start, of message_delta
    "at the start": ({**PROMPT, "output_tokens": 1}, {"output_tokens": 5}),
    "at the end": ({"input_tokens": 0, "output_tokens": 0}, {**PROMPT, "output_tokens": 5}),
    "at both": ({**PROMPT, "output_tokens": 0}, {**PROMPT, "output_tokens": 5}),
}
shape = ""

class Stub(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        start, delta = SHAPES[shape]
        events = [
            {"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [],
             "stop_reason": None, "stop_sequence": None, "usage": start}},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hello"}},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": delta},
            {"type": "message_stop"},
        ]
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.end_headers()
        self.wfile.write("".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in events).encode())
    def log_message(self, *args):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stub)
threading.Thread(target=server.serve_forever, daemon=True).start()
base = f"http://127.0.0.1:{server.server_port}"

def sdk():
    messages = [{"role": "user", "content": "hi"}]
    with anthropic.Anthropic(base_url=base, api_key="any").messages.stream(model="m", max_tokens=9, messages=messages) as stream:
        usage = stream.get_final_message().usage
    return [usage.input_tokens + usage.cache_read_input_tokens, usage.output_tokens]

def pydantic_ai():
    async def run():
        agent = Agent(AnthropicModel("m", provider=AnthropicProvider(base_url=base, api_key="any")))
        async with agent.run_stream("hi") as stream:
            async for _ in stream.stream_text():
                pass
            return stream.usage
    usage = asyncio.run(run())
    return [usage.input_tokens, usage.output_tokens]

def langchain():
    whole = None
    for chunk in ChatAnthropic(model="m", base_url=base, api_key="any", max_tokens=9).stream("hi"):
        whole = chunk if whole is None else whole + chunk
    return [whole.usage_metadata["input_tokens"], whole.usage_metadata["output_tokens"]]

seen = {}
for shape in SHAPES:
    node = json.loads(subprocess.run(["node", sys.argv[1], base], check=True, capture_output=True, text=True).stdout.splitlines()[-1])
    seen[shape] = {"anthropic": sdk(), "pydantic-ai": pydantic_ai(), "LangChain, Python": langchain(), "AI SDK": node[0], "LangChain, Node": node[1]}
    print(shape, seen[shape])

usual = dict.fromkeys(("anthropic", "pydantic-ai", "LangChain, Python", "AI SDK", "LangChain, Node"), [14, 5])
expected = {
    "at the start": usual | {"LangChain, Python": [0, 5], "LangChain, Node": [14, 6]},
    "at the end": usual | {"LangChain, Node": [0, 5]},
    "at both": usual,
}
if seen != expected:
    sys.exit(f"that has changed: {seen}")
EOF
