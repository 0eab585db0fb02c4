"""Counting: a folder of small wrappers, first on PATH, that note each call of SLURM's commands."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cluster_daemons import ClusterError, program

COMMANDS = ("sbatch", "squeue", "sacct", "scontrol", "scancel")
# One short append per call: lines of processes that run side by side do not mix. Bash knows the time itself.
WRAPPER = """\
#!/bin/bash
arguments="$*"
echo "$EPOCHREALTIME {name} ${{arguments//$'\\n'/ }}" >> '{log}'
exec '{real}' "$@"
"""


@dataclass(frozen=True)
class Call:
    """One call of a command."""

    time: float
    name: str
    arguments: str


class Calls:
    """What was called with `env` as the environment, in the order of the calls."""

    def __init__(self, folder: Path, env: Mapping[str, str]):
        self.folder = folder / "bin"
        self.log = folder / "calls.txt"
        self.env = {**env, "PATH": os.pathsep.join([str(self.folder), env["PATH"]])}
        self.folder.mkdir(parents=True)
        self.log.touch()
        for name in COMMANDS:
            self._wrap(name)

    def _wrap(self, name: str) -> None:
        real = program(name)
        if real is None:
            raise ClusterError(f"{name} is not installed")
        path = self.folder / name
        path.write_text(WRAPPER.format(name=name, log=self.log, real=real))
        path.chmod(0o755)

    def of(self, *names: str) -> list[Call]:
        """Calls of these commands, of all when none is named."""
        split = [f"{line} ".split(" ", 2) for line in self.log.read_text().splitlines()]
        calls = [Call(float(time), name, arguments.strip()) for time, name, arguments in split]
        return [call for call in calls if not names or call.name in names]

    def count(self, *names: str) -> int:
        return len(self.of(*names))
