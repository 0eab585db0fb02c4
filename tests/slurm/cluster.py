"""A real SLURM on this machine for the tests: one node, 8 pretended CPUs, 2 pretended GPUs.

    python tests/slurm/cluster.py start         # installs Debian's packages if they are missing and root asks
    eval "$(python tests/slurm/cluster.py env)" # sbatch, squeue, snakemake now speak to it
    python tests/slurm/cluster.py stop

Everything it has (configuration, key, sockets, spool, logs) lies in one folder and it listens on ports of its
own: a SLURM of the machine is neither used nor disturbed. `SLURM_CONF` alone selects it. With the packages
installed any user can start it; its jobs then run as that user. `--accounting` is another cluster, in its own
folder, with slurmdbd and MariaDB: there `sacct` answers.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cluster_accounting import create_database, database_daemons, register
from cluster_calls import Calls
from cluster_daemons import ClusterError, Daemon, until
from cluster_setup import NODE, configure, install, why_not

LONGEST = 60  # characters of the folder: SLURM's sockets lie below it, and a socket's path has at most 107
HOME = Path("/var/lib") if os.geteuid() == 0 else Path.home() / ".cache"
FOLDER = Path(os.environ.get("LODESTONE_SLURM_FOLDER", HOME / "lodestone-slurm"))
FOREIGN = re.compile("SLURM_|SBATCH_|SRUN_|SQUEUE_|SCANCEL_|SACCT_|SINFO_|SALLOC_")
SERVING = {"idle", "mixed", "allocated", "completing"}


class Cluster:
    """The SLURM of one folder."""

    def __init__(self, folder: Path | None = None, *, accounting: bool = False):
        default = FOLDER.with_name(f"{FOLDER.name}-accounting") if accounting else FOLDER
        self.folder = (folder or default).absolute()
        self.accounting = accounting
        self.conf = self.folder / "slurm.conf"
        self.kept = self.folder / "kept"  # the command `start` was given: tests leave it running
        self.node = NODE
        run, key = self.folder / "run", self.folder / "key"
        files = {
            "key": key / "munge.key", "seed": key / "seed", "pid": run / "munged.pid",
            "log": self.folder / "log" / "munged.log",
        }  # fmt: skip
        munge = ("--force", f"--socket={run}/munge.socket", *(f"--{k}-file={v}" for k, v in files.items()))
        self.munged = Daemon("munged", munge, self.folder)
        self.controller = Daemon("slurmctld", ("-f", str(self.conf)), self.folder)
        self.slurmd = Daemon("slurmd", ("-f", str(self.conf)), self.folder)
        database = database_daemons(self.folder) if accounting else ()
        self.daemons = (self.munged, *database, self.controller, self.slurmd)

    @property
    def env(self) -> dict[str, str]:
        """The environment that speaks to this cluster, also from within a job of another one."""
        ours = {name: value for name, value in os.environ.items() if not FOREIGN.match(name)}
        return {**ours, "SLURM_CONF": str(self.conf)}

    def run(self, *command: object, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*map(str, command)], env=self.env, capture_output=True, text=True, timeout=timeout, check=False
        )

    # --- start and stop -----------------------------------------------------------------------------------

    def start(self) -> str:
        """Start what does not run; says what it did."""
        if reason := why_not(accounting=self.accounting):
            raise ClusterError(reason)
        if len(str(self.folder)) > LONGEST:
            raise ClusterError(f"{self.folder}: a path of at most {LONGEST} characters is needed (--folder)")
        with self._alone():
            dead = [daemon for daemon in self.daemons if daemon.pid is None]
            if len(dead) == len(self.daemons):
                configure(self.folder, accounting=self.accounting)
            for daemon in dead:
                self._start(daemon)
            until(self._serves, 60, "the node serves")
        if len(dead) == len(self.daemons):
            return "started"
        return f"repaired: {', '.join(daemon.name for daemon in dead)}" if dead else "already running"

    def _start(self, daemon: Daemon) -> None:
        if daemon.name == "mariadbd":
            create_database(self.folder)
        if daemon is self.controller and self.accounting:
            register(self.run)
        daemon.start({**self.env, "MYSQL_UNIX_PORT": f"{self.folder}/run/mariadb.socket"})
        if daemon is self.controller:
            until(self.answers, 30, "slurmctld answers")

    def stop(self) -> str:
        """Cancel all jobs and end the daemons, slurmd first; says what it did."""
        if not any(daemon.pid for daemon in self.daemons):
            return "not running"
        if not all(daemon.pid for daemon in self.daemons):
            with suppress(ClusterError):
                self.start()  # only a whole cluster can end its jobs
        with self._alone():
            if live := self.run("squeue", "--noheader", "--format=%A").stdout.split():
                self.run("scancel", *live)
                until(self._is_empty, 60, "end of the jobs")
            for daemon in reversed(self.daemons):
                daemon.stop()
        return "stopped"

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Started, and stopped by the last that uses it unless the command `start` was given before."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "users").open("w") as users:
            fcntl.flock(users, fcntl.LOCK_SH)  # the kernel gives it back for a process that is killed
            try:
                self.start()
                yield
            finally:
                with suppress(BlockingIOError):
                    fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    if not self.kept.exists():
                        self.stop()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Two that start or stop the same cluster do so one after the other."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    # --- what tests do to it ------------------------------------------------------------------------------

    def answers(self) -> bool:
        """Whether the controller answers."""
        return "is UP" in self.run("scontrol", "ping").stdout

    def stop_controller(self) -> None:
        self.controller.stop()

    def start_controller(self) -> None:
        """Start it again; it reads its state from the disk."""
        if self.controller.pid is None:
            self._start(self.controller)

    def node_state(self) -> str:
        return self.run("sinfo", "--noheader", "--format=%T", "--partition=low").stdout.strip()

    def node_down(self, reason: str = "test") -> None:
        """The node fails: its jobs are killed and queued again."""
        done = self.run("scontrol", "update", f"nodename={self.node}", "state=down", f"reason={reason}")
        if done.returncode:
            raise ClusterError(done.stderr.strip())

    def node_up(self, timeout: float = 60) -> None:
        """The node is back, if it has not come back by itself, as one does whose slurmd lives."""
        until(self._serves, timeout, "the node serves")

    def _serves(self) -> bool:
        state = self.node_state()
        if state.startswith(("down", "drain")):
            self.run("scontrol", "update", f"nodename={self.node}", "state=resume")
        return state in SERVING

    def _is_empty(self) -> bool:
        done = self.run("squeue", "--noheader")
        return done.returncode == 0 and not done.stdout.strip()

    def wait_idle(self, timeout: float = 60) -> None:
        """Wait until nothing runs and nothing waits."""
        until(lambda: self._is_empty() and self.node_state() == "idle", timeout, "an empty queue")

    def queue(self) -> dict[str, str]:
        """State of every job that the controller remembers, by job id."""
        listed = self.run("squeue", "--noheader", "--array", "--states=all", "--format=%i %T").stdout
        return dict(line.split() for line in listed.splitlines())

    def counted(self, folder: Path) -> Calls:
        """Count what is called with the `env` of the answer; `folder` gets the wrappers and the log."""
        return Calls(folder, self.env)


def act(action: str, cluster: Cluster) -> str:
    """One action of the command; what to print."""
    if action == "start":
        if reason := install(accounting=cluster.accounting):
            raise ClusterError(reason)
        did = cluster.start()
        cluster.kept.touch()
        return f"{did}; export SLURM_CONF={cluster.conf}"
    if action == "stop":
        cluster.kept.unlink(missing_ok=True)
        return cluster.stop()
    if action == "env":
        return f"export SLURM_CONF={cluster.conf}"
    states = [f"{daemon.name}: {daemon.pid or 'not running'}" for daemon in cluster.daemons]
    jobs = cluster.run("squeue").stdout.strip()
    return "\n".join([*states, f"node: {cluster.node_state() or 'unknown'}", *([jobs] if jobs else [])])


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description="A real SLURM on this machine for the tests.")
    parser.add_argument("action", choices=["start", "stop", "status", "env"])
    parser.add_argument("--folder", type=Path, help=f"default: {FOLDER}, or $LODESTONE_SLURM_FOLDER")
    parser.add_argument("--accounting", action="store_true", help="another cluster, with slurmdbd")
    options = parser.parse_args()
    began = time.monotonic()
    try:
        print(act(options.action, Cluster(options.folder, accounting=options.accounting)))
    except ClusterError as error:
        print(f"no test cluster: {error}", file=sys.stderr)
        return 1
    if options.action in {"start", "stop"}:
        print(f"# {time.monotonic() - began:.2f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
