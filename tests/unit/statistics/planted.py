"""Campaigns of which the truth is known: rates are planted, tables are those of the real analysis."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import polars as pl

from lodestone.statistics.plan import Plan, plan_from_settings
from lodestone.statistics.success import success

Draw = Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray]]
"""Success of every structure, and its lineage."""
TERM = {"kind": "volume_per_atom", "target": 10.0}
OUTCOMES = ("satisfied", "persistent", "relaxed_satisfied")


def plan(constraints: str, seed: int) -> Plan:
    """A guided arm per constraint (one letter each, all primary), against unguided and control."""
    arms = [{"name": k, "kind": k} for k in ("unguided", "control")]
    arms += [{"name": c, "kind": "guided", "constraint": c, "strength": 0.1} for c in constraints]
    asked = {c: {"terms": [TERM], "satisfied_within": 1.0} for c in constraints}
    settings = {"campaign": "x", "chemical_system": "B", "arms": arms, "constraints": asked, "seed": seed}
    return plan_from_settings(settings)


def independent(n: int, rate: float) -> Draw:
    """Structures that have nothing to do with each other."""
    return lambda rng: (rng.random(n) < rate, np.arange(n))


def copies(lineages: int, members: int, rate: float) -> Draw:
    """Lineages whose members are copies: all succeed or none."""
    lineage = np.repeat(np.arange(lineages), members)
    return lambda rng: ((rng.random(lineages) < rate)[lineage], lineage)


def alike(lineages: int, members: int, rate: float) -> Draw:
    """Lineages with a rate of their own each, of mean `rate`; the last one is cut short."""
    lineage = np.repeat(np.arange(lineages), members)[: lineages * members - members // 2]

    def draw(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        own = rng.beta(rate, 1 - rate, lineages)
        return rng.random(len(lineage)) < own[lineage], lineage

    return draw


def table(constraints: str, drawn: dict[str, tuple[np.ndarray, np.ndarray]]) -> pl.DataFrame:
    """The columns that success is judged by; every structure is finite and valid."""
    lineage = drawn[constraints[0]][1]
    n = len(lineage)
    fixed = {
        "failed": [False] * n,
        "volume_per_atom": [10.0] * n,
        "valid": [True] * n,
        "relax_failure": pl.Series([None] * n, dtype=pl.String),
        "lineage": lineage,
    }
    return pl.DataFrame(fixed | {f"{c}.{o}": drawn[c][0] for c in constraints for o in OUTCOMES})


def campaigns(count: int, constraints: str, guided: Draw, plain: Draw, seed: int) -> Iterator[pl.DataFrame]:
    """The table of success of `count` campaigns; guided arms are drawn by `guided`, the others by `plain`."""
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        asked = plan(constraints, number)
        drawn = {
            arm.name: {c: (guided if arm.constraint else plain)(rng) for c in constraints}
            for arm in asked.arms
        }
        yield success({name: table(constraints, found) for name, found in drawn.items()}, asked)


def exactly(n: int, successes: int) -> Draw:
    """Independent structures of which so many succeed."""
    return lambda _: (np.arange(n) < successes, np.arange(n))
