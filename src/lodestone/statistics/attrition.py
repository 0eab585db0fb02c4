"""Where the structures of an arm go: every one is lost at exactly one stage or reaches the end.

Reasons that differ only in a measured number are counted as one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from lodestone.columns import Col
from lodestone.columns.schemas import ATTRITION, REASONS
from lodestone.inference.intervals import Interval
from lodestone.runtime.seeds import derive_seed
from lodestone.statistics.lineages import rate_interval
from lodestone.statistics.outcomes import finite_mask, quarantined, rate_of

_NUMBER = re.compile(r"(?<![A-Za-z0-9_.])[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


def group_reasons(reasons: Sequence[str]) -> dict[str, int]:
    """Count reasons, most frequent first.

    Numbers that are the same in every reason of a group (thresholds) are kept, the others
    (measured values) are shown as "…", so that 1000 structures do not give 1000 reasons.
    """
    groups: dict[str, list[list[str]]] = {}
    for reason in reasons:
        groups.setdefault(_NUMBER.sub("\0", reason), []).append(_NUMBER.findall(reason))
    counted = {_fill(shape, numbers): len(numbers) for shape, numbers in groups.items()}
    return dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))


def _fill(shape: str, numbers: list[list[str]]) -> str:
    columns = [set(column) for column in zip(*numbers, strict=True)]
    shown = [next(iter(values)) if len(values) == 1 else "…" for values in columns]
    first, *rest = shape.split("\0")
    return first + "".join(number + text for number, text in zip(shown, rest, strict=True))


STAGES = ("generated", "finite", "valid", "screened", "unique", "novel", "energy", "below_hull_cut")


def fate(rows: pl.DataFrame, shown_below: float) -> pl.DataFrame:
    """Per structure of one arm: `lost_at` (a stage, or null for those that reach the end) and `reason`.

    A cluster of duplicates lives on in its first surviving member, so that losing its leader for
    another reason does not lose the cluster; novelty is that of the cluster.
    """
    rows = _with_cluster_novelty(rows)
    passed = pl.Series(values=[True] * rows.height, dtype=pl.Boolean)
    lost_at = pl.Series(values=[None] * rows.height, dtype=pl.String)
    reason = lost_at.clone()
    for stage in STAGES[1:]:
        survives, why = _judge(stage, rows, passed, shown_below)
        falls = passed & ~survives
        lost_at = pl.select(pl.when(falls).then(pl.lit(stage)).otherwise(lost_at)).to_series()
        reason = pl.select(pl.when(falls).then(why).otherwise(reason)).to_series()
        passed = passed & survives
    return pl.DataFrame({"id": rows["id"], "lost_at": lost_at, "reason": reason})


def attrition(
    arms: Mapping[str, pl.DataFrame], shown_below: float, alpha: float = 0.05, seed: int = 0
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Counts per arm and stage with intervals, and the reasons of every loss with counts.

    Intervals are Wilson's, or bootstrapped over lineages (from `seed`) where structures share them.
    """
    counts: list[dict[str, object]] = []
    reasons: list[dict[str, object]] = []
    for arm, rows in arms.items():
        fates = fate(rows, shown_below)
        entered, left = rows.height, np.ones(rows.height, dtype=bool)
        for stage in STAGES:
            here = (fates["lost_at"] == stage).fill_null(value=False)
            lost, left = fates.filter(here), left & ~here.to_numpy().astype(bool)
            rng = np.random.default_rng(derive_seed(seed, "bootstrap", arm))
            interval = rate_interval(rate_of(left, rows[Col.LINEAGE]), rng, alpha)
            counts.append(_count(arm, stage, entered, lost.height, rows.height, interval))
            entered -= lost.height
            grouped = group_reasons(lost["reason"].fill_null("no reason recorded").to_list())
            reasons += [{"arm": arm, "stage": stage, "reason": r, "count": n} for r, n in grouped.items()]
    return (
        pl.DataFrame(counts, schema=ATTRITION, orient="row"),
        pl.DataFrame(reasons, schema=REASONS, orient="row"),
    )


