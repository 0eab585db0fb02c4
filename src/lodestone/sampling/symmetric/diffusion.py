"""A diffusion restricted to the symmetric subspace of a proposal per structure (arXiv 2411.08464).

The restricted process is the reverse process of the whole one with score and noise projected on the
subspace (see `orbits` and `lattices`). Its transitions are written out here, from the kernels alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lodestone.sampling.process import symmetric_noise, symmetrised
from lodestone.sampling.resume import Remembers
from lodestone.sampling.state import Kernel, Score, State
from lodestone.sampling.symmetric.lattices import coordinates
from lodestone.sampling.symmetric.subspace import ASSIGNED, FREE, Subspace, subspace_of
from lodestone.sampling.symmetric.unmasking import allowed_logits, unmasked
from lodestone.wyckoff.proposals import Proposal

if TYPE_CHECKING:
    from lodestone.sampling.loop import Diffusion

SNR = (0.4, 0.2)  # signal-to-noise ratio of the corrector, positions and lattice, as in MatterGen's sampler
FASTEST = 1e-3  # smallest α_t/α_s, as upstream clips it
PRIOR = 12  # dimensions
TINY = 1e-12


class SymmetricDiffusion:
    """A `Diffusion` whose structures stay in the subspace of their proposals, one per structure.

    Where nothing confines any structure (space group 1, elements free) the steps are those of the diffusion
    inside, bit for bit, unless `delegate` is False.
    """

    def __init__(
        self,
        diffusion: Diffusion,
        proposals: Sequence[Proposal],
        *,
        elements: str = ASSIGNED,
        delegate: bool = True,
    ) -> None:
        self._inner, self._proposals, self._elements = diffusion, tuple(proposals), elements
        trivial = elements == FREE and all(p.space_group == 1 for p in proposals)
        self._plain = delegate and trivial
        self.times = diffusion.times

    @property
    def sizes(self) -> list[int]:
        """Atoms of every structure."""
        return [proposal.n_atoms for proposal in self._proposals]

    def lonely(self, state: State) -> list[int]:
        """Structures with an atom that has no neighbour, if the diffusion inside can tell."""
        found = getattr(self._inner, "lonely", None)
        return [] if found is None else found(wrapped(state))

    def remembered(self) -> Any:
        """What the diffusion inside counts or keeps, if it says so."""
        return self._inner.remembered() if isinstance(self._inner, Remembers) else None

    def recall(self, memory: Any) -> None:
        """Give that back to the diffusion inside."""
        if isinstance(self._inner, Remembers):
            self._inner.recall(memory)

    def prior(self, n_atoms: list[int]) -> State:
        """Draw x_1: the lattice's prior restricted, free parameters uniform, open types masked.

        Raises:
            ValueError: these are not the sizes of the proposals.
        """
        if n_atoms != self.sizes:
            raise ValueError(f"structures of {n_atoms} atoms asked for; the proposals have {self.sizes}")
        state = self._inner.prior(n_atoms)
        if self._plain:
            return state
        subspace = subspace_of(self._proposals, self._elements, state.cell.device)
        parameters = torch.rand(subspace.orbits.n_orbits, 3, device=state.cell.device)
        start = replace(state, frac=subspace.orbits.places(parameters), fixed=subspace)
        return subspace.apply(start)

    def score(self, state: State, t: Tensor) -> Score:
        """The score at x_t along the subspace; logits of elements that no quota rules out."""
        found = self._inner.score(wrapped(state), t)
        subspace = state.fixed
        if not isinstance(subspace, Subspace):
            return found
        found = subspace.confined(state, found)
        return replace(found, logits=allowed_logits(subspace, state.numbers, found.logits))

    def kernel(self, state: State, t: Tensor, *, steps_later: int = 0) -> Kernel:
        """p(x_t | x_0) of the whole process; that of the subspace has the same σ, α and variance."""
        return self._inner.kernel(state, t, steps_later=steps_later)

    def correct(self, state: State, score: Score, t: Tensor) -> State:
        """One Langevin step in the subspace, its size each structure's own."""
        subspace = state.fixed
        if not isinstance(subspace, Subspace):
            return self._inner.correct(state, score, t)
        now, after = self.kernel(state, t), self.kernel(state, t, steps_later=1)
        pull = subspace.confined(state, score)
        noise = subspace.orbits.along(torch.randn_like(state.frac))
        spread = state.sum_squares(now.sigma) / state.n_atoms
        free = subspace.dimensions
        step = _step(SNR[0], free[0], state.sum_squares(pull.frac), spread)[state.structure_idx, None]
        frac = state.frac + step * pull.frac + torch.sqrt(2 * step) * noise
        shake = subspace.lattices.along(state.cell, symmetric_noise(state.cell))
        spread = ((1 - now.alpha**2) * now.variance)[:, 0, 0]
        length = _step(SNR[1], free[1], coordinates(pull.cell).square().sum(dim=1), spread)
        stride = ((now.alpha / after.alpha) ** 2 * length)[:, None, None]
        cell = subspace.lattices.moved(state.cell, stride * pull.cell + torch.sqrt(2 * stride) * shake)
        return state.with_fields(frac, subspace.lattices.nearest(_positive(cell)), state.numbers)

    def predict(self, state: State, score: Score, t: Tensor) -> tuple[State, State]:
        """The ancestral step in the subspace (Song et al., arXiv 2011.13456, eq. 47); sample and mean.

        Positions: mean x + (σ_t² - σ_s²) s, variance σ_s² (σ_t² - σ_s²)/σ_t². Lattice, with a = α_t/α_s and
        σ² = (1 - α²) v: mean m + ((L - m) + (σ_t² - a² σ_s²) s)/a, variance (σ_t² - a² σ_s²) σ_s²/σ_t².
        """
        subspace = state.fixed
        if not isinstance(subspace, Subspace):
            return self._inner.predict(state, score, t)
        late, early = self.kernel(state, t), self.kernel(state, t, steps_later=1)
        pull = subspace.confined(state, score)
        gained = (late.sigma**2 - early.sigma**2).clamp_min(0)
        mean = state.frac + gained * pull.frac
        spread = early.sigma * torch.sqrt(gained) / late.sigma.clamp_min(TINY)
        frac = mean + spread * subspace.orbits.along(torch.randn_like(mean))
        drift, std = _lattice_step(state.cell, pull.cell, late, early)
        shaken = drift + std * symmetric_noise(state.cell)
        unmasking = (early.kept - late.kept) / max(1 - late.kept, TINY)
        numbers, likely = unmasked(subspace, state.numbers, score.logits, unmasking)
        return (
            state.with_fields(frac, subspace.lattices.moved(state.cell, shaken), numbers),
            state.with_fields(mean, subspace.lattices.moved(state.cell, drift), likely),
        )


