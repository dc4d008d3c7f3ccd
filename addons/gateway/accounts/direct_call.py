"""A call to an account's upstream past the exchanges: no failover, no record, and no effect on whose turn it is.

For lists of models and for `scripts/accounts.py check`. It waits for the network, and so belongs on a thread.
"""

from __future__ import annotations

from addons.gateway.accounts import upstreams
from addons.gateway.accounts.account import Account
from addons.gateway.accounts.address import Address
from addons.gateway.accounts.network.plain_http import BadUrl, Unreachable, ask
from addons.gateway.accounts.upstream_request import USER_AGENT
from mapping.gemini.errors import upstream_errors
from mapping.values import GeminiCall

TIMEOUT = 20.0
"""Seconds that an upstream may be silent."""


def make(account: Account, default: Address, call: GeminiCall) -> bytes:
    """The body of the answer. `default`: where accounts are asked that have no address of their own.

    Raises UpstreamError, and CredentialError when there is no token to show.
    """
    address = account.address or default
    outgoing = upstreams.outgoing(account, call)
    fields = [*account.credential.headers(), *outgoing.headers]
    headers = {name.decode(): value.decode() for name, value in fields}
    headers |= {"Host": address.host_header, "User-Agent": USER_AGENT.decode()}
    if outgoing.body is not None:
        headers["Content-Type"] = "application/json"
    url = f"{address.scheme}://{address.host_header}{address.prefix}{outgoing.path}"
    method = "GET" if outgoing.body is None else "POST"
    try:
        answer = ask(url, method, outgoing.body, headers, timeout=TIMEOUT)
    except Unreachable as e:
        raise upstream_errors.connect_failed(str(e)) from None
    except BadUrl:
        raise upstream_errors.connect_failed("its URL can't be used") from None
    if not 200 <= answer.status < 300:
        raise upstream_errors.from_http(answer.status, answer.data, answer.headers)
    return answer.data
