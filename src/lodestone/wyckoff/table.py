"""Proposals as a table, and back.

Columns: `rank` (from 0), `formula` (atoms of the primitive cell, e.g. Li2Co2O4), `space_group` (1 to 230),
`symbol`, `orbits` (element:letter, e.g. Li:a Co:b O:c), `n_atoms` (in the primitive cell), `weight`
(probability), `source` (which generator).
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from lodestone.structures.formulas import counts_of
from lodestone.wyckoff.groups import space_group
from lodestone.wyckoff.proposal import Proposal, illegal, parse

SCHEMA: dict[str, pl.DataType] = {
    "rank": pl.Int32(),
    "formula": pl.String(),
    "space_group": pl.Int16(),
    "symbol": pl.String(),
    "orbits": pl.String(),
    "n_atoms": pl.Int32(),
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
        name for name in ("rank", "formula", "space_group", "orbits", "weight") if name not in table.columns
    ]
    if missing:
        raise ValueError(f"a table of proposals needs the columns {', '.join(missing)}")
    found = []
    for row in table.sort("rank").iter_rows(named=True):
        try:
            proposal = parse(f"{row['space_group']} {row['orbits']}", row["weight"])
            reason = illegal(proposal, counts_of(row["formula"]))
        except ValueError as error:
            reason = str(error)
        if reason is not None:
            raise ValueError(f"proposals, rank {row['rank']}: {reason}")
        found.append(proposal)
    return found
