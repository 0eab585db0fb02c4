"""Starting structures for the embedded reference set: AFLOW prototypes, decorated.

pymatgen bundles the AFLOW encyclopedia of crystallographic prototypes (Mehl et al., Comput. Mater.
Sci. 136, S1, 2017). Each prototype is decorated with the elements of a system in every order;
small cells come first.
"""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pymatgen.core import Structure

LARGEST_CELL = 12  # atoms in the primitive cell; 16 for quaternaries, which have few prototypes
VOLUME_PER_ATOM = {  # Å³, rough elemental volumes; only a starting point for the relaxation
    "Li": 16.0, "Co": 11.0, "O": 10.5, "B": 7.5, "Fe": 11.5, "Nd": 28.0, "Cu": 11.8, "Si": 16.0,
    "P": 16.0, "Ca": 32.0,
}  # fmt: skip


@dataclass(frozen=True)
class Quota:
    """How many structures of exactly `elements` the reference set asks for."""

    elements: tuple[str, ...]
    structures: int


def subsystem_quotas(system: tuple[str, ...], full: int, partial: dict[int, int]) -> list[Quota]:
    """Quotas of a system: `full` of all elements together, `partial[k]` of each k-element part."""
    quotas = [Quota(tuple(sorted(system)), full)]
    for size in sorted(partial, reverse=True):
        quotas += [Quota(part, partial[size]) for part in itertools.combinations(sorted(system), size)]
    return quotas


SYSTEMS: dict[str, list[Quota]] = {
    "Li-Co-O": subsystem_quotas(("Li", "Co", "O"), 150, {2: 35, 1: 10}),
    "B": [Quota(("B",), 130)],
    "Fe-Nd-B": subsystem_quotas(("Fe", "Nd", "B"), 110, {2: 22, 1: 8}),
    "Cu-Si-P": subsystem_quotas(("Cu", "Si", "P"), 110, {2: 22, 1: 8}),
    "Cu-Si-P-Ca": subsystem_quotas(("Cu", "Si", "P", "Ca"), 100, {3: 12, 2: 12, 1: 8}),
}


def load_prototypes() -> list[Structure]:
    """All bundled prototypes that fit the size limit, as primitive cells, smallest first."""
    import pymatgen.analysis.prototypes as bundled
    from monty.serialization import loadfn

    entries = loadfn(Path(bundled.__file__).with_name("aflow_prototypes.json.gz"))
    cells = [entry["snl"].structure.get_primitive_structure() for entry in entries]
    cells = [c for c in cells if c.is_ordered and 1 <= len(c) <= 20]
    return sorted(cells, key=lambda c: (len(c), c.formula, c.volume))


def decorations(prototypes: list[Structure], quota: Quota, seed: int) -> list[Structure]:
    """`quota.structures` decorated prototypes of exactly `quota.elements`, deterministic.

    A pure element takes every prototype with all sites alike (their shapes differ); a compound
    takes prototypes with as many kinds of site as elements. The order mixes small cells first
    with a seeded shuffle inside each size.
    """
    elements = quota.elements
    limit = LARGEST_CELL + 4 * (len(elements) == 4)
    candidates = []
    seen = set()
    for index, prototype in enumerate(prototypes):
        kinds = sorted({site.specie.symbol for site in prototype})
        if len(prototype) > limit or (len(elements) > 1 and len(kinds) != len(elements)):
            continue
        orders = itertools.permutations(elements) if len(elements) > 1 else [elements * len(kinds)]
        for order in orders:
            decorated = _decorate(prototype, dict(zip(kinds, order, strict=True)))
            key = (index, *order) if len(elements) > 1 else _shape(decorated)
            if key not in seen:
                seen.add(key)
                candidates.append(decorated)
    shuffle = random.Random(f"{seed}/{'-'.join(elements)}")
    shuffle.shuffle(candidates)
    candidates.sort(key=lambda s: (_implausible(s), len(s) > 8))
    return candidates[: quota.structures]


def _decorate(prototype: Structure, names: dict[str, str]) -> Structure:
    decorated = prototype.copy()
    decorated.replace_species(names)
    volume = sum(VOLUME_PER_ATOM[site.specie.symbol] for site in decorated)
    if "O" in names.values() or "P" in names.values():
        volume *= 0.9
    decorated.scale_lattice(volume)
    return decorated.get_reduced_structure("niggli")


def _shape(structure: Structure) -> tuple[int, ...]:
    """A key that two equal shapes of one element share: size, lengths and angles, rounded."""
    a = structure.lattice
    return (len(structure), *(round(2 * x) for x in sorted(a.abc)), *(round(x / 5) for x in sorted(a.angles)))


def _implausible(structure: Structure) -> bool:
    """Whether an oxide or phosphide is so poor in its anion that it would be an odd compound."""
    fraction = structure.composition.get_atomic_fraction
    if len(structure.composition.elements) < 2:
        return False
    if "O" in structure.composition:
        return not 0.4 <= fraction("O") <= 0.75
    return "P" in structure.composition and not 0.2 <= fraction("P") <= 0.7
