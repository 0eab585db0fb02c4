"""Which way of steering finds crystals that keep the property: many arms, seeds and checkpoints."""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.shared.cases import read
from benchmarks.shared.record import provenance
from benchmarks.steering.jobs import FILE, jobs, work
from benchmarks.steering.rates import rows
from lodestone.runtime.signals import end_with_parent


def run(plan: str, processes: int, file: Path = FILE) -> dict[str, Any]:
    """Do what is not on disk yet of a plan of steering.yaml, and judge all of it."""
    asked = read(file)
    wanted = list(jobs(asked, asked["plans"][plan]))
    done = 0
    with ProcessPoolExecutor(processes, get_context("spawn"), initializer=end_with_parent) as pool:
        waiting = {pool.submit(work, asked, job): job for job in wanted}
        for future in as_completed(waiting):
            future.result()
            done += 1
            print(f"{done}/{len(wanted)} {waiting[future]}", file=sys.stderr, flush=True)
    results = {job: work(asked, job) for job in wanted}
    return {**provenance(1), "plan": plan, "rows": rows(asked, results)}
