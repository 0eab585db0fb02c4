"""Amounts of a resource as a profile may write them: 720, 12h, 4GB, 2000 * attempt.

Snakemake reads them and works them out, so an expression runs here as it does there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SUM = "or a sum with `attempt` and `threads`"
ALLOWED = {
    "runtime": f"minutes, or a time as in 12h, {SUM}",
    "mem": f"a size, as in 4GB, {SUM}",
    "disk": f"a size, as in 4GB, {SUM}",
}
NUMBER = f"a number, {SUM}"
TEXT = f"a number or text, {SUM}; text that means something in Python has quotes of its own: \"'all'\""


class _Unknown:
    """Inputs and wildcards of a job, which there are not before there are jobs: every use of it fails."""

    def __bool__(self) -> bool:
        raise LookupError("known only of a job")


def read_amounts(entries: list[str]) -> Mapping[str, Any]:
    """Resources of `name=amount` as Snakemake reads them, sizes in megabytes and times in minutes.

    Raises:
        ValueError: one is wrong, or not known before there are jobs; the message says what is allowed.
        WorkflowError: Snakemake itself refuses one.
    """
    from snakemake.resources import Resources

    for entry in entries:
        name, _, text = entry.partition("=")
        amount = Resources.parse([entry], allow_expressions=True)
        try:
            work_out(amount, threads=1)
        except Exception as error:  # of the profile's own expression, which may raise anything
            allowed = ALLOWED.get(name, NUMBER if name.endswith(("_mb", "_mib")) else TEXT)
            raise ValueError(f"{name} is {text!r}; allowed: {allowed}") from error
    found: Mapping[str, Any] = Resources.parse(entries, allow_expressions=True)
    return found


def work_out(amounts: Mapping[str, Any], threads: int) -> dict[str, Any]:
    """These amounts for the first attempt of a job; what is no expression stays as it is."""
    from snakemake.resources import Resource

    job = {"attempt": 1, "threads": threads, "input": _Unknown(), "rulename": "", "async_run": None}
    return {
        name: amount.evaluate(_Unknown(), **job).value if isinstance(amount, Resource) else amount
        for name, amount in amounts.items()
    }
