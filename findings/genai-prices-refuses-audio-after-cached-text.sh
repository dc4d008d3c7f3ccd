#!/usr/bin/env bash
# Gemini says that only text was cached, and genai-prices can't price the answer: it wants a count of cached audio.
#
# Version: genai-prices 0.2.3.
#
# One would expect: extract_usage reads Gemini's answer, calc_price prices what was read. Gemini lists tokens by modality and
#   leaves out modalities that have none. A system message in the cache and a new recording behind it are the usual case of
#   somebody who transcribes: cached are 200 tokens of text, and cacheTokensDetails says so: [{"modality": "TEXT", ...}].
#
# What happens: ValueError, "Missing usage for cache_audio_read_tokens: reported overlapping usage keys cache_read_tokens,
#   input_audio_tokens require explicit cache_audio_read_tokens". The list is complete, and adds up to the cached tokens, but
#   what is not in it counts as not known, not as nothing. It needs a model whose audio has a price of its own
#   (gemini-2.5-flash, gemini-3-flash-preview, gemini-3.1-flash-lite), audio in the prompt, and a hit of the cache that did
#   not reach it: so the first calls of a session are priced, and later ones are not. With one cached token of audio, or
#   with {"modality": "AUDIO", "tokenCount": 0} added to the answer by hand, it works.
#
# Why users of an LLM gateway care: implicit caching comes and goes by itself, so a report of costs has holes that nobody
#   can reproduce. Who prices Gemini's answers should fill in the zeros, and expect the refusal: an exception on the way of
#   an answer is worse than a cost that is unknown.
#
# Seen: 2026-11-29
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"${PYTHON:-python3}" -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --no-compile --disable-pip-version-check genai-prices==0.2.3 > "$dir/pip.log" 2>&1 || { cat "$dir/pip.log"; exit 1; }

"$dir/venv/bin/python" - <<'EOF'
import sys
from genai_prices import extract_usage

def by(**counts):
    return [{"modality": kind, "tokenCount": count} for kind, count in counts.items()]

def price(**cached):
    usage = {"promptTokenCount": 1000, "promptTokensDetails": by(TEXT=300, AUDIO=700), "candidatesTokenCount": 50,
             "cachedContentTokenCount": sum(cached.values()), "cacheTokensDetails": by(**cached)}
    try:
        return float(extract_usage({"modelVersion": "gemini-2.5-flash", "usageMetadata": usage}, provider_id="google").calc_price().total_price)
    except ValueError as e:
        return f"ValueError: {e}"

got = []
for name, cached in (
    ("nothing cached", {}),
    ("200 of text", {"TEXT": 200}),
    ("200 of text, 1 of audio", {"TEXT": 200, "AUDIO": 1}),
    ("200 of text, and audio with a 0 by hand", {"TEXT": 200, "AUDIO": 0}),
):
    got.append(price(**cached))
    print(f"  cached: {name}: {got[-1]}")
as_described = [type(one) for one in got] == [float, str, float, float] and "cache_audio_read_tokens" in got[1]
print("as described" if as_described else "CHANGED")
sys.exit(not as_described)
EOF
