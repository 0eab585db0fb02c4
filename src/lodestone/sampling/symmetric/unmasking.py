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
    of_orbit = numbers[subspace.orbits.first].tolist()
    allowed = torch.ones(len(of_orbit), logits.shape[1], dtype=torch.bool)  # on the host, and sent once
    for structure, quota in enumerate(subspace.quotas):
        if quota is None:
            continue
        open_, left = _open(subspace, structure, of_orbit)
        for orbit in open_:
            allowed[orbit] = False
            allowed[orbit, _columns(orbit, open_, left)] = True
    return torch.where(allowed.to(logits.device)[subspace.orbits.orbit_idx], logits, FORBIDDEN)


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
    asked = [quota is not None for quota in subspace.quotas]
    if any(asked):
        after = _by_quota(subspace, asked, before, after, due, means)
        mine = torch.tensor(asked, device=after.device)[orbits.structure_idx]
        mean = torch.where(mine, after, mean)
    return after[orbits.orbit_idx], mean[orbits.orbit_idx]


def _by_quota(
    subspace: Subspace, asked: Sequence[bool], before: Tensor, after: Tensor, due: Tensor, means: Tensor
) -> Tensor:
    """The orbits that are due, of structures with a quota, get elements one after the other, in random order.

    On the host, whose generator is drawn from: each choice depends on those before it, and on a device every
    one would be waited for.
    """
    found, is_due, weights = after.cpu(), due.tolist(), means.cpu()
    of_orbit = before.tolist()
    for structure in (k for k, is_asked in enumerate(asked) if is_asked):
        waiting = [orbit for orbit in subspace.orbits.members[structure] if is_due[orbit]]
        for place in torch.randperm(len(waiting)).tolist():
            orbit = waiting[place]
            open_, left = _open(subspace, structure, of_orbit)
            kept = _columns(orbit, open_, left)
            share = torch.softmax(weights[orbit, kept].double(), dim=0)
            of_orbit[orbit] = kept[int(torch.multinomial(share, 1))] + 1
            found[orbit] = of_orbit[orbit]
    return found.to(after.device)


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
