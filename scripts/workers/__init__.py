"""Several workers behind one port: what `scripts/serve.py --workers N` starts.

    parent      listens, and hands each connection to the worker with the fewest; starts workers, and ends them
    loader      has everything loaded, and forks the workers, so that they share its memory; a new one for new code
    workers     each is a mitmdump with the addon (`addons/gateway/workers/`)

The parent runs nothing of mitmproxy's or the gateway's: what could go wrong there goes wrong in a worker.
"""
