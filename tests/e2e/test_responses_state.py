"""`/v1/responses` with OpenAI's Python SDK: what is kept of responses, for whom, for how long, and what runs without a
client."""

from __future__ import annotations

import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from openai import BadRequestError, NotFoundError, OpenAI

from tests.e2e.checked_sdk import checked_client, sent
from tests.e2e.conftest import start_gateway, wait_until
from tests.e2e.responses_sdk import FUNCTION, MODEL, WAYS, WEATHER, WHOLE_OR_EVENTS, notes, outputs, respond
from tests.e2e.sdk_tools import first_calls, is_genuine

if TYPE_CHECKING:
    from openai.types.responses import Response

    from tests.e2e.conftest import Gateway, Starter, Upstream

ONE_ACCOUNT = '[[accounts]]\nemail = "a"\napi_key = "k"\nbase_url = "UPSTREAM"\n'
KEYS = ("sk-first-caller", "sk-second-caller")


@pytest.fixture
def client(gateway: Gateway) -> Iterator[OpenAI]:
    with checked_client(gateway) as client:
        yield client


def kept_in(file: Path) -> str:
    return f'[responses]\nstore = "{file}"\n{ONE_ACCOUNT}'


def without_choices(response: Response) -> dict[str, Any]:
    """As it is kept; the stream helper adds what it parsed."""
    parsed = {"parsed_arguments": True, "content": {"__all__": {"parsed"}}}
    left_out: Any = {"choices": True, "output": {"__all__": parsed}}
    return response.model_dump(exclude=left_out, mode="json")


def finished(client: OpenAI, id: str) -> Response:
    """A background response, once it is over."""
    wait_until(lambda: client.responses.retrieve(id).status not in ("queued", "in_progress"))
    return client.responses.retrieve(id)


def texts(upstream: Upstream) -> list[str]:
    """The texts of the conversation that was sent last."""
    return [part["text"] for content in sent(upstream)["contents"] for part in content["parts"] if "text" in part]


# ---- asking again


@WAYS
def test_a_response_is_kept(client: OpenAI, way: str) -> None:
    made = respond(client, way, model=MODEL, input="Hello!", reasoning={"summary": "auto"}, metadata={"a": "b"})
    assert without_choices(client.responses.retrieve(made.id)) == without_choices(made)


@WHOLE_OR_EVENTS
def test_an_incomplete_response_is_kept(client: OpenAI, way: str) -> None:
    made = respond(client, way, model="demo-max-tokens", input="Hello!")
    assert without_choices(client.responses.retrieve(made.id)) == without_choices(made)


@WAYS
def test_a_response_that_is_not_to_be_kept(client: OpenAI, way: str) -> None:
    made = respond(client, way, model=MODEL, input="Hello!", store=False)
    with pytest.raises(NotFoundError, match=f"Response with id '{made.id}' not found.") as caught:
        client.responses.retrieve(made.id)
    assert caught.value.param == "id"
    with pytest.raises(BadRequestError) as refused:
        client.responses.create(model=MODEL, input="x", previous_response_id=made.id)
    assert refused.value.code == "previous_response_not_found"


def test_delete(client: OpenAI) -> None:
    made = client.responses.create(model=MODEL, input="Hello!")
    client.responses.delete(made.id)
    for again in (client.responses.retrieve, client.responses.delete, client.responses.cancel):
        with pytest.raises(NotFoundError):
            again(made.id)
    with pytest.raises(NotFoundError):
        client.responses.input_items.list(made.id)


def test_input_items(client: OpenAI) -> None:
    given: Any = [{"role": "user", "content": f"Line {i}."} for i in range(4)]
    first = client.responses.create(model=MODEL, input=given)
    made = client.responses.create(model=MODEL, input="And now?", previous_response_id=first.id)

    def listed(**query: Any) -> list[Any]:
        return [item for item in client.responses.input_items.list(made.id, **query) if item.type == "message"]

    ascending = listed(order="asc")
    assert [item.content[0].text for item in ascending] == [
        *[f"Line {i}." for i in range(4)],
        first.output_text,
        "And now?",
    ]
    ids = [item.id for item in ascending]
    assert [item.id for item in listed()] == ids[::-1]
    assert [item.id for item in listed(order="asc", limit=2)] == ids  # the SDK asks for all pages
    page = client.responses.input_items.list(made.id, order="asc", limit=2)
    assert page.has_next_page()
    assert [item.id for item in page.data] == ids[:2]
    after = client.responses.input_items.list(made.id, order="asc", limit=2, after=ids[1])
    assert [item.id for item in after.data] == ids[2:4]
    assert client.responses.input_items.list(made.id, after=ids[0]).data == []


