"""The stage tables of one made-up arm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from pymatgen.core import Structure
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

from lodestone.constraints.measurement import measure
from lodestone.curation.validity import judge
from lodestone.statistics.plan import Plan
from lodestone.structures.table import from_arrays

Kind = tuple[Structure, float, float, bool]
"""Ideal crystal, energy (eV/atom), energy above the hull (eV/atom), whether it is known."""
TEXT, FLAG, NUMBER, COUNT = pl.String, pl.Boolean, pl.Float64, pl.Int32


def arm_tables(
    plan: Plan,
    arm: str,
    kinds: Sequence[Kind],
    *,
    survivors: bool = True,
    estimator: bool = True,
    hull: bool = True,
    valid: bool = True,
    novel: bool = True,
    members: int = 1,
) -> dict[str, pl.DataFrame]:
    """Tables of one arm; every eleventh structure failed, every ninth is screened out.

    `survivors` False: nothing passes the screen; `estimator` False: every energy fails; `hull`
    False: no energy above the hull; `valid` False: no structure is; `novel` False: a reference matches
    each; `members`: structures per lineage.
    """
    n = len(kinds)
    ids = [f"small/{arm}/{i // 10:04d}/{i % 10:05d}" for i in range(n)]
    analyzers = {id(ideal): SpacegroupAnalyzer(ideal) for ideal, *_ in kinds}
    primitive = {key: a.get_primitive_standard_structure() for key, a in analyzers.items()}
    groups = [analyzers[id(ideal)] for ideal, *_ in kinds]
    sym = [primitive[id(ideal)] for ideal, *_ in kinds]
    raw = [s.copy().perturb(0.03) for s in sym]
    failed = [i % 11 == 7 for i in range(n)]
    judged = [judge(*parts(s)) for s in raw]
    good = [valid and v.valid and not f for v, f in zip(judged, failed, strict=True)]
    passed = [g and survivors and i % 9 != 4 for i, g in enumerate(good)]
    leaders: dict[int, str] = {}
    for i in range(n):
        if passed[i]:
            leaders.setdefault(id(kinds[i][0]), ids[i])
    leader = [leaders[id(kinds[i][0])] if passed[i] else None for i in range(n)]
    leads = [leader[i] == ids[i] for i in range(n)]
    energy = [e + 0.001 * i if passed[i] and estimator else None for i, (_, e, _, _) in enumerate(kinds)]
    above = [None if energy[i] is None or not hull else k[2] + 0.001 * i for i, k in enumerate(kinds)]
    known = [k[3] or not novel if leads[i] else None for i, k in enumerate(kinds)]
    missing = "not screened in" if estimator else "estimator not found"
    why = ["volume per atom 2.10 Å³, not within 3 to 100 Å³" if i % 2 else "pair too close" for i in range(n)]

    def frame(start: pl.DataFrame | None = None, **columns: tuple[Sequence[Any], Any]) -> pl.DataFrame:
        base = pl.DataFrame({"id": pl.Series(ids, dtype=TEXT)}) if start is None else start
        return base.with_columns(pl.Series(k, list(v), dtype=t) for k, (v, t) in columns.items())

    return {
        "samples": frame(
            structures(ids, raw),
            arm=([arm] * n, TEXT),
            shard=([i // 10 for i in range(n)], COUNT),
            index=([i % 10 for i in range(n)], COUNT),
            batch=([0] * n, COUNT),
            lineage=([i // members for i in range(n)], COUNT),
            failed=(failed, FLAG),
            failure=(["no edges <script>" if f else None for f in failed], TEXT),
            t_failed=([0.31 if f else None for f in failed], NUMBER),
            seed=([1] * n, pl.Int64),
        ),
        "measured": frame(
            formula=([s.composition.reduced_formula for s in raw], TEXT),
            n_atoms=([len(s) for s in raw], COUNT),
            volume_per_atom=([s.volume / len(s) for s in raw], NUMBER),
            min_distance=([v.min_distance for v in judged], NUMBER),
            valid=(good, FLAG),
            invalid_reason=([None if g else "not generated" for g in good], TEXT),
            **_measured(plan, raw, failed),
        ),
        "relaxed": frame(
            structures(ids, sym),
            energy_raw=([k[1] + 0.1 if estimator else None for k in kinds], NUMBER),
            max_force_raw=([1.0 + 0.1 * i for i in range(n)], NUMBER),
            energy_relaxed=([k[1] if estimator else None for k in kinds], NUMBER),
            max_force_relaxed=([0.05] * n, NUMBER),
            relax_steps=([20] * n, COUNT),
            relax_converged=([g and estimator for g in good], FLAG),
            relax_failure=([None if estimator else "estimator not found"] * n, TEXT),
            **_kept(plan, raw, [g and estimator for g in good]),
        ),
        "symmetrized": frame(
            structures(ids, sym),
            space_group=([g.get_space_group_number() for g in groups], COUNT),
            space_group_symbol=([g.get_space_group_symbol() for g in groups], TEXT),
            symprec=([0.1] * n, NUMBER),
            displacement=([0.03] * n, NUMBER),
            symmetrize_failure=([None] * n, TEXT),
        ),
        "screened": frame(
            passed=(passed, FLAG),
            screen_reason=([None if p else w for p, w in zip(passed, why, strict=True)], TEXT),
            on_system=([True] * n, FLAG),
        ),
        "duplicates": frame(
            representative=(leader, TEXT),
            multiplicity=([leader.count(x) if x else None for x in leader], COUNT),
            is_representative=(leads, FLAG),
        ),
        "novelty": frame(
            known=(known, FLAG),
            reference_source=(["embedded" if k else None for k in known], TEXT),
            reference_id=(["embedded/known" if k else None for k in known], TEXT),
            reference_distance=([{True: 0.02, False: 0.4, None: None}[k] for k in known], NUMBER),
        ),
        "energy": frame(
            energy_per_atom=(energy, NUMBER),
            energy_failure=([missing if e is None else None for e in energy], TEXT),
        ),
        "hull": frame(
            kind=(["candidate"] * n, TEXT),
            e_above_hull=(above, NUMBER),
            e_above_hull_combined=([None if e is None else max(e, 0.0) for e in above], NUMBER),
            hull_note=([None if hull else "no hull: no reference of pure O"] * n, TEXT),
        ),
    }


def structures(ids: Sequence[str], found: Sequence[Structure]) -> pl.DataFrame:
    """A structure table."""
    split = [parts(s) for s in found]
    return from_arrays(ids, [p[0] for p in split], [p[1] for p in split], [p[2] for p in split])


def parts(structure: Structure) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Numbers, cell and fractional coordinates."""
    return np.array(structure.atomic_numbers), structure.lattice.matrix, structure.frac_coords


def _measured(plan: Plan, raw: Sequence[Structure], failed: Sequence[bool]) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    for c in plan.constraints:
        found = [measure(c.models(), c.power, c.satisfied_within, *parts(s)) for s in raw]
        columns[f"{c.name}.values"] = ([m.values for m in found], pl.List(NUMBER))
        columns[f"{c.name}.loss"] = ([m.loss for m in found], NUMBER)
        met = [m.satisfied and not f for m, f in zip(found, failed, strict=True)]
        columns[f"{c.name}.satisfied"] = (met, FLAG)
    return columns


def _kept(plan: Plan, raw: Sequence[Structure], good: Sequence[bool]) -> dict[str, Any]:
    columns = {}
    for name, (values, kind) in _measured(plan, raw, [not g for g in good]).items():
        base, _, what = name.rpartition(".")
        if what == "satisfied":
            columns[f"{base}.persistent"] = columns[f"{base}.relaxed_satisfied"] = (values, kind)
        elif what == "values":
            columns[f"{base}.relaxed_values"] = (values, kind)
    return columns
