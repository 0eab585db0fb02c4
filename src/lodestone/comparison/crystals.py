"""Which crystals both campaigns found, and which only one did."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import polars as pl

from lodestone.columns import Col
from lodestone.comparison.sides import Side
from lodestone.curation.clustering import cluster
from lodestone.curation.fingerprint import FingerprintSettings
from lodestone.curation.matching import Similarity
from lodestone.curation.novelty import look_up_all
from lodestone.curation.settings import DeduplicateSettings, similarity
from lodestone.statistics.candidates import structures_of
from lodestone.structures.crystals import pack_table

SHOWN = ("id", "arm", Col.FORMULA, Col.SPACE_GROUP, Col.E_ABOVE_HULL, Col.BEST_RANK)


def found_by(a: Side, b: Side) -> dict[str, dict[str, Any]]:
    """Distinct crystals of all arms, and the best candidates: found by both, only by A, only by B.

    Compared are symmetrised structures of one composition, by the similarity that A deduplicates with:
    fingerprint gate, then StructureMatcher. A crystal counts once however many arms found it.
    """
    rule = _similarity(a)
    return {
        "distinct": _shared(_distinct(a, rule), _distinct(b, rule), rule),
        "best": _shared(_best(a), _best(b), rule),
    }


def _best(side: Side) -> pl.DataFrame:
    return side.candidates.filter(pl.col(Col.BEST_RANK).is_not_null()).sort(Col.BEST_RANK)


def _distinct(side: Side, rule: Similarity) -> pl.DataFrame:
    """One row per crystal of a campaign: the representatives of its arms, clustered once more."""
    rows = side.candidates.filter(pl.col(Col.IS_REPRESENTATIVE).fill_null(value=False))
    if not rows.height:
        return rows
    leaders = cluster(pack_table(structures_of(rows, "sym")), rule).leaders[1.0]
    return rows[np.flatnonzero(leaders == np.arange(rows.height))]


def _shared(ours: pl.DataFrame, theirs: pl.DataFrame, rule: Similarity) -> dict[str, Any]:
    seen = _partners(ours, theirs, rule)
    back = _partners(theirs, ours, rule)
    both = [(i, j) for i, j in enumerate(seen) if j is not None]
    taken = {j for _, j in both}
    return {
        "a": ours.height,
        "b": theirs.height,
        "both": [{"a": _row(ours, i), "b": _row(theirs, j)} for i, j in both],
        "only_a": [_row(ours, i) for i, j in enumerate(seen) if j is None],
        "only_b": [_row(theirs, j) for j, i in enumerate(back) if i is None and j not in taken],
    }


def _partners(ours: pl.DataFrame, theirs: pl.DataFrame, rule: Similarity) -> list[int | None]:
    """For each crystal the nearest of the others that is the same."""
    if not (ours.height and theirs.height):
        return [None] * ours.height
    crystals = [pack_table(structures_of(rows, "sym")) for rows in (ours, theirs)]
    found = look_up_all(crystals[0], crystals[1], ["other"] * theirs.height, rule).found
    return [nearest.reference if nearest is not None and nearest.known else None for nearest in found]


def _row(rows: pl.DataFrame, i: int) -> dict[str, Any]:
    return rows.select(SHOWN).row(i, named=True)


def _similarity(side: Side) -> Similarity:
    """As the campaign deduplicates; what its record leaves open is the default."""
    usual = {k: v for k, v in asdict(Similarity()).items() if k != "fingerprint"}
    told = usual | asdict(FingerprintSettings()) | dict(side.config.get("deduplicate", {}))
    found = DeduplicateSettings.model_validate({k: told[k] for k in DeduplicateSettings.model_fields})
    return similarity(found, found.threshold)
