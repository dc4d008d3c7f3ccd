"""What pip prints when it fails, cut to what matters. What Python 3.6 has, and no more; see bootstrap.py."""

import re

_BROKEN = re.compile(r"WARNING: Retrying .* after connection broken by '(.*)': (/\S*)")
_OF_NO_INDEX = re.compile(
    r"ERROR: (Could not find a version|No matching distribution|Cannot install|ResolutionImpossible|"
    r"Could not install packages due to an OSError: HTTP)"
)


def what_matters(lines: "list[str]") -> "list[str]":
    """Of what a failed step has printed: the cause.

    Where pip can't reach its index, it goes on as if there were an index without packages, and ends with sentences
    about versions and conflicts that send people the wrong way.
    """
    broken = [found for found in map(_BROKEN.match, lines) if found]
    errors = [line for line in lines if line.startswith("ERROR:")]
    if broken and all(_OF_NO_INDEX.match(error) for error in errors):
        cause = broken[-1].group(1).rpartition(": ")[2]
        cause = re.split("['\"]", cause)[0]  # what closes the representation of the exception
        return [f"pip can't reach its package index ({broken[-1].group(2)}): {cause}"]
    return [line for line in lines if not _BROKEN.match(line)][-15:]
