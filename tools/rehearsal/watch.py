"""What a running campaign tells of itself: seconds of its stages from the log, memory from /proc."""

from __future__ import annotations

import calendar
import re
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

STARTED = re.compile(r"^Job (\d+): ")
FINISHED = re.compile(r"^Finished jobid: (\d+) \(Rule: (\w+)\)")
STEPS = re.compile(r"^(\d+ of \d+) steps")
STAMP = re.compile(r"^\[(\w{3} \w{3} +\d+ [\d:]+ \d{4})\]$")
SCRIPT = re.compile(r"/scripts/tmp[^/]*?\.(\w+)\.py")
"""The copy of a stage's script that Snakemake runs."""
MOST = re.compile(r"^VmHWM:\s+(\d+) kB", re.MULTILINE)
EVERY = 0.2  # s between two looks at the memory
WHOLE = "whole"
"""The name of a process that runs no script of a stage."""
PROC = Path("/proc")


@dataclass
class Stages:
    """Seconds of all jobs of each rule, line by line from Snakemake's log, whose stamps are whole seconds."""

    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    started: dict[str, int] = field(default_factory=dict)
    now: int = 0
    last: str = ""

    def feed(self, line: str) -> str | None:
        """Take a line; returns what to tell of the progress where there is something."""
        if (stamp := STAMP.match(line)) is not None:
            self.now = calendar.timegm(time.strptime(stamp[1], "%a %b %d %H:%M:%S %Y"))
        elif (begun := STARTED.match(line)) is not None:
            self.started[begun[1]] = self.now
        elif (end := FINISHED.match(line)) is not None and end[1] in self.started:
            self.last = f"{end[2]} {self.now - self.started[end[1]]} s"
            self.seconds[end[2]] += self.now - self.started[end[1]]
        elif (steps := STEPS.match(line)) is not None:
            return f"{steps[1]} jobs, {self.last}"
        return None


class Peaks(threading.Thread):
    """The largest resident memory of the processes below one, bytes, by the stage whose script they run.

    The kernel keeps each process's own maximum, which is read some times a second: what a process takes in
    its last moment may be missed.
    """

    def __init__(self, process: int) -> None:
        super().__init__(daemon=True)
        self.bytes: dict[str, int] = {}
        self.process = process
        self.over = threading.Event()

    def run(self) -> None:
        """Look until told that it is over."""
        while not self.over.wait(EVERY):
            for process in below(self.process):
                with suppress(OSError):  # it has ended
                    status = (PROC / str(process) / "status").read_text(encoding="utf-8")
                    command = (PROC / str(process) / "cmdline").read_text(encoding="utf-8")
                    script, most = SCRIPT.search(command), MOST.search(status)
                    name = script[1] if script else WHOLE
                    if most is not None:
                        self.bytes[name] = max(self.bytes.get(name, 0), 1024 * int(most[1]))

    def end(self) -> dict[str, int]:
        """Stop looking; the peaks by stage."""
        self.over.set()
        self.join()
        return self.bytes


def below(process: int) -> list[int]:
    """A process and all that it and its children have started."""
    children: dict[int, list[int]] = defaultdict(list)
    for path in PROC.glob("[0-9]*"):
        with suppress(OSError, ValueError, IndexError):
            fields = (path / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            children[int(fields[1])].append(int(path.name))
    found = [process]
    for one in found:
        found += children[one]
    return found


@dataclass(frozen=True)
class Watched:
    """What a command took: seconds on the clock, seconds by rule, most bytes of a process by stage."""

    wall_seconds: float
    stage_seconds: dict[str, float]
    peak_bytes: dict[str, int]


def watched(label: str, words: Sequence[str], folder: Path, environment: dict[str, str]) -> Watched:
    """Run a command to its end, and tell how far it is.

    Raises:
        SystemExit: it failed; with the end of what it wrote.
    """
    began, stages = time.monotonic(), Stages()
    lines = list[str]()
    with subprocess.Popen(
        words, cwd=folder, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as process:
        peaks = Peaks(process.pid)
        peaks.start()
        assert process.stderr is not None  # it is a pipe
        for line in process.stderr:
            lines.append(line.rstrip("\n"))
            if (told := stages.feed(lines[-1])) is not None:
                print(f"{label}: {told}", file=sys.stderr, flush=True)
    found = peaks.end()
    if process.returncode:
        told = "\n".join(lines[-40:])
        raise SystemExit(f"{told}\n{label} failed; the same command goes on where it stopped")
    return Watched(round(time.monotonic() - began, 1), dict(stages.seconds), found)
