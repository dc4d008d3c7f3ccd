"""What sends telemetry: a thread for the spans, a thread for the metrics, and nobody waits for either.

* Spans wait in a list with an end: what does not fit is dropped, counted, and told once until things are well again.
* What could not be sent is sent again, later each time, as long as it fits; so a collector may be away for a while.
* At the end both have `LAST` seconds, at the same time. They are daemons: what is not sent by then ends with the
  process.
"""

from __future__ import annotations

import asyncio
import gzip
import logging
import threading
import time
from collections import deque
from collections.abc import Callable

from addons.gateway import __version__
from addons.gateway.accounts.network import plain_http
from addons.gateway.telemetry import conventions as names
from addons.gateway.telemetry import protobuf, spans
from addons.gateway.telemetry.ended import Ended
from addons.gateway.telemetry.measures import Measures
from addons.gateway.telemetry.source import TelemetrySource
from addons.gateway.telemetry.spans import WrittenSpans

logger = logging.getLogger("antigravity")

MOST = 4096
"""Exchanges whose spans wait."""
BATCH = 2_000_000
"""Bytes of spans that go together, and those of one exchange more."""
EVERY = 1.0
"""Seconds between two looks at what waits."""
TIMEOUT = 5.0
"""Seconds for which a collector may be silent."""
LAST = 1.8
"""Seconds that the end takes at most: the threads are given up after that."""
LONGEST_PAUSE = 30.0
"""Seconds until a collector that failed is tried again."""
_PASSING = frozenset((408, 429, 500, 502, 503, 504))
"""Statuses after which the same may be sent again; with others it is refused for good."""

type Contents = Callable[[str], dict[str, str]]
"""What was said in the exchange of this id, as further attributes of its span. Called on a thread."""


class _Sender(threading.Thread):
    """Sends one signal to one URL. What it is to send is a subclass's business."""

    every = EVERY

    def __init__(self, source: TelemetrySource, url: str, signal: str) -> None:
        super().__init__(name=f"telemetry {signal}", daemon=True)
        self._url, self._signal = url, signal
        self._headers = {
            "content-type": "application/x-protobuf",
            "user-agent": f"openai-gemini-gateway/{__version__}",
            **({"content-encoding": "gzip"} if source.gzip else {}),
            **dict(source.headers),
        }
        self._gzip = source.gzip
        self._resource = protobuf.part(1, protobuf.attributes(1, dict(source.resource)))
        scope = protobuf.text(1, "openai-gemini-gateway") + protobuf.text(2, __version__)
        self._scope = protobuf.part(1, scope)
        schema = names.SCHEMAS[source.version]
        self._schema = protobuf.text(3, schema) if schema else b""
        self._stop = threading.Event()
        self._in_trouble = False
        self._pause = EVERY

    def finish(self) -> None:
        """Send what is there, once, and end."""
        self._stop.set()

    def run(self) -> None:
        """See `Thread`."""
        wait = self.every
        while not self._stop.wait(wait):
            wait = self.every if self._send_all() else self._longer()
        self._send_all()

    def _send_all(self) -> bool:
        """Send what there is. False: there was trouble, and something is left."""
        raise NotImplementedError

    def _post(self, scoped: bytes) -> bool:
        """Send members of a `ScopeSpans` or `ScopeMetrics`. False: it should be tried again."""
        scope = protobuf.part(2, self._scope + scoped + self._schema)
        body = protobuf.part(1, self._resource + scope)
        if self._gzip:
            body = gzip.compress(body, 6)
        timeout = LAST if self._stop.is_set() else TIMEOUT
        try:
            answer = plain_http.ask(self._url, "POST", body, self._headers, timeout=timeout)
        except plain_http.Unreachable as e:
            self._trouble(str(e))
            return False
        except plain_http.BadUrl:
            self._trouble("it has no URL that can be asked")
            return True
        if 200 <= answer.status < 300:
            self._well()
            return True
        self._trouble(f"HTTP {answer.status}")
        return answer.status not in _PASSING

    def _trouble(self, why: str) -> None:
        if not self._in_trouble:
            self._in_trouble = True
            logger.warning(f"Telemetry: the collector takes no {self._signal} ({self._url}): {why}")

    def _well(self) -> None:
        self._pause = EVERY
        if self._in_trouble:
            self._in_trouble = False
            logger.info(f"Telemetry: the collector takes {self._signal} again")

    def _longer(self) -> float:
        self._pause = min(self._pause * 2, LONGEST_PAUSE)
        return self._pause


