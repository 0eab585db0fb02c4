"""Calls of a user's Python function of one structure: a number, or None, whatever the function does.

What it raises is counted and said once; the random state of the sampler stays as it was, so that the same
seed draws the same structures whether or not a function is asked.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from ase import Atoms

    from lodestone.constraints.functions import Call

SEED = 0
"""Every call begins from this seed of random, numpy and torch: its value is one of the structure alone."""
THINNEST = 0.5
"""Å between the lattice planes of a cell; below, neighbour searches take forever and nothing is a crystal."""


class Calls:
    """A function with its keyword arguments, and how often it was called, was not defined, and raised.

    A function whose attribute `batched` is true takes a list of structures and returns a list of numbers.
    """

    def __init__(self, name: str, call: Call, arguments: Mapping[str, Any]) -> None:
        self.name, self._call, self._arguments = name, call, dict(arguments)
        self.calls = self.undefined = self.raised = 0

    def __call__(self, structures: Sequence[Atoms]) -> list[float | None]:
        """Values in the order of the structures; None where the function has none, or raises."""
        usable = [k for k, atoms in enumerate(structures) if is_measurable(atoms)]
        found: dict[int, float | None] = {}
        if getattr(self._call, "batched", False):
            found = dict(zip(usable, self._many([structures[k] for k in usable]), strict=True))
        else:
            found = {k: self._one(structures[k]) for k in usable}
        self.calls += len(structures)
        values = [found.get(k) for k in range(len(structures))]
        self.undefined += sum(value is None for value in values)
        return values

    def _one(self, atoms: Atoms) -> float | None:
        try:
            with undisturbed():
                given = self._call(atoms.copy(), **self._arguments)
            return number(given)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever the code of a user raises
            self._note(error)
            return None

    def _many(self, structures: list[Atoms]) -> list[float | None]:
        """All at once; where that raises, each alone, so that one loses no other."""
        if not structures:
            return []
        try:
            with undisturbed():
                given = list(self._call([atoms.copy() for atoms in structures], **self._arguments))
            return [number(value) for _, value in zip(structures, given, strict=True)]
        except (Exception, SystemExit) as error:  # noqa: BLE001 - as above
            if len(structures) == 1:
                self._note(error)
                return [None]
            return [value for atoms in structures for value in self._many([atoms])]

    def _note(self, error: BaseException) -> None:
        from lodestone.runtime.memory import is_exhausted

        if is_exhausted(error):
            raise error  # the batch is halved and tried again
        self.raised += 1
        if self.raised == 1:
            warnings.warn(
                f"{self.name} raised {type(error).__name__}: {error}; such structures count as not defined, "
                "and this is said once",
                stacklevel=2,
            )


def number(value: Any) -> float | None:
    """What a function returned as a float; None for None, NaN and infinities.

    Raises TypeError for what is no number.
    """
    import math

    if value is None:
        return None
    if isinstance(value, str | bytes | bytearray):
        wrong = f"returned {type(value).__name__}, no number"
        raise TypeError(wrong)
    found = float(value)
    return found if math.isfinite(found) else None


def is_measurable(atoms: Atoms) -> bool:
    """Whether a structure has atoms of known elements in a cell that is one."""
    import numpy as np

    cell = atoms.cell.array
    if not len(atoms) or atoms.numbers.min() < 1:
        return False
    if not (np.isfinite(cell).all() and np.isfinite(atoms.positions).all()):
        return False
    return bool(_thickness(cell) >= THINNEST)


def _thickness(cell: np.ndarray) -> float:
    """The smallest distance of lattice planes, Å; 0 for a cell without volume."""
    import numpy as np

    volume = abs(float(np.linalg.det(cell)))
    areas = np.linalg.norm(np.cross(cell[[1, 2, 0]], cell[[2, 0, 1]]), axis=1)
    return volume / float(areas.max()) if areas.max() > 0 else 0.0


@contextmanager
def undisturbed() -> Iterator[None]:
    """Keeps the random states and the default dtype; inside, gradients are on and seeds are `SEED`."""
    import random

    import numpy as np
    import torch

    python, legacy, dtype = random.getstate(), np.random.get_state(), torch.get_default_dtype()  # noqa: NPY002
    with torch.random.fork_rng(), torch.enable_grad(), np.errstate():
        random.seed(SEED)
        np.random.seed(SEED)  # noqa: NPY002 - the state that a user's code may draw from
        torch.manual_seed(SEED)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(legacy)  # noqa: NPY002
            torch.set_default_dtype(dtype)
