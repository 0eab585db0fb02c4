"""Whether proposals are ever illegal: by the product's own check, by PyXtal's, and by building crystals.

The crystals are built from PyXtal's operations alone, in the conventional cell, with random free parameters
and a random lattice of the crystal system; spglib finds their group.
"""

from __future__ import annotations

import sys
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from lodestone.wyckoff.generator import Generator
    from lodestone.wyckoff.proposals import Proposal
    from lodestone.wyckoff.reading import Example

ELEMENTS = ("Li", "Na", "Mg", "Al", "Si", "K", "Ti", "Fe", "Zn", "Sr", "Zr", "O", "F", "S", "N", "Cl")
SYMPREC = 0.01  # Å
UNFOUND = "no symmetry found"


def legality(
    examples: Sequence[Example], learned: Generator, proposals: int, each: int, built: int, seed: int
) -> list[dict[str, Any]]:
    """For either generator: how many proposals, and how many fail which check."""
    import numpy as np

    from lodestone.wyckoff.proposals import illegal
    from lodestone.wyckoff.prototypes import Prototypes

    rows = []
    for generator in (learned, Prototypes.of(examples)):
        rng = np.random.default_rng(seed)
        pairs: list[tuple[dict[str, int], Proposal]] = []
        asked = compositions(examples, proposals // each * 2, rng)
        used = 0
        for counts in asked:
            if len(pairs) >= proposals:
                break
            pairs += [(counts, p) for p in generator.propose(counts, each)][: proposals - len(pairs)]
            used += 1
        print(f"{generator.source}: {len(pairs)} proposals", file=sys.stderr, flush=True)
        chosen = [pairs[i] for i in rng.choice(len(pairs), size=min(built, len(pairs)), replace=False)]
        outcomes = Counter(_tried(counts, proposal, rng) for counts, proposal in chosen)
        rows.append({
            "generator": generator.source, "proposals": len(pairs), "compositions": used,
            "groups": len({p.space_group for _, p in pairs}),
            "illegal": sum(illegal(p, counts) is not None for counts, p in pairs),
            "incompatible": sum(not ok for ok in _compatible(pairs)),
            "built": len(chosen), "outcomes": dict(sorted(outcomes.items())),
        })  # fmt: skip
    return rows


def compositions(examples: Sequence[Example], n: int, rng: np.random.Generator) -> list[dict[str, int]]:
    """Compositions of references and, every other one, of random elements and numbers; up to 20 atoms."""
    known = {tuple(sorted(e.counts.items())) for e in examples}
    order = [dict(c) for c in sorted(known)]
    rng.shuffle(order)  # type: ignore[arg-type]
    made: list[dict[str, int]] = []
    while len(made) < n - n // 2:
        size = int(rng.integers(2, 5))
        names = rng.choice(ELEMENTS, size=size, replace=False)
        counts = {str(e): int(rng.integers(1, 7)) for e in sorted(names)}
        if sum(counts.values()) <= 20 and counts not in made:
            made.append(counts)
    return [c for pair in zip(order, made, strict=False) for c in pair]


def _compatible(pairs: Sequence[tuple[Mapping[str, int], Proposal]]) -> list[bool]:
    """Whether PyXtal finds room for each composition in the group, with its own search."""
    from pyxtal.symmetry import Group

    known: dict[tuple[int, tuple[int, ...]], bool] = {}
    for counts, proposal in pairs:
        key = (proposal.space_group, tuple(counts.values()))
        if key not in known:
            group = Group(proposal.space_group)
            numbers = [n * _lattice_points(group.symbol) for n in counts.values()]
            known[key] = bool(group.check_compatible(numbers)[0])
    return [known[p.space_group, tuple(counts.values())] for counts, p in pairs]


def _lattice_points(symbol: str) -> int:
    """Lattice points of the conventional cell."""
    return {"P": 1, "A": 2, "C": 2, "I": 2, "F": 4, "R": 3}[symbol[0]]


def _tried(counts: Mapping[str, int], proposal: Proposal, rng: np.random.Generator) -> str:
    """The first of three draws in which spglib finds any symmetry: it refuses atoms that nearly touch."""
    outcome = UNFOUND
    for _ in range(3):
        outcome = _built(counts, proposal, rng)
        if outcome != UNFOUND:
            break
    return outcome


def _built(counts: Mapping[str, int], proposal: Proposal, rng: np.random.Generator) -> str:
    """What becomes of a crystal built from a proposal: its group, a larger one, or what is wrong."""
    import numpy as np
    import spglib
    from pyxtal.lattice import Lattice
    from pyxtal.symmetry import Group

    group = Group(proposal.space_group)
    kinds, points = [], []
    for orbit in proposal.orbits:
        start = rng.random(3)
        places = np.array([op.operate(start) for op in group.get_wp_by_letter(orbit.letter).ops])
        points.append(places)
        kinds += [orbit.element] * len(places)
    cells = _lattice_points(group.symbol)
    if Counter(kinds) != {element: n * cells for element, n in counts.items()}:
        return "other formula"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        matrix = Lattice(group.lattice_type, 15.0 * len(kinds), random_state=rng).matrix
    numbers = [sorted(set(kinds)).index(kind) + 1 for kind in kinds]
    found = spglib.get_symmetry_dataset((matrix, np.concatenate(points), numbers), SYMPREC)
    if found is None:
        return UNFOUND
    if found.number == proposal.space_group:
        return "group"
    order, larger = len(group[0].ops), len(found.rotations)
    return "larger group" if larger > order and larger % order == 0 else "other group"
