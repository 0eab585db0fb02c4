"""What a structure must fulfil before a model may see it.

Interatomic potentials answer for anything: GRACE returns finite, plausible energies for overlapping
atoms and NaN positions, and lets an atom without neighbours pass in silence. So every structure is
looked at first, and a refusal has a name.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ase import Atoms

    from lodestone.energies.evaluation import Estimator, Evaluation


HEAVIEST = 118
NEAR = 3.0  # Å; most atoms of most crystals have a neighbour within it
ISOLATED_BEYOND = 6.0  # Å; of an estimator that does not say how far it sees
BROKEN_AFTER = 8  # structures; an estimator that raises for each of so many is broken, not they


@dataclass(frozen=True)
class Guards:
    """Limits within which a model's answer means something; call it with a structure.

    `volume_per_atom` in Å³, `min_distance` in Å (periodic images included), `isolated_beyond`: an
    atom must have a neighbour within this distance (Å; None: not asked), `elements`: symbols that
    the model covers (None: all).
    """

    volume_per_atom: tuple[float, float] = (3.0, 100.0)
    min_distance: float = 0.7
    isolated_beyond: float | None = None
    elements: frozenset[str] | None = None

    def __call__(self, atoms: Atoms) -> str | None:
        """Why the structure must not be evaluated, or None."""
        return (
            self._not_finite(atoms)
            or self._not_covered(atoms)
            or self._volume(atoms)
            or self._too_close(atoms)
            or self._isolated(atoms)
        )

    def _not_finite(self, atoms: Atoms) -> str | None:
        if len(atoms) == 0:
            return "no atoms"
        if not (np.isfinite(atoms.cell.array).all() and np.isfinite(atoms.positions).all()):
            return "non-finite cell or positions"
        return None

    def _not_covered(self, atoms: Atoms) -> str | None:
        odd = sorted({int(z) for z in atoms.numbers if not 1 <= z <= HEAVIEST})
        if odd:
            return f"no element has the atomic number {', '.join(map(str, odd))}"
        if self.elements is None:
            return None
        missing = sorted(set(atoms.get_chemical_symbols()) - self.elements)
        return f"element not covered by the model: {', '.join(missing)}" if missing else None

    def _volume(self, atoms: Atoms) -> str | None:
        low, high = self.volume_per_atom
        per_atom = abs(float(np.linalg.det(atoms.cell.array))) / len(atoms)
        if low <= per_atom <= high:
            return None
        return f"volume per atom of {per_atom:.3g} Å³ outside {low:g}-{high:g} Å³"

    def _too_close(self, atoms: Atoms) -> str | None:
        from matscipy.neighbours import neighbour_list

        distances = neighbour_list("d", atoms, self.min_distance)
        if len(distances) == 0:
            return None
        return f"atoms {distances.min():.2f} Å apart, below {self.min_distance:g} Å"

    def _isolated(self, atoms: Atoms) -> str | None:
        from matscipy.neighbours import neighbour_list

        if self.isolated_beyond is None:
            return None
        for reach in (min(NEAR, self.isolated_beyond), self.isolated_beyond):  # the first settles nearly all
            lonely = len(atoms) - len(np.unique(neighbour_list("i", atoms, reach)))
            if lonely == 0:
                return None
        return f"{lonely} isolated atoms without a neighbour within {self.isolated_beyond:g} Å"


def guards_for(
    estimator: Estimator,
    *,
    volume_per_atom: tuple[float, float] = (3.0, 100.0),
    min_distance: float = 0.7,
) -> Guards:
    """Guards with the limits of a campaign and the reach of its estimator.

    An estimator may say which `elements` it covers and up to which `cutoff` (Å) it sees.
    """
    return Guards(
        volume_per_atom=volume_per_atom,
        min_distance=min_distance,
        isolated_beyond=getattr(estimator, "cutoff", ISOLATED_BEYOND),
        elements=getattr(estimator, "elements", None),
    )


def evaluate_guarded(
    structures: Sequence[Atoms], estimator: Estimator, guards: Guards, *, forces: bool = True
) -> list[Evaluation | str]:
    """Evaluate what the guards let pass; the others get their reason instead, in order.

    An evaluation that is not finite counts as a failure too; for an estimator that raises see
    `evaluate_each`. Without `forces` an estimator that can gives energies alone.
    """
    found: list[Evaluation | str] = [guards(a) or "" for a in structures]
    passed = [i for i, reason in enumerate(found) if not reason]
    alone = None if forces else getattr(estimator, "energy_only", None)
    evaluations = evaluate_each([structures[i] for i in passed], estimator, alone)
    for i, evaluation in zip(passed, evaluations, strict=True):
        finite = np.isfinite(evaluation.energy) and (alone or np.isfinite(evaluation.forces).all())
        failure = evaluation.failure or f"non-finite answer of {estimator.name}"
        found[i] = evaluation if finite else failure
    return found


def evaluate_each(
    structures: Sequence[Atoms],
    estimator: Estimator,
    call: Callable[[Sequence[Atoms]], list[Evaluation]] | None = None,
) -> list[Evaluation]:
    """Evaluate structures that the guards let pass, by `call` (default: all that the estimator gives).

    An estimator that raises fails the structures that it raises for; where these are all of `BROKEN_AFTER`
    or more, its error goes on. What does not fit into memory says nothing about the estimator: it is failed
    alone, however many they are.
    """
    raised: list[Exception] = []
    evaluations = _split(call or estimator.evaluate, list(structures), estimator.name, raised)
    if len(raised) == len(structures) >= BROKEN_AFTER:
        raise raised[0]
    if raised:
        first = f"{type(raised[0]).__name__}: {raised[0]}"
        text = f"{estimator.name} raised for {len(raised)} of {len(structures)} structures, first {first}"
        warnings.warn(text, stacklevel=3)
    return evaluations


def _split(
    call: Callable[[Sequence[Atoms]], list[Evaluation]],
    structures: list[Atoms],
    name: str,
    raised: list[Exception],
) -> list[Evaluation]:
    """Evaluations; where a batch raises, those of its halves, down to the structure that it raises for."""
    from lodestone.energies.evaluation import Evaluation
    from lodestone.runtime.fitting import words
    from lodestone.runtime.memory import is_exhausted, release

    try:
        return call(structures)
    except Exception as error:  # noqa: BLE001 - whatever a potential raises for an odd structure
        exhausted = is_exhausted(error)
        if len(structures) == 1 and exhausted:
            return [Evaluation.failed(len(structures[0]), f"{name}: {words(error)}")]
        if len(structures) == 1:
            raised.append(error)
            reason = f"{name} failed: {type(error).__name__}: {error}"
            return [Evaluation.failed(len(structures[0]), " ".join(reason.split())[:300])]
    if exhausted:
        release()  # outside of the handler, where the traceback no longer keeps the batch alive
    half = len(structures) // 2
    return [e for part in (structures[:half], structures[half:]) for e in _split(call, part, name, raised)]
