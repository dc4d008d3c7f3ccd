"""scripts/preparing/pip_output.py: the cause of a failed installation, and not what pip makes of it."""

from __future__ import annotations

import pytest

from scripts.preparing import pip_output

RETRY = (
    "WARNING: Retrying (Retry(total={n}, connect=None, read=None, redirect=None, status=None)) "
    "after connection broken by "
)
NO_MATCH = "ERROR: No matching distribution found for mitmproxy==12.3.1"
CAUSE = "The conflict is caused by:"
NO_NAME = (
    "'NewConnectionError('<pip._vendor.urllib3.connection.HTTPSConnection object at 0x7f>: "
    "Failed to establish a new connection: [Errno -2] Name or service not known')': /simple/mitmproxy/"
)
TIMED_OUT = (
    "'ReadTimeoutError(\"HTTPSConnectionPool(host='an.index', port=443): Read timed out. (read timeout=15)\")': "
    "/simple/orjson/"
)
NO_PROXY = (
    "'ProxyError('Cannot connect to proxy.', NewConnectionError('<object at 0x7f>: "
    "Failed to establish a new connection: [Errno 111] Connection refused'))': /simple/h11/"
)
NO_VERSION = "ERROR: Could not find a version that satisfies the requirement mitmproxy==12.3.1 (from versions: none)"
CONFLICT = "ERROR: Cannot install mitmproxy==12.3.1 because these package versions have conflicting dependencies."
NO_SPACE = "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"


@pytest.mark.parametrize(
    ("printed", "matters"),
    [
        (
            [
                *(RETRY.format(n=n) + NO_NAME for n in (4, 3, 2, 1, 0)),
                NO_VERSION,
                "ERROR: No matching distribution found",
            ],
            ["pip can't reach its package index (/simple/mitmproxy/): [Errno -2] Name or service not known"],
        ),
        (
            [
                RETRY.format(n=0) + NO_NAME,
                CONFLICT,
                "",
                CAUSE,
                "    The user requested mitmproxy",
            ],
            ["pip can't reach its package index (/simple/mitmproxy/): [Errno -2] Name or service not known"],
        ),
        (
            [RETRY.format(n=0) + TIMED_OUT, NO_VERSION],
            ["pip can't reach its package index (/simple/orjson/): Read timed out. (read timeout=15)"],
        ),
        (
            [RETRY.format(n=0) + NO_PROXY, NO_VERSION],
            ["pip can't reach its package index (/simple/h11/): [Errno 111] Connection refused"],
        ),
        ([RETRY.format(n=4) + NO_NAME, "Collecting orjson", NO_SPACE], ["Collecting orjson", NO_SPACE]),
        ([CONFLICT, CAUSE], [CONFLICT, CAUSE]),
        ([str(n) for n in range(20)], [str(n) for n in range(5, 20)]),
        ([], []),
    ],
)
def test_what_matters_of_what_pip_says(printed: list[str], matters: list[str]) -> None:
    assert pip_output.what_matters(printed) == matters
