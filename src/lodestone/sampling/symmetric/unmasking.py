"""Types orbit by orbit: one draw for all atoms of an orbit, under the quota of the formula.

The quota is how many atoms of each element a formula still needs. An element may be chosen for an orbit
only if the orbits that are left can still take up exactly what is then left of the formula. The question is
an exact one (bin packing with bins that must be full), answered by a memoised search; with the few dozen
atoms of a primitive cell it is small.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lodestone.sampling.state import MASK
from lodestone.structures.elements import ELEMENTS

if TYPE_CHECKING:
    from lodestone.sampling.symmetric.subspace import Subspace


def choices(orbit: int, others: Sequence[int], left: Mapping[str, int]) -> list[str]:
    """The elements that an orbit may become, sorted.

    Args:
        orbit: its multiplicity.
        others: multiplicities of the other orbits whose element is open.
        left: atoms of each element that are not placed yet.
    """
    return [
        element
        for element, atoms in sorted(left.items())
        if atoms >= orbit and fits(others, {**left, element: atoms - orbit})
    ]


def fits(orbits: Sequence[int], left: Mapping[str, int]) -> bool:
    """Whether orbits of these multiplicities can be given elements so that they place exactly `left`."""
    bins = tuple(sorted(atoms for atoms in left.values() if atoms))
    return sum(orbits) == sum(bins) and _full(tuple(sorted(orbits)), bins)


@lru_cache(maxsize=100_000)
def _full(orbits: tuple[int, ...], bins: tuple[int, ...]) -> bool:
    """Whether sorted orbits fill sorted bins; the largest orbit is placed first."""
    if not orbits:
        return not bins
    *rest, largest = orbits
    tried = {atoms for atoms in bins if atoms >= largest}
    for atoms in sorted(tried):
        after = list(bins)
        after.remove(atoms)
        if atoms > largest:
            after.append(atoms - largest)
        if _full(tuple(rest), tuple(sorted(after))):
            return True
    return False


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
