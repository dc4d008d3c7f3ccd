#!/usr/bin/env bash
# LiteLLM ends a healthy stream with "InternalServerError" when a hundred pieces in a row are the same text.
#
# Version: litellm 1.110.2.
#
# One would expect: a client of a stream hands on what comes, and how the text is cut into pieces is the server's business. A
#   stream with a finish_reason and [DONE] is a success; an error of the server has a status or an error event.
#
# What happens: the SDK compares pieces. When 100 in a row have the same text, and it is longer than two characters, it
#   takes the model to be caught in a loop, and raises in mid-stream: MidStreamFallbackError, around an
#   InternalServerError (status 500), "The model is repeating the same chunk". The server has sent no error, the
#   request is over for it as well. What a hundred equal pieces are made of: the line below the head of a wide table
#   ("---|"), a row of zeros ("0, "), indentation (four blanks), all of which a model means to say. The same text cut in
#   other places, or two characters a piece, goes through. OpenAI's and Gemini's streams fare alike. The number can be
#   changed with REPEATED_STREAMING_CHUNK_LIMIT in the environment.
#
# Why users of an LLM gateway care: LiteLLM is in many programs, and is a proxy of its own; the user sees a 500 of "the
#   model", which asks to be tried again, and is paid for again. The gateway's log has a client that left a good stream.
#   It depends on the prompt, and on how the server cuts: a gateway that cuts its text down to single tokens gets more of
#   it, one that sends larger pieces less. So the trial to make is to ask for the same answer without a stream.
#
# Seen: 2026-11-29
#   300 different pieces   OpenAI's format: all 1390 of 1390 characters
#   300 different pieces   Gemini's format: all 1390 of 1390 characters
#   90 times "---|"        OpenAI's format: all 360 of 360 characters
#   90 times "---|"        Gemini's format: all 360 of 360 characters
#   120 times "---|"       OpenAI's format: MidStreamFallbackError 500 after 400 of 480 characters
#   120 times "---|"       Gemini's format: MidStreamFallbackError 500 after 400 of 480 characters
#   60 times "---|---|"    OpenAI's format: all 480 of 480 characters
#   60 times "---|---|"    Gemini's format: all 480 of 480 characters
#   300 times "0,"         OpenAI's format: all 600 of 600 characters
#   300 times "0,"         Gemini's format: all 600 of 600 characters
#   300 times "0, "        OpenAI's format: MidStreamFallbackError 500 after 300 of 900 characters
#   300 times "0, "        Gemini's format: MidStreamFallbackError 500 after 300 of 900 characters
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"${PYTHON:-python3}" -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --no-compile --disable-pip-version-check litellm==1.110.2 > "$dir/pip.log" 2>&1 || { cat "$dir/pip.log"; exit 1; }

LITELLM_LOCAL_MODEL_COST_MAP=True "$dir/venv/bin/python" - 2> "$dir/err" <<'EOF' || { tail -5 "$dir/err"; exit 1; }
import http.server, json, sys, threading

import litellm

litellm.suppress_debug_info = True
pieces = []

class Stub(http.server.BaseHTTPRequestHandler):
    """A server that streams `pieces`, and ends as each API says."""
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.end_headers()
        for n, piece in enumerate(pieces, 1):
            last = n == len(pieces)
            if "streamGenerateContent" in self.path:
                candidate = {"index": 0, "content": {"role": "model", "parts": [{"text": piece}]}}
                event = {"candidates": [candidate | ({"finishReason": "STOP"} if last else {})]}
            else:
                event = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
                         "choices": [{"index": 0, "delta": {"role": "assistant", "content": piece}, "finish_reason": "stop" if last else None}]}
            self.wfile.write(b"data: " + json.dumps(event).encode() + b"\n\n")
        if "chat" in self.path:
            self.wfile.write(b"data: [DONE]\n\n")
    def log_message(self, *args):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stub)
threading.Thread(target=server.serve_forever, daemon=True).start()
base = f"http://127.0.0.1:{server.server_port}"

def ask(model, address):
    """Characters that came, and the error, if any."""
    came = 0
    try:
        for chunk in litellm.completion(model=model, api_base=base + address, api_key="any", stream=True,
                                        messages=[{"role": "user", "content": "a table, please"}]):
            came += len(chunk.choices[0].delta.content or "")
    except Exception as e:
        assert "The model is repeating the same chunk" in str(e), e
        return came, f"{type(e).__name__} {e.status_code}"
    return came, ""

as_described = True
for title, pieces, ends in (
    ("300 different pieces", [f"{n} |" for n in range(300)], None),
    ('90 times "---|"', ["---|"] * 90, None),
    ('120 times "---|"', ["---|"] * 120, 400),
    ('60 times "---|---|"', ["---|---|"] * 60, None),
    ('300 times "0,"', ["0,"] * 300, None),
    ('300 times "0, "', ["0, "] * 300, 300),
):
    whole = len("".join(pieces))
    for style, model, address in (("OpenAI's format", "openai/m", "/v1"), ("Gemini's format", "gemini/gemini-2.5-flash", "/v1beta/models/m:")):
        came, error = ask(model, address)
        print(f"{title:22} {style}: {error + ' after' if error else 'all'} {came} of {whole} characters", flush=True)
        as_described &= (came, error) == ((whole, "") if ends is None else (ends, "MidStreamFallbackError 500"))
print("as described" if as_described else "CHANGED")
sys.exit(not as_described)
EOF
