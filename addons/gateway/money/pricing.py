"""What an exchange has cost: worked out when it is over, so that no answer waits for it.

* All is paid for that Gemini has told: attempts that came to nothing after they had begun, parallel calls, what
  continues an answer. Of an answer that broke off, or whose client left, that is at least what was told until then.
* The service tier is the one that Gemini says it has given, or else the one that was asked for, where it was sent.
* What a recording answers costs nothing.
* Prices are list prices. What an account pays in truth (a free tier, a subscription) nobody tells the gateway.
"""

from __future__ import annotations

import time

from addons.gateway.accounts.account import Account
from addons.gateway.exchange.facts import Facts
from addons.gateway.exchange.job import Job
from addons.gateway.exchange.summary import OK, Summary
from addons.gateway.http.routes import INTERACTIONS
from mapping.prices.cost import NO_TOKENS, Cost
from mapping.prices.shown import AT_LEAST, ESTIMATE
from mapping.values import GeminiCall

HEADER = "X-Antigravity-Cost"
_EXPOSED = "Access-Control-Expose-Headers"
UNKNOWN = "unknown"

PAID = frozenset(("generateContent", "streamGenerateContent", "embedContent", "batchEmbedContents", "predict"))
"""Methods of models whose tokens are paid for."""
_LEFT = "the client left before Gemini told the tokens"
_BROKE_OFF = "the answer broke off"
_ALSO_LEFT = "the client left"
PARTLY_RECORDED = f"{ESTIMATE}recordings have answered a part of it, which is free"


def price(exchange: Facts, summary: Summary) -> None:
    """Put into a summary what the exchange has cost."""
    told = cost(exchange, exchange.job, summary.time)
    if told is None:
        return
    if summary.outcome != OK:
        told = _as_far_as_known(told, summary)
    summary.cost, summary.cost_note, summary.cost_parts = told.usd, told.note, told.parts


def show(exchange: Facts) -> None:
    """Put into a header field of a whole answer what it has cost: `0.001234`, in dollars, or `unknown`."""
    response = exchange.flow.response
    if exchange.inner or response is None or (told := cost(exchange, exchange.job, time.time())) is None:
        return
    usd = UNKNOWN if told.usd is None else f"{told.usd:.9f}".rstrip("0").rstrip(".")
    headers = response.headers
    headers[HEADER] = usd
    if exposed := headers.get(_EXPOSED):  # to a browser
        headers[_EXPOSED] = f"{exposed}, {HEADER}"


def cost(exchange: Facts, job: Job | None, when: float) -> Cost | None:
    """What a job of an exchange has cost. None: nothing was used that is paid for."""
    if job is None:
        return None
    asked = [one for one in (exchange, *exchange.further) if one.account is not None or _is_recorded(one)]
    recorded = sum(map(_is_recorded, asked))
    if recorded and recorded == len(asked):
        return None
    if job.charged and not exchange.error:
        return Cost(None, note=job.charged)
    if not (model := job.answering_model):
        return None
    totals = job.totals()
    calls = totals.calls if totals else ()
    if not calls and not _has_answered(exchange):
        return None  # also where it was refused before there was anything to ask
    call = job.request()
    if call.method not in PAID and not (call.plain is not None and exchange.endpoint == INTERACTIONS):
        return None
    made = exchange.settings.prices.book.cost(calls, model, when, _tier(asked[-1].account if asked else None, call))
    if recorded and made.usd is not None:
        made.note = "; ".join(filter(None, (made.note, PARTLY_RECORDED)))
    return made


def _is_recorded(one: Facts) -> bool:
    """A recording has answered, of a cassette or of mitmproxy's server replay: nobody was asked."""
    return one.flow.is_replay == "response" or (one.account is not None and not one.account.credential.real)


def _has_answered(exchange: Facts) -> bool:
    """An attempt has come to an answer, at the exchange's own call or at one of its further calls."""
    return any(
        attempt.status == 200 or attempt.outcome == "200"
        for one in (exchange, *exchange.further)
        for attempt in one.attempts
    )


def _tier(account: Account | None, call: GeminiCall) -> str:
    """The one that was asked for; other upstreams than the public API are not told of it."""
    body = call.body
    asked = body.get("serviceTier") if body and account and account.upstream == "gemini" else None
    return asked if isinstance(asked, str) else ""


def _as_far_as_known(told: Cost, summary: Summary) -> Cost:
    """The same of what has not come to its end."""
    if told.usd is None:
        return Cost(None, note=_LEFT) if summary.left and told.note == NO_TOKENS else told
    why = _ALSO_LEFT if summary.left else _BROKE_OFF if summary.streamed and summary.failed else None
    if why is None:
        return told
    return Cost(told.usd, told.parts, "; ".join(filter(None, (told.note, AT_LEAST + why))))
