"""Universal guidance (Bansal et al., arXiv 2302.07121) of a crystal's score, with a schedule over time.

Both parts, forward and backward, take a score and give a score; the sampling loop does not know that they
are there.

Strength has a physical meaning: in one joint metric of Cartesian positions (Å), lattice (Å) and
logits, a step moves the clean estimate of a structure by min(κ sqrt(n_atoms), gap / |∇gap|) Å, a
Gauss-Newton step capped at κ Å per sqrt(atom). Everything is normalised per structure, so that κ
means the same in every batch. `normalisation: unit` is the convention of arXiv 2604.13354: the
normalised gradient of the loss times κ.

What guidance minimises is an objective: one constraint, as differentiable gap and loss of a clean estimate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lodestone.constraints.clean import CleanEstimate
from lodestone.constraints.targets import combine, distance
from lodestone.sampling.loop import Diffusion, ScoreFunction
from lodestone.sampling.process import clean_estimate, type_probabilities
from lodestone.sampling.state import MASK, Kernel, Score, State

if TYPE_CHECKING:
    from torch import Tensor

    from lodestone.constraints.term import Term


@dataclass(frozen=True)
class Objective:
    """The terms of a constraint and the power of the norm that combines them."""

    terms: Sequence[Term]
    power: float = 2.0

    def gap(self, clean: CleanEstimate) -> Tensor:
        """How far each structure is from the targets, l_p over weighted terms, (n_structures,)."""
        return self._combined(clean, "l1")

    def loss(self, clean: CleanEstimate) -> Tensor:
        """The loss with each term's own distance, (n_structures,)."""
        return self._combined(clean, None)

    def _combined(self, clean: CleanEstimate, name: str | None) -> Tensor:
        losses = [
            distance(term.gap(term.smooth(clean)), name or term.distance, term.delta) for term in self.terms
        ]
        combined: Tensor = combine(losses, [term.weight for term in self.terms], self.power)
        return combined


SANE_VOLUME = (2.0, 200.0)  # Å³/atom; outside, a clean estimate says nothing yet
TINY = 1e-12


@dataclass(frozen=True)
class Strength:
    """How strongly, in which convention and on which fields one guidance step acts."""

    kappa: float
    normalisation: str = "gauss_newton"
    fields: tuple[str, ...] = ("positions", "cell", "types")


@dataclass(frozen=True)
class _Move:
    """A displacement of a clean estimate: cart (n_atoms, 3) Å, cell (n_s, 3, 3) Å, logits."""

    cart: Tensor
    cell: Tensor
    logits: Tensor


def backward_guidance(
    state: State,
    score: Score,
    kernel: Kernel,
    clean: CleanEstimate,
    objective: Objective,
    strength: Strength,
    steps: int,
) -> Score:
    """Move the detached clean estimate downhill `steps` times and translate that into a score.

    s_F += Δ_F/σ², s_L += α Δ_L/((1 - α²) v), logits += Δ on masked atoms.
    """
    usable = sane(clean)
    base = _repaired(clean, usable)
    move = _Move(torch.zeros_like(base.frac), torch.zeros_like(base.cell), torch.zeros_like(score.logits))
    for _ in range(steps):
        move = _descend(move, base, state, score, objective, strength, usable)
    spread = ((1 - kernel.alpha**2) * kernel.variance).clamp_min(TINY)
    frac = _to_frac(move.cart, base)
    return Score(
        frac=score.frac + frac / kernel.sigma.clamp_min(TINY) ** 2,
        cell=score.cell + kernel.alpha * move.cell / spread,
        logits=score.logits + move.logits,
    )