@pytest.mark.parametrize(
    ("query", "param"),
    [({"limit": 0}, "limit"), ({"limit": 101}, "limit"), ({"order": "up"}, "order"), ({"after": "msg_x"}, "after")],
)
def test_pages_that_there_are_not(client: OpenAI, query: Any, param: str) -> None:
    made = client.responses.create(model=MODEL, input="Hello!")
    with pytest.raises(BadRequestError) as caught:
        client.responses.input_items.list(made.id, **query)
    assert caught.value.param == param


# ---- going on


def test_a_conversation_by_id(client: OpenAI, upstream: Upstream) -> None:
    first = client.responses.create(model=MODEL, input="One.", instructions="Be brief.")
    second = client.responses.create(model=MODEL, input="Two.", previous_response_id=first.id)
    assert texts(upstream) == ["One.", first.output_text, "Two."]
    assert "systemInstruction" not in sent(upstream), "instructions are of one request only"
    assert is_genuine(sent(upstream)["contents"][1]["parts"][-1])
    # Another branch, by chat's path, and in chat's shape.
    client.post(
        "/chat/completions",
        cast_to=object,
        body={"model": MODEL, "input": "Three.", "previous_response_id": second.id},
    )
    assert texts(upstream)[2:] == ["Two.", second.output_text, "Three."]
    other = client.responses.create(
        model=MODEL, previous_response_id=first.id, extra_body={"messages": [{"role": "user", "content": "Four."}]}
    )
    assert texts(upstream) == ["One.", first.output_text, "Four."]
    client.responses.create(model=MODEL, input="Five.", previous_response_id=other.id)
    assert texts(upstream) == ["One.", first.output_text, "Four.", other.output_text, "Five."]


def test_references_to_items(client: OpenAI, upstream: Upstream) -> None:
    first = client.responses.create(model=MODEL, input="One.", tools=[FUNCTION])
    (call,) = first.output
    (question,) = client.responses.input_items.list(first.id).data
    body: Any = {"model": MODEL, "tools": [FUNCTION], "store": False}
    for reference in ({"type": "item_reference"}, {}, {"type": None}):
        told: Any = [{**reference, "id": question.id}, {**reference, "id": call.id}, *outputs(first)]
        response = client.responses.create(**body, input=told)
        assert "result 0" in response.output_text
        assert is_genuine(first_calls(sent(upstream))[0])


@WHOLE_OR_EVENTS
def test_compacting(client: OpenAI, upstream: Upstream, way: str) -> None:
    first = client.responses.create(model=MODEL, input="My name is Ann.")
    if way == "whole":
        compacted = client.responses.compact(model=MODEL, previous_response_id=first.id)
        assert compacted.id.startswith("resp_")
        output: Any = [item.model_dump(exclude_unset=True) for item in compacted.output]
        assert "Summarise this conversation" in texts(upstream)[-1]
    else:
        trigger: Any = [{"type": "compaction_trigger"}]
        response = respond(client, way, model=MODEL, previous_response_id=first.id, input=trigger)
        output = [item.model_dump(exclude_unset=True) for item in response.output]
    assert [item["type"] for item in output] == ["compaction"]
    again: Any = [*output, {"role": "user", "content": "Who am I?"}]
    client.responses.create(model=MODEL, input=again)
    summary, question = texts(upstream)
    assert summary.startswith("[Summary of the conversation so far]\n")
    assert question == "Who am I?"


@pytest.mark.parametrize("given", ["Hello!", [{"role": "user", "content": "Hello!"}]], ids=["string", "items"])
def test_compacting_an_input(client: OpenAI, upstream: Upstream, given: Any) -> None:
    compacted = client.responses.compact(model=MODEL, input=given, instructions="Be brief.")
    assert [item.type for item in compacted.output] == ["compaction"]
    assert texts(upstream)[0] == "Hello!"


def test_compacting_nothing(client: OpenAI) -> None:
    with pytest.raises(BadRequestError) as caught:
        client.responses.compact(model=MODEL)
    assert caught.value.param == "input"


def test_a_compaction_of_another_provider(client: OpenAI) -> None:
    told: Any = [{"type": "compaction", "encrypted_content": "gAAAA"}, {"role": "user", "content": "x"}]
    raw = client.responses.with_raw_response.create(model=MODEL, input=told)
    assert "compaction-foreign" in notes(raw)


def test_input_tokens(client: OpenAI) -> None:
    first = client.responses.create(model=MODEL, input="Hello!")
    alone = client.responses.input_tokens.count(model=MODEL, input="Hello!")
    assert first.usage
    assert alone.input_tokens == first.usage.input_tokens
    more = client.responses.input_tokens.count(
        model=MODEL, input="Hello!", previous_response_id=first.id, tools=[FUNCTION, WEATHER]
    )
    assert more.input_tokens > alone.input_tokens


