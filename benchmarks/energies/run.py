"""Batched GRACE against the package's own ASE calculator, one structure at a time, in one process.

Every side evaluates the same structures, from `Atoms` to numbers, and is warm: what the first call costs
more (compiling a model for the shapes of its input) is stated apart. The calculator, which always computes
forces and stress, gets the structures largest first, the order in which it meets the fewest new shapes.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.shared.record import ROOT, provenance
from benchmarks.shared.timing import Clocks, interleaved, ratio_of_medians, timed
from benchmarks.shared.two_layers import export_two_layers

if TYPE_CHECKING:
    from ase import Atoms

    from lodestone.energies.evaluation import Evaluation

GOAL, TOLERANCE = 3.5, 1e-5  # times as fast, of energies; eV/atom
REFERENCES = ROOT / "src" / "lodestone" / "embedded" / "references.parquet"


def run(
    structures: int, repeats: int, batch_size: int, threads: int, hull: tuple[int, int]
) -> dict[str, Any]:
    """Time both models on both mixes of sizes, `structures` each; and a hull of (references, candidates)."""
    from benchmarks.energies.hull import run as large_hull

    mixes = {"1-16 atoms": as_they_are(structures), "2-40 atoms": spread(structures)}
    with tempfile.TemporaryDirectory() as folder:
        two = Path(folder) / "two-layers"
        export_two_layers(two)
        models = {"one layer (embedded)": "embedded", "two layers (random weights)": str(two)}
        rows = [
            measure(layers, model, mix, atoms, repeats, batch_size)
            for layers, model in models.items()
            for mix, atoms in mixes.items()
        ]
    for row in rows:
        row["met"] = row["ratios"]["energies"]["cpu"][0] >= GOAL and _same(row)
    found: dict[str, Any] = {
        "structures": structures,
        "repeats": repeats,
        "batch_size": batch_size,
        "goal": GOAL,
    }
    found |= {"tolerance": TOLERANCE, "rows": rows, "hull": large_hull(*hull)}
    return found | provenance(threads)


def _same(row: dict[str, Any]) -> bool:
    return all(value <= TOLERANCE for apart in row["apart"].values() for value in apart.values())


def measure(
    layers: str, model: str, mix: str, structures: Sequence[Atoms], repeats: int, batch_size: int
) -> dict[str, Any]:
    """A row: seconds of every side, first and later calls, ratios, and how far the answers are apart.

    `energies` is what the stages energy and reference_energy do; `forces` is what a relaxation does.
    """
    from tensorpotential.calculator import TPCalculator

    from lodestone.energies.estimators.grace.calculator import GraceEstimator

    estimator = GraceEstimator(model, batch_size)
    calculator = TPCalculator(str(estimator.folder), enable_uq_if_available=False)
    sides: dict[str, Callable[[], Sequence[Evaluation]]] = {
        "energies": lambda: estimator.energy_only(structures),
        "forces": lambda: estimator.evaluate(structures),
        "one_by_one": lambda: one_by_one(structures, calculator),
    }
    first = {name: timed(side) for name, side in sides.items()}
    theirs = sides["one_by_one"]()
    apart = {name: differences(structures, sides[name](), theirs) for name in ("energies", "forces")}
    clocks = interleaved(sides, repeats)
    return {
        "model": layers, "mix": mix, "atoms": sum(map(len, structures)), "apart": apart,
        "seconds": {
            name: {
                "first_wall": first[name][0], "first_cpu": first[name][1],
                "wall": float(np.median(clock.wall)), "cpu": float(np.median(clock.cpu)),
            }
            for name, clock in clocks.items()
        },
        "ratios": {name: ratios(clocks["one_by_one"], clocks[name]) for name in ("energies", "forces")},
    }  # fmt: skip


def ratios(theirs: Clocks, ours: Clocks) -> dict[str, list[float]]:
    """How many times as fast, by either clock: value and bootstrap interval."""
    found = {
        "wall": ratio_of_medians(theirs.wall, ours.wall, paired=True),
        "cpu": ratio_of_medians(theirs.cpu, ours.cpu, paired=True),
    }
    return {clock: [ratio.value, ratio.low, ratio.high] for clock, ratio in found.items()}


def one_by_one(structures: Sequence[Atoms], calculator: Any) -> list[Evaluation]:
    """What a loop over the package's calculator gives, in the order of `structures`."""
    from lodestone.energies.evaluation import Evaluation

    found: dict[int, Evaluation] = {}
    for i in sorted(range(len(structures)), key=lambda i: -len(structures[i])):
        atoms = structures[i].copy()
        atoms.calc = calculator
        energy, forces = float(atoms.get_potential_energy()), np.array(atoms.get_forces())
        found[i] = Evaluation(energy, forces, atoms.get_stress(voigt=False))
    return [found[i] for i in range(len(structures))]


def differences(
    structures: Sequence[Atoms], ours: Sequence[Evaluation], theirs: Sequence[Evaluation]
) -> dict[str, float]:
    """Largest differences: energy (eV/atom) and, where both have them, forces (eV/Å) and stress (eV/Å³)."""
    pairs = list(zip(structures, ours, theirs, strict=True))
    found = {"energy": max(abs(a.energy - b.energy) / len(atoms) for atoms, a, b in pairs)}
    if np.isfinite(ours[0].forces).all():
        found["forces"] = max(float(np.abs(a.forces - b.forces).max()) for _, a, b in pairs)
        found["stress"] = max(float(np.abs(a.stress - b.stress).max()) for _, a, b in pairs)
    return found


def as_they_are(n: int) -> list[Atoms]:
    """References of the embedded set, distorted."""
    from lodestone.structures import table

    known = table.read_table(REFERENCES)
    return [rattled(atoms, i) for i, atoms in enumerate(table.to_ase(known.sample(n, seed=1)))]


def spread(n: int) -> list[Atoms]:
    """Supercells of them, sizes spread evenly from 2 to 40 atoms as far as doubling reaches."""
    rng = np.random.default_rng(2)
    wanted = rng.integers(2, 41, size=n)
    return [grown(atoms, int(size)) for atoms, size in zip(as_they_are(n), wanted, strict=True)]


def grown(atoms: Atoms, size: int) -> Atoms:
    """A supercell of up to `size` atoms, the shortest edge doubled or tripled again and again."""
    while len(atoms) * 2 <= size:
        times = 3 if len(atoms) * 3 <= size < len(atoms) * 4 else 2
        copies = [1, 1, 1]
        copies[int(np.argmin(atoms.cell.lengths()))] = times
        atoms = atoms.repeat(copies)
    return rattled(atoms, size)


def rattled(atoms: Atoms, seed: int) -> Atoms:
    """A copy with every atom moved by about 0.05 Å."""
    moved = atoms.copy()
    moved.rattle(0.05, seed=seed)
    return moved
