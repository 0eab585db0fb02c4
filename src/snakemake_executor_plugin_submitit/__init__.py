"""Runs Snakemake's jobs on SLURM through submitit: `snakemake --executor submitit`.

Jobs with equal needs go into one array with one sbatch. Whether a job is over is read from files that the
job writes, so neither accounting nor an answering controller is needed. A journal on disk lets a rerun
adopt what a killed run left behind. A job that is preempted or reaches its time limit is asked to stop,
requeued, and goes on from its own checkpoints.
"""

from typing import Any

__all__ = ["Executor", "ExecutorSettings", "common_settings"]

_HOMES = {"Executor": "executor", "ExecutorSettings": "settings", "common_settings": "settings"}


def __getattr__(name: str) -> Any:
    """The three names that Snakemake asks for; readers of the journal load nothing but the journal."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
