"""What a structure that satisfies its constraint costs on the embedded model, arm by arm.

Every batch that is sampled, and what it cost, is kept below work/benchmarks/, so that a killed run
goes on where it was. The folder's name is a hash of everything that the samples depend on.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.satisfying.costs import GRADIENT, outcome, reference_passes
from benchmarks.shared import cases as questions
from benchmarks.shared.rates import distinct_weights, leaders
from benchmarks.shared.record import ROOT, provenance
from benchmarks.shared.sampling import judge, sample
from lodestone.columns import Col

if TYPE_CHECKING:
    from lodestone.config.campaign import Campaign

WORK = ROOT / "work" / "benchmarks"


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
    from lodestone.workflow.stages import code, settings

    arm = questions.arm_of(asked, guided=guided)
    (shard,) = shards(asked, arm)
    given = settings("sample", asked, arm=arm, shard=shard)
    folder = work / f"{case}-{name}-{_hash(given, code('sample'))}"
    raw, spent = sample(given, folder)
    judged, relax_cpu = judge(raw, asked, folder)
    lineage = raw[Col.LINEAGE].to_numpy()
    stacked = spent["passes"] + GRADIENT * spent["gradients"]
    costs = {
        "passes": stacked,
        "single_passes": stacked * evaluations_per_pass(asked),
        "cpu_seconds": spent["cpu"],
    }
    satisfied, persistent = (
        judged[f"{case}.{outcome_name}"].fill_null(value=False).to_numpy().astype(float)
        for outcome_name in (Col.SATISFIED, Col.PERSISTENT)
    )
    distinct = distinct_weights(
        persistent > 0, leaders(judged, persistent > 0, settings("deduplicate", asked))
    )
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
            ((Col.SATISFIED, satisfied), (Col.PERSISTENT, persistent), ("distinct persistent", distinct))
        ],
    }  # fmt: skip


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
