"""Labels for the embedded GRACE model: relaxed structures and distorted copies, labelled by CHGNet.

A structure is held out, or not, by its prototype and composition, and its copies go with it.

Distorted copies of relaxed structures: what a potential must know to have no holes.

Every structure has its own random numbers, from its identifier, so a copy never depends on what
else is in the set.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from lodestone.energies.guards import Guards
from lodestone.structures import table

if TYPE_CHECKING:
    from ase import Atoms

    from lodestone.energies.evaluation import Estimator, Evaluation

SEED = 20260414
LIMITS = Guards(volume_per_atom=(4.0, 60.0), min_distance=0.95, isolated_beyond=4.5)
TRIES = 12


def distorted_copies(relaxed: pl.DataFrame) -> list[tuple[str, str, Atoms]]:
    """Identifier, kind and structure of the distorted copies of all structures, and random ones."""
    copies = []
    for name, atoms in zip(relaxed["id"], table.to_ase(relaxed), strict=True):
        rng = np.random.default_rng(_seed(name))
        for kind, distort in KINDS.items():
            copy = _acceptable(distort, atoms, rng)
            if copy is not None:
                copies.append((f"{name}/{kind}", kind, copy))
    return copies


def _strained(atoms: Atoms, rng: np.random.Generator) -> Atoms:
    return _rattle(_strain(atoms, rng, 0.03), rng, 0.06)


def _compressed(atoms: Atoms, rng: np.random.Generator) -> Atoms:
    return _rattle(_strain(atoms, rng, 0.02, rng.uniform(0.84, 0.97)), rng, 0.08)


def _stretched(atoms: Atoms, rng: np.random.Generator) -> Atoms:
    return _rattle(_strain(atoms, rng, 0.03, rng.uniform(1.03, 1.28)), rng, 0.15)


def _rattled(atoms: Atoms, rng: np.random.Generator) -> Atoms:
    return _rattle(_strain(atoms, rng, 0.05), rng, rng.uniform(0.12, 0.5))


def _swapped(atoms: Atoms, rng: np.random.Generator) -> Atoms:
    copy = _rattle(_strain(atoms, rng, 0.04), rng, rng.uniform(0.05, 0.3))
    copy.numbers = rng.permutation(copy.numbers)
    return copy


def _random(atoms: Atoms, rng: np.random.Generator) -> Atoms:
    copy = _strain(atoms, rng, 0.12, rng.uniform(0.95, 1.25))
    copy.set_scaled_positions(rng.random((len(atoms), 3)))
    return copy


KINDS: dict[str, Callable[[Atoms, np.random.Generator], Atoms]] = {
    "strained": _strained,
    "compressed": _compressed,
    "stretched": _stretched,
    "rattled": _rattled,
    "swapped": _swapped,
    "random": _random,
}


def _strain(atoms: Atoms, rng: np.random.Generator, width: float, scale: float = 1.0) -> Atoms:
    strain = rng.normal(scale=width, size=(3, 3))
    copy = atoms.copy()
    deformation = scale * (np.eye(3) + (strain + strain.T) / 2)
    copy.set_cell(copy.cell.array @ deformation, scale_atoms=True)
    return copy


def _rattle(atoms: Atoms, rng: np.random.Generator, width: float) -> Atoms:
    copy = atoms.copy()
    copy.positions += rng.normal(scale=width, size=(len(atoms), 3))
    return copy


def _acceptable(
    distort: Callable[[Atoms, np.random.Generator], Atoms], atoms: Atoms, rng: np.random.Generator
) -> Atoms | None:
    for _ in range(TRIES):
        copy = distort(atoms, rng)
        if LIMITS(copy) is None:
            return copy
    return None


def _seed(name: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{SEED}/{name}/copies".encode()).digest()[:8], "big")


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
