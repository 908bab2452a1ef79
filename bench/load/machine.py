"""Servers of the benchmarks, and what CPU they use."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


def processes_under(pid: int) -> list[int]:
    """A process and all that came of it. One may end while we look: PostgreSQL's helpers come and go."""
    found, children = [pid], ""
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            children += task.read_text()
    for child in map(int, children.split()):
        found += processes_under(child)
    return found


def cpu_seconds(*pids: int) -> float:
    """User and system time of processes, of all below them, and of those below them that have ended."""
    total = 0
    for pid in pids:
        for each in processes_under(pid):
            try:
                fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            total += sum(map(int, fields[11:15]))
    return total / TICK


def busy_seconds() -> float:
    """What all processes of the machine together have used of its processors."""
    fields = Path("/proc/stat").read_text().splitlines()[0].split()
    user, nice, system, _idle, _waiting, irq, softirq, steal = map(int, fields[1:9])
    return (user + nice + system + irq + softirq + steal) / TICK


def memory_peak(pid: int) -> float:
    """The most memory that any one process of a server held, in MiB."""
    peaks = [0.0]
    for each in processes_under(pid):
        with suppress(OSError):
            for line in Path(f"/proc/{each}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    peaks.append(int(line.split()[1]) / 1024)
    return max(peaks)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def server(command: list[str], port: int, environment: dict[str, str]) -> Iterator[int]:
    """A server that answers on ``port``; the value is its process id."""
    log = Path(environment["DONGLIANG_HOME"], "server.log")
    with log.open("ab") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=1):
                    break
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    sys.exit(f"The server did not start: {log.read_text().strip()}")
                time.sleep(0.1)
        yield process.pid
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait()
