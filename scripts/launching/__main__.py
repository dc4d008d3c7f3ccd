"""`python scripts/launching TOOL ARGUMENTS`: be mitmdump, mitmweb or mitmproxy. serve.py starts it."""

import gc
import sys
from pathlib import Path

gc.disable()  # while mitmproxy is loaded: nothing of it goes away, and the collector would look at it again and again
sys.path[0] = str(Path(__file__).resolve().parents[2])  # in place of this folder

from scripts.launching import left_out  # noqa: E402 - found in the folder above


def main() -> int:
    """Be the tool that the first argument names. Returns the exit status."""
    with left_out.until_needed():
        from mitmproxy.tools import main as tools
    from addons.gateway import ca_key

    ca_key.read_quickly()  # with --set confdir=... mitmproxy reads it before it loads the addon
    gc.freeze()
    gc.enable()
    tool = sys.argv.pop(1)
    sys.argv[0] = str(Path(sys.executable).with_name(tool))  # what messages name
    return getattr(tools, tool)() or 0


if __name__ == "__main__":
    sys.exit(main())
