"""mapping.inspect.documents: conversations as Markdown and as HTML, whatever is said in them."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any, override

import pytest

from mapping import dialects
from mapping.inspect.documents.document import Document
from mapping.inspect.documents.markdown import Markdown
from mapping.inspect.documents.page import Page
from mapping.native import as_messages

HOSTILE = [
    "<script>alert(1)</script>",
    "# heading\n### assistant",
    "```\nnever closed",
    "</div></body>",
    "a &lt; b & c",
    "\x1b[31mred\x07",
    "|a|b|\n\n\n* x",
    "> quoted",
    "[x](javascript:alert(1))",
]


class Reader(HTMLParser):
    """The tags and the texts of a page; complains of tags that don't match."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag != "meta":
            self._open.append(tag)

    @override
    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    @override
    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def filled(out: Document, said: str) -> str:
    out.part("Request")
    out.fact("model", said)
    out.fact("nothing", None)
    out.turn("user", said)
    out.line(said)
    out.call("run", {"command": said}, "call_1")
    out.call("run", said)
    out.result("run", said, "call_1")
    out.result("", None)
    return out.render()


@pytest.mark.parametrize("said", HOSTILE)
def test_a_page_has_no_tag_of_the_conversation(said: str) -> None:
    reader, plain = Reader(filled(Page(said), said)), Reader(filled(Page("x"), "x"))
    assert reader.tags == plain.tags
    assert "script" not in reader.tags
    assert not any(c < " " and c not in "\n\t" for c in "".join(reader.texts))


def test_a_page_needs_nothing_from_elsewhere() -> None:
    page = filled(Page("x"), "x")
    assert "default-src 'none'" in page
    assert "http" not in page.replace("http-equiv", "")


def test_a_long_text_is_folded_and_whole() -> None:
    out = Page("x")
    text = "word " * 2000
    out.line(text)
    reader = Reader(out.render())
    assert "details" in reader.tags
    assert text in reader.texts
    assert "(10,000 characters)" in "".join(reader.texts)


@pytest.mark.parametrize("said", HOSTILE)
def test_what_is_said_stays_in_its_quotes(said: str) -> None:
    lines = filled(Markdown(said), said).split("\n")
    own = [line for line in lines if line and not line.startswith((">", "* "))]
    assert [line.partition(" ")[0] for line in own] == ["#", "##", "###"]
    assert all(line.isprintable() for line in lines)


def test_markdown_keeps_what_is_markdown_and_shows_tags() -> None:
    out = Markdown("x")
    out.line("A **bold** <b>tag</b>, `a < b`, &lt;\nnext\n```html\n<b>&amp;</b>\n```\n<i>")
    assert out.render().split("\n")[2:] == [
        "> A **bold** &lt;b>tag&lt;/b>, `a < b`, &amp;lt;  ",
        "> next  ",
        "> ```html",
        "> <b>&amp;</b>",
        "> ```",
        "> &lt;i>  ",
        "",
    ]


def test_arguments_are_readable_and_fenced() -> None:
    out = Markdown("x")
    out.call("run", '{"command":"a ``` b"}', "c1")
    assert out.render().split("\n")[2:] == [
        *("> **→ run** (c1)", ">", "> ````", "> {", '>   "command": "a ``` b"', "> }", "> ````", "")
    ]


@pytest.mark.parametrize("name", sorted(dialects.trials()))
def test_every_dialect_can_be_written(name: str) -> None:
    for sample in dialects.trials()[name].samples():
        for out in (Markdown("x"), Page("x")):
            dialects.bodies(name, sample).show(out, sample)
            assert len(out.render()) > 20


def test_single_elements_are_shown_too() -> None:
    """Google takes one where a list is meant."""
    out = Markdown("x")
    request = {"contents": {"parts": {"text": "Hi"}}, "systemInstruction": {"parts": {"text": "Be brief."}}}
    dialects.bodies("generateContent", request).show(out, request)
    assert [line for line in out.render().split("\n") if line.startswith("> ")] == ["> Be brief.  ", "> Hi  "]
    assert [message["content"] for message in as_messages.asked(request)] == ["Be brief.", "Hi"]


# --- Gemini's turns as messages


@pytest.mark.parametrize(
    ("content", "messages"),
    [
        ({"parts": [{"text": "Hi"}]}, [{"role": "user", "content": "Hi"}]),
        (
            {"role": "model", "parts": [{"text": "so", "thought": True}, {"text": "a"}, {"text": "b"}]},
            [{"role": "assistant", "content": "ab"}],
        ),
        (
            {"role": "model", "parts": [{"functionCall": {"id": "1", "name": "f", "args": {"a": 1}}}]},
            [
                {
                    "role": "assistant",
                    "content": "",
                    "tool_calls": [
                        {"type": "function", "id": "1", "function": {"name": "f", "arguments": '{"a":1}'}},
                    ],
                }
            ],
        ),
        (
            {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"b": 2}}}]},
            [{"role": "tool", "name": "f", "content": '{"b":2}'}],
        ),
        (
            {"role": "user", "parts": [{"inlineData": {"mimeType": "image/png", "data": "eHg="}}]},
            [{"role": "user", "content": "[file image/png, 2 B]"}],
        ),
        ("nonsense", [{"role": "user", "content": ""}]),
    ],
)
def test_messages(content: Any, messages: list[Any]) -> None:
    assert as_messages.asked({"contents": [content]}) == messages


def test_the_systems_message_stands_first() -> None:
    request = {"systemInstruction": {"parts": [{"text": "Be brief."}]}, "contents": [{"parts": [{"text": "Hi"}]}]}
    assert [message["role"] for message in as_messages.asked(request)] == ["system", "user"]
    assert as_messages.asked(None) == as_messages.answered("x") == []
