#!/usr/bin/env bash
# mitmproxy's HAR of an event stream without a charset: every letter outside ASCII is garbled, and no round trip shows it.
#
# Version: mitmproxy 12.3.1.
#
# One would expect: an event stream is UTF-8, always; the standard allows no other encoding, so servers need not name one.
#   mitmproxy takes application/json without a charset as UTF-8, for the same reason, and HAR files are UTF-8. So the text of
#   an answer that streams Chinese is Chinese in the HAR, as it is when the same JSON comes in one piece.
#
# What happens: text/event-stream without charset=utf-8 is read as Latin-1. flow.response.text and content.text of
#   the HAR have two or three wrong letters for each right one, and nothing is told; all bytes are valid Latin-1. The
#   file is read back by mitmproxy with the same mistake the other way round, so its own test of a round trip passes. Only
#   others see it: browsers' developer tools, HAR viewers, a colleague's script.
#
# Why users of an LLM gateway care: a HAR is what one attaches to a bug report, and a stream is what most of them are
#   about. Whether it can be read depends on whether the upstream wrote "; charset=utf-8". Who writes an addon should
#   decode response.content as UTF-8, not use response.text; a gateway should say the charset in its own streams.
#
# Seen: 2026-11-29
set -euo pipefail
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
for python in ${PYTHON:-python3 python3.14 python3.13 python3.12 "$repository"/.venv/bin/python "$HOME"/.pyenv/versions/3.1[2-9]*/bin/python3}; do
  # mitmproxy 12.3 wants 3.12
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2> /dev/null && break
  python=
done
[ -n "$python" ] || { echo "needs a Python 3.12 or newer: PYTHON=..."; exit 1; }
"$python" -m venv venv
venv/bin/pip install -q --no-compile --disable-pip-version-check mitmproxy==12.3.1 > pip.log 2>&1 || { cat pip.log; exit 1; }

cat > make.py <<'EOF'
"""A file of flows, as mitmdump -w writes it: the same words as JSON, as a stream, and as a stream with its charset."""
from mitmproxy import http
from mitmproxy.io import FlowWriter
from mitmproxy.test import tflow

WORDS = '{"text": "\u4f60\u597d"}'
with open("in.flow", "wb") as file:
    for kind, body in (("application/json", WORDS), ("text/event-stream", f"data: {WORDS}\n\n"), ("text/event-stream; charset=utf-8", f"data: {WORDS}\n\n")):
        flow = tflow.tflow()
        flow.response = http.Response.make(200, body.encode(), {"Content-Type": kind})
        FlowWriter(file).add(flow)
EOF
cat > look.py <<'EOF'
import json, sys
from mitmproxy.io import FlowReader

same = [flow.response.content for flow in FlowReader(open("in.flow", "rb")).stream()] == [flow.response.content for flow in FlowReader(open("back.flow", "rb")).stream()]
got = []
for entry in json.load(open("out.har"))["log"]["entries"]:
    content = entry["response"]["content"]
    got.append("\u4f60\u597d" in content["text"])
    print(f"  {content['mimeType']:34} {content['text'].strip()!r}  {'right' if got[-1] else 'garbled'}")
print(f"  read back by mitmproxy, the bytes are as they were: {same}")
as_described = got == [True, False, True] and same
print("as described" if as_described else "CHANGED")
sys.exit(not as_described)
EOF
export PYTHONIOENCODING=utf-8
venv/bin/python make.py
venv/bin/mitmdump -q -n -r in.flow --set hardump=out.har
venv/bin/mitmdump -q -n -r out.har -w back.flow
venv/bin/mitmdump --version | head -1
venv/bin/python look.py