# ---- in the background


def test_in_the_background(client: OpenAI, upstream: Upstream) -> None:
    made = client.responses.create(model="demo-slow-0.2", input="Hello!", background=True)
    assert made.status == "queued"
    assert made.background is True
    assert client.responses.retrieve(made.id).status in ("queued", "in_progress")
    done = finished(client, made.id)
    assert done.status == "completed"
    assert "Hello!" in done.output_text
    assert done.created_at == made.created_at
    client.responses.create(model=MODEL, input="Thanks.", previous_response_id=made.id)
    assert texts(upstream) == ["Hello!", done.output_text, "Thanks."]
    assert client.responses.cancel(made.id).status == "completed", "what is over stays as it is"


def test_a_failure_in_the_background(client: OpenAI) -> None:
    made = client.responses.create(model="demo-400", input="Hello!", background=True)
    failed = finished(client, made.id)
    assert failed.status == "failed"
    assert failed.error
    assert failed.error.code == "invalid_prompt"


def test_a_broken_answer_in_the_background_is_asked_for_again(client: OpenAI, upstream: Upstream) -> None:
    upstream.forget()
    made = client.responses.create(model="demo-malformed-call-first-background", input="Hello!", background=True)
    assert finished(client, made.id).status == "completed"
    assert len(upstream.requests) == 2


def test_what_a_model_refuses_is_left_out_in_the_background_too(client: OpenAI, upstream: Upstream) -> None:
    """The demo refuses log probabilities, as most models of the public API do."""
    upstream.forget()
    made = client.responses.create(
        model=MODEL, input="Hello!", background=True, top_logprobs=2, include=["message.output_text.logprobs"]
    )
    assert finished(client, made.id).status == "completed"
    assert ["responseLogprobs" in (r.body.get("generationConfig") or {}) for r in upstream.requests] == [True, False]


def test_the_deadline_holds_in_the_background(starter: Starter) -> None:
    gateway = starter('[limits]\ndeadline = "300ms"\n' + ONE_ACCOUNT)
    with checked_client(gateway) as client:
        made = client.responses.create(model="demo-slow-30", input="Hello!", background=True)
        failed = finished(client, made.id)
    assert failed.status == "failed"
    assert failed.error
    assert "in time" in failed.error.message


def test_cancelling(client: OpenAI) -> None:
    made = client.responses.create(model="demo-slow-30", input="Hello!", background=True)
    assert client.responses.cancel(made.id).status == "cancelled"
    assert client.responses.retrieve(made.id).status == "cancelled"
    whole = client.responses.create(model=MODEL, input="Hello!")
    with pytest.raises(BadRequestError, match="background"):
        client.responses.cancel(whole.id)


def test_deleting_what_is_under_way(client: OpenAI) -> None:
    made = client.responses.create(model="demo-slow-0.1", input="Hello!", background=True)
    client.responses.delete(made.id)
    with pytest.raises(NotFoundError):
        client.responses.retrieve(made.id)
    other = client.responses.create(model="demo-slow-0.3", input="Hello!", background=True)
    finished(client, other.id)
    with pytest.raises(NotFoundError):
        client.responses.retrieve(made.id)


def test_the_stream_of_what_is_under_way(client: OpenAI) -> None:
    made = client.responses.create(model="demo-slow-0.2", input="Hello!", background=True)
    *_, last = client.responses.retrieve(made.id, stream=True)
    assert last.type == "response.completed"
    assert "Hello!" in last.response.output_text


# ---- restarts


@WAYS
def test_a_conversation_across_a_restart(starter: Starter, upstream: Upstream, tmp_path: Path, way: str) -> None:
    settings = kept_in(tmp_path / "kept" / "responses.db")
    body: Any = {"model": MODEL, "tools": [FUNCTION, WEATHER]}
    gateway = starter(settings)
    with checked_client(gateway) as client:
        first = respond(client, way, **body, input="In parallel.")
    gateway.stop()
    with checked_client(starter(settings)) as client:
        assert without_choices(client.responses.retrieve(first.id)) == without_choices(first)
        raw = client.responses.with_raw_response.create(**body, input=outputs(first), previous_response_id=first.id)
    assert "result 1" in raw.parse().output_text
    assert "signature" not in notes(raw)
    assert is_genuine(first_calls(sent(upstream))[0])


