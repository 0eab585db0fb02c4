"""The arithmetic of the search benchmark: minima, coverage, calls at a level, ratios."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from benchmarks.search import coverage
from benchmarks.search.cases import CASES, GRACE, METHODS, Case, jobs
from benchmarks.search.figure import draw
from benchmarks.search.report import PLACES, tables
from benchmarks.shared.record import provenance
from lodestone.structures import table

HITS = np.array([[1, 0, 2], [0, 0, 1]])
POOL = coverage.Pool(HITS, np.array([30, 10]), np.array([3, 2]))


def test_coverage_without_replacement_is_the_mean_over_all_subsets() -> None:
    owners = [0, 2, 2, 2, -1]  # five structures, the minima that they are
    for n, expected in enumerate(coverage.without(POOL)):
        subsets = [len({k for k in s if k >= 0}) / 3 for s in combinations(owners, n)]
        assert expected == pytest.approx(np.mean(subsets))


def test_calls_at_a_level_are_interpolated_and_none_beyond_what_was_found() -> None:
    curve = coverage.without(POOL)
    assert POOL.each == 8.0
    assert coverage.calls_at(curve[2], curve, 8.0) == pytest.approx(16.0)
    assert coverage.calls_at((curve[1] + curve[2]) / 2, curve, 8.0) == pytest.approx(12.0)
    assert coverage.calls_at(0.9, curve, 8.0) is None


def test_the_jackknife_of_a_mean_is_its_variance() -> None:
    rng = np.random.default_rng(2)
    calls = rng.integers(900, 1100, size=30)
    pool = coverage.Pool(np.ones((30, 1), dtype=int), calls, np.full(30, 10))
    # calls per hit are the mean of the runs, whose relative variance is known
    wanted = calls.var(ddof=1) / 30 / calls.mean() ** 2
    assert coverage.jackknife(pool, coverage._per_lowest) == pytest.approx(wanted, rel=0.01)
    alone = coverage.Pool(np.eye(30, 2, dtype=int), calls, np.full(30, 10))
    assert coverage.jackknife(alone, coverage._per_lowest) is None  # one run alone found it


def test_a_method_against_itself_has_ratio_1_and_a_cheaper_one_its_factor() -> None:
    rng = np.random.default_rng(1)
    pool = coverage.Pool(rng.poisson(2.0, size=(20, 15)), np.full(20, 900), np.full(20, 60))
    dear = coverage.Pool(pool.hits, pool.calls * 3, pool.structures)
    found = coverage.ratios({"gss": pool, "rss": dear, "diffusion": pool})
    assert found["diffusion/gss at 0.8"]["value"] == pytest.approx(1.0)
    assert found["rss/gss at 0.5"]["value"] == pytest.approx(3.0)
    assert found["rss/gss at 0.5"]["low"] < 3.0 < found["rss/gss at 0.5"]["high"]
    assert found["rss/gss per lowest"]["value"] == pytest.approx(3.0)
    assert found["rss/gss at 0.5"]["bound"] == ""


def test_what_is_not_reached_is_a_bound() -> None:
    all_of_it = coverage.Pool(np.ones((4, 10), dtype=int), np.full(4, 100), np.full(4, 10))
    little = np.zeros((4, 10), dtype=int)
    little[:, 0] = 1
    poor = coverage.Pool(little, np.full(4, 100), np.full(4, 10))
    found = coverage.ratios({"gss": all_of_it, "rss": poor, "diffusion": poor})["rss/gss at 0.5"]
    assert found["bound"] == "over"
    assert found["high"] is None
    assert found["value"] == pytest.approx(400 / coverage.calls_at(0.5, coverage.without(all_of_it), 10.0))
    assert coverage.ratios({"gss": poor, "rss": poor, "diffusion": poor})["rss/gss at 0.5"]["bound"] is None


def test_curves_of_a_run_count_each_minimum_once_at_the_end_of_its_structure() -> None:
    found = coverage.run_curve(
        np.array([10, 10, 20]), np.array([7, 7, 4]), np.array([4, 7, 9]), np.array([5, 10, 20, 39, 40])
    )
    np.testing.assert_allclose(found, [0, 1 / 3, 1 / 3, 1 / 3, 2 / 3])


def test_clusters_are_split_where_energies_differ() -> None:
    leaders = np.array([0, 0, 2, 0, 0])
    energies = np.array([-5.0, -4.997, -4.996, -4.99, -4.986])
    assert coverage.split_by_energy(leaders, energies).tolist() == [0, 0, 2, 3, 3]


def crystals(kinds: list[str], energies: list[float], converged: list[bool]) -> pl.DataFrame:
    """Copper and its relatives, turned and shifted, as rows of a search."""
    from ase.build import bulk

    rng = np.random.default_rng(len(kinds))
    found = [bulk("Cu", kind, a=3.6 if kind == "fcc" else 2.9) for kind in kinds]
    for atoms in found:
        atoms.positions += rng.random(3)
    rows = table.from_ase([str(k) for k in range(len(kinds))], found)
    return rows.with_columns(
        pl.Series("search_energy", energies), pl.Series("search_converged", converged),
        pl.lit(value=False).alias("failed"), pl.lit(10).alias("estimator_calls"),
        pl.lit(9).alias("search_steps"),
    )  # fmt: skip


def test_the_whole_comparison_of_known_minima(tmp_path: Path) -> None:
    found_by = {
        "gss": [crystals(["fcc", "fcc"], [-4.0, -3.999], [True, True])] * 2,
        "diffusion": [crystals(["fcc", "bcc"], [-4.0, -3.95], [True, False])] * 2,
        "rss": [crystals(["bcc", "fcc", "fcc"], [-3.95, -4.001, -3.5], [True, True, True])] * 2,
    }
    case = Case("copper", {"Cu": 1}, GRACE, 40)
    found = coverage.compared("Cu", case, found_by)
    assert found["union"] == 2  # fcc at -3.5 lies beyond the window
    assert found["lowest"] == -4.001
    assert [found["methods"][m]["found"] for m in ("gss", "diffusion", "rss")] == [1, 1, 2]
    assert found["methods"]["diffusion"]["not_converged"] == 2
    assert found["methods"]["gss"]["calls_at"] == {
        "0.25": pytest.approx(5.0), "0.5": pytest.approx(10.0), "0.8": None,
    }  # fmt: skip
    (only,) = found["missed"]["rss, never gss"]
    assert only["space_group"] == "Im-3m"
    assert only["above_lowest"] == pytest.approx(0.051)
    assert (only["hits"], only["runs"]) == (2, 2)
    assert found["missed"]["gss, never rss"] == []
    result = {"steps": 5, "cases": [json.loads(json.dumps(found))]}
    text = tables(result)
    assert "copper: 2 runs per method, at least 40 calls each" in text
    assert "| copper | rss | 6 | 0 | 0 | 60 |" in text
    assert "Im-3m" in text
    drawn = [draw(result, tmp_path / f"{name}.svg").read_bytes() for name in "ab"]
    assert drawn[0] == drawn[1]
    page = tmp_path / "search.md"
    page.write_text("before\n<!-- search: begin -->\nold\n<!-- search: end -->\nafter\n")
    (place,) = PLACES
    place.update(tmp_path, {**provenance(1), **result})
    assert text in page.read_text()
    assert "old" not in page.read_text()


def test_the_cases_are_what_they_say() -> None:
    from training.references.prototypes import SYSTEMS

    trained = {frozenset(q.elements) for quotas in SYSTEMS.values() for q in quotas}
    for case in CASES.values():
        assert (frozenset(case.composition) in trained) == ("never seen" not in case.title)


def test_every_method_has_the_same_seeds_of_a_case() -> None:
    wanted = list(jobs(tuple(CASES), 20))
    assert len(wanted) == len(set(wanted)) == 20 * len(CASES) * len(METHODS)
    for method in METHODS:
        assert {(j.case, j.seed) for j in wanted if j.method == method} == {(j.case, j.seed) for j in wanted}
