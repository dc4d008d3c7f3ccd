"""`~` in a path that a person wrote: their home folder, or another user's (`~somebody`)."""

from __future__ import annotations

import errno
from pathlib import Path


def expanded(path: str | Path) -> Path:
    """The path without its `~`. Raises OSError where that user, or a home folder, is not known; for no path at all."""
    if "\0" in str(path):  # the system's calls raise ValueError for it, which nobody expects of a path
        raise OSError(errno.EINVAL, "a path holds no NUL character")
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise FileNotFoundError(
            errno.ENOENT, f"the home folder {Path(path).parts[0]} is not known", str(path)
        ) from None
