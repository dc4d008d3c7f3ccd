#!/usr/bin/env bash
# google-genai (Python): the 101st stream of a client waits, unsent and without end, unless aiohttp happens to be installed.
#
# Versions: google-genai 3.6.1 with httpx2 2.16.2, without and with aiohttp 3.14.5; beside them openai 3.57.0 and
#   anthropic 2.14.0.
#
# One would expect: asyncio clients of LLMs are made for many slow streams side by side. OpenAI's and Anthropic's SDKs
#   have 1,000 connections; Google's is used for the same, and where there is a limit a timeout says so.
#
# What happens: of 120 streams begun at once by one client, as many reached the server while none had ended:
#
#     openai, anthropic                                        120
#     google-genai                                             100
#     google-genai, aiohttp installed                          120
#     google-genai, http_options with async_client_args
#       {"limits": httpx2.Limits(max_connections=1000)}        120
#
#   httpx2 has 100 connections by default, and google-genai leaves it so. It has no timeout by default either, so that the
#   others wait as long as it takes, without a word. With aiohttp, which other packages bring along, it asks for no limit
#   at all, so the same program runs one way here and another way there.
#
# Why users of an LLM gateway care: streams last for minutes, so a batch or a chat server reaches 100 easily. The time to
#   the first token is then minutes, the gateway and the model are idle, and the gateway's own log says that each
#   request was served at once: it counts from when it came. More workers or a larger quota change nothing. What
#   helps: limits of one's own, as in the last line, or a second client.
#
# Seen: 2026-11-29
#   openai: 120 of 120 at the server
#   anthropic: 120 of 120 at the server
#   google-genai: 100 of 120 at the server
#   google-genai, limit of 1000: 120 of 120 at the server
#   google-genai, aiohttp: 120 of 120 at the server
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
for env in plain beside; do "${PYTHON:-python3}" -m venv "$dir/$env"; done
"$dir/plain/bin/pip" install -q --no-compile --disable-pip-version-check openai==3.57.0 anthropic==2.14.0 google-genai==3.6.1 httpx2==2.16.2 \
  > "$dir/pip.log" 2>&1 || { cat "$dir/pip.log"; exit 1; }
"$dir/beside/bin/pip" install -q --no-compile --disable-pip-version-check google-genai==3.6.1 httpx2==2.16.2 aiohttp==3.14.5 \
  > "$dir/pip.log" 2>&1 || { cat "$dir/pip.log"; exit 1; }

cat > "$dir/many.py" <<'EOF'
import asyncio, http.server, json, sys, threading

STREAMS = 120
arrived, done = [], threading.Event()

class Stub(http.server.BaseHTTPRequestHandler):
    """Streams that begin at once and end when the script says so."""
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        arrived.append(self.path)
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.end_headers()
        if "messages" in self.path:
            first = last = 'event: ping\ndata: {"type": "ping"}\n\n'
        elif "streamGenerateContent" in self.path:
            text = {"index": 0, "content": {"role": "model", "parts": [{"text": "word "}]}}
            first, last = (f"data: {json.dumps({'candidates': [c]})}\n\n" for c in (text, text | {"finishReason": "STOP"}))
        else:
            first, last = (f"data: {json.dumps(c)}\n\n" for c in (
                {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
                 "choices": [{"index": 0, "delta": {"role": "assistant", "content": "word "}, "finish_reason": reason}]} for reason in (None, "stop")))
        self.wfile.write(first.encode())
        done.wait()
        self.wfile.write(last.encode())
    def log_message(self, *args):
        pass

class Server(http.server.ThreadingHTTPServer):
    request_queue_size, daemon_threads = 500, True

server = Server(("127.0.0.1", 0), Stub)
threading.Thread(target=server.serve_forever, daemon=True).start()
base = f"http://127.0.0.1:{server.server_port}"
messages = [{"role": "user", "content": "hi"}]

def openai():
    import openai
    client = openai.AsyncOpenAI(base_url=base + "/v1", api_key="any")
    async def one():
        async for _ in await client.chat.completions.create(model="m", messages=messages, stream=True):
            pass
    return one

def anthropic():
    import anthropic
    client = anthropic.AsyncAnthropic(base_url=base, api_key="any")
    async def one():
        async for _ in await client.messages.create(model="m", max_tokens=9, messages=messages, stream=True):
            pass
    return one

def google_genai(**more):
    from google import genai
    client = genai.Client(api_key="any", http_options={"base_url": base} | more)
    async def one():
        async for _ in await client.aio.models.generate_content_stream(model="m", contents="hi"):
            pass
    return one

def google_genai_1000():
    import httpx2
    return google_genai(async_client_args={"limits": httpx2.Limits(max_connections=1000)})

async def main():
    for title, client in CASES:
        arrived.clear()
        done.clear()
        one = client()
        tasks = [asyncio.create_task(one()) for _ in range(STREAMS)]
        quiet, before = 0, 0
        while quiet < 4 or not arrived:  # seconds in which no further request came
            await asyncio.sleep(1)
            quiet, before = (quiet + 1 if len(arrived) == before else 0), len(arrived)
        print(f"{title}: {len(arrived)} of {STREAMS} at the server", flush=True)
        done.set()
        await asyncio.gather(*tasks)

CASES = [("google-genai, aiohttp", google_genai)] if sys.argv[1] == "beside" else [
    ("openai", openai), ("anthropic", anthropic), ("google-genai", google_genai), ("google-genai, limit of 1000", google_genai_1000)]
asyncio.run(main())
EOF
for env in plain beside; do "$dir/$env/bin/python" "$dir/many.py" "$env" >> "$dir/seen" 2> "$dir/err" || { tail -5 "$dir/err"; exit 1; }; done
cat "$dir/seen"
if diff "$dir/seen" - <<'EOF'
openai: 120 of 120 at the server
anthropic: 120 of 120 at the server
google-genai: 100 of 120 at the server
google-genai, limit of 1000: 120 of 120 at the server
google-genai, aiohttp: 120 of 120 at the server
EOF
then echo "as described"; else echo CHANGED; exit 1; fi
