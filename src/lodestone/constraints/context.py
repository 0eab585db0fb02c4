"""What a term may need beyond the structure: an estimator, and the hull of references evaluated by it.

Everything is made when it is first asked for, and once per process: a context costs nothing where no
term needs it.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl
    from ase import Atoms

    from lodestone.constraints.term import Term
    from lodestone.energies.evaluation import Estimator, Evaluation
    from lodestone.energies.guards import Guards
    from lodestone.energies.hull import Hulls
    from lodestone.structures.crystals import Composition, Crystal

Made = tuple["Estimator", "Guards"]


class MissingReferencesError(ValueError):
    """A term's hull cannot be made; the message says what is missing and how to get it."""


@dataclass
class Potential:
    """An estimator behind its guards, and the hull of the references' energies by that estimator.

    `load` makes estimator and guards, `read` the references with `id`, `numbers`, `energy_per_atom`
    and `own_energy`; references that the estimator gets absurdly wrong are left out, as in the
    campaign's hull.
    """

    name: str
    load: Callable[[], Made]
    read: Callable[[], pl.DataFrame]
    _hull: dict[Composition, float | None] = field(default_factory=dict)
    _known: dict[bytes, float | None] = field(default_factory=dict)

    @cached_property
    def made(self) -> Made:
        """Estimator and guards; loading them leaves the sampler's random state as it was."""
        with _undisturbed():
            return self.load()

    @cached_property
    def hulls(self) -> Hulls:
        """The hulls over the references."""
        from lodestone.energies.hull import Hulls
        from lodestone.energies.phases import phases, suspect_references

        references = self.read()
        suspects = sorted(suspect_references(references))
        return Hulls([p for p in phases(references) if p.id not in suspects])

    def evaluate(self, structures: Sequence[Atoms]) -> list[Evaluation | str]:
        """Evaluations, or why there is none; an estimator that raises fails one structure, not the batch."""
        from lodestone.energies.guards import evaluate_guarded

        try:
            return evaluate_guarded(structures, *self.made)
        except Exception as error:  # noqa: BLE001 - whatever a potential raises for an odd structure
            reason = f"{self.name} failed: {type(error).__name__}: {error}"
            if len(structures) != 1:
                return [self.evaluate([atoms])[0] for atoms in structures]
            warnings.warn(reason, stacklevel=2)
            return [reason]

    def hull_energy(self, numbers: Iterable[int]) -> float | None:
        """Energy of the hull (eV/atom) at the composition of these atoms; None where there is none."""
        from collections import Counter

        from lodestone.energies.phases import composition_of

        counts = tuple(sorted(Counter(int(z) for z in numbers).items()))
        if counts not in self._hull:
            composition = composition_of([z for z, n in counts for _ in range(n)])
            self._hull[counts] = self.hulls.energy(composition)
        return self._hull[counts]

    def prepare(self, crystals: Sequence[Crystal]) -> None:
        """Evaluate many structures at once; `above_hull` then knows their values."""
        from ase import Atoms

        from lodestone.energies.hull import DEEPEST

        self._known.clear()
        atoms = [Atoms(numbers=z, cell=c, scaled_positions=f % 1.0, pbc=True) for z, c, f in crystals]
        decided = [a for a in atoms if len(a) and a.numbers.min() > 0]
        found = dict(zip(map(id, decided), self.evaluate(decided), strict=True))
        for crystal, a in zip(crystals, atoms, strict=True):
            evaluation = found.get(id(a), "a type was never decided")
            hull = None if isinstance(evaluation, str) else self.hull_energy(a.numbers)
            above = None if hull is None else float(evaluation.energy) / len(a) - hull  # type: ignore[union-attr]
            self._known[_key(crystal)] = None if above is None or above < -DEEPEST else above

    def above_hull(self, crystal: Crystal) -> float | None:
        """E/n - hull (eV/atom) of (numbers, cell, frac).

        None where the guards refuse the structure, there is no hull, or the energy is so far below
        the hull that it is a hole in the estimator rather than a crystal.
        """
        if _key(crystal) not in self._known:
            self.prepare([crystal])
        return self._known[_key(crystal)]

    def require(self, elements: Iterable[str]) -> None:
        """Raise where an element has no reference of its own: its compounds would have no hull."""
        missing = self.hulls.missing_elements(tuple(sorted(elements)))
        if missing:
            raise MissingReferencesError(
                f"energy_above_hull needs a reference of pure {', '.join(missing)} with an energy by "
                f"{self.name}, and there is none; add a source that has it to `references`, or choose "
                "another estimator"
            )


