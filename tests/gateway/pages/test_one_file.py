"""addons.gateway.pages.one_file: a page that is a file: nothing from elsewhere, no secret; masked."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from addons.gateway.cases import exchanges
from addons.gateway.cases import files as case_files
from addons.gateway.pages import one_file
from addons.gateway.record.flow_record import KEY
from tests.gateway.cases.case_flows import ACCOUNT, flows_of
from tests.gateway.cases.test_copies import SAID
from tests.gateway.status.test_page import HOSTILE, Page

GOLDEN = Path(__file__).parents[2] / "cases"
ALL = sorted(path.parent.name for path in GOLDEN.glob("*/case.json"))


@pytest.mark.parametrize("mask", [False, True])
@pytest.mark.parametrize("name", ALL)
def test_every_case_as_a_file(name: str, mask: bool) -> None:
    case = case_files.read(GOLDEN / name)
    flows = flows_of(case)
    record = flows[0].metadata[KEY]
    record["attempts"] = [dict(flow.metadata[KEY]) for flow in flows[1:]]
    record["account"] = ACCOUNT
    record["notes"] = [*record["notes"], ["retired", f"of {ACCOUNT}"]]
    for taken in (exchanges.from_flows(flows), exchanges.from_case(case)):
        text = one_file.html(taken, mask=mask).decode()
        assert ACCOUNT not in text
        shown = Page(text)
        assert not mask or not [word for word in SAID if word in text]
        for _, attributes in shown.tags:
            for name_, value in attributes.items():
                assert name_ not in ("action", "srcset", "style")
                if name_ in ("src", "href"):
                    assert value.startswith(("#", "data:")), value
        assert len(shown.all("script")) == 1
        [policy] = [one["content"] for one in shown.all("meta") if "http-equiv" in one]
        assert "default-src 'none'" in policy
        assert "connect-src" not in policy
        assert not shown.having("data-poll")


def test_what_is_said_beside_members_is_masked_too() -> None:
    """Short values stand beside members in words, and a remembered turn is translated again."""
    case = case_files.read(GOLDEN / "chat-image-and-options")
    flows = flows_of(case)
    request = {**case.request, "stop": ["Geneva"], "messages": [{"role": "user", "content": "Alice", "name": "Zoe"}]}
    flows[0].request.text = json.dumps(request)
    flows[0].metadata[KEY]["notes"] = [["ignored", "Alice"]]
    found = one_file.html(exchanges.from_flows(flows)).decode()
    masked = one_file.html(exchanges.from_flows(flows), mask=True).decode()
    for word in ("Geneva", "Alice", "Zoe"):
        assert word in found
        assert word not in masked
    assert "→ contents[0].parts[0].text" in masked


def test_foreign_texts_are_texts() -> None:
    case = case_files.read(GOLDEN / "chat-stream-retried")
    flows = flows_of(case)
    assert flows[0].response is not None
    data = json.dumps({"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": HOSTILE}}]})
    flows[0].response.text = f"data: {data}\n\ndata: [DONE]\n\n"
    flows[0].request.path = f"/v1/chat/completions?{HOSTILE}"
    flows[0].metadata[KEY].update(client_model=HOSTILE, error=HOSTILE, message=HOSTILE, notes=[[HOSTILE, HOSTILE]])
    text = one_file.html(exchanges.from_flows(flows)).decode()
    shown = Page(text)
    assert len(shown.all("script")) == 1
    assert shown.all("img") == []
    assert not any(re.match("on[a-z]", name) for _, attributes in shown.tags for name in attributes)
    assert "{{7*7}}" in shown.text
