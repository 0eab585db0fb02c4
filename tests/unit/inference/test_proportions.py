"""The tests of two rates against formulas written out here."""

from __future__ import annotations

import math

import pytest
from scipy.stats import hypergeom, norm

from lodestone.inference.tests import benjamini_hochberg, holm, larger

TABLES = [
    (a, n, b, m)
    for n, m in [(1, 1), (1, 30), (5, 8), (24, 24), (64, 250), (1000, 1000)]
    for a in sorted({0, 1, n // 2, n})
    for b in sorted({0, 1, m // 3, m})
]


@pytest.mark.parametrize("counts", TABLES)
def test_both_tests_against_formulas(counts: tuple[int, int, int, int]) -> None:
    a, n, b, m = counts
    found = larger(a, n, b, m)
    assert found.fisher_p == pytest.approx(hypergeom.sf(a - 1, n + m, a + b, n), rel=1e-6, abs=1e-14)
    pooled = (a + b) / (n + m)
    if pooled in (0, 1):
        assert found.z is None
        assert found.p_value is None
        assert "not defined" in (found.note or "")
        assert found.used == "fisher"
        return
    z = (a / n - b / m) / math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    assert found.z == pytest.approx(z)
    assert found.p_value == pytest.approx(norm.sf(z), rel=1e-9)
    expected = [n * pooled, n * (1 - pooled), m * pooled, m * (1 - pooled)]
    assert found.used == ("fisher" if min(expected) < 5 else "z")
    assert found.p_used == (found.fisher_p if found.used == "fisher" else found.p_value)


def test_an_empty_group_has_no_test() -> None:
    found = larger(0, 0, 3, 10)
    assert (found.z, found.p_value, found.fisher_p, found.p_used) == (None, None, None, None)


def test_the_test_is_one_sided() -> None:
    assert larger(40, 100, 20, 100).p_value < 0.01
    assert larger(20, 100, 40, 100).p_value > 0.99


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])


def test_benjamini_hochberg_by_hand() -> None:
    assert benjamini_hochberg([0.01, 0.04, 0.03, 0.5]) == pytest.approx([0.04, 0.16 / 3, 0.16 / 3, 0.5])


@pytest.mark.parametrize("adjust", [holm, benjamini_hochberg])
def test_undefined_p_values_stay_out_of_the_family(adjust) -> None:
    assert adjust([None, 0.02, None]) == [None, 0.02, None]
    assert adjust([None]) == [None]
    assert adjust([]) == []
