"""Samples of the embedded model in float32 and with TF32 emulated in its dense layers, from the same seeds.

A tensor core rounds the entries of both matrices to ten bits behind the leading one, to nearest, and sums
in float32. Products of such entries are exact in float32, so a float32 product of rounded matrices is what
the core gives but for the order of the sum. A diffusion is chaotic: structures that begin alike part. The
yardstick for their distribution is float32 itself from another seed.
"""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.shared import cases
from benchmarks.shared.record import ROOT, provenance

if TYPE_CHECKING:
    import polars as pl
    from torch import Tensor

    from lodestone.sampling.mattergen.diffusion import MatterGenDiffusion
    from lodestone.sampling.shard import ShardPlan, Steering

WORK = ROOT / "work" / "benchmarks" / "tf32"
DROPPED = 13  # bits of float32's 23 behind the leading one that TF32 lacks
LEVELS = (1.0, 0.75, 0.5, 0.25, 0.1, 0.02)
SEED, OTHER = 1, 2
SIDES = {
    "float32": (SEED, False),
    "TF32": (SEED, True),
    "float32, another seed": (OTHER, False),
    "TF32, another seed": (OTHER, True),
}
OVER = {  # from which side each is compared
    "TF32": "float32",
    "float32, another seed": "float32",
    "TF32, another seed": "float32, another seed",
}
DRAWS = 4000


def rounded(values: Tensor) -> Tensor:
    """float32 values rounded to TF32, to nearest and halves away from zero, as the GPU converts them."""
    import torch

    bits = values.contiguous().view(torch.int32)
    found = ((bits + (1 << (DROPPED - 1))) & ~((1 << DROPPED) - 1)).view(torch.float32)
    return torch.where(torch.isfinite(values), found, values)


