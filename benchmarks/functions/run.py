"""Steering by any Python function against gradients and rejection, at equal numbers of network passes.

Samples and relaxations are kept below work/benchmarks/, so that a killed run goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
import sys
from typing import TYPE_CHECKING, Any

from benchmarks.functions.questions import ARMS, QUESTIONS, WITHIN, campaign
from benchmarks.functions.rates import rows
from benchmarks.shared.record import ROOT, provenance
from benchmarks.shared.sampling import judge as relaxed
from benchmarks.shared.sampling import sample
from lodestone.columns import Col

if TYPE_CHECKING:
    import polars as pl

WORK = ROOT / "work" / "benchmarks" / "functions"


def run(*, structures: int, seeds: tuple[int, ...], steps: int, relax: bool = True) -> dict[str, Any]:
    """Sample, relax and judge what is not on disk yet; rates, ratios to rejection, distinct structures."""
    judged: dict[str, list[pl.DataFrame]] = {arm: [] for arm in ARMS}
    for seed in seeds:
        for arm, parts in judged.items():
            parts.append(judge(arm, seed, structures, steps, relax=relax))
            print(f"{arm}, seed {seed}: done", file=sys.stderr, flush=True)
    return {
        **provenance(1), "structures": structures * len(seeds), "seeds": list(seeds), "steps": steps,
        "within": WITHIN, "arms": {name: arm["guidance"] for name, arm in ARMS.items()},
        "rows": rows(judged, campaign("rejection", seeds[0], structures, steps)),
    }  # fmt: skip


def judge(arm: str, seed: int, structures: int, steps: int, *, relax: bool = True) -> pl.DataFrame:
    """Measured structures of an arm and a seed, with `lineage`, `passes` and `cpu_seconds`.

    Where they were relaxed, also whether each question persisted.
    """
    import polars as pl
    import torch

    from lodestone.config.arms import arms, shards
    from lodestone.constraints.measurement import measure_table
    from lodestone.structures.table import write_table
    from lodestone.workflow.stages import code, settings

    torch.set_num_threads(1)
    asked = campaign(arm, seed, structures, steps)
    kind = "unguided" if ARMS[arm]["term"] is None else "guided"
    own = next(a for a in arms(asked) if a.kind == kind and a.constraint in {None, "steered"})
    (shard,) = shards(asked, own)
    given = settings("sample", asked, arm=own, shard=shard)
    digest = hashlib.sha256(json.dumps([given, code("sample")], sort_keys=True).encode()).hexdigest()[:12]
    folder = WORK / f"{arm.replace(' ', '-').replace(',', '')}-{seed}-{digest}"
    target = folder / ("relaxed.parquet" if relax else "measured.parquet")
    if target.is_file():
        return pl.read_parquet(target)
    raw, spent = sample(given, folder)
    measured = measure_table(raw, settings("measure", asked)["constraints"])
    keep = [column for column in measured.columns if not column.startswith("steered")]
    found = raw.hstack(measured.select(c for c in keep if c not in raw.columns)).with_columns(
        pl.lit(spent["passes"]).alias("passes"), pl.lit(spent["cpu"]).alias("cpu_seconds")
    )
    if relax:  # what does not satisfy cannot persist
        satisfied = pl.any_horizontal(
            pl.col(Col.SATISFIED.of(name)).fill_null(value=False) for name in QUESTIONS
        )
        again, _ = relaxed(raw.filter(found.select(satisfied).to_series()), asked, folder)
        kept = {name: set(again.filter(pl.col(Col.PERSISTENT.of(name)))["id"]) for name in QUESTIONS}
        found = found.with_columns(
            pl.col("id").is_in(list(ids)).alias(Col.PERSISTENT.of(name)) for name, ids in kept.items()
        )
    write_table(found, target)
    return found
