"""`python scripts/workers --workers N --host HOST --port PORT -- ARGUMENTS`: the parent. serve.py starts it.

With `--loader DESCRIPTOR` it is the loader; the parent starts that.
"""

import argparse
import socket
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[0] = str(ROOT)  # in place of this folder


def main() -> int:
    """Be what the arguments say."""
    split = sys.argv.index("--")
    arguments = sys.argv[split + 1 :]
    parser = argparse.ArgumentParser()
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--host", default="")
    parser.add_argument("--port", type=int)
    parser.add_argument("--loader", type=int)
    options = parser.parse_args(sys.argv[1:split])
    if options.loader is not None:
        from scripts.workers import loader

        return loader.run(socket.socket(fileno=options.loader), arguments)
    from scripts.workers import parent

    return parent.run(options.workers, options.host, options.port, arguments)


if __name__ == "__main__":
    sys.exit(main())
