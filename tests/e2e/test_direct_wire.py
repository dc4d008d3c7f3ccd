"""The quick wire beside mitmproxy's layers: other addons, scripts and saved files see the same."""

from __future__ import annotations

import http.client
import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from mitmproxy import http as mitm_http
from mitmproxy import io
from mitmproxy.certs import CertStore

from tests.e2e.conftest import ROOT, TWO_ACCOUNTS, Answer, Gateway, Starter, Upstream, start_gateway, wait_until
from tests.e2e.faults.faulty_upstream import KEEP, STREAM, TEXT, WHOLE, FaultyUpstream, whole
from tests.e2e.faults.test_tls_faults import TlsUpstream
from tests.patience import PATIENCE

MODEL = "gemini-2.5-flash"
WIRES = ("layers", "auto")
SCRIPT = ROOT / "tests" / "data" / "watch_hooks.py"
SETTINGS = "[retry]\ncooldown = false\n" + TWO_ACCOUNTS
FLOW_HOOKS = ("requestheaders", "request", "responseheaders", "response", "error")


def account(url: str) -> str:
    return f'[retry]\nmax_attempts = 1\n[[accounts]]\nemail = "a"\napi_key = "k"\nbase_url = "{url}"\n'


def saved(gateway: Gateway) -> list[mitm_http.HTTPFlow]:
    with (gateway.folder / "saved.flow").open("rb") as file:
        return [flow for flow in io.FlowReader(file).stream() if isinstance(flow, mitm_http.HTTPFlow)]


def plain(value: Any) -> Any:
    """Without what differs from run to run: ids, times, ports, whose turn it is."""
    text = json.dumps(value, ensure_ascii=False)
    for pattern, word in CHANGING:
        text = re.sub(pattern, word, text)
    return json.loads(text)


CHANGING = (
    (r"(req|chatcmpl|resp|msg)[_-][\w-]+", "ID"),
    (r"127\.0\.0\.1:\d+", "HERE"),
    (r'("127\.0\.0\.1", )\d+', r"\1 0"),
    (r"\b\d{10}\b", "1"),
    (r"\d+\.\d\d s", "S"),
    (r"\b\d+(\.\d+)?s\b", "S"),
    (r"(alpha|bravo)@example\.com|upst…\w{4}", "WHO"),
    (r"alpha|bravo", "WHO"),
    (r'\["[Cc]ontent-[Ll]ength", "\d+"\]', "0"),
    (r"(thought_?[sS]ignature[^\w+/-]+)[\w+/=-]+", r"\1SIGNATURE"),
    (r"(responseId[^\w-]+)[\w-]+", r"\1RID"),
)


# --- the pool


def test_clients_share_a_connection_to_the_upstream(starter: Starter) -> None:
    upstream = FaultyUpstream()
    upstream.play(whole(), KEEP)
    gateway = starter(account(upstream.url), "-w", "saved.flow")
    for _ in range(5):
        assert gateway.chat(MODEL).text == TEXT
    assert upstream.open == 1
    gateway.stop()
    attempts = [flow for flow in saved(gateway) if "↳" in flow.comment]
    assert len({flow.server_conn.id for flow in attempts}) == 1
    assert len({flow.client_conn.id for flow in attempts}) == 5
    upstream.close()


def test_a_connection_that_was_closed_while_nobody_used_it(starter: Starter) -> None:
    """The next request succeeds, without an attempt that counts, whether the end of it was seen in time or not."""
    upstream = FaultyUpstream()
    upstream.play(whole(), KEEP)
    gateway = starter(account(upstream.url))
    assert gateway.chat(MODEL).text == TEXT
    upstream.hang_up()
    wait_until(lambda: upstream.open == 0)
    answer = gateway.chat(MODEL)
    assert answer.text == TEXT
    assert "retried" not in answer.headers.get("x-antigravity-notes", "")
    upstream.replies = [[]]  # it hangs up as the next call goes up
    answer = gateway.chat(MODEL)
    assert answer.text == TEXT
    assert "retried" not in answer.headers.get("x-antigravity-notes", "")
    upstream.close()


