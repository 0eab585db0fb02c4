"""Types orbit by orbit: one draw for all atoms of an orbit, under the quota of the formula."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lodestone.campaign.elements import ELEMENTS
from lodestone.sampling.state import MASK
from lodestone.sampling.symmetric.quota import choices

if TYPE_CHECKING:
    from lodestone.sampling.symmetric.subspace import Subspace

FORBIDDEN = -1e9  # logit of an element that the quota rules out


def allowed_logits(subspace: Subspace, numbers: Tensor, logits: Tensor) -> Tensor:
    """Logits (n_atoms, 101) where open orbits have those of elements that the quota lets them become."""
    if all(quota is None for quota in subspace.quotas):
        return logits
    found = logits.clone()
    of_orbit = numbers[subspace.orbits.first].tolist()
    for structure, quota in enumerate(subspace.quotas):
        if quota is None:
            continue
        open_, left = _open(subspace, structure, of_orbit)
        for orbit in open_:
            kept = _columns(orbit, open_, left)
            atoms = torch.nonzero(subspace.orbits.orbit_idx == orbit)[:, 0]
            masked = torch.full_like(found[atoms], FORBIDDEN)
            masked[:, kept] = found[atoms][:, kept]
            found[atoms] = masked
    return found


def unmasked(subspace: Subspace, numbers: Tensor, logits: Tensor, unmasking: float) -> tuple[Tensor, Tensor]:
    """Atomic numbers after a step in which an open orbit gets its element with probability `unmasking`.

    The ancestral step of an absorbing D3PM, with an orbit for an atom; logits (n_atoms, 101) of p(A₀|x_t).
    Returns (n_atoms,) twice: the sample, and the mean, which takes the most probable type of an orbit where
    no quota decides. Draws from the current random generator.
    """
    orbits = subspace.orbits
    means = orbits.mean(logits[:, : MASK - 1])
    before = numbers[orbits.first]
    is_open = (before == MASK) & (subspace.numbers[orbits.first] == MASK)
    due = is_open & (torch.rand(orbits.n_orbits, device=numbers.device) < unmasking)
    after, mean = before.clone(), before.clone()
    if bool(is_open.any()):
        drawn = torch.distributions.Categorical(logits=means).sample() + 1
        after = torch.where(due, drawn, before)
        share, best = torch.softmax(means, dim=1).max(dim=1)
        mean = torch.where(is_open & (unmasking * share > 1 - unmasking), best + 1, before)
    for structure, quota in enumerate(subspace.quotas):
        if quota is not None:
            after = _by_quota(subspace, structure, before, after, due, means)
            mine = orbits.structure_idx == structure
            mean = torch.where(mine, after, mean)
    return after[orbits.orbit_idx], mean[orbits.orbit_idx]


def _by_quota(
    subspace: Subspace, structure: int, before: Tensor, after: Tensor, due: Tensor, means: Tensor
) -> Tensor:
    """The orbits of a structure that are due get elements one after the other, in random order."""
    found = after.clone()
    of_orbit = before.tolist()
    waiting = torch.nonzero(due & (subspace.orbits.structure_idx == structure))[:, 0]
    order = torch.randperm(len(waiting), device=waiting.device)
    for orbit in waiting[order].tolist():
        open_, left = _open(subspace, structure, of_orbit)
        kept = _columns(orbit, open_, left)
        weights = torch.softmax(means[orbit, kept].double(), dim=0)
        of_orbit[orbit] = kept[int(torch.multinomial(weights, 1))] + 1
        found[orbit] = of_orbit[orbit]
    return found


def _open(subspace: Subspace, structure: int, of_orbit: list[int]) -> tuple[dict[int, int], dict[str, int]]:
    """Orbits of a structure whose element is open with their sizes, and the atoms its formula still lacks."""
    quota = subspace.quotas[structure]
    left, open_ = dict(quota or {}), {}
    for orbit, size in subspace.orbits.members[structure].items():
        if of_orbit[orbit] == MASK:
            open_[orbit] = size
        else:
            left[ELEMENTS[of_orbit[orbit] - 1]] -= size
    return open_, left


def _columns(orbit: int, open_: dict[int, int], left: dict[str, int]) -> list[int]:
    """Columns of the logits of the elements that an open orbit may become."""
    others = [size for other, size in open_.items() if other != orbit]
    return [ELEMENTS.index(element) for element in choices(open_[orbit], others, left)]
