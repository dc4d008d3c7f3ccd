#!/usr/bin/env bash
# A stream that says on every chunk how many tokens it is so far: half of the clients add these numbers up.
#
# Versions: langchain-openai 1.7.4 and pydantic-ai-slim 2.68.0, against openai-agents 0.24.0 and litellm 1.110.2.
#
# One would expect: usage in a stream is the state of the whole request, as in the one usage chunk that OpenAI sends at the
#   end, and as in Gemini's usageMetadata, which counts up from event to event. So when several chunks have it, the last
#   one stands: 10 tokens in, 5 out. vLLM has an option for just such streams (stream_options.continuous_usage_stats), and
#   some gateways send usage on each chunk because their upstream does.
#
# What happens: the OpenAI Agents SDK and LiteLLM report 10 in and 5 out. LangChain and pydantic-ai take each number for a
#   part of its own and report the sum: for an answer of 5 chunks 60 in (the 5 chunks and the closing one, 10 each) and
#   1+2+3+4+5+5 = 20 out. The error grows with the square of the length: an answer of 1,000 chunks is reported as half a
#   million tokens. Nobody warns, and nothing is wrong with the text.
#
# Why users of an LLM gateway care: budgets, limits (pydantic-ai's UsageLimits ends the run) and bills made from these
#   numbers are wild, only for streams, and only with some clients. A gateway should hold usage back until the answer is
#   over and send it once, however often the upstream tells it.
#
# Seen: 2026-11-29
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"${PYTHON:-python3}" -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --no-compile --disable-pip-version-check langchain-openai==1.7.4 "pydantic-ai-slim[openai]==2.68.0" \
  openai-agents==0.24.0 litellm==1.110.2 openai==3.57.0 > "$dir/pip.log" 2>&1 || { cat "$dir/pip.log"; exit 1; }

LITELLM_LOCAL_MODEL_COST_MAP=True "$dir/venv/bin/python" - 2> "$dir/err" <<'EOF' || { tail -5 "$dir/err"; exit 1; }
import asyncio, http.server, json, sys, threading
from importlib.metadata import version

CHUNKS = 5

class Stub(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.end_headers()
        for n in range(1, CHUNKS + 2):
            done = min(n, CHUNKS)
            choice = {"index": 0, "delta": {"role": "assistant", "content": f"word{n} "}, "finish_reason": "stop" if n == CHUNKS else None}
            chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice] if n <= CHUNKS else [],
                     "usage": {"prompt_tokens": 10, "completion_tokens": done, "total_tokens": 10 + done}}
            self.wfile.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
        self.wfile.write(b"data: [DONE]\n\n")
    def log_message(self, *args):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stub)
threading.Thread(target=server.serve_forever, daemon=True).start()
base = f"http://127.0.0.1:{server.server_port}/v1"

def langchain_openai():
    from langchain_openai import ChatOpenAI
    whole = None
    for chunk in ChatOpenAI(model="m", base_url=base, api_key="any", stream_usage=True).stream("hi"):
        whole = chunk if whole is None else whole + chunk
    return whole.usage_metadata["input_tokens"], whole.usage_metadata["output_tokens"]

def pydantic_ai_slim():
    from pydantic_ai import Agent
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider
    async def run():
        async with Agent(OpenAIChatModel("m", provider=OpenAIProvider(base_url=base, api_key="any"))).run_stream("hi") as result:
            await result.get_output()
            return result.usage
    usage = asyncio.run(run())
    return usage.input_tokens, usage.output_tokens

def openai_agents():
    from agents import Agent, OpenAIChatCompletionsModel, Runner, set_tracing_disabled
    from openai import AsyncOpenAI
    set_tracing_disabled(True)
    async def run():
        model = OpenAIChatCompletionsModel("m", AsyncOpenAI(base_url=base, api_key="any"))
        result = Runner.run_streamed(Agent("agent", model=model), "hi")
        async for _ in result.stream_events():
            pass
        return result.context_wrapper.usage
    usage = asyncio.run(run())
    return usage.input_tokens, usage.output_tokens

def litellm():
    import litellm
    litellm.suppress_debug_info = True
    chunks = list(litellm.completion(model="openai/m", api_base=base, api_key="any", stream=True,
                                     stream_options={"include_usage": True}, messages=[{"role": "user", "content": "hi"}]))
    usage = litellm.stream_chunk_builder(chunks).usage
    return usage.prompt_tokens, usage.completion_tokens

print(f"{CHUNKS} chunks, each with the usage so far; 10 tokens in, 1 out for each chunk; then usage once more. Reported, in and out:")
got = []
for client in (langchain_openai, pydantic_ai_slim, openai_agents, litellm):
    name = client.__name__.replace("_", "-")
    got.append(client())
    print(f"  {name} {version(name)}: {got[-1]}", flush=True)
as_described = got == [(60, 20), (60, 20), (10, 5), (10, 5)]
print("as described" if as_described else "CHANGED")
sys.exit(not as_described)
EOF