# --- TLS


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`server.pem` for localhost, and `authority.pem` that made it."""
    folder = tmp_path_factory.mktemp("certificates")
    CertStore.create_store(folder, "mitmproxy", 2048)
    store = CertStore.from_store(folder, "mitmproxy", 2048, None)
    entry = store.get_cert("localhost", [x509.DNSName("localhost")])
    key = (folder / "mitmproxy-ca.pem").read_bytes().partition(b"-----BEGIN CERTIFICATE")[0]
    (folder / "server.pem").write_bytes(key + entry.cert.to_pem())
    (folder / "mitmproxy-ca-cert.pem").rename(folder / "authority.pem")
    return folder


@pytest.fixture(scope="module")
def secured(certificates: Path) -> Iterator[TlsUpstream]:
    upstream = TlsUpstream(certificates / "server.pem")
    upstream.play(whole(), KEEP)
    yield upstream
    upstream.close()


def secured_account(upstream: TlsUpstream, host: str = "localhost") -> str:
    return account(upstream.url.replace("http://127.0.0.1", f"https://{host}"))


def test_a_certificate_that_is_trusted(starter: Starter, secured: TlsUpstream, certificates: Path) -> None:
    """And what a saved file tells of the connection."""
    found = []
    for wire in WIRES:
        gateway = starter(
            secured_account(secured), "-w", "saved.flow", "--set", f"antigravity_wire={wire}",
            "--set", f"ssl_verify_upstream_trusted_ca={certificates / 'authority.pem'}",
        )  # fmt: skip
        for _ in range(2):
            assert gateway.chat(MODEL).text == TEXT
        gateway.stop()
        states = []
        for flow in saved(gateway):
            state: Any = flow.server_conn.get_state()
            assert state["timestamp_start"] <= state["timestamp_tcp_setup"] <= state["timestamp_tls_setup"]
            changing = ("id", "sockname", "peername", "timestamp_start", "timestamp_tcp_setup", "timestamp_tls_setup",
                        "timestamp_end", "cipher_list")  # fmt: skip
            states.append({name: value for name, value in state.items() if name not in changing})
            assert flow.server_conn.peername
            assert flow.server_conn.sockname
        found.append(states)
    assert found[0] == found[1]
    assert found[0][0]["tls_version"] == "TLSv1.3"
    assert found[0][0]["certificate_list"]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"], ids=["unknown authority", "another name"])
def test_a_certificate_that_is_not(starter: Starter, secured: TlsUpstream, certificates: Path, host: str) -> None:
    """The client and the log are told the same by either wire."""
    said = []
    trust = [] if host == "localhost" else ["--set", f"ssl_verify_upstream_trusted_ca={certificates / 'authority.pem'}"]
    for wire in WIRES:
        gateway = starter(secured_account(secured, host), *trust, "--set", f"antigravity_wire={wire}")
        answer = gateway.chat(MODEL)
        assert answer.status == 502
        lines = re.findall(r"Certificate verify failed: [^\n]*", gateway.log)
        assert lines
        said.append((answer.error, lines[-1].partition(", certificate")[0]))
    assert said[0][0] == said[1][0]
    assert "TLS failed" in said[0][0]["message"]
    if host == "localhost":
        assert said[0][1] == said[1][1]


def test_a_secured_connection_that_was_closed_while_nobody_used_it(starter: Starter, secured: TlsUpstream) -> None:
    wait_until(lambda: secured.open == 0)
    gateway = starter(secured_account(secured), "--set", "ssl_insecure=true")
    assert gateway.chat(MODEL).text == TEXT
    assert secured.open == 1
    secured.hang_up()
    wait_until(lambda: secured.open == 0)
    answer = gateway.chat(MODEL)
    assert answer.text == TEXT
    assert "retried" not in answer.headers.get("x-antigravity-notes", "")


# --- scripts


class Watched:
    """A gateway with the script that watches."""

    def __init__(self, folder: Path, upstream: Upstream, wire: str) -> None:
        settings = SETTINGS.replace("UPSTREAM", upstream.url)
        self.gateway = start_gateway(folder, settings, "-s", str(SCRIPT), "--set", f"antigravity_wire={wire}")
        self._hooks = folder / "hooks.jsonl"
        self._read = 0

    def new(self) -> list[tuple[str, Any]]:
        """The hooks since the last look."""
        text = self._hooks.read_text(encoding="utf-8") if self._hooks.exists() else ""
        lines = text[: text.rfind("\n") + 1].splitlines()[self._read :]
        self._read += len(lines)
        return [(hook, shown) for hook, shown in map(json.loads, lines)]

    def does(self, step: Callable[[Gateway], Any]) -> tuple[Any, list[tuple[str, Any]]]:
        """What comes of a step, and the hooks that are run for it; not those of a client that was there before it."""
        self.new()
        result = step(self.gateway)
        seen: list[tuple[str, Any]] = []

        def ids(hook: str) -> set[str]:
            return {shown["id"] for name, shown in seen if name == hook}

        def over() -> bool:
            seen.extend(self.new())
            return bool(ids("client_connected")) and ids("client_connected") <= ids("client_disconnected")

        wait_until(over)
        # What comes last of a flow may come after its client has gone, but not for long.
        quiet = time.monotonic() + 0.3
        while time.monotonic() < quiet:
            if more := self.new():
                seen.extend(more)
                quiet = time.monotonic() + 0.3
            time.sleep(0.02)
        before = ids("client_disconnected") - ids("client_connected")
        return result, [(hook, shown) for hook, shown in seen if shown.get("id") not in before]


@pytest.fixture(scope="module")
def pair(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Watched]]:
    both = [Watched(tmp_path_factory.mktemp(wire), upstream, wire) for wire in WIRES]
    yield both
    for watched in both:
        watched.gateway.stop()


def ask(model: str = MODEL, *, do: str = "", stream: bool = False, **more: Any) -> Callable[[Gateway], Any]:
    """A request for chat; what comes of it is status, header fields and body, or that it was hung up on."""

    def asks(gateway: Gateway) -> Any:
        body = {"model": model, "stream": stream, "messages": [{"role": "user", "content": "hi"}], **more}
        return told(lambda: gateway.call("POST", "/v1/chat/completions", body, headers={"X-Do": do} if do else {}))

    return asks


def told(call: Callable[[], Answer]) -> Any:
    try:
        answer = call()
    except http.client.IncompleteRead as e:
        return "cut", e.partial.decode()
    except (OSError, http.client.HTTPException):
        return "hung up"
    return answer.status, sorted(answer.headers.items()), answer.body.decode()


def leaves(body: bytes, cut: int | None = None) -> Callable[[Gateway], None]:
    """A client that leaves a while after it has sent so much of its request."""

    def leave(gateway: Gateway) -> None:
        head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body)
        with socket.create_connection(("127.0.0.1", gateway.port)) as s:
            s.sendall((head + body)[:cut])
            time.sleep(0.3)  # so that it has come so far

    return leave


def blank_lines(gateway: Gateway) -> tuple[int, str]:
    """A client that ends what it has said with empty lines (RFC 9112, 2.2), and begins so; how often it is answered."""
    ask = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n%b\r\n"
    with socket.create_connection(("127.0.0.1", gateway.port), PATIENCE) as s:
        s.sendall(b"\r\n\r\n" + ask % b"" + b"\r\n" + ask % b"" + b"\n" + ask % b"Connection: close\r\n")
        said = b"".join(iter(lambda: s.recv(65536), b""))
    return said.count(b"HTTP/1.1 200 OK"), said[-15:].decode()


SLOW = json.dumps({"model": "demo-slow", "messages": [{"role": "user", "content": "hi"}]}).encode()

STEPS: dict[str, Callable[[Gateway], Any]] = {
    "a whole answer": ask(),
    "a stream": ask(stream=True),
    "another attempt": ask("demo-429-first"),
    "another attempt, stream": ask("demo-429-first", stream=True),
    "no more attempts": ask("demo-503-all"),
    "a stream that is cut": ask("demo-cut-mid-stream", stream=True),
    "no such model": ask("no-such-model"),
    "no JSON": lambda g: told(lambda: g.call("POST", "/v1/chat/completions", b"{")),
    "no such path": lambda g: told(lambda: g.call("GET", "/nowhere")),
    "an own path": lambda g: told(lambda: g.call("GET", "/healthz")),
    "HEAD": lambda g: told(lambda: g.call("HEAD", "/healthz")),
    "models": lambda g: told(lambda: g.call("GET", "/v1/models/gemini-2.5-flash")),
    "too large": lambda g: told(
        lambda: g.call("POST", "/v1/chat/completions", b"{", headers={"Content-Length": "999999999"})
    ),
    "blank lines": blank_lines,
    "leaves before the answer": leaves(SLOW),
    "leaves in its body": leaves(SLOW, -5),
    **{
        f"{do}{', stream' if stream else ''}": ask(do=do, stream=stream)
        for stream in (False, True)
        for do in (
            "kill-requestheaders", "kill-request", "kill-responseheaders", "kill-response",
            "wait-requestheaders", "wait-request", "wait-responseheaders", "wait-response",
            "answer-requestheaders", "answer-request", "answer-responseheaders", "answer-response",
            "edit-responseheaders", "edit-response",
        )
    },
}  # fmt: skip
"""What is the same by either wire."""


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS.keys())
def test_scripts_see_and_do_the_same(pair: list[Watched], step: Callable[[Gateway], Any]) -> None:
    (first, layers), (second, direct) = (watched.does(step) for watched in pair)
    assert plain(second) == plain(first)
    assert [hook for hook, _ in direct if not hook.startswith("server_")] == [
        hook for hook, _ in layers if not hook.startswith("server_")
    ]
    for hook in FLOW_HOOKS:
        seen = [[shown for name, shown in told if name == hook] for told in (layers, direct)]
        for by_layers, by_direct in zip(*seen, strict=True):
            if not by_layers["request"][-1]:  # by the quick wire the whole request is there, or what has come of it
                by_direct["request"][-1] = ""
            for shown in (by_layers, by_direct):
                # A connection of the pool may have been closed since; one of the layers ends with its client.
                shown["server"]["times"] = [name for name in shown["server"]["times"] if name != "timestamp_end"]
            assert plain(by_direct) == plain(by_layers), hook
    for watched in pair:
        assert "Traceback" not in watched.gateway.log
        assert watched.gateway.call("GET", "/healthz").status == 200


# --- mitmproxy's own addons


def calls(gateway: Gateway) -> list[Any]:
    """Requests of some kinds, and what comes of them."""
    steps = (
        ask(), ask(stream=True), ask("demo-429-first"), ask("no-such-model"),
        lambda g: told(lambda: g.call("GET", "/nowhere")),
        lambda g: told(lambda: g.call("GET", "/v1/models/gemini-2.5-flash", headers={"Cookie": "a=b"})),
    )  # fmt: skip
    return [step(gateway) for step in steps]


def flows_of(gateway: Gateway) -> list[Any]:
    """The saved file, in short."""
    return sorted(
        json.dumps(plain([
            flow.request.method, flow.request.path, flow.request.headers.get("host"), flow.response and [
                flow.response.status_code, flow.response.get_text(strict=False),
            ], flow.error and flow.error.msg, flow.comment,
        ]))
        for flow in saved(gateway)
    )  # fmt: skip


ADDONS: dict[str, tuple[str, ...]] = {
    "save_stream_filter": ("save_stream_filter=~c 404",),
    "hardump": ("hardump=saved.har",),
    "modify_body": ("modify_body=/~q/hi/goodbye",),
    "modify_headers": ("modify_headers=/~q/X-Added/yes", "modify_headers=/~s/X-Seen/yes"),
    "map_local": ("map_local=|v1beta/models/gemini-2.5-flash:generateContent|LOCAL",),
    "map_remote": ("map_remote=|gemini-2.5-flash|gemini-2.5-pro",),
    "block_list": ("block_list=/~u nowhere/418", "block_list=/~u models/444"),
    "stickycookie": ("stickycookie=.*",),
    "stickyauth": ("stickyauth=.*",),
    "anticache": ("anticache=true", "anticomp=true"),
    "proxyauth": ("proxyauth=user:word",),
    "flow_detail": ("flow_detail=2",),
}


@pytest.mark.parametrize("options", ADDONS.values(), ids=ADDONS.keys())
def test_addons_that_options_ask_for(
    options: tuple[str, ...], starter: Starter, upstream: Upstream, tmp_path: Path
) -> None:
    local = tmp_path / "local.json"
    local.write_bytes(WHOLE)
    found = []
    for wire in WIRES:
        upstream.forget()
        arguments = [f"antigravity_wire={wire}", *(option.replace("LOCAL", str(local)) for option in options)]
        gateway = starter(SETTINGS, "-w", "saved.flow", *(part for one in arguments for part in ("--set", one)))
        came = [plain(result) for result in calls(gateway)]
        bodies = sorted(json.dumps(request.body) for request in upstream.requests)
        gateway.stop()
        assert "Traceback" not in gateway.log
        har = gateway.folder / "saved.har"
        entries = json.loads(har.read_text())["log"]["entries"] if har.exists() else []
        found.append((came, bodies, flows_of(gateway), sorted(str(e["response"]["status"]) for e in entries)))
    for by_layers, by_direct in zip(*found, strict=True):
        assert by_direct == by_layers
    check = EFFECTS.get(options[0].partition("=")[0])
    if check is not None:
        assert check(*found[1])


EFFECTS: dict[str, Callable[[list[Any], list[str], list[str], list[str]], bool]] = {
    "save_stream_filter": lambda _, __, flows, ___: len(flows) == 2,
    "hardump": lambda _, __, ___, har: len(har) > 5,
    "modify_body": lambda _, bodies, __, ___: all("goodbye" in body for body in bodies if "contents" in body),
    "proxyauth": lambda answers, bodies, _, __: {answer[0] for answer in answers} == {401} and not bodies,
    "map_local": lambda answers, _, __, ___: TEXT in json.loads(answers[0][2])["choices"][0]["message"]["content"],
    "map_remote": lambda answers, _, __, ___: "served=gemini-2.5-pro" in str(answers[0]),
    "block_list": lambda answers, _, __, ___: answers[4][0] == 418 and answers[5] == "hung up",
}
"""What is to be seen of an addon, by either wire: of answers, bodies that went up, saved flows, and the HAR file."""


def test_streams_while_somebody_saves(starter: Starter) -> None:
    """A stream goes through as it comes, and is saved as a whole."""
    upstream = FaultyUpstream()
    upstream.play(STREAM, KEEP)
    gateway = starter(account(upstream.url), "-w", "saved.flow")
    assert gateway.chat(MODEL, stream=True).events[-1] == "[DONE]"
    gateway.stop()
    texts = [flow.response.get_text() or "" for flow in saved(gateway) if flow.response]
    assert sum("[DONE]" in text for text in texts) == 1
    assert sum("finishReason" in text for text in texts) == 1
    upstream.close()
