"""How far several estimators agree.

Energies per atom of two estimators differ by their zeros and by the theory that they were fitted to, so what
is compared is the energy above the hull, each by the hull of its own reference energies. Structures that one
of the two has no value for, or has in quarantine, cannot be compared; they are counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl

from lodestone.columns import Col
from lodestone.energies.errors import METASTABLE
from lodestone.energies.phases import QUARANTINED, composition_of
from lodestone.inference.intervals import STATISTICS, error_summary, wilson

WORST = 50  # disagreements that are listed, per pair and kind
KINDS = ("candidate", "reference")
SCHEMA = {
    **dict.fromkeys(("first", "second", "first_key", "second_key", "kind"), pl.String()),
    **dict.fromkeys(("n", "only_first", "only_second", "quarantined"), pl.Int64()),
    **{f"{name}{part}": pl.Float64() for name in STATISTICS for part in ("", "_low", "_high")},
    "spearman": pl.Float64(),
    "same_side": pl.Int64(),
    **dict.fromkeys(("share", "share_low", "share_high"), pl.Float64()),
    "note": pl.String(),
}
DISAGREEMENTS = {
    **dict.fromkeys(("first", "second", "kind", "id", Col.FORMULA), pl.String()),
    **dict.fromkeys(("e_above_hull_first", "e_above_hull_second", "difference"), pl.Float64()),
}


@dataclass(frozen=True)
class Judged:
    """The hull table of an estimator, or why it has none; `name` is how people call it.

    `key` is the end of its column in the candidates, `e_above_hull_<key>`; empty for the judge.
    """

    name: str
    hull: pl.DataFrame
    failure: str | None = None
    key: str = ""


def agreement(several: list[Judged]) -> pl.DataFrame:
    """One row per pair of estimators and kind of structure, in eV/atom: `SCHEMA`.

    Differences are second minus first. `same_side` counts the structures that both put below, or both
    above, 0.1 eV/atom; `share` is their part of n, with a Wilson interval. `spearman` is the rank
    correlation, null where one of the two ranks nothing.
    """
    rows = [_row(a, b, kind) for a, b in combinations(several, 2) for kind in KINDS]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def disagreements(several: list[Judged], numbers: Mapping[str, list[int]]) -> pl.DataFrame:
    """The structures that each pair agrees least about, worst first: `DISAGREEMENTS`.

    `numbers` holds the atomic numbers of every structure, by id.
    """
    tables = [pl.DataFrame(schema=DISAGREEMENTS)]
    for a, b in combinations(several, 2):
        for kind in KINDS:
            both = _compared(a, b, kind).with_columns(difference=pl.col("second") - pl.col("first"))
            worst = both.sort(pl.col("difference").abs(), "id", descending=[True, False]).head(WORST)
            formulas = pl.Series(Col.FORMULA, [_formula(numbers[i]) for i in worst["id"]], dtype=pl.String())
            pair = [pl.lit(v).alias(k) for k, v in (("first", a.name), ("second", b.name), ("kind", kind))]
            energies = [pl.col(side).alias(Col.E_ABOVE_HULL.by(side)) for side in ("first", "second")]
            tables.append(worst.select(*pair, "id", formulas, *energies, "difference"))
    return pl.concat(tables)


def _row(a: Judged, b: Judged, kind: str) -> dict[str, Any]:
    whole = _joined(a, b, kind)
    both = _compared(a, b, kind)
    difference = (both["second"] - both["first"]).to_numpy()
    n = len(both)
    same = int(((both["first"] < METASTABLE) == (both["second"] < METASTABLE)).sum()) if n else 0
    interval = wilson(same, n)
    first, second = whole["first"].is_not_null(), whole["second"].is_not_null()
    failures = [f"{one.name}: {one.failure}" for one in (a, b) if one.failure]
    return {
        "first": a.name, "second": b.name, "first_key": a.key, "second_key": b.key, "kind": kind, "n": n,
        "only_first": int((first & ~second).sum()), "only_second": int((second & ~first).sum()),
        "quarantined": int((first & second).sum()) - n, **error_summary(difference),
        "spearman": _spearman(both["first"].to_numpy(), both["second"].to_numpy()),
        "same_side": same, "share": same / n if n else None,
        "share_low": interval.low, "share_high": interval.high, "note": "; ".join(failures) or None,
    }  # fmt: skip


def _joined(a: Judged, b: Judged, kind: str) -> pl.DataFrame:
    """id, first and second (eV/atom or null), and whether one of them has it in quarantine."""
    parts = [
        one.hull.filter(pl.col("kind") == kind).select(
            "id",
            pl.col(Col.E_ABOVE_HULL).alias(name),
            pl.col(Col.HULL_NOTE).fill_null("").str.starts_with(QUARANTINED).alias(f"{name}_out"),
        )
        for name, one in (("first", a), ("second", b))
    ]
    return parts[0].join(parts[1], on="id", how="left", maintain_order="left", validate="1:1")


def _compared(a: Judged, b: Judged, kind: str) -> pl.DataFrame:
    """id, first and second of the structures that both have a value for, in no quarantine."""
    out = pl.col("first_out") | pl.col("second_out")
    known = pl.col("first").is_not_null() & pl.col("second").is_not_null()
    return _joined(a, b, kind).filter(known & ~out).select("id", "first", "second")


def _spearman(a: np.ndarray, b: np.ndarray) -> float | None:
    from scipy.stats import rankdata

    if len(a) < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    return float(np.corrcoef(rankdata(a), rankdata(b))[0, 1])


def _formula(numbers: list[int]) -> str:
    return "".join(f"{s}{n if n > 1 else ''}" for s, n in composition_of(numbers).items())
