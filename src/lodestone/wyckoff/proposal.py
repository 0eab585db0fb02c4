"""A proposal: which atoms of a composition sit on which Wyckoff positions of which space group."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from lodestone.wyckoff.groups import space_group


@dataclass(frozen=True, order=True)
class Orbit:
    """Atoms of one element on one Wyckoff position."""

    element: str
    letter: str

    def __str__(self) -> str:
        return f"{self.element}:{self.letter}"


@dataclass(frozen=True)
class Proposal:
    """A space group and its occupied Wyckoff positions; `weight` ranks it, the larger the better.

    A letter with free parameters may stand more than once, each time with parameters of its own.
    """

    space_group: int
    orbits: tuple[Orbit, ...]
    weight: float = 1.0

    @property
    def counts(self) -> dict[str, int]:
        """Atoms of each element in the primitive cell."""
        group, found = space_group(self.space_group), Counter[str]()
        for orbit in self.orbits:
            found[orbit.element] += group.position(orbit.letter).multiplicity
        return dict(found)

    @property
    def n_atoms(self) -> int:
        """Atoms in the primitive cell."""
        return sum(self.counts.values())

    def __str__(self) -> str:
        return f"{self.space_group} {' '.join(map(str, self.orbits))}"


def parse(text: str, weight: float = 1.0) -> Proposal:
    """The proposal of a text such as `225 Li:a O:b`, as `str` writes it."""
    number, *orbits = text.split()
    parts = [orbit.split(":") for orbit in orbits]
    return Proposal(int(number), tuple(Orbit(element, letter) for element, letter in parts), weight)


def illegal(proposal: Proposal, counts: Mapping[str, int]) -> str | None:
    """Why a proposal is not one for these atoms per primitive cell, or None.

    It is one where every letter exists, a position without free parameters holds at most one orbit, and
    the multiplicities of every element add up exactly.
    """
    try:
        group = space_group(proposal.space_group)
        found = proposal.counts
    except (ValueError, KeyError) as error:
        return str(error.args[0])
    letters = Counter(orbit.letter for orbit in proposal.orbits)
    for letter, n in letters.items():
        if n > 1 and group.position(letter).freedom == 0:
            return f"{n} orbits on the position {letter}, which has no free parameter"
    if found != dict(counts):
        return f"the multiplicities add up to {found}, not to {dict(counts)}"
    return None