def wrapped(state: State) -> State:
    """The state as the network takes it: coordinates within the cell, nothing held."""
    return replace(state, frac=torch.remainder(state.frac, 1.0), fixed=None)


def _lattice_step(cell: Tensor, score: Tensor, late: Kernel, early: Kernel) -> tuple[Tensor, Tensor]:
    """The mean step of the lattice, and the standard deviation about it, (n_structures, 3, 3) each."""
    before, after = (((1 - k.alpha**2) * k.variance).clamp_min(0) for k in (late, early))
    ratio = late.alpha / early.alpha
    gained = (before - ratio**2 * after).clamp_min(0)
    std = torch.sqrt(gained * after / before.clamp_min(TINY))
    ratio = ratio.clamp_min(FASTEST)
    return (1 / ratio - 1) * (cell - late.limit) + gained / ratio * score, std


def _step(snr: float, free: Tensor, score2: Tensor, variance: Tensor) -> Tensor:
    """Step size 2 r² σ², less where the score is longer than an exact one of so many dimensions.

    The ratio of norms |z|²/|s|² that upstream takes is a number of its own in each structure; in one or two
    dimensions it follows the state and the noise, which would bias the chain. So |z|² is its expectation,
    and PRIOR dimensions with an exact score are counted in.
    """
    ratio = (free + PRIOR) / (score2 * variance + PRIOR).clamp_min(TINY)
    return 2 * snr**2 * variance * ratio.clamp_max(1.0)


def _positive(cell: Tensor) -> Tensor:
    """The positive cell of the same shape; a non-finite one as it is, for it fails later."""
    sound = torch.isfinite(cell).flatten(1).all(dim=1)[:, None, None]
    unit = torch.eye(3, device=cell.device, dtype=cell.dtype)
    return torch.where(sound, symmetrised(torch.where(sound, cell, unit)), cell)
