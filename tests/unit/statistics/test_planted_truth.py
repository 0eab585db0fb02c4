"""Simulated campaigns: no effect is claimed too seldom to matter, a detectable one is found as promised."""

from __future__ import annotations

import gc
import math
from collections.abc import Iterator

import numpy as np
import polars as pl
import pytest
from planted import Draw, alike, campaigns, copies, exactly, independent
from scipy.stats import binom

from lodestone.inference.power import rejections
from lodestone.inference.tests import holm, threshold

pytestmark = pytest.mark.slow

CAMPAIGNS = 120
ALPHA = 0.05
MOST = int(binom.ppf(0.999, CAMPAIGNS, ALPHA))
"""Campaigns with a false claim that chance allows once in a thousand such tests, where alpha holds."""


@pytest.fixture(autouse=True, scope="module")
def quick_collections() -> Iterator[None]:
    """`multipletests` collects garbage at each call; what is there already need not be looked at."""
    next(campaigns(1, "a", independent(9, 0.5), independent(9, 0.5), seed=0))  # imports what it takes
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def confirmed(table: pl.DataFrame) -> pl.DataFrame:
    return table.filter(pl.col("family") == "confirmatory")


NULL: dict[str, tuple[Draw, Draw]] = {
    "z": (independent(120, 0.2), independent(120, 0.2)),
    "fisher": (independent(60, 0.03), independent(60, 0.03)),
    "copies": (copies(100, 4, 0.2), independent(400, 0.2)),
    "alike": (alike(60, 8, 0.3), alike(60, 8, 0.3)),
    "few lineages": (copies(16, 8, 0.1), independent(128, 0.1)),
}


@pytest.mark.parametrize("kind", NULL)
def test_without_an_effect_few_campaigns_claim_one(kind: str) -> None:
    guided, plain = NULL[kind]
    claims = {"confirmatory": 0, "exploratory": 0}
    naive = 0
    asked = "a" if kind == "alike" else "ab"  # bootstraps of every arm take their time
    for table in campaigns(CAMPAIGNS, asked, guided, plain, seed=len(kind)):
        for family in claims:
            claims[family] += bool(table.filter(pl.col("family") == family)["significant"].any())
        rows = confirmed(table)
        adjusted = holm(rows["p_value"].to_list())
        naive += any(p is not None and p < ALPHA for p in adjusted)
        used = rows["test_used"].str.contains("one structure per lineage")
        assert used.all() if kind not in ("z", "fisher") else not used.any()
    # where nothing is true, the expected share of false claims is the chance of any
    assert claims["confirmatory"] <= MOST
    assert claims["exploratory"] <= MOST
    if kind not in ("z", "fisher"):
        # the same campaigns, had every structure been taken as independent
        assert naive > MOST


PLANTED = {
    "z": (lambda rate: independent(120, rate), exactly(120, 24), independent(120, 0.2), "z"),
    "fisher": (lambda rate: independent(40, rate), exactly(40, 1), independent(40, 1 / 40), "fisher"),
    "copies": (
        *(lambda rate: copies(80, 4, rate), exactly(320, 64), independent(320, 0.2)),
        "z, one structure per lineage",
    ),
    "alike": (
        *(lambda rate: alike(24, 8, rate), exactly(192, 12), independent(192, 1 / 16)),
        "fisher, one structure per lineage",
    ),
}


@pytest.mark.parametrize("kind", PLANTED)
def test_the_minimal_detectable_effect_is_found_in_four_of_five_campaigns(kind: str) -> None:
    guided, observed, plain, used = PLANTED[kind]
    first = next(campaigns(1, "a", guided(0.3), observed, seed=1))
    row = confirmed(first).row(0, named=True)
    effect, level = row["minimal_detectable_effect"], row["mde_level"]
    assert level == ALPHA / 2
    assert row["mde_method"] == "exact"
    base = row["mde_rate_reference"]
    found = significant = 0
    tests: set[str] = set()
    for table in campaigns(CAMPAIGNS, "a", guided(base + effect), plain, seed=7):
        rows = confirmed(table)
        found += rows["p_used"][0] < threshold(level)
        significant += rows["significant"][0]
        tests.add(rows["test_used"][0])
    error = 3 * math.sqrt(0.8 * 0.2 / CAMPAIGNS)
    assert abs(found / CAMPAIGNS - 0.8) < error
    assert significant >= found  # Holm leaves more than the level that is promised
    assert used in tests


@pytest.mark.parametrize(
    ("n", "m", "level", "most"),
    [
        *[(24, 24, 0.025, 1.25), (125, 125, 0.025, 1.25), (1000, 1000, 0.025, 1.05)],
        *[(125, 1000, 0.05, 1.25), (125, 1000, 0.025, 1.35), (250, 1000, 0.0125, 1.4)],
    ],
)
def test_the_true_size_is_near_the_level(n: int, m: int, level: float, most: float) -> None:
    """The z-test is approximate: its worst chance of a false claim over all rates, enumerated."""
    rejected = rejections(n, m, np.arange(m + 1), level)
    own, other = np.arange(n + 1), np.arange(m + 1)
    sizes = [binom.pmf(own, n, p) @ rejected @ binom.pmf(other, m, p) for p in np.linspace(0.005, 0.995, 100)]
    assert 0.5 * level < max(sizes) < most * level
