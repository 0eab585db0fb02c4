"""Two-dimensional densities against scipy and a sum over kernels written out."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from scipy.stats import gaussian_kde

from lodestone.columns.schemas import JOINT
from lodestone.statistics.distributions import Quantity, shown_range
from lodestone.statistics.joint import GRID_POINTS, joint, joint_density

SPAN = {"x": [(4.0, 4.0)], "y": [(10.0, 12.0)], "z": [(None, 2.0)]}


def term(i: int, name: str, **values: list[float | None]) -> Quantity:
    return Quantity("c", i, name, "", SPAN[name], values)


def correlated(n: int = 300, seed: int = 0) -> tuple[list[float], list[float]]:
    x, noise = np.random.default_rng(seed).normal(size=(2, n))
    return (4 + x).tolist(), (11 + x + 0.5 * noise).tolist()


def by_hand(points: np.ndarray, at: np.ndarray) -> float:
    """Mean of bivariate normal densities with the points' covariance times n^(-1/3)."""
    n = len(points)
    mx, my = sum(points[:, 0]) / n, sum(points[:, 1]) / n
    factor = n ** (-1 / 6)  # (n (d + 2) / 4)^(-1 / (d + 4)) for d = 2
    sxx = factor**2 * sum((x - mx) ** 2 for x, _ in points) / (n - 1)
    syy = factor**2 * sum((y - my) ** 2 for _, y in points) / (n - 1)
    sxy = factor**2 * sum((x - mx) * (y - my) for x, y in points) / (n - 1)
    det = sxx * syy - sxy**2
    total = 0.0
    for x, y in points:
        u, v = at[0] - x, at[1] - y
        total += math.exp(-0.5 * (syy * u * u - 2 * sxy * u * v + sxx * v * v) / det)
    return total / (n * 2 * math.pi * math.sqrt(det))


@pytest.mark.parametrize("n", [3, 4, 10, 200])
@pytest.mark.parametrize("scale", [1.0, 1e-6, 1e5])
def test_density_is_the_sum_over_kernels(n: int, scale: float) -> None:
    points = np.random.default_rng(n).normal(size=(n, 2)) * [1.0, scale] + [3.0, 0.0]
    grid = np.random.default_rng(1).normal(size=(6, 2)) * [1.0, scale] + [3.0, 0.0]
    found = joint_density(points, grid)
    assert not isinstance(found, str)
    assert found == pytest.approx([by_hand(points, at) for at in grid], rel=1e-9)
    np.testing.assert_allclose(found, gaussian_kde(points.T, bw_method="silverman")(grid.T), rtol=1e-12)


def test_the_table_is_scipys_on_one_grid() -> None:
    x, y = correlated()
    other = correlated(80, 1)
    found = joint([term(0, "x", a=x, references=other[0]), term(1, "y", a=y, references=other[1])])
    assert dict(found.schema) == JOINT
    ranges = [shown_range(np.array(v), s) for v, s in ((x + other[0], SPAN["x"]), (y + other[1], SPAN["y"]))]
    pairs = {"a": np.array([x, y]), "references": np.array(other)}
    grids = []
    for group, points in pairs.items():
        rows = found.filter(pl.col("group") == group)
        assert rows.height == GRID_POINTS**2
        grid = rows.select("x", "y").to_numpy()
        inside = points[
            :, [all(lo <= v <= hi for v, (lo, hi) in zip(p, ranges, strict=True)) for p in points.T]
        ]
        np.testing.assert_allclose(
            rows["density"].to_numpy(), gaussian_kde(inside, bw_method="silverman")(grid.T), rtol=1e-10
        )
        assert rows["n"][0] == inside.shape[1]
        assert rows["outside"][0] == points.shape[1] - inside.shape[1]
        assert (grid.min(axis=0), grid.max(axis=0)) == (
            pytest.approx([r[0] for r in ranges]),
            pytest.approx([r[1] for r in ranges]),
        )
        grids.append(grid)
    assert (grids[0] == grids[1]).all()


def test_it_integrates_to_one() -> None:
    x, y = correlated()
    rows = joint([term(0, "x", a=x), term(1, "y", a=y)])
    cell = np.prod([np.ptp(rows[c].to_numpy()) / (GRID_POINTS - 1) for c in ("x", "y")])
    assert rows["density"].sum() * cell == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(
    ("x", "y", "note"),
    [
        ([], [], "0 of the 3 points"),
        ([4.0], [11.0], "1 of the 3 points"),
        ([4.0, 5.0], [11.0, 12.0], "2 of the 3 points"),
        ([4.0] * 9, list(range(9)), "one value"),
        (list(range(9)), [7.0] * 9, "one value"),
        ([1.0, 2.0, 3.5, 7.0], [2.0, 4.0, 7.0, 14.0], "on a line"),
        ([None, 4.0, 5.0, 6.0], [1.0, None, float("nan"), 6.0], "1 of the 3 points"),
    ],
)
def test_no_density_says_why(x: list[float | None], y: list[float | None], note: str) -> None:
    found = joint([term(0, "x", a=x), term(1, "y", a=y)])
    assert found.height == 1
    row = found.row(0, named=True)
    assert (row["x"], row["y"], row["density"]) == (None, None, None)
    assert note in row["note"]
    assert row["n"] + row["outside"] + row["undefined"] == len(x)


def test_every_pair_of_terms_of_one_constraint() -> None:
    x, y = correlated(30)
    terms = [term(0, "x", a=x), term(1, "y", a=y), term(2, "z", a=y[::-1])]
    found = joint([*terms, Quantity("d", 0, "x", "", SPAN["x"], {"a": x})])
    assert found.select("constraint", "term_x", "term_y").unique(maintain_order=True).rows() == [
        ("c", 0, 1),
        ("c", 0, 2),
        ("c", 1, 2),
    ]
    assert joint(terms[:1]).height == 0
    assert joint([]).height == 0
