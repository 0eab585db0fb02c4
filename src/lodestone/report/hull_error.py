"""The estimator's error of energies above the hull, as it stands beside each of them."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from lodestone.columns import Col

QUANTITY, ALL = Col.E_ABOVE_HULL, "all"
UNKNOWN = "The error of the estimator's energies above the hull is not known: no reference has an own one."


@dataclass(frozen=True)
class HullError:
    """Root-mean-square error over `n` references with its bootstrap interval, and the bias, eV/atom."""

    rmse: float
    low: float | None
    high: float | None
    bias: float | None
    n: int

    def words(self) -> str:
        """What the ± is."""
        bounds = "" if self.low is None or self.high is None else f" ({self.low:.3f} to {self.high:.3f})"
        bias = "" if self.bias is None else f", bias {self.bias:+.3f} eV/atom"
        return (
            f"± is the root-mean-square error of the estimator's energies above the hull, {self.rmse:.3f}"
            f"{bounds} eV/atom over {self.n} references{bias}."
        )


def hull_error(table: pl.DataFrame | None) -> HullError | None:
    """The row of estimator_error.parquet for energies above the hull of all references; None without one."""
    if table is None or not {"quantity", "rmse", "n"} <= set(table.columns):
        return None
    rows = of_all(table, QUANTITY).filter(pl.col("rmse").is_finite())
    if not rows.height:
        return None
    row = rows.row(0, named=True)
    return HullError(row["rmse"], row.get("rmse_low"), row.get("rmse_high"), row.get("bias"), row["n"])


def of_all(errors: pl.DataFrame, quantity: str) -> pl.DataFrame:
    """The row of the estimator's errors for a quantity over all references, whatever their elements."""
    rows = errors.filter(pl.col("quantity") == quantity)
    return rows.filter(pl.col("elements") == ALL) if "elements" in rows.columns else rows


def with_error(value: float | None, error: HullError | None) -> str:
    """An energy above the hull and its error, eV/atom."""
    if value is None or value != value:  # noqa: PLR0124
        return "not defined"
    return f"{value:.3f}" + (f" ± {error.rmse:.3f}" if error else "")
