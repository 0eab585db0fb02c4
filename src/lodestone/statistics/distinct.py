"""Which persistent structures are different crystals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from lodestone.statistics.candidates import structures_of
from lodestone.statistics.outcomes import finite_mask
from lodestone.structures.table import arrays

GATE = 0.2
"""Fingerprint distance beyond which structures are not even compared; twice the default of `deduplicate`."""


def first_of_its_kind(rows: pl.DataFrame, constraint: str, matching: Mapping[str, Any]) -> np.ndarray:
    """Persistent structures of one arm that are the first of their crystal, (n_structures,) bool.

    Compared are the relaxed structures, those of one reduced composition with each other, by pymatgen's
    StructureMatcher with volumes as they are; `matching` holds its ltol, stol and angle_tol.
    """
    from lodestone.curation.duplicates import cluster
    from lodestone.curation.matching import Similarity

    persistent = rows[f"{constraint}.persistent"].cast(pl.Boolean).fill_null(value=False).to_numpy()
    places = np.flatnonzero(persistent.astype(bool) & finite_mask(rows))
    flags = np.zeros(rows.height, dtype=bool)
    if not len(places):
        return flags
    relaxed = structures_of(rows[places], "relaxed")
    crystals = [arrays(row) for row in relaxed.iter_rows(named=True)]
    leaders = cluster(crystals, Similarity(threshold=GATE, **matching)).leaders[1.0]
    flags[places[leaders == np.arange(len(places))]] = True
    return flags
