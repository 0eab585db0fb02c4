"""Which generated crystals are already known, and where from.

Sources are asked in order, and the first one that holds the crystal is named. Where none does, the
nearest reference of the same composition is named with its distance, so that a reader sees by how
much the crystal differs; `known` tells the two cases apart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl

from lodestone.curation.crystal import Crystal
from lodestone.curation.duplicates import require_same_ids
from lodestone.curation.known import Lookups, Nearest, look_up_all
from lodestone.curation.matching import Similarity
from lodestone.curation.packed import pack_table
from lodestone.runtime.progress import Progress

__all__ = ["SCHEMA", "Nearest", "look_up", "novelty_table"]

SCHEMA: dict[str, pl.DataType] = {
    "id": pl.String(),
    "known": pl.Boolean(),
    "reference_source": pl.String(),
    "reference_id": pl.String(),
    "reference_distance": pl.Float64(),
}


def look_up(
    crystals: Sequence[Crystal],
    references: Sequence[Crystal],
    sources: Sequence[str],
    similarity: Similarity,
    *,
    order: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> list[Nearest | None]:
    """Find each crystal among the references; None where no reference has its composition.

    The arguments are those of `known.look_up_all`, which tells the costs too.
    """
    return look_up_all(crystals, references, sources, similarity, order=order, progress=progress).found


def novelty_table(
    symmetrized: pl.DataFrame,
    duplicates: pl.DataFrame,
    references: pl.DataFrame,
    similarity: Similarity,
    *,
    order: Sequence[str] | None = None,
    progress: Progress | None = None,
    processes: int = 1,
    tell: Callable[[str], None] | None = None,
) -> pl.DataFrame:
    """Look up every representative; one row per row of `symmetrized`, in the same order.

    `tell` is given a summary with counts and costs.
    """
    require_same_ids(symmetrized, duplicates)
    asked = np.flatnonzero(duplicates["is_representative"].to_numpy())
    found = look_up_all(
        pack_table(symmetrized[asked]),
        pack_table(references),
        references["source"].to_list(),
        similarity,
        order=order,
        progress=progress,
        processes=processes,
    )
    if tell:
        tell(summary(found, len(references)))
    by_row = dict(zip(asked.tolist(), found.found, strict=True))
    names = references["source"].to_list(), references["id"].to_list()
    rows = []
    for i, name in enumerate(symmetrized["id"].to_list()):
        nearest = by_row.get(i)
        if nearest is None:
            rows.append((name, False if i in by_row else None, None, None, None))
        else:
            source, reference = (column[nearest.reference] for column in names)
            rows.append((name, nearest.known, source, reference, nearest.distance))
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def summary(found: Lookups, n_references: int) -> str:
    """Counts and costs of looking up in one line."""
    confirmed = found.cost.confirmations
    known = sum(nearest is not None and nearest.known for nearest in found.found)
    return (
        f"{len(found.found)} structures, {known} known; of {n_references} references {found.compared} have "
        f"one of their compositions; inside the gate {confirmed.same} pairs the same ({confirmed.evident} "
        f"evidently), {confirmed.different} not, {confirmed.matched} by the matcher; CPU s: {found.cost}"
    )
