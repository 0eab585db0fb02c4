"""Adjusted p-values for families of tests; a p-value that is not defined stays out of the family."""

from __future__ import annotations

from collections.abc import Sequence


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
