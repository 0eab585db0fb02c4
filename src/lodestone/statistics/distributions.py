"""Distributions of the constrained quantities: histogram, kernel density, neighbour counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from lodestone.columns.schemas import DISTRIBUTIONS

Span = tuple[float | None, float | None]

GRID_POINTS = 200
BINS = (10, 60)  # fewest and most bins of a histogram
TAILS = (0.005, 0.995)  # quantiles that the range shown is drawn from


@dataclass(frozen=True)
class Quantity:
    """A term of a constraint, its values by group, and neighbour counts by group where it counts atoms."""

    constraint: str
    term: int
    name: str
    unit: str
    spans: Sequence[Span]
    """The target as intervals, open ends None."""
    values: Mapping[str, Sequence[float | None]]
    counts: Mapping[str, np.ndarray] | None = None


def distributions(quantities: Sequence[Quantity]) -> pl.DataFrame:
    """Histogram and Gaussian kernel density (bandwidth by Silverman's rule) of every group."""
    rows = [row for quantity in quantities for row in _rows(quantity)]
    return pl.DataFrame(rows, schema=DISTRIBUTIONS, orient="row")


def density(values: np.ndarray, grid: np.ndarray) -> np.ndarray | None:
    """Gaussian kernel density at `grid`; None for fewer than two different values (Silverman, 1986)."""
    if len(values) < 2 or np.ptp(values) <= 1e-12 * max(1.0, float(np.abs(values).max())):
        return None
    from scipy.stats import gaussian_kde

    return np.asarray(gaussian_kde(values, bw_method="silverman")(grid))


def shown_range(values: np.ndarray, spans: Sequence[Span]) -> tuple[float, float]:
    """Range that holds 99 % of all groups' values and every end of the target, with a margin."""
    ends = [end for span in spans for end in span if end is not None]
    if not len(values):
        return min(ends) - 1.0, max(ends) + 1.0
    low, high = np.quantile(values, TAILS)
    low, high = min(float(low), *ends), max(float(high), *ends)
    margin = 0.05 * (high - low) or 0.5
    return low - margin, high + margin


def as_numbers(values: Sequence[float | None]) -> np.ndarray:
    """Values as an array, NaN where there is none, (n_values,)."""
    return np.array([np.nan if v is None else v for v in values], dtype=float)


def _rows(quantity: Quantity) -> list[dict[str, Any]]:
    finite = {group: _finite(values) for group, values in quantity.values.items()}
    pooled = np.concatenate([np.empty(0), *finite.values()])
    low, high = shown_range(pooled, quantity.spans)
    inside = pooled[(pooled >= low) & (pooled <= high)]
    edges = _edges(inside, low, high)
    rows: list[dict[str, Any]] = []
    for group, values in finite.items():
        shown = values[(values >= low) & (values <= high)]
        head = _head(quantity, group) | {
            "n": len(shown),
            "outside": len(values) - len(shown),
            "undefined": len(quantity.values[group]) - len(values),
        }
        rows += _histogram(head, shown, edges) + _kde(head, shown, low, high)
    for group, counts in (quantity.counts or {}).items():
        rows += _counts(_head(quantity, group), counts)
    return rows


def _head(quantity: Quantity, group: str) -> dict[str, Any]:
    return {
        "constraint": quantity.constraint,
        "term": quantity.term,
        "quantity": quantity.name,
        "unit": quantity.unit,
        "group": group,
    }


def _finite(values: Sequence[float | None]) -> np.ndarray:
    array = as_numbers(values)
    return array[np.isfinite(array)]


def _edges(values: np.ndarray, low: float, high: float) -> np.ndarray:
    wished = len(np.histogram_bin_edges(values, "fd")) - 1 if len(values) > 1 else BINS[0]
    return np.linspace(low, high, int(np.clip(wished, *BINS)) + 1)


def _histogram(head: dict[str, Any], values: np.ndarray, edges: np.ndarray) -> list[dict[str, Any]]:
    if not len(values):
        return [head | {"form": "histogram", "x": None, "width": None, "y": None}]
    heights, _ = np.histogram(values, edges, density=True)
    return [
        head | {"form": "histogram", "x": float(x), "width": float(w), "y": float(y)}
        for x, w, y in zip(edges[:-1], np.diff(edges), heights, strict=True)
    ]


def _kde(head: dict[str, Any], values: np.ndarray, low: float, high: float) -> list[dict[str, Any]]:
    grid = np.linspace(low, high, GRID_POINTS)
    heights = density(values, grid)
    if heights is None:
        return []
    return [
        head | {"form": "kde", "x": float(x), "width": None, "y": float(y)}
        for x, y in zip(grid, heights, strict=True)
    ]


def _counts(head: dict[str, Any], counts: np.ndarray) -> list[dict[str, Any]]:
    if not len(counts):
        return []
    seen = np.bincount(counts)
    common = {"form": "counts", "n": len(counts), "outside": 0, "undefined": 0, "width": 1.0}
    return [head | common | {"x": float(k), "y": float(c / len(counts))} for k, c in enumerate(seen)]
