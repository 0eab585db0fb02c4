"""Labels for the embedded GRACE model: relaxed structures and distorted copies, labelled by CHGNet.

A structure is held out, or not, by its prototype and composition, and its copies go with it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from lodestone.embedded.grace_distortions import SEED, distorted_copies
from lodestone.structures import table

if TYPE_CHECKING:
    from ase import Atoms

    from lodestone.energies.evaluation import Estimator, Evaluation

HELD_OUT = 0.1
LARGEST_FORCE = 40.0  # eV/Å; beyond it the labels themselves are extrapolations
SAME_ENERGY, SAME_VOLUME = 0.002, 0.005  # eV/atom and relative: the same crystal


def read_relaxed(folder: Path) -> pl.DataFrame:
    """All relaxed reference structures on disk: id, structure, energy, forces, stress.

    A subsystem that belongs to two systems appears once.
    """
    found = pl.concat([_relaxed_file(p) for p in sorted(folder.glob("*.parquet"))])
    return found.unique("id", keep="first", maintain_order=True)


def _relaxed_file(path: Path) -> pl.DataFrame:
    found = table.read_table(path)
    found = found.filter(pl.col("failure").is_null() & pl.col("energy").is_finite())
    name = pl.col("id").str.split("/").list.slice(1).list.join("/")
    return found.with_columns(name.alias("id"), pl.lit("relaxed").alias("kind")).select(_COLUMNS)


_COLUMNS = ["id", "numbers", "cell", "frac", "kind", "energy", "forces", "stress"]


def held_out(identifier: str) -> bool:
    """Whether a prototype with a composition (the first two parts of an id) is kept for the test."""
    name = "/".join(identifier.split("/")[:2])
    digest = hashlib.sha256(f"{SEED}/{name}".encode()).digest()
    return int.from_bytes(digest[:4], "big") < HELD_OUT * 2**32


def label_in_chunks(references: Path, estimator: Estimator, state: Path) -> Iterator[tuple[int, int]]:
    """Label the distorted copies of every file of relaxed structures; yields (done, in all).

    A file of `references` is a chunk; its labels go to a file of the same name in `state`, and
    what is there already is not computed again.
    """
    files = sorted(references.glob("*.parquet"))
    seen: set[str] = set()
    for done, file in enumerate(files, start=1):
        relaxed = _relaxed_file(file).filter(~pl.col("id").is_in(sorted(seen)))
        seen |= set(relaxed["id"])
        path = state / file.name
        if not path.exists():
            copies = distorted_copies(relaxed)
            found = estimator.evaluate([a for _, _, a in copies])
            table.write_table(_rows(copies, found), path)
        yield done, len(files)


def read_labels(folder: Path) -> pl.DataFrame:
    """All distorted labels on disk whose forces are within the range that is fitted."""
    found = pl.concat([table.read_table(p) for p in sorted(folder.glob("*.parquet"))])
    largest = pl.col("forces").list.eval(pl.element().abs()).list.max()
    found = found.unique("id", keep="first", maintain_order=True)
    return found.filter(pl.col("energy").is_finite() & (largest < LARGEST_FORCE)).select(_COLUMNS)


def split(relaxed: pl.DataFrame, labels: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Training and test labels; a held-out structure that is also in the training set is left out.

    Two prototypes may relax to the same crystal: the same formula, energy within 2 meV/atom and
    volume within 0.5 %. Such a held-out structure and its copies go into neither part.
    """
    known = _fingerprints(relaxed.filter(~_is_held_out()))
    tested = relaxed.filter(_is_held_out())
    twins = {
        name
        for name, found in zip(tested["id"], _fingerprints(tested), strict=True)
        if any(_same(found, other) for other in known)
    }
    everything = pl.concat([relaxed, labels])
    base = pl.col("id").str.split("/").list.slice(0, 2).list.join("/")
    test = everything.filter(_is_held_out() & ~base.is_in(sorted(twins)))
    return everything.filter(~_is_held_out()), test


def _is_held_out() -> pl.Expr:
    return pl.col("id").map_elements(held_out, return_dtype=pl.Boolean)


def _fingerprints(relaxed: pl.DataFrame) -> list[tuple[str, float, float]]:
    """Reduced formula, energy per atom (eV) and volume per atom (Å³)."""
    return [
        (a.symbols.formula.reduce()[0].format("hill"), e / len(a), a.get_volume() / len(a))
        for a, e in zip(table.to_ase(relaxed), relaxed["energy"], strict=True)
    ]


def _same(a: tuple[str, float, float], b: tuple[str, float, float]) -> bool:
    return a[0] == b[0] and abs(a[1] - b[1]) < SAME_ENERGY and abs(a[2] / b[2] - 1) < SAME_VOLUME


def _rows(chunk: list[tuple[str, str, Atoms]], found: list[Evaluation]) -> pl.DataFrame:
    return table.from_ase([c[0] for c in chunk], [c[2] for c in chunk]).with_columns(
        pl.Series("kind", [c[1] for c in chunk]),
        pl.Series("energy", [e.energy for e in found], dtype=pl.Float64),
        pl.Series("forces", [e.forces.ravel().tolist() for e in found]),
        pl.Series("stress", [e.stress.ravel().tolist() for e in found]),
    )
