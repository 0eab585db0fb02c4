"""What counts as a success, structure by structure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from lodestone.columns import Col

OUTCOMES: dict[str, str] = {
    Col.SATISFIED: "satisfies the constraint as generated",
    Col.SATISFIED_VALID: "satisfies it as generated and is a valid crystal",
    Col.PERSISTENT: "satisfies it, is valid, and still both after a short relaxation",
    Col.RELAXED_SATISFIED: "valid, relaxed, and satisfies it then",
}
"""Outcome -> meaning, in the order of the tables."""


@dataclass(frozen=True)
class Sample:
    """One arm under one outcome: three arrays of shape (n_structures,).

    Failed structures are part of it and count as no success (intention to treat); `finite` marks
    those that the other convention would keep. Members of one `lineage` are not independent.
    """

    success: np.ndarray
    finite: np.ndarray
    lineage: np.ndarray
    measured: bool = True

    @property
    def n(self) -> int:
        """Generated structures."""
        return len(self.success) if self.measured else 0

    @property
    def successes(self) -> int:
        """Structures that succeed."""
        return int(self.success.sum()) if self.measured else 0

    @property
    def n_finite(self) -> int:
        """Structures that are finite."""
        return int(self.finite.sum()) if self.measured else 0

    @property
    def n_lineages(self) -> int:
        """Independent lineages."""
        return len(np.unique(self.lineage)) if self.measured else 0

    @property
    def clustered(self) -> bool:
        """Whether some lineage has more than one member."""
        return self.n_lineages < self.n


def can_relax(arms: Mapping[str, pl.DataFrame]) -> bool:
    """Whether any valid structure of any arm could be relaxed.

    If none could, the estimator is at fault and not the structures: the outcomes that need a
    relaxation were then not measured, instead of never met.
    """
    valid = [rows.filter(pl.col(Col.VALID).fill_null(value=False)) for rows in arms.values()]
    tried = [rows for rows in valid if rows.height]
    return not tried or any(rows[Col.RELAX_FAILURE].null_count() for rows in tried)


def sample(rows: pl.DataFrame, constraint: str, outcome: str, *, relaxed: bool = True) -> Sample:
    """Judge the rows of one arm of the candidate table; `relaxed` is what `can_relax` says."""
    finite = finite_mask(rows)
    if outcome == Col.SATISFIED_VALID:
        satisfied = rows[Col.SATISFIED.of(constraint)].fill_null(value=False)
        met = satisfied & rows[Col.VALID].fill_null(value=False)
        measured = True
    else:
        column = rows[f"{constraint}.{outcome}"]
        measured = relaxed or outcome == Col.SATISFIED
        met = column.cast(pl.Boolean).fill_null(value=False)
    return Sample(
        success=met.to_numpy().astype(bool) & finite,
        finite=finite,
        lineage=rows[Col.LINEAGE].to_numpy(),
        measured=measured,
    )


def rate_of(flags: np.ndarray, lineage: pl.Series) -> Sample:
    """A plain share: the flags that are set, (n_structures,) bool, among all rows given."""
    return Sample(flags.astype(bool), np.ones(len(flags), dtype=bool), lineage.to_numpy())


def finite_mask(rows: pl.DataFrame) -> np.ndarray:
    """Rows whose sampling did not fail and whose structure is finite, (n_structures,) bool."""
    good = ~rows["failed"].fill_null(value=True) & rows[Col.VOLUME_PER_ATOM].is_not_null()
    return good.to_numpy().astype(bool)


def quarantined() -> pl.Expr:
    """Rows whose energy above the hull is not believed; the hull stage says so in its note."""
    return pl.col(Col.HULL_NOTE).fill_null("").str.starts_with("quarantined")
