"""Crystals as the page holds them: flat arrays at full precision, from which it draws and writes CIFs."""

from __future__ import annotations

import numpy as np
import polars as pl

CONVENTIONAL: dict[str, tuple[tuple[int, int, int], ...]] = {
    "P": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "A": ((1, 0, 0), (0, 1, -1), (0, 1, 1)),
    "C": ((1, 1, 0), (-1, 1, 0), (0, 0, 1)),
    "I": ((0, 1, 1), (1, 0, 1), (1, 1, 0)),
    "F": ((-1, 1, 1), (1, -1, 1), (1, 1, -1)),
    "R": ((1, -1, 0), (0, 1, -1), (1, 1, 1)),
}
"""Rows of the conventional cell in spglib's standard primitive one, by centring: the first letter of the
space group's symbol (spglib, "Definitions and conventions", transformation to the primitive cell)."""


def arrays_of(shown: pl.DataFrame) -> dict[str, bytes]:
    """Symmetrised structures one after the other, little-endian, as the browser's typed arrays read them.

    `sizes` uint16 (n_structures,), 0 where there is no structure; `numbers` uint8 (n_atoms,); `cells`
    float64 (n_structures, 9), Å, rows are lattice vectors; `fracs` float64 (n_atoms, 3).
    """
    return {
        "sizes": shown["sym_numbers"].list.len().fill_null(0).to_numpy().astype("<u2").tobytes(),
        "numbers": _flat(shown["sym_numbers"]).astype("u1").tobytes(),
        "cells": cells_of(shown).astype("<f8").tobytes(),
        "fracs": _flat(shown["sym_frac"]).astype("<f8").tobytes(),
    }


def cells_of(shown: pl.DataFrame) -> np.ndarray:
    """Cells (n_structures, 3, 3) in Å, zero where there is no structure."""
    rows = shown["sym_cell"].to_list()
    return np.array([[0.0] * 9 if row is None else row for row in rows], dtype=float).reshape(-1, 3, 3)


def centrings(shown: pl.DataFrame) -> str:
    """One letter per structure, a key of CONVENTIONAL; P where no space group is known."""
    letters = (str(symbol or "P")[0] for symbol in shown["space_group_symbol"])
    return "".join(letter if letter in CONVENTIONAL else "P" for letter in letters)


def _flat(lists: pl.Series) -> np.ndarray:
    known = lists.drop_nulls()
    if not len(known):
        return np.zeros(0)
    return known.explode().drop_nulls().to_numpy()
