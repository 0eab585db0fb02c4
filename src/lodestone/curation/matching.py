"""When two crystals count as the same, and a cache that asks each question once.

No single fingerprint threshold separates same from different: crystals of one parent structure
with small distortions lie as close as truly different ones. `two_stage` therefore takes the
fingerprint as a cheap gate and lets pymatgen's StructureMatcher (Ong et al., Comput. Mater. Sci.
68, 314, 2013) decide inside it, volumes as they are; `fingerprint` lets the threshold decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from lodestone.curation.crystal import Crystal
from lodestone.curation.fingerprint import DEFAULTS, FingerprintSettings

if TYPE_CHECKING:
    from pymatgen.analysis.structure_matcher import StructureMatcher
    from pymatgen.core import Structure


@dataclass(frozen=True)
class Similarity:
    """The decision whether two crystals are the same.

    `ltol` and `stol` are StructureMatcher's (fractional lengths; mean free length per atom),
    `angle_tol` is in degrees.
    """

    method: Literal["two_stage", "fingerprint"] = "two_stage"
    threshold: float = 0.10
    ltol: float = 0.2
    stol: float = 0.2
    angle_tol: float = 5.0
    fingerprint: FingerprintSettings = DEFAULTS

    def scaled(self, factor: float) -> Similarity:
        """The same decision at a multiple of the fingerprint threshold."""
        return replace(self, threshold=self.threshold * factor)


class PairDecisions:
    """Answers whether crystals i and j, already inside the fingerprint gate, are the same."""

    def __init__(self, crystals: Sequence[Crystal], similarity: Similarity) -> None:
        self._crystals = crystals
        self._similarity = similarity
        self._reduced: dict[int, Structure] = {}
        self._answers: dict[tuple[int, int], bool] = {}
        self._matcher = _matcher(similarity) if similarity.method == "two_stage" else None

    def same(self, i: int, j: int) -> bool:
        """Whether the crystals at positions i and j are the same; symmetric in i and j."""
        if self._matcher is None:
            return True
        key = (min(i, j), max(i, j))
        if key not in self._answers:
            one, other = (self._structure(k) for k in key)
            self._answers[key] = bool(self._matcher.fit(one, other, skip_structure_reduction=True))
        return self._answers[key]

    def _structure(self, i: int) -> Structure:
        """The reduced primitive structure of a crystal, made once."""
        if i not in self._reduced:
            self._reduced[i] = reduced_structure(self._crystals[i])
        return self._reduced[i]


def reduced_structure(crystal: Crystal) -> Structure:
    """The Niggli-reduced primitive cell; the primitive cell where Niggli's algorithm gives up."""
    from pymatgen.core import Lattice, Structure

    numbers, cell, frac = crystal
    primitive = Structure(Lattice(cell), numbers, frac).get_primitive_structure()
    try:
        return primitive.get_reduced_structure(reduction_algo="niggli")
    except ValueError:
        return primitive


def _matcher(similarity: Similarity) -> StructureMatcher:
    from pymatgen.analysis.structure_matcher import StructureMatcher

    return StructureMatcher(
        ltol=similarity.ltol,
        stol=similarity.stol,
        angle_tol=similarity.angle_tol,
        primitive_cell=True,
        scale=False,
        attempt_supercell=False,
    )
