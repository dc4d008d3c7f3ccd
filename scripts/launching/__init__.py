"""How mitmproxy is loaded where the gateway's own scripts start it: quicker, and with less of what it rarely needs.

`scripts/serve.py` starts `python scripts/launching mitmdump ARGUMENTS`; the loader of `scripts/workers` does the same
in itself. Whoever starts mitmdump by hand has mitmproxy as it is, with the same behaviour.
"""
