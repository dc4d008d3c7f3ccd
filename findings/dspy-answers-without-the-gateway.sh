#!/usr/bin/env bash
# DSPy answers from its disk what another server, with another key, once said: the new gateway is never asked.
#
# Versions: dspy 3.4.1 (litellm 1.110.2).
#
# One would expect: DSPy is known to cache answers by default. A cache of HTTP answers is keyed by what was asked, and of
#   whom: dspy.LM(..., api_base=A, api_key=K1) and dspy.LM(..., api_base=B, api_key=K2) are two servers, and so is the
#   same address after a restart with other settings a thing that a new process asks afresh.
#
# What happens: api_base, base_url and api_key are left out of the cache's key, and the cache is on disk, for up to 30 GB.
#   With the same model name and prompt, B is not asked, and its "answer" is A's. In a new process too, and also if nothing
#   listens at B's address at all. Other extra_headers do count, as would another temperature; cache=False asks.
#
# Why users of an LLM gateway care: they compare two gateways, or two model mappings behind the name "gpt-4o", by pointing
#   the same program at each in turn, and measure nothing: equal answers, no latency, no row in the gateway's log. A
#   smoke test passes with the gateway stopped. And an answer paid for with one team's key is given to another.
#
# Seen: 2026-11-29
set -euo pipefail
dir=$(mktemp -d)
trap 'kill "${stub:-}" 2> /dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install -q --no-compile --disable-pip-version-check dspy==3.4.1 litellm==1.110.2 > pip.log 2>&1 || { cat pip.log; exit 1; }

cat > stub.py <<'EOF'
"""Two servers, A and B, which say who they are. GET /count: how often each was asked."""
import http.server, json, threading

asked = {"A": 0, "B": 0}

def server(name):
    class Stub(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.reply(asked)
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            asked[name] += 1
            self.reply({
                "id": "c", "object": "chat.completion", "created": 1, "model": "gpt-4o",
                "choices": [{"index": 0, "message": {"role": "assistant", "content": f"I am {name}"}, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}})
        def reply(self, value):
            body = json.dumps(value).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        def log_message(self, *args):
            pass
    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stub)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    return made.server_port

print(server("A"), server("B"), flush=True)
threading.Event().wait()
EOF
cat > ask.py <<'EOF'
import json, sys
import dspy

print(dspy.LM("openai/gpt-4o", api_base=f"http://127.0.0.1:{sys.argv[1]}/v1", api_key=sys.argv[2], num_retries=0, **json.loads(sys.argv[3]))("Who are you?")[0])
EOF
"${PYTHON:-python3}" stub.py > ports &
stub=$!
while [ ! -s ports ]; do sleep 0.1; done
read -r a b < ports
export DSPY_CACHEDIR=$dir/cache LITELLM_LOCAL_MODEL_COST_MAP=True
ask() { venv/bin/python ask.py "$1" "$2" "${3:-{\}}" 2> err || { tail -3 err >&2; exit 1; }; }

echo "dspy $(venv/bin/pip show dspy 2> /dev/null | sed -n 's/^Version: //p'); one process each, the same model name and prompt"
first=$(ask "$a" key-of-a);                                           echo "  server A, key-of-a:                     $first"
second=$(ask "$b" key-of-b);                                          echo "  server B, key-of-b:                     $second"
nobody=$(ask 9 key-of-c);                                             echo "  a port where nothing listens, key-of-c: $nobody"
count=$("${PYTHON:-python3}" -c "import urllib.request as u; print(u.urlopen('http://127.0.0.1:$a/').read().decode())")
echo "  requests that came:                     $count"
headers=$(ask "$b" key-of-b '{"extra_headers": {"x-team": "b"}}');    echo "  server B, another extra header:         $headers"
without=$(ask "$b" key-of-b '{"cache": false}');                      echo "  server B, cache=False:                  $without"
[ "$first|$second|$nobody|$count|$headers|$without" = 'I am A|I am A|I am A|{"A": 1, "B": 0}|I am B|I am B' ] || { echo "CHANGED"; exit 1; }
echo "as described"
