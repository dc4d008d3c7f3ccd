"""The machine: which CPU is whose, what a process has used, and what the machine calls itself.

Linux tells all of it. Where a system does not tell something, it is None, and the benchmark goes on without.
"""

from __future__ import annotations

import os
import platform
import re
import sys
import time
from typing import NamedTuple

BUSY = 0.7
"""The load of a machine (`os.getloadavg`) from which on numbers are rough."""


class Cpus(NamedTuple):
    """Which CPU each has; None: any."""

    gateway: int | None = None
    stub: int | None = None
    clients: int | None = None

    @property
    def told(self) -> str:
        """In words."""
        if self.gateway is None:
            return "processes are not pinned to CPUs"
        if self.stub == self.clients:
            return f"gateway on CPU {self.gateway}, stub and clients on CPU {self.stub}"
        return f"gateway on CPU {self.gateway}, stub on CPU {self.stub}, clients on CPU {self.clients}"


def cpus() -> Cpus:
    """Share out the CPUs that this process may use. The gateway has one for itself, on another core if possible."""
    if sys.platform != "linux":
        return Cpus()
    allowed = sorted(os.sched_getaffinity(0))
    cores: dict[str, int] = {}
    for cpu in allowed:
        cores.setdefault(_read(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list") or str(cpu), cpu)
    chosen = list(cores.values()) + [cpu for cpu in allowed if cpu not in cores.values()]
    if len(chosen) < 2:
        return Cpus()
    return Cpus(chosen[0], chosen[1], chosen[2] if len(chosen) > 2 else chosen[1])


def pin(pid: int, cpu: int | None) -> None:
    """Give a process a CPU."""
    if sys.platform == "linux" and cpu is not None:
        os.sched_setaffinity(pid, {cpu})


def cpu_seconds(pid: int) -> float | None:
    """What a process has used, to the nanosecond where the system has a clock of it."""
    if sys.platform != "linux":
        return None
    try:
        return time.clock_gettime(~pid << 3 | 2)  # what clock_getcpuclockid(3) makes of a process id
    except OSError:
        return None


def memory(pid: int) -> float | None:
    """The resident memory of a process, in MiB."""
    found = re.search(r"(?m)^VmRSS:\s*(\d+) kB", _read(f"/proc/{pid}/status"))
    return int(found[1]) / 1024 if found else None


def described(mitmproxy: str) -> str:
    """The machine and the versions, in a line."""
    found = re.search(r"(?m)^model name\s*: (.+)$", _read("/proc/cpuinfo"))
    model = " ".join(found[1].split()) if found else platform.processor() or platform.machine()
    count = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    python = platform.python_version()
    return f"{count} cores ({model}), {platform.system()}, Python {python}, mitmproxy {mitmproxy}"


def busy() -> str:
    """What is to be said of a machine that does other things too, when nothing is measured yet; empty if it rests."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return f"the machine was busy with other things (load {load:.1f})" if load > BUSY else ""


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
