"""What the test cluster consists of: Debian's packages, the configuration and the files beside it."""

from __future__ import annotations

import os
import pwd
import re
import secrets
import socket
import subprocess
import sys
from pathlib import Path

from cluster_daemons import free_ports, is_free, program

PACKAGES = {"slurmctld": "slurm-wlm", "slurmd": "slurm-wlm", "sbatch": "slurm-wlm", "munged": "munge"}
ACCOUNTING_PACKAGES = {
    "slurmdbd": "slurmdbd",
    "mariadbd": "mariadb-server-core",  # the programs without the service
    "my_print_defaults": "mariadb-client-core",
}
NODE = socket.gethostname().split(".")[0]
USER = pwd.getpwuid(os.geteuid()).pw_name

# cred_expire: a requeued job waits until its credential has expired, 120 s by default. With less than 15 s,
# or a longer KillWait, a node that failed gets the job again while the old processes live, and is drained for
# that. config_overrides: the node may have fewer CPUs than it says.
CONFIGURATION = """\
ClusterName=lodestone
SlurmctldHost={node}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
AuthType=auth/munge
AuthInfo=socket={folder}/run/munge.socket,cred_expire=15
CredType=cred/munge
SlurmUser={user}
SlurmdUser={user}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/run/slurmctld.pid
SlurmdPidFile={folder}/run/slurmd.pid
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdLogFile={folder}/log/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=5,sched_min_interval=0,batch_sched_delay=0
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
ReturnToService=2
SlurmdParameters=config_overrides
JobRequeue=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
MinJobAge=300
MaxArraySize=1001
KillWait=2
UnkillableStepTimeout=300
NodeName={node} NodeAddr=127.0.0.1 CPUs=8 RealMemory={memory} Gres=gpu:2 State=UNKNOWN
PartitionName=DEFAULT Nodes={node} MaxTime=24:00:00 DefMemPerCPU=500 State=UP
PartitionName=low Default=YES PriorityTier=1 GraceTime=10
PartitionName=high PriorityTier=10 PreemptMode=OFF
"""
NO_ACCOUNTING = """\
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
"""
ACCOUNTING = """\
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={ports[2]}
AccountingStoragePass={folder}/run/munge.socket
AccountingStorageTRES=gres/gpu
JobAcctGatherType=jobacct_gather/linux
"""
DATABASE = """\
AuthType=auth/munge
AuthInfo=socket={folder}/run/munge.socket
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort={ports[2]}
SlurmUser={user}
PidFile={folder}/run/slurmdbd.pid
LogFile={folder}/log/slurmdbd.log
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser={user}
StorageLoc=slurm
"""


def why_not(*, accounting: bool = False) -> str | None:
    """Why the test cluster cannot be started on this machine, or None."""
    if not sys.platform.startswith("linux"):
        return "SLURM runs on Linux only"
    missing = _missing(accounting)
    return f"not installed: {' '.join(missing)} (packages of Debian and Ubuntu)" if missing else None


def install(*, accounting: bool = False) -> str | None:
    """Install what is missing if we may; why the cluster cannot be had even so, or None."""
    missing = _missing(accounting)
    if not missing or os.geteuid() or program("apt-get") is None:
        return why_not(accounting=accounting)
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "-y", "--no-install-recommends", *missing]):
        done = subprocess.run(["apt-get", *command], env=env, capture_output=True, text=True, check=False)
        if done.returncode:
            return f"{why_not(accounting=accounting)}; apt-get {command[0]}: {done.stderr.strip()[-300:]}"
    return why_not(accounting=accounting)


def _missing(accounting: bool) -> list[str]:
    wanted = {**PACKAGES, **(ACCOUNTING_PACKAGES if accounting else {})}
    return sorted({package for name, package in wanted.items() if program(name) is None})


def configure(folder: Path, *, accounting: bool = False) -> None:
    """Write all files of a cluster that does not run; the state of an earlier one is kept."""
    for name in ("key", "run", "log", "state", "spool", "gpu"):
        (folder / name).mkdir(exist_ok=True)
    _make_key(folder / "key")
    for number, device in enumerate(("null", "zero")):  # SLURM wants devices here, and never opens them
        link = folder / "gpu" / f"gpu{number}"
        link.unlink(missing_ok=True)
        link.symlink_to(f"/dev/{device}")
    (folder / "gres.conf").write_text(f"AutoDetect=off\nName=gpu File={folder}/gpu/gpu[0-1]\n")
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") * 9 // 10 // 2**20
    ports = _ports(folder, 3 if accounting else 2)
    values = {"folder": folder, "user": USER, "node": NODE, "memory": memory, "ports": ports}
    text = CONFIGURATION + (ACCOUNTING if accounting else NO_ACCOUNTING)
    (folder / "slurm.conf").write_text(text.format(**values))
    if accounting:
        database = folder / "slurmdbd.conf"
        database.touch(0o600)  # slurmdbd refuses one that others may read
        database.write_text(DATABASE.format(**values))


def _make_key(folder: Path) -> None:
    folder.chmod(0o700)
    key = folder / "munge.key"
    if not key.exists():
        key.touch(0o600)
        key.write_bytes(secrets.token_bytes(1024))


def ports_of(conf: Path) -> list[int]:
    """The ports in a slurm.conf: of slurmctld, slurmd and, with accounting, slurmdbd."""
    text = conf.read_text() if conf.exists() else ""
    named = re.compile(r"^(?:Slurmctld|Slurmd|AccountingStorage)Port=(\d+)", re.MULTILINE)
    return [int(port) for port in named.findall(text)]


def _ports(folder: Path, number: int) -> list[int]:
    """Those of the last time, unless another program has taken one."""
    before = ports_of(folder / "slurm.conf")
    return before if len(before) == number and all(map(is_free, before)) else free_ports(number)
