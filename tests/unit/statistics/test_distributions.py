"""Histogram and kernel density."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy.stats import gaussian_kde

from lodestone.statistics.distributions import Quantity, density, distributions, shown_range


def table(**values: list[float | None]) -> pl.DataFrame:
    return distributions([Quantity("c", 0, "volume per atom", "Å³/atom", [(10.0, 10.0)], values)])


def rows(found: pl.DataFrame, group: str, form: str) -> pl.DataFrame:
    return found.filter(pl.col("group") == group, pl.col("form") == form)


def test_density_is_scipys() -> None:
    values = np.random.default_rng(0).normal(10, 2, 300)
    found = rows(table(a=values.tolist()), "a", "kde")
    low, high = found["x"].min(), found["x"].max()
    inside = values[(values >= low) & (values <= high)]
    expected = gaussian_kde(inside, bw_method="silverman")(found["x"].to_numpy())
    np.testing.assert_allclose(found["y"].to_numpy(), expected, rtol=1e-12)


def test_silverman_bandwidth_written_out() -> None:
    values, x = np.array([1.0, 2.0, 4.0, 4.5]), np.array([2.2])
    width = values.std(ddof=1) * (4 * 3 / 4) ** (-1 / 5)
    expected = np.mean(np.exp(-0.5 * ((x - values) / width) ** 2)) / (width * np.sqrt(2 * np.pi))
    assert density(values, x)[0] == pytest.approx(expected)


@pytest.mark.parametrize("values", [[], [3.0], [3.0] * 50])
def test_no_density_without_spread(values: list[float]) -> None:
    assert density(np.array(values), np.array([1.0])) is None


def test_histogram_integrates_to_one() -> None:
    found = rows(table(a=list(np.linspace(5, 15, 77)), b=[8.0, 9.0]), "a", "histogram")
    assert (found["y"] * found["width"]).sum() == pytest.approx(1)


def test_nothing_is_dropped_silently() -> None:
    values = [*np.linspace(9, 11, 400), 500.0, None, float("nan")]
    found = rows(table(a=values), "a", "histogram")
    assert found["n"][0] + found["outside"][0] + found["undefined"][0] == len(values)
    assert found["undefined"][0] == 2
    assert found["outside"][0] >= 1


def test_a_group_without_values_keeps_its_row() -> None:
    found = table(a=[None, None], b=[1.0, 2.0])
    assert rows(found, "a", "histogram").height == 1
    assert rows(found, "a", "histogram")["undefined"][0] == 2


def test_counts_are_shares() -> None:
    quantity = Quantity("c", 0, "Co-O", "", [(4.0, 4.0)], {"a": [4.0]}, {"a": np.array([4, 4, 6, 0])})
    found = rows(distributions([quantity]), "a", "counts")
    assert found["x"].to_list() == [0, 1, 2, 3, 4, 5, 6]
    assert found["y"].to_list() == [0.25, 0, 0, 0, 0.5, 0, 0.25]


@pytest.mark.parametrize(
    ("spans", "low", "high"),
    [
        ([(10.0, 10.0)], 2.0, 10.0),
        ([(-1.0, 1.0)], -1.0, 4.0),
        ([(None, 3.0)], 2.0, 4.0),
        ([(7.0, None)], 2.0, 7.0),
        ([(1.0, 1.0), (6.0, 6.0)], 1.0, 6.0),
    ],
)
def test_every_end_of_the_target_is_shown(
    spans: list[tuple[float | None, float | None]], low: float, high: float
) -> None:
    shown = shown_range(np.array([2.0] * 50 + [4.0] * 50), spans)
    margin = 0.05 * (high - low)
    assert shown == pytest.approx((low - margin, high + margin))
    assert shown_range(np.empty(0), [(None, 3.0)]) == (2.0, 4.0)
