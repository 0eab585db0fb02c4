"""Two terms of a constraint together: a two-dimensional kernel density of every group, on one grid."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, groupby
from typing import Any

import numpy as np
import polars as pl

from lodestone.columns.schemas import JOINT
from lodestone.statistics.distributions import Quantity, as_numbers, shown_range

GRID_POINTS = 50
"""Grid points along each axis."""
FEWEST = 3
"""Points that a covariance of two quantities needs at least."""
SINGULAR = 1e-9
"""1 - |correlation| below which points count as lying on a line."""


def joint(quantities: Sequence[Quantity]) -> pl.DataFrame:
    """Gaussian kernel density (bandwidth by Silverman's rule) of every pair of terms of a constraint.

    The range of each axis is that of the term's own distribution. A group without a density has one
    row, with the reason in `note`. See `schemas` for the columns.
    """
    rows = [
        row
        for _, terms in groupby(quantities, key=lambda quantity: quantity.constraint)
        for x, y in combinations(list(terms), 2)
        for row in _pair(x, y)
    ]
    return pl.DataFrame(rows, schema=JOINT, orient="row")


def joint_density(points: np.ndarray, grid: np.ndarray) -> np.ndarray | str:
    """Density of `points` (n_points, 2) at `grid` (n_grid, 2), (n_grid,); or why there is none.

    Kernels have the covariance of the points times the square of Silverman's factor n^(-1/6)
    (Silverman, Density Estimation for Statistics and Data Analysis, 1986, chapter 4).
    """
    if len(points) < FEWEST:
        return f"no density: {len(points)} of the {FEWEST} points that it needs"
    if any(np.ptp(values) <= 1e-12 * max(1.0, float(np.abs(values).max())) for values in points.T):
        return "no density: all points have one value of x or of y"
    if 1 - abs(float(np.corrcoef(points.T)[0, 1])) < SINGULAR:
        return "no density: all points lie on a line"
    from scipy.stats import gaussian_kde

    return np.asarray(gaussian_kde(points.T, bw_method="silverman")(grid.T))


def _pair(x: Quantity, y: Quantity) -> list[dict[str, Any]]:
    axes = [_axis(quantity) for quantity in (x, y)]
    grid = np.stack([side.ravel() for side in np.meshgrid(*axes, indexing="ij")], axis=1)
    rows: list[dict[str, Any]] = []
    for group in x.values:
        both = np.stack([as_numbers(q.values[group]) for q in (x, y)], axis=1)
        defined = both[np.isfinite(both).all(axis=1)]
        inside = np.all([(v >= a[0]) & (v <= a[-1]) for v, a in zip(defined.T, axes, strict=True)], axis=0)
        shown = defined[inside]
        head = _head(x, y, group) | {
            "n": len(shown),
            "outside": len(defined) - len(shown),
            "undefined": len(both) - len(defined),
        }
        found = joint_density(shown, grid)
        if isinstance(found, str):
            rows.append(head | {"note": found})
            continue
        rows += [
            head | {"x": float(a), "y": float(b), "density": float(d)}
            for (a, b), d in zip(grid, found, strict=True)
        ]
    return rows


def _axis(quantity: Quantity) -> np.ndarray:
    pooled = np.concatenate([np.empty(0), *(as_numbers(v) for v in quantity.values.values())])
    return np.linspace(*shown_range(pooled[np.isfinite(pooled)], quantity.spans), GRID_POINTS)


def _head(x: Quantity, y: Quantity, group: str) -> dict[str, Any]:
    return {
        "constraint": x.constraint,
        "term_x": x.term,
        "term_y": y.term,
        "quantity_x": x.name,
        "unit_x": x.unit,
        "quantity_y": y.name,
        "unit_y": y.unit,
        "group": group,
    }
