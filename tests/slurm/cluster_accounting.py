"""Accounting of the test cluster: MariaDB and slurmdbd, so that `sacct` answers."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from cluster_daemons import ClusterError, Daemon, until
from cluster_setup import USER


def database_daemons(folder: Path) -> tuple[Daemon, Daemon]:
    """MariaDB, reached by a socket only, and slurmdbd, whose configuration lies beside slurm.conf."""
    maria = (
        "--no-defaults", f"--user={USER}", f"--datadir={folder}/database", "--skip-networking",
        f"--socket={folder}/run/mariadb.socket", f"--pid-file={folder}/run/mariadbd.pid",
        f"--log-error={folder}/log/mariadbd.log", "--innodb-flush-log-at-trx-commit=0",
    )  # fmt: skip
    return Daemon("mariadbd", maria, folder, foreground=True), Daemon("slurmdbd", (), folder)


def create_database(folder: Path) -> None:
    """The system tables of MariaDB, at the first start; the user of the cluster needs no password."""
    database = folder / "database"
    if (database / "complete").exists():
        return
    command = [
        "mariadb-install-db", "--no-defaults", f"--datadir={database}", f"--user={USER}", "--skip-test-db",
        "--auth-root-authentication-method=socket", f"--auth-root-socket-user={USER}",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ClusterError(f"mariadb-install-db: {(done.stdout + done.stderr).strip()[-500:]}")
    (database / "complete").touch()


def register(run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    """Wait for slurmdbd and tell it of the cluster: jobs of one that it does not know are not kept."""
    ask = ("sacctmgr", "--noheader", "list", "cluster", "format=cluster%30")
    until(lambda: run(*ask).returncode == 0, 60, "slurmdbd answers")
    if "lodestone" not in run(*ask).stdout.split():
        done = run("sacctmgr", "--immediate", "add", "cluster", "lodestone")
        if done.returncode:
            raise ClusterError(f"sacctmgr add cluster: {(done.stdout + done.stderr).strip()}")
