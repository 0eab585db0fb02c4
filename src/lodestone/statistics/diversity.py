"""How many different things an arm found: formulas, space groups, distinct structures, novelty, S.U.N."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from lodestone.columns import Col
from lodestone.columns.schemas import DIVERSITY
from lodestone.runtime.seeds import derive_seed
from lodestone.statistics.lineages import rate_interval
from lodestone.statistics.outcomes import quarantined, rate_of
from lodestone.statistics.plan import Plan

STABLE_BELOW = 0.1
"""eV/atom above the hull; the threshold of stable in MatterGen's S.U.N. rate (Nature 639, 624, 2025)."""


def diversity(
    arms: Mapping[str, pl.DataFrame], plan: Plan, stable_below: float = STABLE_BELOW
) -> pl.DataFrame:
    """One row per arm.

    Uniqueness is the share of the screened structures that are the first of their cluster of duplicates,
    novelty that of these whose comparison with references found no match, and S.U.N. counts valid, stable,
    unique and novel structures over all generated. `distinct_half` and `distinct_double` count at half and
    at twice the threshold of fingerprints, and tell how much the count hangs on it. Intervals are Wilson's,
    or bootstrapped over lineages where structures share them.
    """
    rows = [{"arm": arm} | _arm(table, arm, plan, stable_below) for arm, table in arms.items()]
    return pl.DataFrame(rows, schema=DIVERSITY, orient="row")


def _arm(rows: pl.DataFrame, arm: str, plan: Plan, stable_below: float) -> dict[str, object]:
    leads, novel = (
        _is(Col.IS_REPRESENTATIVE),
        _is(Col.IS_REPRESENTATIVE) & ~pl.col(Col.KNOWN).fill_null(value=True),
    )
    stable = (
        _is(Col.VALID) & (pl.col(Col.E_ABOVE_HULL) <= stable_below).fill_null(value=False) & ~quarantined()
    )
    screened, distinct = rows.filter(_is(Col.PASSED)), rows.filter(leads)
    judged = distinct.filter(pl.col(Col.KNOWN).is_not_null())
    return {
        "n": rows.height,
        "screened": screened.height,
        "distinct": distinct.height,
        "distinct_half": _leaders(rows, "half"),
        "distinct_double": _leaders(rows, "double"),
        **_share("unique", Col.UNIQUE_SHARE, screened, leads, arm, plan),
        "distinct_formulas": distinct[Col.FORMULA].drop_nulls().n_unique(),
        "distinct_space_groups": distinct[Col.SPACE_GROUP].drop_nulls().n_unique(),
        "judged": judged.height,
        "novel": judged.filter(novel).height,
        **_share("novel", Col.NOVEL_SHARE, judged, novel, arm, plan),
        Col.STABLE_BELOW: stable_below,
        "sun": rows.filter(novel & stable).height,
        **_share("sun", Col.SUN_RATE, rows, novel & stable, arm, plan),
        "note": _note(rows, distinct, judged),
    }


def _share(
    name: str, value: str, among: pl.DataFrame, condition: pl.Expr, arm: str, plan: Plan
) -> dict[str, float | None]:
    """The share of rows that meet a condition, with its interval; null without rows."""
    met = among.select(condition.alias("met"))["met"].to_numpy()
    own = rate_of(met, among[Col.LINEAGE])
    rng = np.random.default_rng(derive_seed(plan.seed, "bootstrap", arm))
    interval = rate_interval(own, rng, plan.alpha)
    rate = own.successes / own.n if own.n else None
    return {value: rate, f"{name}_low": interval.low, f"{name}_high": interval.high}


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
    if not distinct[Col.E_ABOVE_HULL].drop_nulls().len():
        return "no energy above the hull is known; S.U.N. counts none as stable"
    return None


def _is(column: str) -> pl.Expr:
    return pl.col(column).fill_null(value=False)
