"""Builds a small campaign directory: real crystals, real measurements, made-up energies."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from pymatgen.core import Lattice, Structure
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer
from synthetic_rows import arm_tables, structures

from lodestone.runtime.files import write_json
from lodestone.statistics.plan import Plan, plan_from_settings
from lodestone.structures.table import write_table
from lodestone.workflow.paths import CampaignPaths
from lodestone.workflow.stages import OF_EVERY_ARM

CONSTRAINTS: dict[str, Any] = {
    "co_o_4": {
        "terms": [{"kind": "coordination", "center": "Co", "neighbor": "O", "target": 4.0, "cutoff": 2.5}],
        "satisfied_within": 0.5,
        "primary": True,
    },
    "volume": {
        "terms": [{"kind": "volume_per_atom", "target": 10.0}],
        "satisfied_within": 1.0,
        "primary": False,
    },
}
TWO_TERMS: dict[str, Any] = {
    "both": {
        "terms": [
            {"kind": "coordination", "center": "Co", "neighbor": "O", "target": 4.0, "cutoff": 2.5},
            {"kind": "volume_per_atom", "target": 10.0, "tolerance": 1.0},
        ],
        "satisfied_within": 0.5,
        "primary": False,
    },
}
ENERGY = {
    "zincblende": -5.55,
    "rocksalt": -5.6,
    "antifluorite": -4.8,
    "layered": -5.7,
    "li": -1.9,
    "co": -7.1,
    "o": -4.9,
}
HULL = {"zincblende": 0.05, "rocksalt": 0.0, "antifluorite": 0.0, "layered": -0.02}
CHANCE = {"unguided": 0.1, "control": 0.15, "guided": 0.75, "late": 0.45}


def settings(arms: list[dict[str, Any]], constraints: dict[str, Any] | None = None) -> dict[str, Any]:
    """Settings of the analysis, as the configuration resolves them."""
    return {
        "campaign": "small",
        "chemical_system": "Co-Li-O",
        "seed": 7,
        "arms": arms,
        "constraints": CONSTRAINTS if constraints is None else constraints,
        "passes": {arm["name"]: 200.0 for arm in arms},
        "statistics": {"alpha": 0.05, "comparisons": ["unguided", "control", "late"]},
        "hull": {"shown_below": 0.5},
        "report": {"best": 10},
        "deduplicate": {"ltol": 0.2, "stol": 0.2, "angle_tol": 5.0},
    }


def usual_arms() -> list[dict[str, Any]]:
    """unguided, control, and two arms per constraint."""
    arms = [
        {"name": "unguided", "kind": "unguided", "constraint": None, "strength": 0.0},
        {"name": "control", "kind": "control", "constraint": None, "strength": 0.0},
    ]
    for name in CONSTRAINTS:
        arms.append({"name": f"{name}-s0.1", "kind": "guided", "constraint": name, "strength": 0.1})
        arms.append({"name": f"{name}-late", "kind": "late", "constraint": name, "strength": 0.1})
    return arms


@lru_cache(maxsize=1)
def crystals() -> dict[str, Structure]:
    """Ideal crystals of Li, Co and O."""
    fcc = Lattice.cubic
    layered = [[0, 0, 0], [0, 0, 0.5], [0, 0, 0.24]]
    return {
        "zincblende": Structure.from_spacegroup(216, fcc(4.55), ["Co", "O"], [[0, 0, 0], [0.25] * 3]),
        "rocksalt": Structure.from_spacegroup(225, fcc(4.26), ["Co", "O"], [[0, 0, 0], [0.5] * 3]),
        "antifluorite": Structure.from_spacegroup(225, fcc(4.6), ["O", "Li"], [[0, 0, 0], [0.25] * 3]),
        "layered": Structure.from_spacegroup(166, Lattice.hexagonal(2.82, 14.05), ["Li", "Co", "O"], layered),
        "li": Structure.from_spacegroup(229, fcc(3.44), ["Li"], [[0, 0, 0]]),
        "co": Structure.from_spacegroup(225, fcc(3.52), ["Co"], [[0, 0, 0]]),
        "o": Structure(fcc(4.0), ["O", "O"], [[0, 0, 0], [0.3, 0, 0]]),
    }


def build(root: Path, config: dict[str, Any], n: int = 24, empty: str = "", **oddities: Any) -> Plan:
    """Write every stage table of every arm below `root`; see `arm_tables` for the oddities.

    The arm `empty` has no structure.
    """
    plan = plan_from_settings(config)
    paths = CampaignPaths(root=root.parent, campaign=root.name)
    ideal = crystals()
    rng, hulls = np.random.default_rng(3), []
    for arm in plan.arms:
        others = ["rocksalt", "antifluorite", "layered"]
        names = [
            "zincblende" if rng.random() < CHANCE[arm.kind] else str(rng.choice(others)) for _ in range(n)
        ]
        kinds = [(ideal[k], ENERGY[k], HULL[k], k != "zincblende") for k in names]
        tables = arm_tables(plan, arm.name, [] if arm.name == empty else kinds, **oddities)
        for start in range(0, max(n, 1), 10):
            write_table(tables["samples"][start : start + 10], paths.samples(arm.name, start // 10))
        for stage in [stage.column for stage in OF_EVERY_ARM]:
            write_table(tables[stage], paths.stage(arm.name, stage))
        hulls.append(tables["hull"])
    _references(paths, hulls, with_hull=oddities.get("hull", True))
    record = {"config": config, "versions": {"lodestone": "0.1.0"}, "estimator": {"kind": "grace"}}
    write_json(paths.record, record)
    return plan


def source(name: str, **changes: Any) -> dict[str, Any]:
    """What came of a source of references."""
    usual = {
        "name": name, "kind": "optimade", "licence": "CC-BY-4.0", "required": False, "state": "complete",
        "rows": 12, "missing": [], "left_out": {}, "failure": None,
        "retrieved": ["2026-04-01T10:00:00", "2026-04-14"],
    }  # fmt: skip
    return usual | changes


def _references(paths: CampaignPaths, hulls: list[pl.DataFrame], *, with_hull: bool) -> None:
    known = {name: c for name, c in crystals().items() if name != "zincblende"}
    primitive = [SpacegroupAnalyzer(s).get_primitive_standard_structure() for s in known.values()]
    table = structures([f"embedded/{name}" for name in known], primitive).with_columns(
        pl.Series("formula", [s.composition.reduced_formula for s in primitive]),
        pl.Series("chemical_system", [s.chemical_system for s in primitive]),
        pl.lit("embedded").alias("source"),
        pl.Series("source_id", list(known)),
        pl.Series("energy_per_atom", [ENERGY[name] for name in known]),
        pl.Series("e_above_hull", [HULL.get(name, 0.0) for name in known]),
        pl.lit("CC0").alias("licence"),
        pl.lit("2026-01-01").alias("retrieved"),
    )
    write_table(table, paths.references)
    if not paths.reference_sources.exists():
        write_json(paths.reference_sources, {"sources": [source("embedded", rows=table.height)]})
    off = np.linspace(-0.05, 0.05, table.height)
    failure = pl.lit(None, pl.String)
    own = table.select("id", pl.col("energy_per_atom") + off, failure.alias("energy_failure"))
    write_table(own, paths.reference_energies)
    above = pl.when(pl.lit(with_hull)).then("e_above_hull")
    reference_hull = table.select(
        "id",
        pl.lit("reference").alias("kind"),
        above.alias("e_above_hull"),
        above.alias("e_above_hull_combined"),
        failure.alias("hull_note"),
    )
    write_table(pl.concat([*hulls, reference_hull]), paths.hull)
    audit = pl.DataFrame({"kind": ["subsystem"], "name": ["Co-Li <b>bold</b>"], "references": [0]})
    write_table(audit, paths.hull_audit)
    error = pl.DataFrame({"quantity": ["energy_per_atom"], "n": [6], "mae": [0.03], "bias": [0.0]})
    write_table(error, paths.estimator_error)
