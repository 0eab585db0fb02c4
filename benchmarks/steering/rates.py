"""Rates, costs and one-sided tests by lineage from the judged structures of the jobs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from benchmarks.shared.rates import distinct_weights, leaders, rate
from benchmarks.steering.jobs import AGAINST
from lodestone.columns import Col

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    from benchmarks.steering.jobs import Job

OUTCOMES = (Col.SATISFIED, Col.SATISFIED_VALID, Col.PERSISTENT, Col.RELAXED_SATISFIED)


def rows(asked: Mapping[str, Any], results: Mapping[Job, pl.DataFrame]) -> list[dict[str, Any]]:
    """One row per job and case that it speaks of."""
    found = []
    guided = {job.case for job in results if job.case}
    for job, table in results.items():
        cases = [c for c, v in asked["cases"].items() if v["chemical_system"] == job.system and c in guided]
        for case in [job.case] if job.case else cases:
            others = _others(job, case, results)
            found.append(_row(job, case, table, others))
    return found


def _others(job: Job, case: str, results: Mapping[Job, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """The arms that this one is compared with: same checkpoint, seed and system (and case)."""
    same = {
        j.arm: t
        for j, t in results.items()
        if (j.checkpoint, j.seed, j.system) == (job.checkpoint, job.seed, job.system)
        and j.case in {None, case}
        and j.arm in AGAINST
    }
    return {} if job.arm in AGAINST else same


def _row(job: Job, case: str, table: pl.DataFrame, others: Mapping[str, pl.DataFrame]) -> dict[str, Any]:
    import numpy as np

    from lodestone.config.sections.curation import Deduplicate

    n, lineage = len(table), table[Col.LINEAGE].to_numpy()
    valid = (table[Col.RELAX_FAILURE].fill_null("").str.starts_with("not valid")).not_().to_numpy()
    outcomes = {}
    for outcome in OUTCOMES:
        weights = _met(table, case, outcome)
        found = rate(weights.astype(float), lineage)
        tests = {name: _p(table, other, case, outcome) for name, other in others.items()}
        outcomes[outcome] = {"rate": [found.value, found.low, found.high], "p": tests}
    persistent = _met(table, case, Col.PERSISTENT)
    distinct = distinct_weights(persistent, leaders(table, persistent, Deduplicate().model_dump(mode="json")))
    kept = rate(distinct, lineage)
    formulas = _formulas(table.filter(persistent))
    return {
        "checkpoint": job.checkpoint, "seed": job.seed, "system": job.system, "case": case, "arm": job.arm,
        "n": n, "lineages": len(np.unique(lineage)), "valid": float(valid.mean()), "outcomes": outcomes,
        "distinct_persistent": [kept.value, kept.low, kept.high], "formulas": formulas,
        "median_max_force": table[Col.MAX_FORCE_RAW].median(),
        "passes": float(table["passes"][0]), "cpu_seconds": float(table["cpu_seconds"][0]),
    }  # fmt: skip


def _met(table: pl.DataFrame, case: str, outcome: str) -> np.ndarray:
    import polars as pl

    if outcome == Col.SATISFIED_VALID:
        invalid = table[Col.RELAX_FAILURE].fill_null("").str.starts_with("not valid")
        met = table[Col.SATISFIED.of(case)].fill_null(value=False) & ~invalid
    else:
        met = table[f"{case}.{outcome}"].fill_null(value=False)
    found: np.ndarray = met.cast(pl.Boolean).to_numpy()
    return found


def _p(own: pl.DataFrame, other: pl.DataFrame, case: str, outcome: str) -> float | None:
    """One-sided p of a larger rate, one structure of each lineage drawn at random."""
    import numpy as np

    from lodestone.inference.tests import larger
    from lodestone.statistics.lineages import one_per_lineage
    from lodestone.statistics.outcomes import Sample

    groups = []
    for k, table in enumerate((own, other)):
        met = _met(table, case, outcome)
        whole = Sample(met, np.ones(len(met), dtype=bool), table[Col.LINEAGE].to_numpy())
        groups.append(one_per_lineage(whole, np.random.default_rng(k)))
    return larger(groups[0].successes, groups[0].n, groups[1].successes, groups[1].n).p_used


def _formulas(table: pl.DataFrame) -> int:
    from pymatgen.core import Composition

    found = set()
    for numbers in table["numbers"].to_list():
        found.add(Composition({z: numbers.count(z) for z in set(numbers)}).reduced_formula)
    return len(found)
