"""What a process used, read from /proc (Linux)."""

import os
from dataclasses import dataclass
from pathlib import Path

KIB_PER_MIB = 1024


@dataclass(frozen=True)
class Memory:
    """Resident memory in MiB: now, and at most since the last reading that asked to begin anew."""

    now: float
    highest: float

    def __str__(self) -> str:
        return f"{self.now:.0f} MiB, {self.highest:.0f} at most"


def memory(pid: int, *, begin_anew: bool = False) -> Memory:
    """Read the memory of a process. With `begin_anew`, the highest value starts from the present one."""
    process = Path(f"/proc/{pid}")
    fields = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
    if begin_anew:
        (process / "clear_refs").write_text("5")
    return Memory(*(int(fields[name].split()[0]) / KIB_PER_MIB for name in ("VmRSS", "VmHWM")))


def proportional_memory(pid: int) -> float:
    """Resident memory in MiB, in which pages shared with other processes count by their share (PSS)."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / KIB_PER_MIB


def cpu_seconds(pid: int) -> float:
    """User and system time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def running_seconds(pid: int) -> float:
    """What `cpu_seconds` counts in ticks of 10 ms, in nanoseconds, of the main thread only."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def children(pid: int) -> list[int]:
    """The processes that a process started, the oldest first."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
