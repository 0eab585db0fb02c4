"""Tests that one rate is larger than another or that two differ, and adjusted p-values for families of them.

A p-value that is not defined stays out of its family.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

SMALL = 5.0
"""Expected count below which Fisher's exact test replaces the z-test (Cochran's rule)."""


ROUNDING = 1e-9
"""Relative distance from the level within which a p-value is taken to lie on it."""


@dataclass(frozen=True)
class ProportionTest:
    """z and p of the z-test, p of Fisher's test, and which of the two counts ("z", "fisher" or None)."""

    z: float | None
    p_value: float | None
    fisher_p: float | None
    used: str | None
    note: str | None = None

    @property
    def p_used(self) -> float | None:
        """The p-value of the test that counts."""
        return {"z": self.p_value, "fisher": self.fisher_p}.get(self.used or "")


def larger(successes: int, n: int, successes_reference: int, n_reference: int) -> ProportionTest:
    """Test whether the rate is larger than the reference rate, as `_test` does."""
    return _test(successes, n, successes_reference, n_reference, ("larger", "greater"))


def different(successes: int, n: int, successes_reference: int, n_reference: int) -> ProportionTest:
    """Test whether the rates differ, in either direction, as `_test` does."""
    return _test(successes, n, successes_reference, n_reference, ("two-sided", "two-sided"))


@lru_cache(4096)  # arms meet the same counts in many comparisons
def _test(
    successes: int, n: int, successes_reference: int, n_reference: int, alternative: tuple[str, str]
) -> ProportionTest:
    """Both tests for an alternative, given by its names in statsmodels and in scipy.

    The z-test pools the variance (statsmodels `proportions_ztest`); it is not defined when all or
    none of the structures of both groups succeed, which is named in `note`.
    """
    if n == 0 or n_reference == 0:
        return ProportionTest(None, None, None, None, "not defined: a group is empty")
    from scipy.stats import fisher_exact

    table = [[successes, n - successes], [successes_reference, n_reference - successes_reference]]
    exact = float(fisher_exact(table, alternative=alternative[1]).pvalue)
    total, both = n + n_reference, successes + successes_reference
    if both in (0, total):
        which = "no structure" if both == 0 else "every structure"
        note = f"z-test not defined: {which} of either group succeeds"
        return ProportionTest(None, None, exact, "fisher", note)
    from statsmodels.stats.proportion import proportions_ztest

    counts, sizes = [successes, successes_reference], [n, n_reference]
    z, p = proportions_ztest(counts, sizes, alternative=alternative[0])
    smallest = min(n, n_reference) * min(both, total - both) / total
    return ProportionTest(float(z), float(p), exact, "fisher" if smallest < SMALL else "z")


def threshold(level: float) -> float:
    """What a p-value must be below to be significant at `level`.

    One that lies on the level, as Fisher's may (1/20 for 3 of 3 against 0 of 3), is not significant,
    whichever way it was rounded.
    """
    return level * (1 - ROUNDING)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's step-down adjustment: controls the chance of any false claim in the family."""
    return _adjust(p_values, "holm")


def benjamini_hochberg(p_values: Sequence[float | None]) -> list[float | None]:
    """Benjamini and Hochberg's adjustment: controls the expected share of false claims."""
    return _adjust(p_values, "fdr_bh")


def _adjust(p_values: Sequence[float | None], method: str) -> list[float | None]:
    defined = [i for i, p in enumerate(p_values) if p is not None]
    adjusted: list[float | None] = [None] * len(p_values)
    if defined:
        from statsmodels.stats.multitest import multipletests

        found = multipletests([p_values[i] for i in defined], method=method)[1]
        for i, p in zip(defined, found, strict=True):
            adjusted[i] = float(p)
    return adjusted
