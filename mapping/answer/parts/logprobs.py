"""Gemini's `logprobsResult` -> the entries of OpenAI's `logprobs.content`, the same in every dialect."""

from __future__ import annotations

from typing import Any

from mapping.values import JSON


def entries(result: Any) -> list[JSON]:
    """`chosenCandidates[i]` with the alternatives in `topCandidates[i].candidates`; the latter may be absent.

    A `logProbability` of 0 is left out by Gemini (proto3 JSON).
    """
    if not isinstance(result, dict):
        return []
    tops = _list(result.get("topCandidates"))
    found = []
    for at, chosen in enumerate(_list(result.get("chosenCandidates"))):
        top = tops[at] if at < len(tops) else None
        alternatives = _list(top.get("candidates")) if isinstance(top, dict) else []
        found.append({**_entry(chosen), "top_logprobs": [_entry(alternative) for alternative in alternatives]})
    return found


def _entry(candidate: Any) -> JSON:
    values = candidate if isinstance(candidate, dict) else {}
    token = values.get("token")
    token = token if isinstance(token, str) else ""
    logprob = values.get("logProbability")
    return {
        "token": token,
        "logprob": logprob if isinstance(logprob, float | int) else 0.0,
        "bytes": list(token.encode()),
    }


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
