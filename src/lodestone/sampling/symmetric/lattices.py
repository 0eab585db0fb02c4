"""The lattices of a batch, each kept within those that its space group allows.

Where the allowed L form a linear space, a step is projected on it and the result is exact. Where they lie on
a curved surface, a step is projected on the tangent space at L and its end is drawn back to the surface: the
metric (L + dL)² is averaged over the group and its root taken, which is exact to first order in the step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from lodestone.sampling.symmetric.lattice_family import UPPER, family

THINNEST = 1e-3  # Å²; the smallest eigenvalue of a metric on a curved surface
PACKED = tuple(3 * row + column for row, column in UPPER)
UNPACKED = (0, 3, 4, 3, 1, 5, 4, 5, 2)
"""Places of the six coordinates in a flattened matrix, and of its nine elements among the six."""


@dataclass(frozen=True)
class Lattices:
    """The allowed lattices of a batch of n_s structures.

    projector (n_s, 6, 6) on the allowed L, of linear families; average (n_s, 6, 6) of metrics over the
    group; metrics (n_s, 6, 6), rows a basis of the allowed metrics, padded with zeros; typical (n_s, 6) an
    allowed metric; curved (n_c,) the structures whose family is not linear.
    """

    projector: Tensor
    average: Tensor
    metrics: Tensor
    typical: Tensor
    curved: Tensor

    def along(self, cell: Tensor, step: Tensor) -> Tensor:
        """The part of a step (n_s, 3, 3) that keeps the lattice allowed to first order."""
        six = coordinates(step)
        found = torch.einsum("sij,sj->si", self.projector, six)
        if len(self.curved):
            tangent = self._tangent(cell[self.curved].detach())
            found = found.index_copy(0, self.curved, torch.einsum("sij,sj->si", tangent, six[self.curved]))
        return matrices(found)

    def moved(self, cell: Tensor, step: Tensor) -> Tensor:
        """The allowed lattice (n_s, 3, 3) that a step leads to."""
        return self.nearest(cell + self.along(cell, step))

    def nearest(self, cell: Tensor) -> Tensor:
        """The allowed lattice (n_s, 3, 3) next to `cell`; itself where it is one."""
        found = torch.einsum("sij,sj->si", self.projector, coordinates(cell))
        if len(self.curved):
            found = found.index_copy(0, self.curved, self._drawn_back(cell[self.curved]))
        return matrices(found)

    def smoothly(self, cell: Tensor) -> Tensor:
        """`nearest`, with a gradient that lies in the tangent space."""
        if not len(self.curved):
            return self.nearest(cell)
        base = self.nearest(cell.detach())
        return base + self.along(base, cell - cell.detach())

    def _tangent(self, cell: Tensor) -> Tensor:
        """Projectors (n_c, 6, 6) on the dL with L dL + dL L an allowed change of the metric."""
        sound = torch.isfinite(cell).flatten(1).all(dim=1)[:, None, None]
        exact = torch.where(sound, cell, _unit(3, cell)).double()
        basis = matrices(_unit(6, exact))
        change = torch.einsum("sij,bjk->sbik", exact, basis) + torch.einsum("bij,sjk->sbik", basis, exact)
        spanned = torch.linalg.solve(coordinates(change).mT, self.metrics[self.curved].to(exact).mT)
        return (spanned @ torch.linalg.pinv(spanned, rtol=1e-8)).to(cell)

    def _drawn_back(self, cell: Tensor) -> Tensor:
        """Six coordinates (n_c, 6) of the root of the averaged metric, kept away from flatness."""
        square = coordinates((cell @ cell).double())
        sound = torch.isfinite(square).all(dim=1, keepdim=True)
        metric = torch.einsum("sij,sj->si", self.average[self.curved].double(), square)
        typical = self.typical[self.curved].double()
        metric = torch.where(sound, metric, typical)
        lowest = torch.linalg.eigvalsh(matrices(metric))[:, :1]
        own = torch.linalg.eigvalsh(matrices(typical))[:, :1]
        metric = metric + (THINNEST - lowest).clamp_min(0) / own * typical
        values, vectors = torch.linalg.eigh(matrices(metric))
        roots = (vectors * values.clamp_min(0).sqrt()[:, None, :]) @ vectors.mT
        return torch.where(sound, coordinates(roots), torch.nan).to(cell)


def lattices(groups: Sequence[int], device: torch.device | str = "cpu") -> Lattices:
    """The allowed lattices of structures with these space groups."""
    families = [family(number) for number in groups]
    zero = np.zeros((6, 6))

    def stacked(values: Sequence[np.ndarray]) -> Tensor:
        return torch.from_numpy(np.stack(values)).float().to(device)

    return Lattices(
        projector=stacked([zero if f.linear is None else f.linear.T @ f.linear for f in families]),
        average=stacked([f.average for f in families]),
        metrics=stacked([np.vstack([f.metrics, zero[len(f.metrics) :]]) for f in families]),
        typical=stacked([f.typical for f in families]),
        curved=torch.tensor(
            [i for i, f in enumerate(families) if f.linear is None], dtype=torch.long, device=device
        ),
    )


def coordinates(matrix: Tensor) -> Tensor:
    """The six coordinates (..., 6) of the symmetric part of matrices (..., 3, 3)."""
    symmetric = 0.5 * (matrix + matrix.mT)
    return symmetric.flatten(-2).index_select(-1, _places(PACKED, symmetric.device))


def matrices(six: Tensor) -> Tensor:
    """The symmetric matrices (..., 3, 3) of six coordinates (..., 6)."""
    return six.index_select(-1, _places(UNPACKED, six.device)).unflatten(-1, (3, 3))


@lru_cache(maxsize=8)
def _places(places: tuple[int, ...], device: torch.device) -> Tensor:
    """Indices on a device, sent there once: a list of them would be sent at every call."""
    return torch.tensor(places, device=device)


def _unit(size: int, like: Tensor) -> Tensor:
    """The unit matrix with the device and the precision of `like`."""
    return torch.eye(size, device=like.device, dtype=like.dtype)
