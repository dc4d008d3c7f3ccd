"""`GET /exchanges`: what was asked, by what it can be told apart; and asking again from an exchange's page."""

from __future__ import annotations

import http.client
import io
import json
import os
import zipfile
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from tests.e2e.conftest import TWO_ACCOUNTS, Upstream, start_gateway, wait_until
from tests.gateway.status.test_page import HOSTILE, Page
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from tests.e2e.conftest import Answer, Gateway, Starter

ALPHA, BRAVO = "alpha@example.com", "bravo@example.com"


@pytest.fixture(scope="module")
def recording(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    settings = "[retry]\ncooldown = false\n" + TWO_ACCOUNTS.replace("UPSTREAM", upstream.url)
    gateway = start_gateway(tmp_path_factory.mktemp("list"), settings, "--set", "antigravity_pages=true")
    yield gateway
    gateway.stop()
    assert "Traceback" not in gateway.log


def listed(gateway: Gateway, **query: str) -> Any:
    answer = gateway.call("GET", f"/exchanges.json?{urlencode(query)}")
    assert answer.status == 200
    return answer.json


def asked(gateway: Gateway, model: str = "gpt-4o", **body: object) -> str:
    """The id of an exchange."""
    return gateway.chat(model, **body).headers["x-request-id"]


def sent(gateway: Gateway, path: str, fields: dict[str, str], **headers: str) -> Answer:
    return gateway.call(
        "POST",
        path,
        urlencode(fields).encode(),
        headers={"Content-Type": "application/x-www-form-urlencoded", **headers},
    )


def test_what_is_listed(recording: Gateway) -> None:
    good = asked(recording, messages=[{"role": "user", "content": "The zebra of the list"}])
    wrong = asked(recording, "no-such-model-in-the-list")
    found = listed(recording)
    assert [one["id"] for one in found["exchanges"]][:2] == [wrong, good]
    assert found["facets"]["endpoint"]["chat"] == found["known"]
    assert listed(recording, errors="1")["exchanges"][0]["id"] == wrong
    assert listed(recording, q="zebra")["fitting"] == 0
    assert [one["id"] for one in listed(recording, q="ZEBRA", texts="1")["exchanges"]] == [good]
    assert [one["id"] for one in listed(recording, outcome="model_not_found")["exchanges"]] == [wrong]


def test_what_is_no_utf8_is_looked_for_and_not_found(recording: Gateway) -> None:
    asked(recording)
    for query in ("model=%ff", "q=%ff&texts=1", "conversation=%ed%a0%80"):
        for path in ("/exchanges.json", "/exchanges"):
            assert recording.call("GET", f"{path}?{query}").status == 200
        assert recording.call("GET", f"/exchanges.json?{query}").json["fitting"] == 0


def test_the_page(recording: Gateway) -> None:
    id = asked(recording, f"no-{HOSTILE}"[:60])
    answer = recording.call("GET", "/exchanges?errors=1&outcome=model_not_found&q=no")
    assert answer.status == 200
    page = Page(answer.body.decode())
    assert f"/exchanges/{id}" in [one["href"] for one in page.having("href")]
    assert page.all("img") == []
    assert len(page.all("script")) == 1
    chosen = [one for one in page.all("a") if one.get("aria-current")]
    assert [one["href"] for one in chosen] == ["/exchanges?errors=1&q=no"]


def page_that_follows(gateway: Gateway, answer: Answer) -> Any:
    """The exchange that a request was sent again as, once it is over."""
    assert answer.status == 303
    id = answer.headers["location"].rpartition("/")[2]
    wait_until(lambda: any(one["id"] == id for one in listed(gateway)["exchanges"]))
    return next(one for one in listed(gateway)["exchanges"] if one["id"] == id)


def test_again(recording: Gateway, upstream: Upstream) -> None:
    before = asked(recording, messages=[{"role": "user", "content": "Once"}])
    body = upstream.requests[-1].body
    again = page_that_follows(recording, sent(recording, f"/exchanges/{before}/again", {}))
    assert again["id"] != before
    assert (again["status"], again["client_model"]) == (200, "gpt-4o")
    assert upstream.requests[-1].body == body


@pytest.mark.parametrize("account", [ALPHA, BRAVO])
def test_again_otherwise(recording: Gateway, upstream: Upstream, account: str) -> None:
    before = asked(recording)
    edited = json.dumps({"model": "x", "messages": [{"role": "user", "content": "Twice"}]})
    form = {"account": account, "model": "gemini-2.5-pro", "body": edited}
    again = page_that_follows(recording, sent(recording, f"/exchanges/{before}/again", form))
    assert (again["model"], again["account"], again["status"]) == ("gemini-2.5-pro", account, 200)
    assert upstream.requests[-1].body["contents"] == [{"role": "user", "parts": [{"text": "Twice"}]}]


def test_the_model_of_a_request_to_geminis_own_path(recording: Gateway) -> None:
    body = {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}
    before = recording.call("POST", "/v1beta/models/gemini-2.5-flash:generateContent", body).headers["x-request-id"]
    again = page_that_follows(recording, sent(recording, f"/exchanges/{before}/again", {"model": "gemini-2.5-pro"}))
    assert (again["model"], again["status"]) == ("gemini-2.5-pro", 200)


def test_what_is_no_request_stays_to_be_mended(recording: Gateway) -> None:
    path = f"/exchanges/{asked(recording)}/again"
    for form, problem in (
        ({"body": '{"model": 1,\n "messages": <'}, "line 2, column 14"),
        ({"body": "[1]"}, "it begins with {"),
        ({"body": '{"seed": ' + "9" * 5000 + "}"}, "This is no JSON"),
        ({"body": '{"temperature": NaN}'}, "it has no NaN"),
        ({"body": '{"x": ' * 3000 + "1" + "}" * 3000}, "nested too deeply"),
        ({"body": "[" * 100_000}, "nested too deeply"),
        ({"body": '{"x": "<i>"}', "model": "m"}, "names no model"),
        ({"account": "<b>nobody"}, "There is no account <b>nobody"),
    ):
        answer = sent(recording, path, form)
        assert answer.status == 400
        page = Page(answer.body.decode())
        assert problem in page.text
        assert form.get("body", "")[:12] in page.text


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://localhost:1"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}],
    ids=["another program here", "another site", "a neighbour"],
)
def test_only_the_gateways_own_pages_ask_again(recording: Gateway, headers: dict[str, str]) -> None:
    id = asked(recording)
    count = listed(recording, endpoint="chat")["fitting"]
    answer = sent(recording, f"/exchanges/{id}/again", {}, **headers)
    assert answer.status == 403
    assert answer.headers["content-type"].startswith("text/html")
    assert listed(recording, endpoint="chat")["fitting"] == count
    own = {"Origin": f"http://127.0.0.1:{recording.port}", "Sec-Fetch-Site": "same-origin"}
    assert sent(recording, f"/exchanges/{id}/again", {}, **own).status == 303


