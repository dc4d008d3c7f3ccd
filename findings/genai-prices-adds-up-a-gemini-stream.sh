#!/usr/bin/env bash
# A streamed Gemini answer that is priced as genai-prices documents it, chunk by chunk, costs ten times as much, or more.
#
# Version: genai-prices 0.2.3.
#
# One would expect: ExtractedUsage can be added up for just this: "Accumulating usage is useful for common streaming
#   situations where user wants to save and compute costs for all the response chunks in a stream" (its docstring). So the
#   sum over the chunks of one answer is the usage of the answer, for each provider whose chunks the package can read.
#
# What happens: it is for OpenAI, whose stream tells its usage once. Gemini's chunks each tell the whole usage so far, the
#   prompt included, and extract_usage reads any of them without a word. The sum of 10 chunks has the prompt 10 times: here
#   $0.077 in place of $0.0079. It gets worse where a price depends on the length of the input: 30,000 tokens of prompt
#   become 300,000, which is above the limit of 200,000 of gemini-2.5-pro, and all tokens are charged double: $0.76 in place
#   of $0.038, 20 times as much. The more chunks, the dearer; nothing is raised, and nothing looks wrong.
#
# Why users of an LLM gateway care: whoever puts costs into a log or a budget finds streams dear and whole answers cheap.
#   Of a Gemini stream the last usageMetadata counts (or the highest of each number, for a stream that was cut), and each
#   upstream call has to be priced by itself: two calls of 150,000 tokens are no call of 300,000.
#
# Seen: 2026-11-29
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"${PYTHON:-python3}" -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --no-compile --disable-pip-version-check genai-prices==0.2.3 > "$dir/pip.log" 2>&1 || { cat "$dir/pip.log"; exit 1; }

"$dir/venv/bin/python" - <<'EOF'
import sys
from datetime import UTC, datetime
from genai_prices import extract_usage

AT = datetime(2026, 11, 29, tzinfo=UTC)

def gemini(model, prompt):
    return [{"modelVersion": model, "usageMetadata": {"promptTokenCount": prompt, "candidatesTokenCount": n * 10,
             "promptTokensDetails": [{"modality": "TEXT", "tokenCount": prompt}]}} for n in range(1, 11)]

OPENAI = [{"model": "gpt-5", "usage": {"prompt_tokens": 10_000, "completion_tokens": 100}}]  # the last chunk, and the only one
got = []
for name, chunks, provider, flavor in (
    ("gpt-5, 10,000 tokens in", OPENAI, "openai", "chat"),
    ("gemini-3.8-flash, 10,000 tokens in", gemini("gemini-3.8-flash", 10_000), "google", "default"),
    ("gemini-2.5-pro, 30,000 tokens in", gemini("gemini-2.5-pro", 30_000), "google", "default"),
):
    read = [extract_usage(chunk, provider_id=provider, api_flavor=flavor) for chunk in chunks]
    right = read[-1].calc_price(genai_request_timestamp=AT).total_price
    total = read[0]
    for one in read[1:]:
        total += one
    added = total.calc_price(genai_request_timestamp=AT).total_price
    got.append(round(float(added / right), 1))
    print(f"  {name}: ${right:.4f}; added up over the chunks: ${added:.4f}, {got[-1]} times as much")
as_described = got[0] == 1.0 and 9 < got[1] < 10 and got[2] > 17
print("as described" if as_described else "CHANGED")
sys.exit(not as_described)
EOF
