"""Runs the demo upstream: a small Gemini server on this machine, with made-up answers and faults on demand.

    python3 scripts/demo_upstream.py --port 9000
    curl http://127.0.0.1:9000/v1beta/models -H 'x-goog-api-key: any'

Any key will do, but one that contains `invalid` is refused. Each model `demo-<fault>` goes wrong in its own way;
`--help` lists them, and in the list of models the description of `demo-echo` names them. `call NAME {"argument":
"value"}` in the user's text says which function to call, see addons/demo/answer/calls.py. Any Python 3 can
start it (bootstrap.py).
"""

import argparse
import asyncio
import importlib.util
import os
import sys

if not __package__:  # run as a file
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    if sys.version_info < (3, 12) or not importlib.util.find_spec("tornado"):
        from scripts import bootstrap

        bootstrap.start_again(__file__)

from addons.demo.faults import FAULTS
from addons.demo.server import LOOPBACK, PAUSE, DemoRequest, DemoServer, start

__all__ = ["DemoRequest", "DemoServer", "start"]


def parse(argv: list[str]) -> argparse.Namespace:
    """The options of the command line."""
    listing = "\n".join(f"  demo-{name:<20} {what}" for name, (_, what) in FAULTS.items())
    parser = argparse.ArgumentParser(
        description="A small Gemini server with made-up answers.",
        epilog="models that go wrong, only listed here (add -first or -all to say whom they meet):\n" + listing,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default=LOOPBACK[0], choices=LOOPBACK, help="default: %(default)s")
    parser.add_argument("--port", type=int, default=9000, help="0 takes a free one (default: %(default)s)")
    parser.add_argument("--pause", type=float, metavar="SECONDS", help=f"between the events of a stream ({PAUSE})")
    return parser.parse_args(argv)


async def run(options: argparse.Namespace) -> None:
    """Serve until the task is cancelled."""
    demo = await start(options.port, options.host, pause=options.pause)
    print(f"The demo upstream listens on {demo.url}", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        await demo.stop()


def main() -> int:
    """Run the command; returns the exit status."""
    try:
        asyncio.run(run(parse(sys.argv[1:])))
    except KeyboardInterrupt:
        return 0
    except OSError as e:
        print(f"The demo upstream cannot listen: {e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