def forward_guidance(
    state: State,
    score: Score,
    kernel: Kernel,
    gap: Tensor,
    leaves: tuple[Tensor, Tensor],
    strength: Strength,
) -> Score:
    """The score minus ρ ∇_{x_t} gap(x̂₀(x_t)), the gradient through the network.

    `gap` (n_structures,) was computed from `leaves` = (frac, cell) of x_t, which require gradients.
    The step is taken in units of the noise: |Δs·σ| = min(κ sqrt(3 n), gap/|∇gap|) per structure.
    """
    found = torch.autograd.grad(gap.sum(), leaves, allow_unused=True)
    on_frac, on_cell = (
        torch.zeros_like(leaf) if g is None else torch.nan_to_num(g, posinf=0.0, neginf=0.0)
        for leaf, g in zip(leaves, found, strict=True)
    )
    on_cell = 0.5 * (on_cell + on_cell.transpose(1, 2))
    if state.fixed is not None:  # held entries do not move, and must not use up the step
        on_frac = torch.where(state.fixed.on_frac, 0.0, on_frac)
        on_cell = torch.where(state.fixed.on_cell, 0.0, on_cell)
    std = torch.sqrt((1 - kernel.alpha**2) * kernel.variance)
    frac = kernel.sigma * on_frac * ("positions" in strength.fields)
    cell = std * on_cell * ("cell" in strength.fields)
    norm = torch.sqrt(state.sum_squares(frac) + (cell**2).sum(dim=(1, 2)) + TINY)
    length = _length(gap.detach(), norm, torch.sqrt(3.0 * state.n_atoms), strength)
    factor = torch.where(torch.isfinite(gap.detach()), length / norm, 0.0)
    return Score(
        frac=score.frac - factor[state.structure_idx, None] * frac / kernel.sigma.clamp_min(TINY),
        cell=score.cell - factor[:, None, None] * cell / std.clamp_min(TINY),
        logits=score.logits,
    )


def sane(clean: CleanEstimate) -> Tensor:
    """Which clean estimates are crystals at all, (n_structures,): finite, 2 < V/n < 200 Å³."""
    volume = torch.linalg.det(clean.cell).abs() / clean.n_atoms
    finite = torch.isfinite(clean.cell).all(dim=2).all(dim=1)
    broken = clean.sum_atoms((~torch.isfinite(clean.frac)).any(dim=1).to(volume.dtype))
    return finite & (broken == 0) & (volume > SANE_VOLUME[0]) & (volume < SANE_VOLUME[1])


def _repaired(clean: CleanEstimate, usable: Tensor) -> CleanEstimate:
    """Clean estimates whose unusable members are harmless (a 10 Å cube), so that no NaN spreads."""
    cube = 10.0 * torch.eye(3, device=clean.cell.device, dtype=clean.cell.dtype)
    atom_usable = usable[clean.structure_idx, None]
    return CleanEstimate(
        frac=torch.where(atom_usable, clean.frac, 0.5).detach(),
        cell=torch.where(usable[:, None, None], clean.cell, cube).detach(),
        types=clean.types.detach(),
        structure_idx=clean.structure_idx,
    )


def _descend(
    move: _Move,
    base: CleanEstimate,
    state: State,
    score: Score,
    objective: Objective,
    strength: Strength,
    usable: Tensor,
) -> _Move:
    """One step downhill from `base` displaced by `move`."""
    with torch.enable_grad():
        leaves = [x.detach().requires_grad_() for x in (move.cart, move.cell, move.logits)]
        displaced = _displace(_Move(*leaves), base, state, score)
        unit = strength.normalisation == "unit"
        value = objective.loss(displaced) if unit else objective.gap(displaced)
        found = torch.autograd.grad(value.sum(), leaves, allow_unused=True)
    cart, cell, logits = (
        torch.zeros_like(leaf) if g is None else torch.nan_to_num(g, posinf=0.0, neginf=0.0)
        for leaf, g in zip(leaves, found, strict=True)
    )
    cart = cart * ("positions" in strength.fields)
    # the state's lattice is symmetric; an antisymmetric part would only rotate it
    cell = 0.5 * (cell + cell.transpose(1, 2)) * ("cell" in strength.fields)
    masked = (state.numbers == MASK)[:, None]
    logits = torch.where(masked, logits, 0.0) * ("types" in strength.fields)
    square = state.sum_squares(cart) + (cell**2).sum(dim=(1, 2))
    norm = torch.sqrt(square + state.sum_squares(logits) + TINY)
    length = _length(value.detach(), norm, torch.sqrt(state.n_atoms.to(norm.dtype)), strength)
    factor = torch.where(usable & (norm > 1e-5) & torch.isfinite(value), length / norm, 0.0)
    per_atom = factor[state.structure_idx, None]
    return _Move(
        move.cart - per_atom * cart,
        move.cell - factor[:, None, None] * cell,
        move.logits - per_atom * logits,
    )


