"""How `[state] url` names a Valkey or Redis, and the client that is made of it.

* `valkey://`, `redis://`: one server; `valkeys://`, `rediss://` with TLS; `unix://` a socket. As redis-py takes them,
  what stands behind `?` too.
* `redis+sentinel://HOST:PORT,HOST:PORT/NAME` and `/NAME/DB`: the master of that name, which Sentinels know.
* `redis+cluster://HOST:PORT,HOST:PORT`: a cluster. For both `valkey`, `rediss` and `valkeys` in redis' place.

Said explicitly, because redis-py's own ways differ from one client to the next: a command on a connection that has
broken is sent once more, at once, since every change may be made twice (`contract`); nothing else is tried again here;
and who finds all connections taken waits for one.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from redis.asyncio import BlockingConnectionPool, Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as Broken

type Client = Any
"""`Redis` or `RedisCluster`: what is used of them is the same, and their types are not."""

MOST_CONNECTIONS = 16
ANSWER_WITHIN = 2.0
"""Seconds that a server may be silent. No request waits longer, whatever `[state] answer_within` says."""
CONNECT_WITHIN = 1.0

_FORM = re.compile(r"(?P<scheme>(?:valkey|redis)s?|unix)(?:\+(?P<kind>sentinel|cluster))?://(?P<rest>.+)")
_SCHEMES = {"valkey": "redis", "valkeys": "rediss"}


def problem(url: str) -> str | None:
    """What is wrong with a URL, without repeating it: it may hold a password."""
    form = _FORM.fullmatch(url)
    if form is None or (form["kind"] and form["scheme"] == "unix"):
        return (
            "it has to begin with valkey://, valkeys://, redis://, rediss://, unix://, or a +sentinel or +cluster form"
        )
    try:
        parse_url(_first(form))
    except ValueError:
        return "its port, database or options can't be read"
    if form["kind"] == "sentinel" and not _parts(form):
        return "behind the Sentinels it has to name the master: redis+sentinel://HOST:26379/NAME"
    return None


def shown(url: str) -> str:
    """The URL without what may be secret."""
    form = _FORM.fullmatch(url)
    if form is None:
        return "?"
    return f"{url.partition('://')[0]}://{form['rest'].rpartition('@')[2].partition('?')[0]}"


def client(url: str) -> Client:
    """The client for a URL that has no `problem`. Connects to nothing yet."""
    form = _FORM.fullmatch(url)
    assert form is not None
    return _KINDS[form["kind"]](form)


def _retries() -> dict[str, Any]:
    return {
        "retry": Retry(NoBackoff(), 1, supported_errors=(Broken,)),
        "retry_on_error": [Broken],
        "socket_timeout": ANSWER_WITHIN,
        "socket_connect_timeout": CONNECT_WITHIN,
    }


def _single(form: re.Match[str]) -> Client:
    pool = BlockingConnectionPool.from_url(_first(form), max_connections=MOST_CONNECTIONS, **_retries())
    return Redis(connection_pool=pool)


def _sentinel(form: re.Match[str]) -> Client:
    name, *database = _parts(form)
    options = _options(form)
    options.pop("db", None)
    sentinel = Sentinel(_hosts(form), sentinel_kwargs=_without_user(options), **options, **_retries())
    return sentinel.master_for(name, db=int(database[0]) if database else 0)


def _cluster(form: re.Match[str]) -> Client:
    options = _options(form)
    options.pop("db", None)
    secure = options.pop("connection_class", None) is not None
    nodes = [ClusterNode(host, port) for host, port in _hosts(form)]
    return RedisCluster(startup_nodes=nodes, ssl=secure, max_connections=MOST_CONNECTIONS, **options, **_retries())


_KINDS = {None: _single, "sentinel": _sentinel, "cluster": _cluster}


def _first(form: re.Match[str]) -> str:
    """The URL as redis-py takes it, of the first host of several."""
    rest = form["rest"]
    if form["kind"]:
        hosts, _, more = rest.partition("/")
        user, at, names = hosts.rpartition("@")
        query = more.partition("?")
        rest = f"{user}{at}{names.split(',')[0]}/{query[1]}{query[2]}"
    return f"{_SCHEMES.get(form['scheme'], form['scheme'])}://{rest}"


def _options(form: re.Match[str]) -> dict[str, Any]:
    """What the URL says beside hosts: who connects, and what stands behind `?`."""
    options: dict[str, Any] = dict(parse_url(_first(form)))
    for name in ("host", "port", "path"):
        options.pop(name, None)
    return options


def _without_user(options: dict[str, Any]) -> dict[str, Any]:
    """The Sentinels' options: they are asked without the server's password, as redis-py does."""
    return {name: value for name, value in options.items() if name not in ("username", "password", "db")}


def _hosts(form: re.Match[str]) -> list[tuple[str, int]]:
    default = 26379 if form["kind"] == "sentinel" else 6379
    found = []
    for one in form["rest"].partition("/")[0].partition("?")[0].rpartition("@")[2].split(","):
        split = urlsplit(f"//{one}")
        found.append((split.hostname or "localhost", split.port or default))
    return found


def _parts(form: re.Match[str]) -> list[str]:
    """The parts of the path."""
    path = form["rest"].partition("?")[0].partition("/")[2]
    return [part for part in path.split("/") if part]
