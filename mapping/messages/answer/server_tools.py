"""What Gemini's own tools did, as blocks of Anthropic's server tools: a use and its result each.

Rules of this module (Anthropic's API reference, "Web search tool", "Web fetch tool", "Code execution tool"):

* Gemini tells of searches and of pages that it read when the answer is over: their blocks come behind the text.
* What Gemini does not tell (the text of a page, an encrypted content) is empty; the member is there.
* A citation names the piece of the answer's text that rests on the page, since Gemini does not tell the page's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mapping import jsonio
from mapping.answer.parts import grounding
from mapping.answer.parts.calls import Mint
from mapping.answer.parts.grounding import Citation
from mapping.messages.answer.blocks import BlockList
from mapping.values import JSON

USE_ID = "srvtoolu_"
"""Begins the id of a use."""

MAX_CITED = 150
"""Characters of a text that a citation repeats, as at Anthropic's."""

_OUTCOME_OK = "OUTCOME_OK"
_FETCHED = "URL_RETRIEVAL_STATUS_SUCCESS"
_UNSAFE = "URL_RETRIEVAL_STATUS_UNSAFE"


def add_code(blocks: BlockList, code: str, mint: Mint) -> str:
    """Code that Gemini runs; gives the id of the use."""
    return _add_use(blocks, "code_execution", {"code": code}, mint)


def add_code_result(blocks: BlockList, id: str, outcome: str, output: str) -> None:
    """What that code gave. `outcome` as Gemini names it."""
    good = outcome in (_OUTCOME_OK, "")
    result: JSON = {
        "type": "code_execution_result",
        "stdout": output if good else "",
        "stderr": "" if good else output,
        "return_code": 0 if good else 1,
        "content": [],
    }
    blocks.add({"type": "code_execution_tool_result", "tool_use_id": id, "content": result})


def add_no_result(blocks: BlockList, id: str) -> None:
    """The answer ended before the code did: every use has a result."""
    result = {"type": "code_execution_tool_result_error", "error_code": "unavailable"}
    blocks.add({"type": "code_execution_tool_result", "tool_use_id": id, "content": result})


def add_searches(blocks: BlockList, metadata: JSON, mint: Mint) -> int:
    """The searches of a `groundingMetadata`; gives how many there were.

    Gemini does not tell which search found a page: the first has them all.
    """
    queries = grounding.searches(metadata)
    found = [
        {"type": "web_search_result", "title": title, "url": url, "encrypted_content": "", "page_age": None}
        for url, title in grounding.pages(metadata)
    ]
    for query in queries:
        id = _add_use(blocks, "web_search", {"query": query}, mint)
        blocks.add({"type": "web_search_tool_result", "tool_use_id": id, "content": found})
        found = []
    return len(queries)


def add_fetches(blocks: BlockList, metadata: JSON, mint: Mint) -> int:
    """The pages of a `urlContextMetadata`; gives how many there were."""
    count = 0
    listed = metadata.get("urlMetadata")
    for page in listed if isinstance(listed, list) else ():
        url = page.get("retrievedUrl") if isinstance(page, dict) else None
        if not isinstance(url, str):
            continue
        count += 1
        id = _add_use(blocks, "web_fetch", {"url": url}, mint)
        content = _fetched(url, page.get("urlRetrievalStatus"))
        blocks.add({"type": "web_fetch_tool_result", "tool_use_id": id, "content": content})
    return count


def citations(found: Sequence[Citation], text: str, start: int) -> list[JSON]:
    """What a text rests on that begins at `start` in the text of the whole answer."""
    return [
        {
            "type": "web_search_result_location",
            "cited_text": text[max(0, one.start - start) : max(0, one.end - start)][:MAX_CITED],
            "url": one.url,
            "title": one.title,
            "encrypted_index": "",
        }
        for one in found
        if one.start >= start
    ]


def _fetched(url: str, status: Any) -> JSON:
    if status != _FETCHED:
        code = "url_not_allowed" if status == _UNSAFE else "url_not_accessible"
        return {"type": "web_fetch_tool_result_error", "error_code": code}
    document = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": ""}, "title": url}
    return {"type": "web_fetch_result", "url": url, "content": document, "retrieved_at": None}


def _add_use(blocks: BlockList, name: str, given: JSON, mint: Mint) -> str:
    id = mint(USE_ID)
    blocks.add_use({"type": "server_tool_use", "id": id, "name": name}, jsonio.dumps(given).decode())
    return id
