"""When two crystals count as the same, and a cache that asks each question once.

No single fingerprint threshold separates same from different: crystals of one parent structure
with small distortions lie as close as truly different ones. `two_stage` therefore takes the
fingerprint as a cheap gate and lets pymatgen's StructureMatcher (Ong et al., Comput. Mater. Sci.
68, 314, 2013) decide inside it, volumes as they are; `fingerprint` lets the threshold decide.

The matcher gets primitive crystals in reduced cells. Most answers need no matcher: yes, where the
crystals lie on each other well inside its tolerances (`coincidence.py`); no, where their primitive
cells differ in the number of atoms, or where no lattice mapping and translation pass the conditions
that it tests first (`exclusion.py`).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from lodestone.curation.coincidence import Frame, coincide, frame
from lodestone.curation.exclusion import excluded, lattices_differ
from lodestone.curation.fingerprint import DEFAULTS, FingerprintSettings
from lodestone.curation.fingerprints import reduced
from lodestone.curation.primitive import primitive_cell
from lodestone.curation.results import Confirmations
from lodestone.structures.crystals import Crystal, Packed, pack

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
    """Answers whether crystals i and j, already inside the fingerprint gate, are the same.

    The crystals have fingerprints, so their cells and coordinates are sound.
    """

    def __init__(self, crystals: Sequence[Crystal], similarity: Similarity) -> None:
        self.counts = Confirmations()
        self._crystals = crystals
        self._similarity = similarity
        self._inside: Packed | None = None
        self._frames: dict[int, Frame] = {}
        self._structures: dict[int, Structure] = {}
        self._answers: dict[tuple[int, int], bool] = {}
        self._matcher: StructureMatcher | None = None

    def same(self, i: int, j: int) -> bool:
        """Whether the crystals at positions i and j are the same; symmetric in i and j."""
        if self._similarity.method == "fingerprint":
            return True
        key = (min(i, j), max(i, j))
        if key not in self._answers:
            begin = time.perf_counter()
            self._answers[key] = answer = self._decide(*key)
            self.counts.same += answer
            self.counts.different += not answer
            self.counts.seconds += time.perf_counter() - begin
        return self._answers[key]

    def _decide(self, i: int, j: int) -> bool:
        one, other = self._frame(i), self._frame(j)
        limits = self._similarity
        tolerances = {"ltol": limits.ltol, "stol": limits.stol, "angle_tol": limits.angle_tol}
        if len(one.numbers) != len(other.numbers):
            self.counts.unequal += 1
            return False
        if lattices_differ(one, other, limits.ltol):
            self.counts.excluded += 1
            return False
        if coincide(one, other, **tolerances):
            self.counts.evident += 1
            return True
        if excluded(one, other, **tolerances):
            self.counts.excluded += 1
            return False
        self.counts.matched += 1
        if self._matcher is None:
            self._matcher = _matcher(self._similarity)
        return bool(self._matcher.fit(self._structure(i), self._structure(j), skip_structure_reduction=True))

    def _frame(self, i: int) -> Frame:
        """The primitive crystal in a reduced cell, made once; all cells are reduced together."""
        if self._inside is None:
            self._inside, _ = reduced(pack(self._crystals))
        if i not in self._frames:
            self._frames[i] = frame(primitive_cell(self._inside[i]))
        return self._frames[i]

    def _structure(self, i: int) -> Structure:
        """The primitive crystal as the matcher takes it, made once."""
        if i not in self._structures:
            from pymatgen.core import Lattice, Structure

            found = self._frame(i)
            self._structures[i] = Structure(Lattice(found.cell), found.numbers, found.frac)
        return self._structures[i]


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
