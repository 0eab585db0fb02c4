"""Distinct minima of the runs of several methods, and how many calls it takes to find them.

Two structures are the same minimum if the house's comparison says so (fingerprint, then matcher, at the
defaults of `curation.deduplicate`) and their energies lie within 5 meV/atom. The union holds every converged
minimum, of all methods and runs, up to 0.3 eV/atom above the lowest.

Calls at a level of coverage are those of pooled runs: N structures drawn without replacement from the m of a
method miss a minimum that h of them hit with the probability C(m - h, N) / C(m, N), and cost N times the mean
number of calls. The interval of a ratio comes from a jackknife over runs, of the logarithms. A bootstrap will
not do: a run that is drawn twice finds nothing new, so that its curves lie below the one that is asked about.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lodestone.columns import Col

if TYPE_CHECKING:
    import polars as pl

    from benchmarks.search.cases import Case

WINDOW, SAME_ENERGY = 0.3, 0.005  # eV/atom
LEVELS = (0.25, 0.5, 0.8)
POINTS = 60  # of a curve


@dataclass(frozen=True)
class Pool:
    """The runs of one method: hits (n_runs, n_minima), calls (n_runs,) and structures (n_runs,)."""

    hits: np.ndarray
    calls: np.ndarray
    structures: np.ndarray

    @property
    def each(self) -> float:
        """Calls per structure."""
        return float(self.calls.sum() / self.structures.sum())


Cost = Callable[[Pool], "float | None"]


def compared(name: str, case: Case, tables: Mapping[str, Sequence[pl.DataFrame]]) -> dict[str, Any]:
    """What the methods found of a case, against calls."""
    found = minima(tables)
    union = np.flatnonzero(found.energies <= found.energies.min() + WINDOW)
    pools = {method: pool_of(tables[method], found.of[method], union) for method in tables}
    grid = np.linspace(0, case.budget, POINTS + 1)
    several = sum((p.hits > 0).sum(axis=0) for p in pools.values()) > 1
    return {
        "case": name, "title": case.title, "composition": case.composition, "estimator": case.estimator,
        "budget": case.budget, "runs": len(tables["gss"]), "lowest": float(found.energies.min()),
        "union": len(union), "union_several": int(several.sum()), "grid": grid.tolist(),
        "methods": {
            method: described(pools[method], tables[method], found.of[method], union, grid)
            for method in tables
        },
        "ratios": ratios(pools), "ratios_several": ratios({m: _part(p, several) for m, p in pools.items()}),
        "missed": {
            f"{one}, never {other}": missed(found, union, pools[one], pools[other])
            for one, other in (("rss", "gss"), ("gss", "rss"), ("diffusion", "gss"), ("gss", "diffusion"))
        },
    }  # fmt: skip


@dataclass(frozen=True)
class Minima:
    """Distinct minima.

    `energies` (n_minima,) in eV/atom, a crystal of each, and by method and run the minimum that every
    structure is, -1 where it is none.
    """

    energies: np.ndarray
    crystals: list[tuple[np.ndarray, np.ndarray, np.ndarray]]
    of: dict[str, list[np.ndarray]]


def minima(tables: Mapping[str, Sequence[pl.DataFrame]]) -> Minima:
    """The distinct minima of all runs, numbered by energy."""
    from lodestone.curation.clustering import cluster
    from lodestone.curation.matching import Similarity
    from lodestone.structures import table

    places, energies, crystals = [], [], []
    for method, runs in tables.items():
        for k, rows in enumerate(runs):
            for i, row in enumerate(rows.iter_rows(named=True)):
                if row[Col.SEARCH_CONVERGED] and not row["failed"]:
                    places.append((method, k, i))
                    energies.append(row[Col.SEARCH_ENERGY])
                    crystals.append(table.arrays(row))
    order = np.argsort(energies, kind="stable")
    sorted_energies = np.array(energies)[order]
    leaders = cluster([crystals[i] for i in order], Similarity()).leaders[1.0]
    firsts = split_by_energy(leaders, sorted_energies)
    kept = np.unique(firsts)
    number = {int(first): k for k, first in enumerate(kept)}
    of = {method: [np.full(len(rows), -1) for rows in runs] for method, runs in tables.items()}
    for position, first in zip(order, firsts, strict=True):
        method, k, i = places[position]
        of[method][k][i] = number[int(first)]
    return Minima(sorted_energies[kept], [crystals[order[k]] for k in kept], of)


def split_by_energy(leaders: np.ndarray, energies: np.ndarray) -> np.ndarray:
    """Leaders (n,) of clusters whose members lie within `SAME_ENERGY` of the first; energies rise with n."""
    firsts = np.arange(len(leaders))
    last: dict[int, int] = {}
    for i, leader in enumerate(leaders.tolist()):
        if leader not in last or energies[i] - energies[last[leader]] > SAME_ENERGY:
            last[leader] = i
        firsts[i] = last[leader]
    return firsts


def pool_of(runs: Sequence[pl.DataFrame], of: Sequence[np.ndarray], union: np.ndarray) -> Pool:
    """Hits of the union's minima, run by run."""
    hits = np.array([(found[:, None] == union).sum(axis=0) for found in of])
    calls = np.array([int(rows[Col.ESTIMATOR_CALLS].sum()) for rows in runs])
    return Pool(hits, calls, np.array([len(rows) for rows in runs]))


