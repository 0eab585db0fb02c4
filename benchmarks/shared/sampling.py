"""Samples of an arm with what they cost, and their measurement and relaxation, as in a campaign.

Every batch, and what it cost, is kept in the folder given, so that a killed run goes on where it was.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lodestone.columns import Col

if TYPE_CHECKING:
    import polars as pl

    from lodestone.config.campaign import Campaign

CHUNK = 64


def sample(given: dict[str, Any], folder: Path) -> tuple[pl.DataFrame, dict[str, float]]:
    """The raw structures and what one of them cost: passes, those with gradient, CPU and wall seconds."""
    from lodestone.runtime.files import write_json
    from lodestone.sampling.job import shard_plan, steering
    from lodestone.sampling.mattergen.checkpoint import load_checkpoint, locate
    from lodestone.sampling.shard import collect, sample_shard

    checkpoint = load_checkpoint(locate(given["model"]["checkpoint"]), steps=given["sampling"]["steps"])
    diffusion = _counting(checkpoint, given)
    plan = shard_plan(given, checkpoint.config, "cpu")
    before, clocks = 0, (time.process_time(), time.perf_counter())
    for done, total in sample_shard(diffusion, plan, steering(given), folder):
        if done > before and diffusion.passes:
            cpu, wall = time.process_time() - clocks[0], time.perf_counter() - clocks[1]
            cost = {
                "structures": done - before, "passes": diffusion.passes, "gradients": diffusion.gradients,
                "cpu": cpu, "wall": wall,
            }  # fmt: skip
            write_json(folder / f"cost-{before:08d}.json", cost)
            print(f"  {folder.name}: {done}/{total}, {wall:.0f} s", file=sys.stderr, flush=True)
        before, diffusion.passes, diffusion.gradients = done, 0, 0
        clocks = (time.process_time(), time.perf_counter())
    return collect(plan, folder), per_structure([_read(p) for p in sorted(folder.glob("cost-*.json"))])


def per_structure(batches: list[dict[str, float]]) -> dict[str, float]:
    """Costs of one structure from those of batches; a network pass serves its whole batch."""
    total = sum(b["structures"] for b in batches)
    if not total:
        raise SystemExit(
            "no batch has its costs on disk; remove its folder below work/benchmarks and run again"
        )
    return {
        **{k: sum(b[k] * b["structures"] for b in batches) / total for k in ("passes", "gradients")},
        **{k: sum(b[k] for b in batches) / total for k in ("cpu", "wall")},
    }


def judge(raw: pl.DataFrame, asked: Campaign, folder: Path) -> tuple[pl.DataFrame, float]:
    """Measured, relaxed and judged again as in a campaign; CPU seconds of what was not on disk yet."""
    from lodestone.constraints import persistence
    from lodestone.constraints.measurement import measure_table
    from lodestone.energies.estimators import estimator_and_guards
    from lodestone.runtime.checkpoints import in_chunks
    from lodestone.runtime.progress import reporter
    from lodestone.structures import table
    from lodestone.workflow.stages import settings

    given = settings("relax", asked)
    measured = measure_table(raw, given["constraints"])
    structures = raw.select(list(table.SCHEMA))
    estimator, guards = estimator_and_guards(given)
    wanted, begin = given["energy"]["relax"], time.process_time()
    relaxed = in_chunks(
        structures.filter(measured[Col.VALID]),
        lambda rows: persistence.relax_rows(
            rows, estimator, guards, steps=wanted["steps"], largest_force=wanted["largest_force"]
        ),
        size=CHUNK,
        state=folder / "relaxed",
        key={k: v for k, v in given.items() if k != "constraints"},
        progress=reporter("  relax"),
    )
    took = time.process_time() - begin
    whole = persistence.assemble(structures, measured, relaxed)
    constraints = persistence.parsed_constraints(given["constraints"])
    again = persistence.judge_again(whole, measured, constraints, persistence.is_valid)
    return again.with_columns(measured.select(Col.SATISFIED.of(name) for name in given["constraints"])), took


def _counting(checkpoint: Any, given: dict[str, Any]) -> Any:
    """A diffusion that also counts the passes that carry gradients."""
    import torch

    from lodestone.sampling.mattergen.diffusion import MatterGenDiffusion

    class Counting(MatterGenDiffusion):
        gradients = 0

        def score(self, state: Any, t: torch.Tensor) -> Any:
            self.gradients += torch.is_grad_enabled() and state.frac.requires_grad
            return super().score(state, t)

    return Counting(
        checkpoint,
        properties={"chemical_system": given["chemical_system"]},
        guidance_factor=given["model"]["guidance_factor"],
        corrector=given["sampling"]["corrector"],
    )


def _read(path: Path) -> dict[str, float]:
    found: dict[str, float] = json.loads(path.read_text(encoding="utf-8"))
    return found