@pytest.mark.parametrize("mask", [False, True])
def test_the_case(recording: Gateway, mask: bool) -> None:
    id = asked(recording, messages=[{"role": "user", "content": "A word of mine"}])
    answer = recording.call("GET", f"/exchanges/{id}/case.zip?mask={int(mask)}")
    assert answer.status == 200
    with zipfile.ZipFile(io.BytesIO(answer.body)) as file:
        assert f"{id}/client-request.json" in file.namelist()
        assert (b"A word of mine" in file.read(f"{id}/client-request.json")) is not mask


def test_what_is_unknown(recording: Gateway) -> None:
    for method, path in (("GET", "edit"), ("POST", "again"), ("GET", "case.zip")):
        answer = recording.call(method, f"/exchanges/req_none/{path}", b"" if method == "POST" else None)
        assert answer.status == 404
        assert "req_none" in Page(answer.body.decode()).text


def test_scripts_are_told_of_errors_in_json(recording: Gateway) -> None:
    answer = recording.call("POST", "/exchanges.json", b"")
    assert (answer.status, answer.error["code"]) == (405, "method_not_supported")


def test_what_is_done_here_is_no_traffic(recording: Gateway) -> None:
    id = asked(recording)
    count = listed(recording)["known"]
    for path in ("", ".json", f"/{id}", f"/{id}/edit", f"/{id}/case.zip"):
        assert recording.call("GET", f"/exchanges{path}").status == 200
    assert listed(recording)["known"] == count


