"""Minima found against calls of the potential: generative search, diffusion and relaxation, random search.

A run is one seed of one method: structures in the order in which they were drawn, until the budget of
calls is used. The batch that uses it up is counted whole, structures and calls: leaving out what exceeds the
budget would leave out the dear structures. Every batch is kept below work/benchmarks/search, so that a
killed run goes on where it was.
"""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

from benchmarks.search.cases import CASES, METHODS, Job, jobs
from benchmarks.search.coverage import compared
from benchmarks.shared.record import ROOT, provenance
from lodestone.columns import Col
from lodestone.runtime.signals import end_with_parent

if TYPE_CHECKING:
    import polars as pl

    from lodestone.sampling.mattergen.diffusion import MatterGenDiffusion
    from lodestone.sampling.search.options import SearchOptions

WORK = ROOT / "work" / "benchmarks" / "search"
STEPS = 50  # denoising steps
TYPICAL = {"gss": 55, "diffusion": 62, "rss": 90}
"""Calls of a structure, roughly: a batch is what the budget of a run pays for."""


def run(*, cases: tuple[str, ...], seeds: int, processes: int) -> dict[str, Any]:
    """Do what is not on disk yet, and compare the methods case by case."""
    wanted = list(jobs(cases, seeds))
    with ProcessPoolExecutor(processes, get_context("spawn"), initializer=end_with_parent) as pool:
        waiting = {pool.submit(work, job): job for job in wanted}
        for done, future in enumerate(as_completed(waiting), 1):
            future.result()
            print(f"{done}/{len(wanted)} {waiting[future]}", file=sys.stderr, flush=True)
    found = [compared(name, CASES[name], _tables(name, seeds)) for name in cases]
    settings = {name: asdict(options(name)) for name in METHODS}
    return {**provenance(1), "steps": STEPS, "options": settings, "cases": found}


def options(method: str) -> SearchOptions:
    """The product's defaults; diffusion differs from gss in its strength alone."""
    from lodestone.sampling.samplers.gss import Gss
    from lodestone.sampling.samplers.rss import Rss
    from lodestone.sampling.search.options import options_of

    section = Rss() if method == "rss" else Gss(strength=0.0) if method == "diffusion" else Gss()
    return options_of({"sampler": section.model_dump(mode="json")})


def work(job: Job) -> pl.DataFrame:
    """The structures of a run in the order drawn, from disk where they are."""
    import hashlib
    import json

    import polars as pl
    import torch

    from lodestone.structures.table import write_table

    torch.set_num_threads(1)
    case = CASES[job.case]
    batch = -(-case.budget // TYPICAL[job.method])
    key = json.dumps([asdict(case), asdict(options(job.method)), STEPS, batch, asdict(job)], sort_keys=True)
    folder = WORK / f"{job.case}-{job.method}-{job.seed}-{hashlib.sha256(key.encode()).hexdigest()[:12]}"
    batches: list[pl.DataFrame] = []
    while sum(b[Col.ESTIMATOR_CALLS].sum() for b in batches) < case.budget:
        path = folder / f"batch-{len(batches):03}.parquet"
        if not path.is_file():
            folder.mkdir(parents=True, exist_ok=True)
            write_table(_drawn(job, len(batches) * batch, batch), path)
        batches.append(pl.read_parquet(path))
    return pl.concat(batches)


def _drawn(job: Job, offset: int, size: int) -> pl.DataFrame:
    """One batch of a run."""
    from lodestone.energies.estimators import estimator_and_guards
    from lodestone.sampling.search.batch import search_batch
    from lodestone.sampling.shard import ShardPlan
    from lodestone.sampling.template import of_composition

    case = CASES[job.case]
    known = of_composition(case.composition, [1])
    (n_atoms,) = known
    estimator, guards = estimator_and_guards({"energy": {"estimator": case.estimator, "batch_size": 32}})
    elements = tuple(sorted(case.composition))
    plan = ShardPlan(f"search-{job.case}", job.method, 0, 0, 10_000, size, job.seed, {n_atoms: 1.0}, known)
    diffusion = None if job.method == "rss" else _diffusion("-".join(elements))
    return search_batch(
        diffusion, plan, options(job.method), estimator, guards, offset, size, elements=elements
    )


def _diffusion(system: str) -> MatterGenDiffusion:
    from lodestone.sampling.mattergen.checkpoint import load_checkpoint, locate
    from lodestone.sampling.mattergen.diffusion import MatterGenDiffusion

    if system not in _LOADED:
        checkpoint = load_checkpoint(locate("embedded"), steps=STEPS)
        _LOADED[system] = MatterGenDiffusion(
            checkpoint, properties={"chemical_system": system}, guidance_factor=1.0
        )
    return _LOADED[system]


_LOADED: dict[str, Any] = {}


def _tables(case: str, seeds: int) -> dict[str, list[pl.DataFrame]]:
    return {method: [work(Job(case, method, seed)) for seed in range(seeds)] for method in METHODS}
