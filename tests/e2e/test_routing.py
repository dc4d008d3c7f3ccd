"""Which account serves: the strategies of `[routing]`, through OpenAI's Python SDK."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from openai import OpenAI

from tests.e2e.conftest import KEYS, TWO_ACCOUNTS, start_gateway, wait_until

if TYPE_CHECKING:
    from tests.e2e.conftest import Gateway, Starter, Upstream

MODEL = "gemini-2.5-flash"
ACCOUNTS = TWO_ACCOUNTS + '\n[[accounts]]\nemail = "carol@example.com"\napi_key = "key-carol"\nbase_url = "UPSTREAM"\n'
NAMES = {KEYS[0]: "alpha", KEYS[1]: "bravo", "key-carol": "carol"}


def by(strategy: str) -> str:
    return f'[routing]\nstrategy = "{strategy}"\n{ACCOUNTS}'


def sdk(gateway: Gateway) -> OpenAI:
    return OpenAI(base_url=gateway.base_url, api_key="any", max_retries=0)


def asked(upstream: Upstream) -> list[str]:
    """Who was asked since this was called last, in order."""
    names = [NAMES[request.headers["x-goog-api-key"]] for request in upstream.requests]
    upstream.forget()
    return names


class Chat:
    """A conversation as clients lead it: all of it is sent each time."""

    def __init__(self, client: OpenAI, first: str, **more: Any) -> None:
        self.client = client
        self.messages: list[Any] = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": first}]
        self.more = more

    def turn(self, model: str = MODEL, *, stream: bool = False) -> None:
        if stream:
            chunks = self.client.chat.completions.create(model=model, messages=self.messages, stream=True, **self.more)
            text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        else:
            answer = self.client.chat.completions.create(model=model, messages=self.messages, **self.more)
            text = answer.choices[0].message.content or ""
        assert text
        self.messages += [{"role": "assistant", "content": text}, {"role": "user", "content": "Go on."}]


@pytest.fixture(scope="module")
def shared(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    gateway = start_gateway(tmp_path_factory.mktemp("sticky"), by("sticky").replace("UPSTREAM", upstream.url))
    yield gateway
    gateway.stop()


@pytest.fixture
def sticky(shared: Gateway, upstream: Upstream) -> Gateway:
    """Tests share it: their conversations and models are their own, and whose turn it is at first is open."""
    upstream.forget()
    return shared


def fresh(text: str) -> str:
    """A first message that no other conversation has."""
    return f"{text} {uuid.uuid4()}"


def test_fill_first(starter: Starter, upstream: Upstream) -> None:
    gateway = starter(by("fill_first").replace('email = "carol', 'weight = 9\nemail = "carol'))
    with sdk(gateway) as client:
        for _ in range(3):
            Chat(client, fresh("Hello!")).turn()
        assert asked(upstream) == ["alpha"] * 3
        model = f"demo-429-first-{uuid.uuid4()}"
        for _ in range(3):
            Chat(client, fresh("Hello!")).turn(model)
        assert asked(upstream) == ["alpha", "bravo", "bravo", "bravo"]
        Chat(client, fresh("Hello!")).turn()
        assert asked(upstream) == ["alpha"], "it rests for one model only"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_sticky_conversations_stay_and_spread(sticky: Gateway, upstream: Upstream, stream: bool) -> None:
    with sdk(sticky) as client:
        chats = [Chat(client, fresh(f"Question {n}")) for n in range(3)]
        for _ in range(5):
            for chat in chats:
                chat.turn(stream=stream)
    found = asked(upstream)
    assert sorted(found[:3]) == ["alpha", "bravo", "carol"]
    assert found == found[:3] * 5


def test_sticky_moves_when_its_account_cools_and_stays_moved(sticky: Gateway, upstream: Upstream) -> None:
    with sdk(sticky) as client:
        chat = Chat(client, fresh("Hello!"))
        for _ in range(2):
            chat.turn()
        home, again = asked(upstream)
        assert again == home
        chat.turn(f"demo-429-first-{uuid.uuid4()}")
        exhausted, other = asked(upstream)
        assert exhausted == home
        assert other != home
        for _ in range(3):
            chat.turn()  # for this model its first account is ready
        assert asked(upstream) == [other] * 3


NAMED: list[Callable[[str], dict[str, Any]]] = [
    lambda name: {"prompt_cache_key": name},
    lambda name: {"prompt_cache_key": name, "extra_headers": {"session-id": str(uuid.uuid4())}},
    lambda name: {"extra_headers": {"session-id": name, "thread-id": str(uuid.uuid4())}},
    lambda name: {"extra_headers": {"session_id": name}},
    lambda name: {"extra_headers": {"x-session-affinity": name}},
    lambda name: {"extra_headers": {"conversation_id": name}},
]


@pytest.mark.parametrize("named", NAMED, ids=["key", "key before header", "session", "pi", "opencode", "conversation"])
def test_what_a_client_names_counts_before_what_it_says(
    sticky: Gateway, upstream: Upstream, named: Callable[[str], dict[str, Any]]
) -> None:
    one, two = str(uuid.uuid4()), str(uuid.uuid4())
    with sdk(sticky) as client:
        for name in (one, two, one, two):
            Chat(client, fresh("Hello!"), **named(name)).turn()
    first, second, *rest = asked(upstream)
    assert first != second
    assert rest == [first, second]


@pytest.mark.parametrize("background", [False, True], ids=["at once", "in the background"])
def test_a_chain_of_responses_stays(sticky: Gateway, upstream: Upstream, background: bool) -> None:
    with sdk(sticky) as client:
        heads = []
        for _ in range(2):
            head = client.responses.create(
                model=MODEL, input=fresh("Hello!"), instructions="Be brief.", background=background
            )
            wait_until(lambda id=head.id: client.responses.retrieve(id).status == "completed")
            heads.append(head.id)
        first, second = asked(upstream)
        assert first != second
        for _ in range(3):
            # Instructions are not carried over: only the id says that this goes on.
            heads = [client.responses.create(model=MODEL, input="Go on.", previous_response_id=id).id for id in heads]
            assert asked(upstream) == [first, second]


def test_the_calls_of_one_answer_share_its_account(sticky: Gateway, upstream: Upstream) -> None:
    with sdk(sticky) as client:
        for name in ("one", "two"):
            answer = client.chat.completions.create(
                model="gemini-3.8-flash", n=3, messages=[{"role": "user", "content": fresh(name)}]
            )
            assert len(answer.choices) == 3
    found = asked(upstream)
    assert len(found) == 6
    assert len(set(found[:3])) == len(set(found[3:])) == 1


def test_conversations_outlive_a_change_of_the_settings(starter: Starter, upstream: Upstream) -> None:
    gateway = starter(by("sticky"))
    with sdk(gateway) as client:
        chats = [Chat(client, fresh(f"Question {n}")) for n in range(3)]
        for chat in chats:
            chat.turn()
        assert asked(upstream) == ["alpha", "bravo", "carol"]
        file = gateway.folder / "antigravity.toml"
        text = file.read_text()
        file.write_text(text[: text.index('\n\n[[accounts]]\nemail = "carol')] + "\n[retry]\nmax_attempts = 2\n")
        wait_until(lambda: "Settings reloaded" in gateway.log)
        for _ in range(2):
            for chat in chats:
                chat.turn()
        *_, last = found = asked(upstream)
        assert found == ["alpha", "bravo", last] * 2, "only the account that vanished is forgotten"
        assert last != "carol"


def test_round_robin_knows_no_conversations(starter: Starter, upstream: Upstream) -> None:
    with sdk(starter(by("round_robin"))) as client:
        chat = Chat(client, fresh("Hello!"), prompt_cache_key="k")
        for _ in range(3):
            chat.turn()
    assert asked(upstream) == ["alpha", "bravo", "carol"]