class _SpanSender(_Sender):
    """Sends the spans of exchanges."""

    def __init__(self, source: TelemetrySource, contents: Contents) -> None:
        super().__init__(source, source.traces, "traces")
        self._contents = contents
        self._waiting: deque[WrittenSpans] = deque()
        self._dropped = 0

    def add(self, ended: Ended) -> None:
        """Its spans are to be sent, if there is room.

        They are written at once, while all that they are made of is at hand: it takes as long as to keep the exchange,
        and what waits is bytes, which the garbage collector need not look at.
        """
        if len(self._waiting) >= MOST:
            if not self._dropped:
                logger.warning("Telemetry: there is no room for more spans; those that come are dropped")
            self._dropped += 1
            return
        self._waiting.append(spans.encoded(ended))

    def _send_all(self) -> bool:
        waiting = self._waiting
        while waiting:
            batch: list[bytes] = []
            size = 0
            for one in list(waiting):
                batch.append(made := one.whole(self._said(one.id)))
                size += len(made)
                if size >= BATCH:
                    break
            if not self._post(b"".join(batch)):
                return False
            for _ in batch:
                waiting.popleft()
        return True

    def _said(self, id: str) -> dict[str, str]:
        try:
            return self._contents(id)
        except Exception:  # of one exchange: the others have theirs
            logger.exception(f"Telemetry: it can't be told what was said in {id}. Please report it.")
            return {}

    def _well(self) -> None:
        super()._well()
        if self._dropped:
            dropped, self._dropped = self._dropped, 0
            logger.warning(f"Telemetry: the spans of {dropped} exchanges were dropped")

    @property
    def lost(self) -> int:
        """Exchanges whose spans will never be sent, if it ends now."""
        return self._dropped + len(self._waiting)


class _MetricSender(_Sender):
    """Sends the metrics as they are."""

    def __init__(self, source: TelemetrySource, measures: Measures) -> None:
        super().__init__(source, source.metrics, "metrics")
        self.every = source.every
        self._measures = measures

    def _send_all(self) -> bool:
        made = self._measures.encoded()
        return not made or self._post(made)


class Sending:
    """Both, for one source."""

    def __init__(self, source: TelemetrySource, contents: Contents) -> None:
        self.source = source
        self._measures = Measures(source.version)
        self._spans = _SpanSender(source, contents)
        self._metrics = _MetricSender(source, self._measures)
        self._spans.start()
        self._metrics.start()

    def add(self, ended: Ended) -> None:
        """An exchange has ended. Waits for nothing."""
        self._measures.add(ended)
        if ended.parent is None or ended.parent.sampled:
            self._spans.add(ended)

    def finish(self) -> None:
        """Send what is there, once, and end. Waits for nothing."""
        self._spans.finish()
        self._metrics.finish()

    async def wait(self) -> None:
        """Wait for the end of both, `LAST` seconds at most."""
        await asyncio.to_thread(self._join)
        if self._spans.is_alive() or self._spans.lost:
            logger.warning(f"Telemetry: the spans of {self._spans.lost} exchanges were not sent")

    def _join(self) -> None:
        end = time.monotonic() + LAST
        for thread in (self._spans, self._metrics):
            thread.join(max(0.0, end - time.monotonic()))
