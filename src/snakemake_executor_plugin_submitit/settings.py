"""What an operator may set: `--submitit-…` on the command line, `submitit-…` in a profile."""

# No `from __future__ import annotations`: Snakemake reads the types of the fields at run time.
# No percent sign in a help text: argparse would take it for a format and break `snakemake --help`.

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, List  # noqa: UP035  # Snakemake looks for typing's own generics

from snakemake_interface_executor_plugins.settings import CommonSettings, ExecutorSettingsBase

common_settings = CommonSettings(
    non_local_exec=True,
    implies_no_shared_fs=False,
    job_deploy_sources=False,
    pass_default_storage_provider_args=True,
    pass_default_resources_args=True,
    pass_envvar_declarations_to_cmd=False,  # sbatch hands the environment on
    auto_deploy_default_storage_provider=False,
    init_seconds_before_status_checks=0,
)


def _described(text: str, **more: Any) -> dict[str, Any]:
    return {"help": text, "env_var": False, "required": False, **more}


@dataclass
class ExecutorSettings(ExecutorSettingsBase):
    """Settings of the submitit executor."""

    cluster: str = field(
        default="slurm",
        metadata=_described(
            "Where jobs go: slurm, or local for processes of this machine.", choices=["slurm", "local"]
        ),
    )
    folder: Path = field(
        default=Path(".snakemake/submitit"),
        metadata=_described(
            "Folder of the journal and of the jobs' logs; nodes and this machine must share it."
        ),
    )
    partition: str = field(
        default="",
        metadata=_described(
            "Partition of the jobs that ask for none (slurm_partition). Unlike default-resources it is not "
            "worked out again for every job, which is seconds of a large workflow's planning."
        ),
    )
    account: str = field(
        default="", metadata=_described("Account of the jobs that ask for none (slurm_account).")
    )
    qos: str = field(
        default="", metadata=_described("Quality of service of the jobs that ask for none (qos).")
    )
    array_limit: int = field(
        default=1000,
        metadata=_described("The most jobs in one array; at most the cluster's MaxArraySize - 1."),
    )
    array_parallelism: int = field(
        default=256,
        metadata=_described("The most jobs of one array that run at the same time."),
    )
    signal_delay: int = field(
        default=120,
        metadata=_described(
            "Seconds before its time limit at which a job is asked to stop (SIGUSR2); it is then requeued "
            "and goes on. Must cover the time between two of the job's own checkpoints."
        ),
    )
    max_timeouts: int = field(
        default=20,
        metadata=_described(
            "How often a job may come back after its time limit, a preemption or the loss of its node."
        ),
    )
    missing_grace: int = field(
        default=30,
        metadata=_described(
            "Seconds that a job may be unknown to SLURM, or over, before its missing result counts as a "
            "loss; covers the delay of a network file system."
        ),
    )
    no_adopt: bool = field(
        default=False,
        metadata=_described("Cancel the jobs that an earlier, killed run left behind and submit them anew."),
    )
    setup: List[str] = field(  # noqa: UP006
        default_factory=list,
        metadata=_described(
            "Shell lines that run on the node before the job: module load, export.", nargs="+"
        ),
    )
    here: List[str] = field(  # noqa: UP006
        default_factory=list,
        metadata=_described(
            "Rules whose jobs run on the machine that runs Snakemake (small ones only, on a login node).",
            nargs="+",
        ),
    )
    here_parallel: int = field(
        default=2,
        metadata=_described("The most jobs of such rules that run at the same time."),
    )

    def __post_init__(self) -> None:
        """Refuse what cannot work before any job is submitted."""
        least = {"array_limit": 1, "array_parallelism": 1, "signal_delay": 5, "here_parallel": 1}
        least |= {"max_timeouts": 0, "missing_grace": 0}
        for name, bound in least.items():
            if getattr(self, name) < bound:
                option = "submitit-" + name.replace("_", "-")
                raise ValueError(f"{option} is {getattr(self, name)}; the least allowed is {bound}")