def test_a_sudden_end(starter: Starter, upstream: Upstream, tmp_path: Path) -> None:
    """Nothing is asked of the process before it is killed."""
    file = tmp_path / "responses.db"
    gateway = starter(kept_in(file))
    with checked_client(gateway) as client:
        first = client.responses.create(model=MODEL, input="One.")
        under_way = client.responses.create(model="demo-slow-30", input="Hello!", background=True)
        wait_until(lambda: client.responses.retrieve(under_way.id).status == "in_progress")
        for i in range(20):
            list(client.responses.create(model=MODEL, input=f"Line {i}.", stream=True))
    gateway.process.send_signal(signal.SIGKILL)
    gateway.process.wait()
    connection = sqlite3.connect(file)
    assert connection.execute("pragma integrity_check").fetchone() == ("ok",)
    connection.close()
    with checked_client(starter(kept_in(file))) as client:
        second = client.responses.create(model=MODEL, input="Two.", previous_response_id=first.id)
        assert texts(upstream) == ["One.", first.output_text, "Two."]
        failed = client.responses.retrieve(under_way.id)
        assert failed.status == "failed"
        assert failed.error
        assert failed.error.code == "server_error"
        assert client.responses.retrieve(second.id).status == "completed"


def test_a_slow_store_holds_up_no_stream(starter: Starter, tmp_path: Path) -> None:
    """Another process writes to the file, for as long as it likes."""
    file = tmp_path / "responses.db"
    connection = sqlite3.connect(file, isolation_level=None)
    with checked_client(starter(kept_in(file)), timeout=3) as client:
        connection.execute("begin immediate")
        made = [respond(client, way, model=MODEL, input="Hello!") for way in ("whole", "events", "helper")]
        connection.execute("rollback")
        for response in made:
            assert client.responses.retrieve(response.id).status == "completed"
    connection.close()


def test_a_store_that_cannot_be_opened(starter: Starter, tmp_path: Path) -> None:
    file = tmp_path / "responses.db"
    file.write_bytes(b"not a database, but something that a person would miss" * 100)
    before = file.read_bytes()
    gateway = starter(kept_in(file))
    assert f"Responses can't be stored in {file}" in gateway.log
    with checked_client(gateway) as client:
        assert client.responses.create(model=MODEL, input="Hello!").status == "completed"
    gateway.stop()
    assert file.read_bytes() == before


def test_other_settings_while_it_runs(starter: Starter, upstream: Upstream, tmp_path: Path) -> None:
    """What is in memory stays there, and settings whose file cannot be used do not come into force."""
    gateway = starter(ONE_ACCOUNT)
    settings = gateway.folder / "antigravity.toml"
    accounts = settings.read_text()
    with checked_client(gateway) as client:
        made = client.responses.create(model=MODEL, input="Hello!")
        settings.write_text(f"[responses]\nchoices = false\n{accounts}")

        def without() -> bool:
            return "choices" not in (client.responses.create(model=MODEL, input="x").model_extra or {})

        wait_until(without)
        assert client.responses.retrieve(made.id).id == made.id
        settings.write_text(f'[responses]\nstore = "{tmp_path}"\n{accounts}')
        wait_until(lambda: "stay in force" in gateway.log)
        assert without()
        assert client.responses.retrieve(made.id).id == made.id
        other = client.responses.create(model=MODEL, input="Hello!")
        assert client.responses.retrieve(other.id).id == other.id


# ---- whose they are


@pytest.fixture(scope="module")
def locked(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    names = ", ".join(f'"{key}"' for key in KEYS)
    settings = f'[proxy]\nauth_mode = "strict"\napi_key = [{names}]\n{ONE_ACCOUNT}'.replace("UPSTREAM", upstream.url)
    gateway = start_gateway(tmp_path_factory.mktemp("locked"), settings)
    yield gateway
    gateway.stop()


def test_responses_of_another_caller(locked: Gateway) -> None:
    with checked_client(locked, api_key=KEYS[0]) as mine, checked_client(locked, api_key=KEYS[1]) as other:
        made = mine.responses.create(model=MODEL, input="A secret.")
        running = mine.responses.create(model="demo-slow-30", input="Hello!", background=True)
        item = mine.responses.input_items.list(made.id).data[0].id
        for attempt in (other.responses.retrieve, other.responses.delete, other.responses.input_items.list):
            with pytest.raises(NotFoundError):
                attempt(made.id)
        with pytest.raises(NotFoundError):
            other.responses.cancel(running.id)
        with pytest.raises(NotFoundError):
            list(other.responses.retrieve(made.id, stream=True))
        with pytest.raises(BadRequestError) as caught:
            other.responses.create(model=MODEL, input="x", previous_response_id=made.id)
        assert caught.value.code == "previous_response_not_found"
        reference: Any = [{"type": "item_reference", "id": item}]
        with pytest.raises(BadRequestError):
            other.responses.create(model=MODEL, input=reference)
        assert mine.responses.retrieve(made.id).id == made.id
        assert mine.responses.cancel(running.id).status == "cancelled"