def _displace(move: _Move, base: CleanEstimate, state: State, score: Score) -> CleanEstimate:
    return CleanEstimate(
        frac=base.frac + _to_frac(move.cart, base),
        cell=base.cell + move.cell,
        types=type_probabilities(state.numbers, score.logits + move.logits),
        structure_idx=base.structure_idx,
    )


def _to_frac(cart: Tensor, base: CleanEstimate) -> Tensor:
    """Fractional displacement of a Cartesian one at fixed cell, (n_atoms, 3)."""
    inverse = torch.linalg.inv(base.cell)
    return torch.einsum("ac,ack->ak", cart, inverse[base.structure_idx])


def _length(value: Tensor, norm: Tensor, size: Tensor, strength: Strength) -> Tensor:
    if strength.normalisation == "unit":
        return torch.full_like(norm, strength.kappa)
    return torch.minimum(strength.kappa * size, value / norm)


@dataclass(frozen=True)
class GuidanceOptions:
    """How an objective guides.

    backward (κ, Å) with `backward_steps`; forward (κ in noise units, 0: off); guidance acts at
    stop <= t < start on every `period`-th level. schedule: constant, or the strength rises
    ('increasing') or falls ('decreasing') linearly as t goes from start to stop.
    """

    backward: float
    backward_steps: int = 1
    forward: float = 0.0
    start: float = 0.7
    stop: float = 0.0
    schedule: str = "constant"
    period: int = 1
    normalisation: str = "gauss_newton"
    fields: tuple[str, ...] = ("positions", "cell", "types")

    def factor(self, t: float, level: int) -> float:
        """Factor on the strength at time t of the given level; 0 where guidance rests."""
        if not self.stop <= t < self.start or level % self.period:
            return 0.0
        done = (self.start - t) / (self.start - self.stop)
        return {"constant": 1.0, "increasing": done, "decreasing": 1.0 - done}[self.schedule]


def guided_score(
    diffusion: Diffusion, objective: Objective | None, options: GuidanceOptions
) -> ScoreFunction:
    """The score function of the predictor: plain where nothing guides."""

    def score(state: State, t: Tensor) -> Score:
        level = int(torch.argmin((diffusion.times - t).abs()))
        factor = options.factor(float(t), level)
        if objective is None or factor == 0 or (options.backward == 0 and options.forward == 0):
            with torch.no_grad():
                return diffusion.score(state, t)
        strength = Strength(options.backward * factor, options.normalisation, options.fields)
        return _guide(diffusion, state, t, objective, options, strength)

    return score


def _guide(
    diffusion: Diffusion,
    state: State,
    t: Tensor,
    objective: Objective,
    options: GuidanceOptions,
    strength: Strength,
) -> Score:
    kernel = diffusion.kernel(state, t)
    if options.forward == 0:
        with torch.no_grad():
            score = diffusion.score(state, t)
    else:
        leaves = (state.frac.detach().requires_grad_(), state.cell.detach().requires_grad_())
        with torch.enable_grad():
            noisy = state.with_fields(leaves[0], leaves[1], state.numbers)
            raw = diffusion.score(noisy, t)
            gap = objective.gap(clean_estimate(noisy, raw, kernel))
            ratio = strength.kappa / options.backward if options.backward else 1.0
            forward = replace(strength, kappa=options.forward * ratio)
            score = forward_guidance(state, raw, kernel, gap, leaves, forward)
        score = Score(score.frac.detach(), score.cell.detach(), score.logits.detach())
    if options.backward == 0:
        return score
    with torch.no_grad():
        clean = clean_estimate(state, score, kernel)
        return backward_guidance(state, score, kernel, clean, objective, strength, options.backward_steps)
