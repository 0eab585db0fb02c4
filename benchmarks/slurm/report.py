"""Calls of SLURM's commands and wall time of the same jobs, as a table."""

from __future__ import annotations

from benchmarks.shared.pages import Place, Result, table


def tables(result: Result) -> str:
    """Calls of SLURM's commands and wall time of the same jobs, by executor."""
    rows = [
        [
            row["way"], row["calls"]["sbatch"],
            sum(row["calls"][name] for name in ("squeue", "sacct")), row["calls"]["scontrol"],
            f"{row['seconds']:.0f}" if row["ended"] else f"killed after {row['seconds']:.0f}",
            f"{row['made']} of {result['jobs']}",
        ]
        for row in result["rows"]
    ]  # fmt: skip
    return (
        f"{result['jobs']} jobs of a second, 8 slots, {result['slurm']}, {result['official']}.\n\n"
        + table(["executor", "sbatch", "squeue and sacct", "scontrol", "s", "jobs done"], rows)
    )


PLACES = (Place("slurm", "benchmarks.md", tables),)