def product(values: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """The linear map of a dense layer as a tensor core computes it."""
    import torch

    return torch.nn.functional.linear(rounded(values), rounded(weight), bias)


def run(case: str, arms: dict[str, int], *, steps: int, threads: int) -> dict[str, Any]:
    """Drift of the score at some levels, and what differs between samples; `arms`: structures of each."""
    import torch

    torch.set_num_threads(threads)
    found: dict[str, Any] = {"case": case, "steps": steps}
    found["layers"], found["drift"] = drift(case, steps)
    found["arms"] = []
    for arm, structures in arms.items():
        sides = {name: _samples(case, arm, structures, steps, *how) for name, how in SIDES.items()}
        over = {
            name: against(sides[name], sides[base], paired=SIDES[name][0] == SIDES[base][0])
            for name, base in OVER.items()
        }
        each = {name: described(rows) for name, rows in sides.items()}
        found["arms"].append({"arm": arm, "sides": each, "over": over})
    return provenance(threads) | found


def drift(case: str, steps: int, size: int = 32) -> tuple[int, list[dict[str, Any]]]:
    """Dense layers; the relative difference of scores, plain and guided through the network, by level."""
    import torch

    from lodestone.sampling.guidance import GuidanceOptions, guided_score
    from lodestone.sampling.mattergen import tf32

    model, _, steering = _job(case, "guided", size, steps, SEED)
    plain, _, _ = _job(case, "unguided", size, steps, SEED)
    emulated, _, _ = _job(case, "unguided", size, steps, SEED)
    layers = tf32.dense(_network(emulated), product)
    forward = GuidanceOptions(0.0, forward=0.1, start=1.1)
    torch.manual_seed(SEED)
    state, rows = model.prior([4, 6, 8, 10] * (size // 4)), []
    wanted = [int((model.times - t).abs().argmin()) for t in LEVELS]
    for level, t in enumerate(model.times):
        with torch.no_grad():
            score = plain.score(state, t)
            state = plain.correct(state, score, t)
            score = plain.score(state, t)
            if level in wanted:
                other = emulated.score(state, t)
        if level in wanted:
            row: dict[str, Any] = {"t": float(t)}
            types = [torch.softmax(s.logits, dim=1) for s in (score, other)]
            row["positions"] = relative(other.frac, score.frac)
            row["cell"] = relative(other.cell, score.cell)
            row["types"] = float((types[0] - types[1]).abs().sum(dim=1).mean() / 2)
            pulls = [guided_score(m, steering.objective, forward)(state, t) for m in (plain, emulated)]
            row["guided positions"] = relative(pulls[1].frac, pulls[0].frac)
            row["guided cell"] = relative(pulls[1].cell, pulls[0].cell)
            rows.append(row)
        with torch.no_grad():
            state, _ = plain.predict(state, score, t)
    return layers, rows


def relative(found: Tensor, expected: Tensor) -> float:
    """Root mean square of the difference over that of what is expected."""
    return float((found - expected).norm() / expected.norm())


def described(rows: pl.DataFrame) -> dict[str, Any]:
    """What matters of a sample: counts, the mean volume per atom, formulas."""
    volumes = rows["volume"].drop_nulls().to_numpy()
    return {
        "n": rows.height,
        "failed": int(rows["failed"].sum()),
        "valid": int(rows["valid"].sum()),
        "satisfied": int(rows["satisfied"].sum()),
        "volume": float(volumes.mean()),
        "volume_std": float(volumes.std()),
        "formulas": rows["formula"].n_unique(),
        "most": Counter(rows["formula"].drop_nulls().to_list()).most_common(3),
    }


def against(rows: pl.DataFrame, base: pl.DataFrame, *, paired: bool) -> dict[str, Any]:
    """Differences from a base with 95 % bootstrap intervals, and the chance of formulas as different."""
    found: dict[str, Any] = {"paired": paired}
    for name in ("valid", "satisfied", "volume"):
        mine, other = (x[name].cast(float).to_numpy() for x in (rows, base))
        found[name] = difference(mine, other, paired=paired)
    found["volumes_p"] = ks(rows["volume"].drop_nulls().to_numpy(), base["volume"].drop_nulls().to_numpy())
    found["formulas_p"] = formulas_p(rows["formula"].to_list(), base["formula"].to_list())
    if paired:
        same = rows["formula"] == base["formula"]
        found["same_formula"] = int(same.sum())
        found["same_volume"] = int(((rows["volume"] / base["volume"] - 1).abs() < 0.01).sum())
    return found


def difference(mine: np.ndarray, other: np.ndarray, *, paired: bool) -> list[float]:
    """Difference of means and its 95 % bootstrap interval; what is not a number is left out."""
    rng = np.random.default_rng(0)
    first = rng.integers(len(mine), size=(DRAWS, len(mine)))
    second = first if paired else rng.integers(len(other), size=(DRAWS, len(other)))
    drawn = np.nanmean(mine[first], axis=1) - np.nanmean(other[second], axis=1)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return [float(np.nanmean(mine) - np.nanmean(other)), float(low), float(high)]


def ks(mine: np.ndarray, other: np.ndarray) -> float:
    """The two-sided p-value of Kolmogorov and Smirnov."""
    from scipy.stats import ks_2samp

    return float(ks_2samp(mine, other).pvalue)


def formulas_p(mine: list[str | None], other: list[str | None]) -> float:
    """The p-value of a permutation test on the total variation of the counts of formulas."""
    names = {name: k for k, name in enumerate(dict.fromkeys([*mine, *other]))}
    codes = np.array([names[name] for name in [*mine, *other]])

    def variation(order: np.ndarray) -> int:
        first, second = (np.bincount(part, minlength=len(names)) for part in np.split(order, [len(mine)]))
        return int(np.abs(first * len(other) - second * len(mine)).sum())

    rng, seen = np.random.default_rng(0), variation(codes)
    as_far = sum(variation(rng.permutation(codes)) >= seen for _ in range(DRAWS))
    return (as_far + 1) / (DRAWS + 1)


def _samples(case: str, arm: str, structures: int, steps: int, seed: int, rounds: bool) -> pl.DataFrame:
    """Judged samples of one side of an arm; its batches are kept, so that a killed run goes on."""
    from lodestone.sampling.mattergen import tf32
    from lodestone.sampling.shard import collect, sample_shard

    model, plan, steering = _job(case, arm, structures, steps, seed)
    if rounds:
        tf32.dense(_network(model), product)
    folder = WORK / f"{case}-{arm}-{structures}-{steps}-{seed}-{'tf32' if rounds else 'float32'}"
    for done, total in sample_shard(model, plan, steering, folder):
        print(f"  {folder.name}: {done}/{total}", file=sys.stderr, flush=True)
    return _judged(collect(plan, folder), case)


def _judged(raw: pl.DataFrame, case: str) -> pl.DataFrame:
    import polars as pl

    from lodestone.columns import Col
    from lodestone.constraints.measurement import measure_table

    asked = cases.campaign(cases.read(), case, "default", structures=1, steps=2, seed=0)
    wanted = {"terms", "combine", "satisfied_within"}
    constraint = asked.constraints[case].model_dump(mode="json", include=wanted)
    measured = measure_table(raw, {case: constraint})
    volume = [
        None if failed else abs(np.linalg.det(np.array(cell).reshape(3, 3))) / len(numbers)
        for failed, cell, numbers in raw.select("failed", "cell", "numbers").iter_rows()
    ]
    return pl.DataFrame(
        {
            "failed": raw["failed"],
            "valid": measured[Col.VALID],
            "satisfied": measured[Col.SATISFIED.of(case)],
            "formula": measured[Col.FORMULA],
            "volume": pl.Series(volume, dtype=pl.Float64),
        }
    )


def _job(
    case: str, arm: str, structures: int, steps: int, seed: int
) -> tuple[MatterGenDiffusion, ShardPlan, Steering]:
    """A fresh model, the plan of a shard, and how it is steered: by the gradient, without particles."""
    from lodestone.config.arms import shards
    from lodestone.sampling import job
    from lodestone.workflow.stages import settings

    asked = cases.campaign(cases.read(), case, "default", structures=structures, steps=steps, seed=seed)
    chosen = cases.arm_of(asked, guided=arm == "guided")
    given = settings("sample", asked, arm=chosen, shard=shards(asked, chosen)[0]) | {"particles": None}
    model, checkpoint = job.load_model(given, "cpu")
    return model, job.shard_plan(given, checkpoint.config, "cpu"), job.steering(given)


def _network(model: MatterGenDiffusion) -> Any:
    return model._module.model  # noqa: SLF001  # the benchmark changes how it multiplies