@dataclass
class Context:
    """Potentials of a campaign's terms; `settings` is the slice `potentials` of a stage's settings.

    `tables` are the references and then their energies, one table per entry of `estimators`; where the
    references stand alone, they are evaluated here.
    """

    settings: Mapping[str, Any]
    tables: Sequence[Path] = ()
    made: dict[str, Potential] = field(default_factory=dict)

    def potential(self, estimator: Mapping[str, Any] | None) -> Potential:
        """The potential of a term; None is the campaign's own estimator."""
        if not self.settings:
            raise MissingReferencesError("energy_above_hull needs an estimator and reference energies")
        chosen = dict(self.settings["default"] if estimator is None else estimator)
        key = json.dumps(chosen, sort_keys=True)
        if key not in self.made:
            self.made[key] = Potential(words(chosen), lambda: self._load(chosen), lambda: self._read(chosen))
        return self.made[key]

    def require(self) -> None:
        """Raise where the hull of any estimator lacks a pure element of the chemical system."""
        for estimator in self.settings.get("estimators", ()):
            self.potential(estimator).require(self.settings["elements"])

    def _load(self, estimator: Mapping[str, Any]) -> Made:
        from lodestone.energies.estimators import estimator_and_guards

        energy = {"estimator": estimator, "batch_size": self.settings["batch_size"]}
        return estimator_and_guards({"energy": energy, "screen": self.settings["screen"]})

    def _read(self, estimator: Mapping[str, Any]) -> pl.DataFrame:
        from lodestone.energies.hull import with_energies
        from lodestone.structures.table import read_table

        if not self.tables:
            raise MissingReferencesError(
                "energy_above_hull needs references and their energies; none are given"
            )
        first, *energies = self.tables
        known = read_table(first)
        if not energies:
            return with_energies(known, self._evaluated(known, estimator))
        return with_energies(known, read_table(energies[self.settings["estimators"].index(estimator)]))

    def _evaluated(self, known: pl.DataFrame, estimator: Mapping[str, Any]) -> pl.DataFrame:
        from lodestone.energies.evaluation import energies
        from lodestone.structures.table import SCHEMA

        return energies(known.select(list(SCHEMA)), *self.potential(estimator).made)


def context_of(settings: Mapping[str, Any], tables: Sequence[Path]) -> Context:
    """The context of a job: its `settings` and the tables of references and their energies."""
    return Context(settings.get("potentials") or {}, tables)


def prepare(terms: Iterable[Term], crystals: Sequence[Crystal]) -> None:
    """Let terms that evaluate in batches see (numbers, cell, frac) of many structures at once."""
    for term in terms:
        if hasattr(term, "prepare"):
            term.prepare(crystals)


def words(estimator: Mapping[str, Any]) -> str:
    """An estimator's settings in words: `grace embedded`."""
    return " ".join(str(value) for value in estimator.values() if value and not isinstance(value, Mapping))


def _key(crystal: Crystal) -> bytes:
    return b"|".join(x.tobytes() for x in crystal)


def _undisturbed() -> AbstractContextManager[None]:
    """Keeps torch's random state: a model may draw its initial weights before it reads the real ones."""
    if "torch" not in sys.modules:
        return nullcontext()
    import torch

    return torch.random.fork_rng()
