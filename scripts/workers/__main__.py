"""`python scripts/workers --workers N --host HOST --port PORT -- ARGUMENTS`: the parent. serve.py starts it.

With `--loader DESCRIPTOR` it is the loader; the parent starts that.
"""

import argparse
import asyncio
import os
import socket
import sys
from collections.abc import Mapping
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
    return work(options.workers, options.host, options.port, arguments)


def work(count: int, host: str, port: int, arguments: list[str]) -> int:
    """Be the parent. Returns the exit status."""
    from addons.gateway.workers import open_files
    from scripts.workers.parent import Parent, say
    from scripts.workers.place import listen, shared_folder

    open_files.allow_many()  # each connection is one while it is handed on
    try:
        listening = listen(host, port)
    except OSError as e:
        say(f"{host or '*'}:{port} can't be listened on: {e.strerror or e}")
        return 1

    async def run(environ: Mapping[str, str]) -> int:
        return await Parent(count, listening, arguments, environ).run()

    with shared_folder(os.environ) as environ:
        return asyncio.run(run(environ))


if __name__ == "__main__":
    sys.exit(main())
