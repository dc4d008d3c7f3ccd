"""Runs a client through all that can go wrong with a model, and says what it makes of it.

    python3 scripts/drill.py -- python3 my_agent.py
    python3 scripts/drill.py --only cut --only 429 -- my-tool --base-url {url} "prompt"
    python3 scripts/drill.py --url http://127.0.0.1:8045 --json -- ./test.sh

The command is run without a fault first, then once for each fault (README.md, "Faults on demand"), in an environment
that leads SDKs to the gateway: OPENAI_BASE_URL, OPENAI_API_KEY, ANTHROPIC_BASE_URL, ANTHROPIC_AUTH_TOKEN,
GOOGLE_GEMINI_BASE_URL, GEMINI_API_KEY. In its arguments {url} is the gateway's address with /v1, {root} the one
without, {model} what --model says. Exit status 1: it hung, crashed, lost text, or ran half a tool call.

Any Python 3 can start it; see bootstrap.py. What it does is in drilling/.
"""

import argparse
import os
import sys
from urllib.parse import urlsplit

if not __package__:  # run as a file
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from scripts import bootstrap


def parse(argv: "list[str]") -> "tuple[argparse.Namespace, list[str]]":
    """The options, and the client's command."""
    end = argv.index("--") if "--" in argv else len(argv)
    parser = argparse.ArgumentParser(
        prog="drill.py",
        usage="drill.py [options] -- COMMAND [ARGUMENT ...]",
        description="Runs a client through faults of the model, and prints what it makes of each.",
    )
    parser.add_argument("--url", help="a gateway that runs, without /v1; its settings need [faults] enabled = true")
    parser.add_argument("--key", default="", help="what that gateway wants to be shown")
    parser.add_argument("--port", type=int, default=0, help="of the drill's own gateway (default: a free one)")
    parser.add_argument("--model", help="only requests for this model meet faults; * stands for anything")
    parser.add_argument("--endpoint", default="*", metavar="PATH", help="only requests on such a path meet faults")
    parser.add_argument("--only", action="append", default=[], metavar="WORD", help="only faults with this word")
    parser.add_argument("--timeout", type=float, default=60.0, help="seconds until a run has hung (default: 60)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(argv[:end])
    if options.url:
        options.url = options.url.rstrip("/")
        if not _is_address(options.url):
            parser.error("--url has to be the address of a gateway, such as http://127.0.0.1:8045")
    command = argv[end + 1 :]
    if not command:
        parser.error("the client's command is needed, behind --")
    return options, command


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme == "http" and bool(parts.hostname) and parts.port != 0 and not parts.path + parts.query
    except ValueError:  # a port that is none
        return False


def main() -> int:
    bootstrap.open_streams()
    options, command = parse(sys.argv[1:])
    try:
        bootstrap.enter(__file__)
        import asyncio

        from scripts.drilling import drilled  # needs the packages of the environment

        return asyncio.run(drilled.drill(options, command))
    except bootstrap.SetupError as e:
        bootstrap.say(str(e))
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
