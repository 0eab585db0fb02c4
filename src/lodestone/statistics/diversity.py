"""How many different things an arm found: formulas, space groups, distinct structures, novelty, S.U.N."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from lodestone.statistics.intervals import wilson
from lodestone.statistics.outcomes import quarantined
from lodestone.statistics.schemas import DIVERSITY

STABLE_BELOW = 0.1
"""eV/atom above the hull; the threshold of stable in MatterGen's S.U.N. rate (Nature 639, 624, 2025)."""


def diversity(
    arms: Mapping[str, pl.DataFrame], alpha: float = 0.05, stable_below: float = STABLE_BELOW
) -> pl.DataFrame:
    """One row per arm.

    S.U.N. counts valid, stable, unique (a representative) and novel structures over all generated.
    Novelty is a share of the representatives whose novelty was judged. `distinct_half` and `distinct_double`
    count at half and at twice the threshold of fingerprints, and tell how much the count hangs on it.
    """
    rows = [{"arm": arm} | _arm(table, alpha, stable_below) for arm, table in arms.items()]
    return pl.DataFrame(rows, schema=DIVERSITY, orient="row")


def _arm(rows: pl.DataFrame, alpha: float, stable_below: float) -> dict[str, object]:
    screened = rows.filter(_is("passed"))
    distinct = rows.filter(_is("is_representative"))
    judged = distinct.filter(pl.col("known").is_not_null())
    novel = judged.filter(~pl.col("known"))
    stable = novel.filter(_is("valid") & (pl.col("e_above_hull") <= stable_below) & ~quarantined())
    novel_interval = wilson(novel.height, judged.height, alpha)
    sun_interval = wilson(stable.height, rows.height, alpha)
    return {
        "n": rows.height,
        "screened": screened.height,
        "distinct": distinct.height,
        "distinct_half": _leaders(rows, "half"),
        "distinct_double": _leaders(rows, "double"),
        "distinct_formulas": distinct["formula"].drop_nulls().n_unique(),
        "distinct_space_groups": distinct["space_group"].drop_nulls().n_unique(),
        "judged": judged.height,
        "novel": novel.height,
        "novel_share": novel.height / judged.height if judged.height else None,
        "novel_low": novel_interval.low,
        "novel_high": novel_interval.high,
        "stable_below": stable_below,
        "sun": stable.height,
        "sun_rate": stable.height / rows.height if rows.height else None,
        "sun_low": sun_interval.low,
        "sun_high": sun_interval.high,
        "note": _note(rows, distinct, judged),
    }


def _leaders(rows: pl.DataFrame, factor: str) -> int | None:
    column = f"is_representative_{factor}"
    return rows.filter(_is(column)).height if column in rows.columns else None


def _note(rows: pl.DataFrame, distinct: pl.DataFrame, judged: pl.DataFrame) -> str | None:
    if not rows.height:
        return "nothing was generated"
    if not distinct.height:
        return "nothing passed the screen"
    if not judged.height:
        return "novelty share not defined: nothing was compared with references"
    if not distinct["e_above_hull"].drop_nulls().len():
        return "no energy above the hull is known; S.U.N. counts none as stable"
    return None


def _is(column: str) -> pl.Expr:
    return pl.col(column).fill_null(value=False)
