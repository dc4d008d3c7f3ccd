"""addons.gateway.grouping_observer: of which exchanges the conversation is found, and what of it is in the summary."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Literal, cast

import pytest
from mitmproxy import http

from addons.gateway.exchange.steps import Steps
from addons.gateway.grouping_observer import GroupingObserver
from addons.gateway.observers import Observers
from addons.gateway.settings.settings import ConversationSettings, Settings
from mapping.values import GeminiCall

REQUEST = http.Request.make("POST", "http://gateway/v1/chat/completions", headers={"User-Agent": "OpenAI/Python 2.3.0"})
SENT = GeminiCall("m", "generateContent", {"contents": [{"role": "user", "parts": [{"text": "Hello!"}]}]})


def summed_up(
    find: Literal["recorded", "always", "never"] = "always",
    *,
    trace: object = None,
    model: str | None = "m",
    calls: int = 1,
) -> Any:
    """The members of a summary, once the observers were told of an exchange."""
    observers = Observers(Steps())
    observer = GroupingObserver(observers)
    exchange = SimpleNamespace(
        settings=Settings(conversations=ConversationSettings(find=find)), trace=trace, introduction=None, tenant="t",
        job=SimpleNamespace(request=lambda: SENT), attempts=[object()] * calls,
    )  # fmt: skip
    summary = SimpleNamespace(model=model, endpoint="chat", conversation=None, client=None, agent=None)
    observer.hear(cast(Any, exchange), REQUEST)
    observer.read(cast(Any, exchange), {"model": "gpt-4o", "prompt_cache_key": "k" if not calls else None})
    observers.tell(cast(Any, exchange), cast(Any, summary))
    return summary


@pytest.mark.parametrize(
    ("find", "trace", "found"),
    [
        ("recorded", None, False), ("recorded", object(), True), ("always", None, True), ("always", object(), True),
        ("never", None, False), ("never", object(), False),
    ],
)  # fmt: skip
def test_of_which_exchanges_it_is_found(find: Any, trace: object, found: bool) -> None:
    made = summed_up(find, trace=trace)
    assert made.client == ("openai-python 2.3.0" if found else None)
    assert (made.conversation is not None) is found


def test_what_has_no_model_has_a_client_alone() -> None:
    made = summed_up(model=None)
    assert made.client == "openai-python 2.3.0"
    assert made.conversation is None


def test_what_was_never_sent_is_of_the_conversation_that_it_names() -> None:
    assert summed_up(calls=0).conversation