@pytest.mark.skipif(not hasattr(os, "fork"), reason="several workers need a system that can fork")
def test_several_workers_are_as_one(starter: Starter, upstream: Upstream) -> None:
    gateway = starter(TWO_ACCOUNTS.replace("UPSTREAM", upstream.url), "--set", "antigravity_pages=true", workers=2)
    ids = {asked(gateway, messages=[{"role": "user", "content": f"The word zebra-{number}"}]) for number in range(8)}
    pids = {gateway.call("GET", "/status.json").json["workers"][number]["pid"] for number in (0, 1)}
    assert len(pids) == 2
    for _ in range(4):  # whoever is asked
        assert {one["id"] for one in listed(gateway)["exchanges"]} == ids
        assert listed(gateway, q="zebra-5", texts="1")["fitting"] == 1
        for id in ids:
            answer = gateway.call("GET", f"/exchanges/{id}")
            assert answer.status == 200
            assert "The word zebra" in answer.body.decode()
            assert all(one in answer.body.decode() for one in ids)  # to compare with
            assert gateway.call("GET", f"/exchanges/{id[:14]}").status == 200
    the_turns_before_are_known(gateway)
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=PATIENCE)
    silent = {"model": "demo-silent", "stream": True, "messages": [{"role": "user", "content": "The word zebra-9"}]}
    connection.request("POST", "/v1/chat/completions", json.dumps(silent), {"Content-Type": "application/json"})
    wait_until(lambda: any(one["account"] for one in listed(gateway)["running"]))
    [at_work] = [one["id"] for one in listed(gateway)["running"]]
    for _ in range(4):
        answer = gateway.call("GET", f"/exchanges/{at_work}")
        assert (answer.status, "The word zebra-9" in answer.body.decode()) == (200, True)
        assert Page(answer.body.decode()).having("data-poll")
    connection.close()
    wait_until(lambda: not listed(gateway)["running"])
    (id, *_) = ids
    assert page_that_follows(gateway, sent(gateway, f"/exchanges/{id}/again", {}))["status"] == 200
    assert gateway.call("GET", f"/exchanges/{id}/case.zip").status == 200


def the_turns_before_are_known(gateway: Gateway) -> None:
    """The prompt is compared with theirs, also where another worker had them and nothing names the conversation."""
    said = [{"role": "system", "content": "Today is 2026-11-28."}, {"role": "user", "content": "The first turn"}]
    gateway.chat("gpt-4o", headers={"X-Session-Id": "a-session"}, messages=said)
    said[0] = {"role": "system", "content": "Today is 2026-11-29."}
    said += [{"role": "assistant", "content": "Yes."}, {"role": "user", "content": "And then?"}]
    second = gateway.chat("gpt-4o", headers={"X-Session-Id": "a-session"}, messages=said).headers["x-request-id"]
    nameless: list[dict[str, str]] = []
    turns = []
    for text in ("A turn without a name", "And another", "And a third"):  # each on a connection of its own
        nameless += [{"role": "user", "content": text}, {"role": "assistant", "content": "Yes."}]
        turns.append(asked(gateway, messages=nameless[:-1]))
    wait_until(lambda: set(turns) <= {one["id"] for one in listed(gateway)["exchanges"]})
    assert len({one["conversation"] for one in listed(gateway)["exchanges"] if one["id"] in turns}) == 1
    for _ in range(4):
        page = Page(gateway.call("GET", f"/exchanges/{second}").body.decode())
        assert "the date in the system message changed at byte 18: '2026-11-28' -> '2026-11-29'" in page.text


@pytest.mark.skipif(not hasattr(os, "fork"), reason="several workers need a system that can fork")
def test_what_a_worker_has_not_recorded_has_its_page_at_all(starter: Starter, upstream: Upstream) -> None:
    """The links of the log and of the status page lead to whichever worker."""
    gateway = starter(TWO_ACCOUNTS.replace("UPSTREAM", upstream.url), workers=2)
    ids = [asked(gateway) for _ in range(4)]
    for id in ids:
        for path in (id, id[:14]):
            assert [gateway.call("GET", f"/exchanges/{path}").status for _ in range(4)] == [200] * 4