def _count(
    arm: str, stage: str, entered: int, lost: int, generated: int, interval: Interval
) -> dict[str, object]:
    survived = entered - lost
    return {
        "arm": arm,
        "stage": stage,
        "entered": entered,
        "survived": survived,
        "lost": lost,
        Col.SHARE_OF_GENERATED: survived / generated if generated else None,
        "ci_low": interval.low,
        "ci_high": interval.high,
        "share_of_entered": survived / entered if entered else None,
    }


def _with_cluster_novelty(rows: pl.DataFrame) -> pl.DataFrame:
    leaders = rows.filter(pl.col(Col.KNOWN).is_not_null()).select(
        pl.col("id").alias(Col.REPRESENTATIVE),
        pl.col(Col.KNOWN).alias("cluster_known"),
        pl.col(Col.REFERENCE_ID).alias("cluster_reference"),
    )
    return rows.join(leaders, on=Col.REPRESENTATIVE, how="left", maintain_order="left")


def _judge(
    stage: str, rows: pl.DataFrame, passed: pl.Series, shown_below: float
) -> tuple[pl.Series, pl.Series]:
    """Survivors of a stage among all rows (bool), and the reason of those that do not survive."""
    if stage == "finite":
        good = pl.Series(values=finite_mask(rows), dtype=pl.Boolean)
        return good, _first(rows, [pl.col("failure"), pl.lit("not finite")])
    if stage == "valid":
        return _true(rows[Col.VALID]), _first(rows, [pl.col(Col.INVALID_REASON)])
    if stage == "screened":
        return _true(rows[Col.PASSED]), _first(rows, [pl.col(Col.SCREEN_REASON)])
    if stage == "unique":
        return _first_members(rows, passed), _constant(rows, "duplicate of another structure of this arm")
    if stage == "energy":
        return rows[Col.ENERGY_PER_ATOM].is_not_null(), _first(rows, [pl.col(Col.ENERGY_FAILURE)])
    return _judge_novelty(rows) if stage == "novel" else _judge_hull(rows, shown_below)


def _judge_novelty(rows: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
    which = pl.coalesce("cluster_reference", pl.lit("reference not named"))
    named = pl.when(pl.col("cluster_known")).then(pl.concat_str(pl.lit("known: "), which))
    unknown = rows.select((~pl.col("cluster_known")).fill_null(value=False)).to_series()
    return unknown, _first(rows, [named, pl.lit("novelty was not judged")])


def _judge_hull(rows: pl.DataFrame, shown_below: float) -> tuple[pl.Series, pl.Series]:
    below = (rows[Col.E_ABOVE_HULL] <= shown_below).fill_null(value=False)
    trusted = ~rows.select(quarantined()).to_series()
    above = pl.when(pl.col(Col.E_ABOVE_HULL) > shown_below).then(
        pl.lit(f"more than {shown_below:g} eV/atom above the hull")
    )
    why = [above, pl.col(Col.HULL_NOTE), pl.lit("no hull for this composition")]
    return below & trusted, _first(rows, why)


def _first_members(rows: pl.DataFrame, passed: pl.Series) -> pl.Series:
    """The leader of each cluster where it is still there, else the first member that is."""
    marked = rows.select(
        Col.REPRESENTATIVE, pl.col(Col.IS_REPRESENTATIVE).fill_null(value=False).alias("leads")
    ).with_row_index("place")
    chosen = (
        marked.filter(passed & rows[Col.REPRESENTATIVE].is_not_null())
        .sort("leads", "place", descending=[True, False])
        .unique(Col.REPRESENTATIVE, keep="first", maintain_order=True)
    )
    return marked["place"].is_in(chosen["place"].implode())


def _true(column: pl.Series) -> pl.Series:
    return column.cast(pl.Boolean).fill_null(value=False)


def _first(rows: pl.DataFrame, reasons: list[pl.Expr]) -> pl.Series:
    return rows.select(pl.coalesce(*reasons).cast(pl.String).alias("reason"))["reason"]


def _constant(rows: pl.DataFrame, text: str) -> pl.Series:
    return pl.Series(values=[text] * rows.height, dtype=pl.String)