def described(
    pool: Pool, runs: Sequence[pl.DataFrame], of: Sequence[np.ndarray], union: np.ndarray, grid: np.ndarray
) -> dict[str, Any]:
    """Counts, coverage of single runs (mean and standard error) and of the pool, and calls at the levels."""
    import polars as pl

    curves = np.array([
        run_curve(rows[Col.ESTIMATOR_CALLS].to_numpy(), found, union, grid)
        for rows, found in zip(runs, of, strict=True)
    ])  # fmt: skip
    rows = pl.concat(runs)
    total = pool.structures.sum()
    lowest = pool.hits[:, 0].sum()
    return {
        "structures": int(total), "calls": int(pool.calls.sum()), "calls_per_structure": pool.each,
        "relaxation_steps": float(rows["search_steps"].mean()),  # type: ignore[arg-type]
        "failed": int(rows["failed"].sum()),
        "not_converged": int((~rows[Col.SEARCH_CONVERGED] & ~rows["failed"]).sum()),
        "found": int((pool.hits.sum(axis=0) > 0).sum()), "in_window": int(pool.hits.sum()),
        "lowest_hits": int(lowest), "calls_per_lowest": float(pool.calls.sum() / lowest) if lowest else None,
        "run_mean": curves.mean(axis=0).tolist(),
        "run_error": (curves.std(axis=0, ddof=1) / np.sqrt(len(curves))).tolist(),
        "pooled": pooled_curve(pool).tolist(),
        "calls_at": {f"{level:g}": calls_at(level, without(pool), pool.each) for level in LEVELS},
    }  # fmt: skip


