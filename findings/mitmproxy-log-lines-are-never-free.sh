#!/usr/bin/env bash
# A log line that nobody shows costs mitmproxy a formatting, a wake-up of its loop and a look at every addon.
#
# Versions: mitmproxy 12.3.1 on Python 3.13.
#
# One would expect: under `mitmdump -q` a line at level debug costs next to nothing, as anywhere in Python's logging: no
#   handler shows it, and no addon has the deprecated `add_log` hook, for which mitmproxy would have to make an event.
#
# What happens: mitmproxy's root logger is at DEBUG, and a handler of its own takes every record for that hook. Each one is
#   formatted, and handed to the event loop by call_soon_threadsafe (a write to a pipe), where all addons are asked for
#   `add_log`, whether or not there is one. So `logger.isEnabledFor(DEBUG)` is always true, and `-q`,
#   `termlog_verbosity=error` or a console that shows nothing save none of it.
#
# Why users of an LLM gateway care: a debug line per chunk, or one line per request, is the dearest thing that an addon can
#   do. In a gateway that is an addon, the one line per request was a quarter of all its work, more than half of that here.
#   What helps: say nothing on the hot path, or take the handler off the root logger while no addon has `add_log`.
#
# Seen: 2026-11-29
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"${PYTHON:-python3.13}" -m venv "$dir/venv"
bin=$dir/venv/bin
"$bin/pip" install -q --no-compile --disable-pip-version-check mitmproxy==12.3.1 > "$dir/pip.log" 2>&1 || { cat "$dir/pip.log"; exit 1; }

cat > "$dir/count.py" <<'PY'
import logging

from mitmproxy import ctx, log, version
from mitmproxy.addonmanager import traverse

LINES = 100


class Count:
    def running(self):
        manager, formatted, events = ctx.master.addons, [], []
        listeners = [addon for addon in traverse(manager.chain) if hasattr(addon, "add_log")]
        trigger, fmt = manager.trigger, log.MitmFormatter.format

        def counted_trigger(event):
            if isinstance(event, log.AddLogHook):
                events.append(event)
            return trigger(event)

        def counted_format(self, record):
            if record.name == "quiet":
                formatted.append(record)
            return fmt(self, record)

        manager.trigger, log.MitmFormatter.format = counted_trigger, counted_format
        quiet = logging.getLogger("quiet")
        enabled = quiet.isEnabledFor(logging.DEBUG)
        for _ in range(LINES):
            quiet.debug("nobody shows this")

        def tell():
            print(f"mitmproxy {version.VERSION}: addons with add_log {len(listeners)} · debug is enabled {enabled} · "
                  f"lines {LINES} · formatted {len(formatted)} · add_log events {len(events)}", flush=True)
            ctx.master.shutdown()

        ctx.master.event_loop.call_later(0.5, tell)


addons = [Count()]
PY
"$bin/mitmdump" -q -s "$dir/count.py" --set confdir="$dir/conf" -p 0 > "$dir/out"
cat "$dir/out"
grep -qx "mitmproxy 12.3.1: addons with add_log 0 · debug is enabled True · lines 100 · formatted 100 · add_log events 100" "$dir/out"

# Output seen:
#   mitmproxy 12.3.1: addons with add_log 0 · debug is enabled True · lines 100 · formatted 100 · add_log events 100
