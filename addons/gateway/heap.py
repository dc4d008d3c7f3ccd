"""Memory of large bodies: kept at hand while they come, and given back when none comes any more.

A body of 10 MB takes several blocks of its size on its way. glibc asks the kernel for each such block and gives it back
right after, and the kernel makes every page of it anew: half of the time of such a request. Here glibc is told to keep
what is freed, and a moment after an exchange what has grown is given back. Other C libraries stay as they are.

Source: mallopt(3) and malloc_trim(3) of Linux.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Parameters of `mallopt`: M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of malloc.h."""

_KEPT = 2**30
"""Bytes: no block is too large to be kept. orjson reserves twelve times the text that it parses."""

_KEPT_ONCE = 2**25
"""The most that glibc before 2.35 takes for the second parameter."""

DELAY = 1.0
"""Seconds from the end of an exchange until the memory is looked at."""

LARGE = 2**20
"""Bytes of an exchange that count as large. Where the next one may come soon, nothing is given back."""

MOST = 128 * 2**20
"""Bytes by which the memory may grow nevertheless: holes between what is in use add up."""

SLACK = 4 * 2**20
"""Bytes that the memory may grow by before anything is given back."""


class Heap:
    """glibc's heap. Nothing is changed before `begin`."""

    def __init__(self) -> None:
        self._libc: ctypes.CDLL | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._large = 0.0
        """When the last large exchange ended, by the loop's clock."""
        self._resident = 0
        """Bytes that were resident when it was looked at last."""

    def begin(self) -> None:
        """The process has loaded what it needs: keep what is freed from now on, where the C library is glibc."""
        libc = _glibc()
        if libc is None:
            return
        libc.mallopt(_TRIM_THRESHOLD, _KEPT)
        if not libc.mallopt(_MMAP_THRESHOLD, _KEPT):
            libc.mallopt(_MMAP_THRESHOLD, _KEPT_ONCE)
        self._libc = libc
        self._give_back()

    def look_soon(self, size: int) -> None:
        """An exchange of so many bytes is over: what it has freed need not be kept for long."""
        if self._libc is None:
            return
        loop = asyncio.get_running_loop()
        if size >= LARGE:
            self._large = loop.time()
            if _resident() > self._resident + MOST:
                self._trim()
        if self._timer is None:
            self._timer = loop.call_later(DELAY, self._look)

    def _look(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        if loop.time() < self._large + DELAY:
            self._timer = loop.call_at(self._large + DELAY, self._look)
            return
        resident = _resident()
        if resident > self._resident + SLACK:
            self._give_back()
        else:
            self._resident = min(self._resident, resident)

    def _give_back(self) -> None:
        self._trim()
        self._resident = _resident()

    def _trim(self) -> None:
        assert self._libc is not None
        self._libc.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    """The C library of this process, if it is glibc."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "mallopt") and hasattr(libc, "malloc_trim") else None


def _resident() -> int:
    """Bytes of this process that are in memory now; 0 where that can't be told: no further file may be open."""
    try:
        with open("/proc/self/statm", "rb") as f:
            return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