def run_curve(calls: np.ndarray, found: np.ndarray, union: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Coverage of one run after each number of calls of the grid."""
    ends = np.cumsum(calls)
    first = [ends[np.flatnonzero(found == k)[0]] for k in union if (found == k).any()]
    return np.array([sum(c <= g for c in first) for g in grid]) / len(union)


def without(pool: Pool) -> np.ndarray:
    """Expected coverage after 0 ... m structures drawn without replacement from the pool."""
    from scipy.special import gammaln

    hits, m = pool.hits.sum(axis=0).astype(float), float(pool.structures.sum())
    n = np.arange(int(m) + 1, dtype=float)[:, None]
    possible = m - hits - n >= 0
    left = np.where(possible, m - hits - n, 0.0)
    log_missed = gammaln(m - hits + 1) - gammaln(left + 1) - gammaln(m + 1) + gammaln(m - n + 1)
    return np.asarray(1 - np.where(possible, np.exp(log_missed), 0.0).mean(axis=1))


def pooled_curve(pool: Pool) -> np.ndarray:
    """Calls and coverage (2, POINTS + 1) of the pooled runs."""
    coverage = without(pool)
    n = np.linspace(0, len(coverage) - 1, POINTS + 1)
    return np.array([n * pool.each, np.interp(n, np.arange(len(coverage)), coverage)])


def calls_at(level: float, coverage: np.ndarray, each: float) -> float | None:
    """Calls at which a curve over 0, 1, 2 ... structures reaches a level; None where it does not."""
    reached = np.flatnonzero(coverage >= level - 1e-12)
    if not len(reached):
        return None
    k = int(reached[0])
    if k == 0:
        return 0.0
    low, high = coverage[k - 1], coverage[k]
    return float((k - 1 + (level - low) / (high - low)) * each)


def ratios(pools: Mapping[str, Pool]) -> dict[str, Any]:
    """Calls of rss and diffusion over those of gss at every level, and per hit of the lowest minimum."""

    def at(level: float) -> Cost:
        return lambda pool: calls_at(level, without(pool), pool.each)

    costs = {f"at {level:g}": at(level) for level in LEVELS} | {"per lowest": _per_lowest}
    return {
        f"{other}/gss {name}": _ratio(pools[other], pools["gss"], cost)
        for other in ("rss", "diffusion")
        for name, cost in costs.items()
    }


def _ratio(over: Pool, under: Pool, cost: Cost) -> dict[str, Any]:
    """The ratio of two costs with its 95 % interval; a cost that was not reached is bounded by all calls."""
    from scipy.stats import t

    found = [cost(pool) for pool in (over, under)]
    values = [float(p.calls.sum()) if c is None else c for p, c in zip((over, under), found, strict=True)]
    bounds = {(True, True): "", (False, True): "over", (True, False): "under", (False, False): None}
    value = values[0] / values[1]
    spread = [jackknife(pool, cost) for pool in (over, under)]
    interval: list[float | None] = [None, None]
    if None not in spread:
        width = t.ppf(0.975, len(under.calls) - 1) * np.sqrt(sum(s for s in spread if s is not None))
        interval = [float(value * np.exp(sign * width)) for sign in (-1, 1)]
    bound = bounds[found[0] is not None, found[1] is not None]
    return {"value": value, "bound": bound, "low": interval[0], "high": interval[1]}


def jackknife(pool: Pool, cost: Cost) -> float | None:
    """Variance of the logarithm of a cost over runs; None where leaving a run out leaves it unreached."""
    n_runs = len(pool.calls)
    logs = []
    for k in range(n_runs):
        kept = np.arange(n_runs) != k
        value = cost(Pool(pool.hits[kept], pool.calls[kept], pool.structures[kept]))
        if value is None:
            return None
        logs.append(np.log(value))
    return float((n_runs - 1) * np.var(logs))


def _per_lowest(pool: Pool) -> float | None:
    hits = pool.hits[:, 0].sum() if pool.hits.shape[1] else 0
    return float(pool.calls.sum() / hits) if hits else None


def _part(pool: Pool, chosen: np.ndarray) -> Pool:
    return Pool(pool.hits[:, chosen], pool.calls, pool.structures)


def missed(found: Minima, union: np.ndarray, one: Pool, other: Pool) -> list[dict[str, Any]]:
    """Minima of the union that one method found and the other did not, lowest first."""
    from lodestone.curation.symmetry import symmetrize

    only = (one.hits.sum(axis=0) > 0) & (other.hits.sum(axis=0) == 0)
    rows = []
    for k in np.flatnonzero(only):
        numbers, cell, frac = found.crystals[union[k]]
        rows.append({
            "above_lowest": float(found.energies[union[k]] - found.energies[0]),
            "space_group": symmetrize(numbers, cell, frac).symbol,
            "volume_per_atom": abs(float(np.linalg.det(cell))) / len(numbers),
            "hits": int(one.hits[:, k].sum()), "runs": int((one.hits[:, k] > 0).sum()),
        })  # fmt: skip
    return rows
