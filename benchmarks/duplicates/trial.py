"""Known duplicates and known distinct crystals: how often the two rules are wrong; and ASE's fingerprint."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

SYSTEMS = (("Co", "O"), ("Co", "Li", "O"))
THRESHOLD = 0.10
COMPARED = 60  # structures whose distances ASE's comparator gives too


def trial() -> dict[str, Any]:
    """False splits of every kind of duplicate and false merges of distinct prototypes, with counts."""
    from benchmarks.duplicates.known_pairs import CHANGES, distinct_pairs, prototypes, same_pairs

    crystals = prototypes(SYSTEMS)
    pairs, left_out = distinct_pairs(crystals)
    rows = [_row(kind, same_pairs(crystals, kind), same=True) for kind in CHANGES]
    every = [pair for kind in CHANGES for pair in same_pairs(crystals, kind)]
    rows.append(_row("all duplicates", every, same=True))
    distinct = [(crystals[i], crystals[j]) for i, j in pairs]
    rows.append(_row("distinct prototypes", distinct, same=False))
    near = [p for p, gap in zip(distinct, gaps(distinct), strict=True) if gap <= THRESHOLD]
    rows.append(_row("distinct prototypes within the gate", near, same=False))
    return {"prototypes": len(crystals), "left_out": left_out, "rows": rows}


def _row(name: str, pairs: Sequence[Any], *, same: bool) -> dict[str, Any]:
    from lodestone.inference.intervals import wilson

    answers = decided(pairs)
    found: dict[str, Any] = {"name": name, "pairs": len(pairs), "same": same}
    for rule, said in answers.items():
        wrong = sum(answer != same for answer in said)
        interval = wilson(wrong, len(pairs))
        found[rule] = {"wrong": wrong, "low": interval.low, "high": interval.high}
    return found


def decided(pairs: Sequence[Any]) -> dict[str, list[bool]]:
    """Whether each pair is the same, by the fingerprint alone and by both stages."""
    from lodestone.curation.matching import PairDecisions, Similarity

    near = [bool(gap <= THRESHOLD) for gap in gaps(pairs)]
    both = [
        inside and PairDecisions(pair, Similarity()).same(0, 1)
        for inside, pair in zip(near, pairs, strict=True)
    ]
    return {"fingerprint": near, "two_stage": both}


def gaps(pairs: Sequence[Any]) -> Any:
    """Fingerprint distance of each pair."""
    import numpy as np

    from lodestone.curation.fingerprint import DEFAULTS, distances
    from lodestone.curation.fingerprints import fingerprints
    from lodestone.structures.crystals import pack

    features = fingerprints(pack([crystal for pair in pairs for crystal in pair]), DEFAULTS)
    if features.failures:
        raise ValueError(f"structures of the trial have no fingerprint: {features.failures}")
    places = [np.array([i]) for i in range(2 * len(pairs))]
    both = [(features.vectors(places[2 * k]), features.vectors(places[2 * k + 1])) for k in range(len(pairs))]
    return np.array([distances(one, other)[0, 0] for one, other in both])


def matcher_alone(crystals: Sequence[Any]) -> Callable[[int, int], bool]:
    """The decision by pymatgen alone: its primitive cell, Niggli's cell and its matcher."""
    from pymatgen.analysis.structure_matcher import StructureMatcher
    from pymatgen.core import Lattice, Structure

    matcher = StructureMatcher(ltol=0.2, stol=0.2, angle_tol=5, scale=False, attempt_supercell=False)
    made: dict[int, Any] = {}

    def structure(i: int) -> Any:
        if i not in made:
            numbers, cell, frac = crystals[i]
            primitive = Structure(Lattice(cell), numbers, frac).get_primitive_structure()
            made[i] = primitive.get_reduced_structure("niggli")
        return made[i]

    return lambda i, j: bool(matcher.fit(structure(i), structure(j), skip_structure_reduction=True))


def beside_ase() -> dict[str, Any]:
    """Distances of prototypes of one formula and size beside those of `ase_ga`'s comparator.

    It bins distances, smears between bins and divides by the square of the bin's edge; bins of
    0.05 Å, as here, and σ = 0.1 Å.
    """
    import numpy as np

    from benchmarks.duplicates.known_pairs import prototypes

    pairs = ase_pairs(prototypes(SYSTEMS), COMPARED)
    ours = gaps([pair for _, pair in pairs])
    theirs = ase_distances([pair for _, pair in pairs])
    return {
        "structures": len({i for names, _ in pairs for i in names}), "pairs": len(pairs),
        "correlation": float(np.corrcoef(ours, theirs)[0, 1]),
        "median": float(np.median(np.abs(ours - theirs))), "largest": float(np.abs(ours - theirs).max()),
        "ours": [float(x) for x in ours], "ase": [float(x) for x in theirs],
    }  # fmt: skip


def ase_pairs(crystals: Sequence[Any], most: int) -> list[tuple[tuple[int, int], Any]]:
    """Pairs of neighbours in the list with the same atoms, each crystal in one pair at most."""
    waiting: dict[tuple[int, ...], int] = {}
    found: list[tuple[tuple[int, int], Any]] = []
    for i, crystal in enumerate(crystals):
        key = tuple(sorted(crystal[0].tolist()))
        if key in waiting and len(found) < most // 2:
            k = waiting.pop(key)
            found.append(((k, i), (crystals[k], crystal)))
        else:
            waiting[key] = i
    return found


def ase_distances(pairs: Sequence[Any]) -> Any:
    """Cosine distances of pairs by `ase_ga.ofp_comparator.OFPComparator`, atoms sorted by element."""
    import numpy as np
    from ase import Atoms
    from ase_ga.ofp_comparator import OFPComparator

    comparator = OFPComparator(rcut=10.0, binwidth=0.05, sigma=0.1, nsigma=5, pbc=True, recalculate=True)

    def atoms(crystal: Any) -> Atoms:
        numbers, cell, frac = crystal
        order = np.argsort(numbers, kind="stable")
        return Atoms(numbers=numbers[order], cell=cell, scaled_positions=frac[order], pbc=True)

    return np.array([comparator._compare_structure(atoms(a), atoms(b)) for a, b in pairs])  # noqa: SLF001
