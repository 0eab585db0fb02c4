"""One background program of the test cluster: started, recognised by its own pid file, stopped."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


class ClusterError(RuntimeError):
    """The test cluster cannot be had, with the reason."""


def program(name: str) -> str | None:
    """Path of a program; daemons lie in folders that are not on every user's PATH."""
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"]))


def until(reached: Callable[[], object], timeout: float, what: str) -> None:
    """Wait until `reached()` is true; raise with `what` was waited for otherwise."""
    limit = time.monotonic() + timeout
    while not reached():
        if time.monotonic() > limit:
            raise ClusterError(f"{what}: not after {timeout:g} s")
        time.sleep(0.02)


def is_free(port: int) -> bool:
    """Whether nobody listens on the port."""
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(("", port))
        except OSError:
            return False
    return True


def free_ports(number: int) -> list[int]:
    """Free ports below those that the kernel gives to outgoing connections, which come and go."""
    tried = random.sample(range(20000, 32000), 200)
    return [port for port in tried if is_free(port)][:number]


def is_process(pid: int, name: str, variable: str) -> bool:
    """Whether the process lives, is that program and was started with `NAME=value` in its environment."""
    folder = Path("/proc") / str(pid)
    try:
        words = (folder / "cmdline").read_bytes().split(b"\0")  # empty for a zombie
        environment = (folder / "environ").read_bytes().split(b"\0")
    except OSError:
        return False
    return Path(os.fsdecode(words[0])).name == name and os.fsencode(variable) in environment


@dataclass(frozen=True)
class Daemon:
    """A program that writes a pid file; one that stays in the foreground is put in the background."""

    name: str
    arguments: tuple[str, ...]
    folder: Path
    foreground: bool = False

    @property
    def pid_file(self) -> Path:
        return self.folder / "run" / f"{self.name}.pid"

    @property
    def pid(self) -> int | None:
        """Its process, or None: a pid left from a crash may belong to another program by now."""
        try:
            pid = int(self.pid_file.read_text())
        except (OSError, ValueError):
            return None
        return pid if is_process(pid, self.name, f"SLURM_CONF={self.folder}/slurm.conf") else None

    def start(self, env: Mapping[str, str], timeout: float = 20) -> None:
        """Start it and wait for its pid."""
        command = ["setsid", "--fork"] if self.foreground else []
        command += [program(self.name) or self.name, *self.arguments]
        with (self.folder / "log" / f"{self.name}.out").open("ab") as out:  # a pipe would stay open
            code = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=dict(env), cwd="/", check=False
            ).returncode
        if code:
            raise ClusterError(f"{self.name} ended with {code}: {self.said()}")
        try:
            until(lambda: self.pid, timeout, f"start of {self.name}")
        except ClusterError as error:
            raise ClusterError(f"{error}: {self.said()}") from None

    def stop(self, timeout: float = 20) -> None:
        """Ask it to end and wait until it has; one that does not listen is killed."""
        if (pid := self.pid) is not None:
            os.kill(pid, signal.SIGTERM)
            with suppress(ClusterError):
                until(lambda: self.pid is None, timeout, "end")
        if (pid := self.pid) is not None:
            os.kill(pid, signal.SIGKILL)
            until(lambda: self.pid is None, timeout, f"end of {self.name}")
        self.pid_file.unlink(missing_ok=True)

    def said(self) -> str:
        """The last lines of what it wrote."""
        paths = [self.folder / "log" / f"{self.name}.{end}" for end in ("out", "log")]
        texts = [path.read_text(errors="replace") for path in paths if path.exists()]
        return " | ".join(line for text in texts for line in text.splitlines()[-5:])
