"""What a structure that satisfies its constraint costs on the embedded model, arm by arm.

Every batch that is sampled, and what it cost, is kept below work/benchmarks/, so that a killed run
goes on where it was. The folder's name is a hash of everything that the samples depend on.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import cases as questions
from benchmarks.costs import GRADIENT, distinct_weights, outcome, reference_passes
from benchmarks.record import ROOT, provenance

if TYPE_CHECKING:
    import polars as pl

    from lodestone.config.campaign import Campaign

WORK = ROOT / "work" / "benchmarks"
CHUNK = 64


def run(
    *, structures: int, steps: int, constraints: Sequence[str], arms: Sequence[str], threads: int, seed: int,
    work: Path = WORK,
) -> dict[str, Any]:  # fmt: skip
    """Sample, relax and judge every arm of every constraint that is not on disk yet."""
    import torch

    torch.set_num_threads(threads)
    file = questions.read()
    rows = []
    for case in constraints or file["cases"]:
        for arm in arms or file["arms"]:
            asked = questions.campaign(file, case, arm, structures=structures, steps=steps, seed=seed)
            row = _arm(asked, case, arm, guided=file["arms"][arm] is not None, work=work)
            rows.append(row)
            print(f"{case} × {arm}: {_said(row)}", file=sys.stderr, flush=True)
    return {**provenance(threads), "structures": structures, "steps": steps, "seed": seed, "rows": rows}


def _arm(asked: Campaign, case: str, name: str, *, guided: bool, work: Path) -> dict[str, Any]:
    import numpy as np

    from lodestone.config.arms import shards
    from lodestone.workflow.cost import evaluations_per_pass
    from lodestone.workflow.settings import code, settings

    arm = questions.arm_of(asked, guided=guided)
    (shard,) = shards(asked, arm)
    given = settings("sample", asked, arm=arm, shard=shard)
    folder = work / f"{case}-{name}-{_hash(given, code('sample'))}"
    raw, spent = sample(given, folder)
    judged, relax_cpu = judge(raw, asked, folder)
    lineage = raw["lineage"].to_numpy()
    stacked = spent["passes"] + GRADIENT * spent["gradients"]
    costs = {
        "passes": stacked,
        "single_passes": stacked * evaluations_per_pass(asked),
        "cpu_seconds": spent["cpu"],
    }
    satisfied, persistent = (
        judged[f"{case}.{outcome_name}"].fill_null(value=False).to_numpy().astype(float)
        for outcome_name in ("satisfied", "persistent")
    )
    distinct = distinct_weights(persistent > 0, _leaders(judged, persistent > 0, asked))
    return {
        "case": case,
        "arm": name,
        "strength": arm.strength if guided else None,
        "guidance": given["guidance"],
        "loop": given["loop"],
        "particles": given["particles"],
        "guidance_factor": asked.model.guidance_factor,
        "failed": int(raw["failed"].sum()),
        "lineages": len(np.unique(lineage)),
        "per_structure": costs | {"wall_seconds": spent["wall"], "relax_cpu_seconds": relax_cpu / len(raw)},
        "reference_code_passes": _reference_code(asked) if name == "reference_settings" else None,
        "outcomes": [
            outcome(what, weights, lineage, costs)
            for what, weights in
            (("satisfied", satisfied), ("persistent", persistent), ("distinct persistent", distinct))
        ],
    }  # fmt: skip


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
    from lodestone.workflow.settings import settings

    given = settings("relax", asked)
    measured = measure_table(raw, given["constraints"])
    structures = raw.select(list(table.SCHEMA))
    estimator, guards = estimator_and_guards(given)
    wanted, begin = given["energy"]["relax"], time.process_time()
    relaxed = in_chunks(
        structures.filter(measured["valid"]),
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
    return again.with_columns(measured.select(f"{name}.satisfied" for name in given["constraints"])), took


def _leaders(judged: pl.DataFrame, chosen: Any, asked: Campaign) -> Any:
    """The crystal of each chosen structure, compared after relaxation as the campaign compares."""
    from lodestone.curation.duplicates import cluster
    from lodestone.curation.settings import similarity
    from lodestone.structures import table
    from lodestone.workflow.settings import settings

    rows = judged.select(list(table.SCHEMA)).filter(chosen)
    crystals = [table.arrays(row) for row in rows.iter_rows(named=True)]
    return cluster(crystals, similarity(settings("deduplicate", asked))).leaders[1.0]


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
        chemical_system=given["chemical_system"],
        guidance_factor=given["model"]["guidance_factor"],
        corrector=given["sampling"]["corrector"],
    )


def _reference_code(asked: Campaign) -> float:
    """Passes that the reference's own sampler makes with these settings."""
    from lodestone.workflow.cost import evaluations_per_pass

    section = asked.guidance
    return reference_passes(
        steps=asked.sampling.steps or 0,
        start=section.start,
        recurrence=section.recurrence,
        algorithm=1 if section.algorithm == 1 else 0,
        halves=evaluations_per_pass(asked),
        forward=section.forward > 0,
    )


def _said(row: dict[str, Any]) -> str:
    counts = ", ".join(f"{o['count']:g} {o['outcome']}" for o in row["outcomes"])
    cost = row["per_structure"]
    return f"{counts}; {cost['passes']:.0f} passes and {cost['cpu_seconds']:.2f} CPU s per structure"


def _hash(given: dict[str, Any], version: str) -> str:
    return hashlib.sha256(json.dumps([given, version], sort_keys=True).encode()).hexdigest()[:12]


def _read(path: Path) -> dict[str, float]:
    found: dict[str, float] = json.loads(path.read_text(encoding="utf-8"))
    return found
