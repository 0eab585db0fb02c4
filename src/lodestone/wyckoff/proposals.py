"""A proposal, which atoms of a composition sit on which Wyckoff positions of which group; and tables of them.

Columns: `rank` (from 0), `formula` (atoms of the primitive cell, e.g. Li2Co2O4), `space_group` (1 to 230),
`symbol`, `orbits` (element:letter, e.g. Li:a Co:b O:c), `n_atoms` (in the primitive cell), `weight`
(probability), `source` (which generator).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from lodestone.columns import Col
from lodestone.structures.formulas import counts_of
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


SCHEMA: dict[str, pl.DataType] = {
    "rank": pl.Int32(),
    Col.FORMULA: pl.String(),
    Col.SPACE_GROUP: pl.Int16(),
    "symbol": pl.String(),
    "orbits": pl.String(),
    Col.N_ATOMS: pl.Int32(),
    "weight": pl.Float64(),
    "source": pl.String(),
}


def to_table(proposals: Sequence[tuple[str, Proposal]], source: str) -> pl.DataFrame:
    """The table of proposals with the formulas they are for; ranks are their places in the sequence."""
    rows = [
        (
            rank, formula, proposal.space_group, space_group(proposal.space_group).symbol,
            " ".join(map(str, proposal.orbits)), proposal.n_atoms, proposal.weight, source,
        )
        for rank, (formula, proposal) in enumerate(proposals)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def from_table(table: pl.DataFrame) -> list[Proposal]:
    """The proposals of a table, by rank.

    Raises:
        ValueError: a column is missing, or a row is not legal for its formula (naming rank and reason).
    """
    missing = [
        name
        for name in ("rank", Col.FORMULA, Col.SPACE_GROUP, "orbits", "weight")
        if name not in table.columns
    ]
    if missing:
        raise ValueError(f"a table of proposals needs the columns {', '.join(missing)}")
    found = []
    for row in table.sort("rank").iter_rows(named=True):
        try:
            proposal = parse(f"{row[Col.SPACE_GROUP]} {row['orbits']}", row["weight"])
            reason = illegal(proposal, counts_of(row[Col.FORMULA]))
        except ValueError as error:
            reason = str(error)
        if reason is not None:
            raise ValueError(f"proposals, rank {row['rank']}: {reason}")
        found.append(proposal)
    return found
