"""Reference structures as generators see them: composition, proposal, target."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from lodestone.wyckoff.proposal import Proposal
from lodestone.wyckoff.reading import read_table


@dataclass(frozen=True)
class Example:
    """A reference: its canonical proposal, and the property that proposals may be asked for (NaN-free)."""

    id: str
    proposal: Proposal
    target: float | None = None

    @property
    def counts(self) -> dict[str, int]:
        """Atoms of each element per primitive cell."""
        return self.proposal.counts


def examples_of(references: pl.DataFrame, target: str | None = None) -> tuple[list[Example], dict[str, str]]:
    """Examples of a structure table, and the reasons of the rows that give none, by id.

    Args:
        references: a structure table (`structures/table.py`).
        target: name of a column of numbers, such as e_above_hull; null and NaN are no target.

    Raises:
        ValueError: there is no such column, or it holds no numbers.
    """
    if target is not None and not (target in references.columns and references[target].dtype.is_numeric()):
        numeric = [name for name, kind in references.schema.items() if kind.is_numeric()]
        raise ValueError(
            f"the references have no column {target!r} of numbers; there are {', '.join(numeric)}"
        )
    targets = [None] * len(references) if target is None else references[target].fill_nan(None).to_list()
    found, failed = [], {}
    for key, read, value in zip(references["id"], read_table(references), targets, strict=True):
        if isinstance(read, Proposal):
            found.append(Example(key, read, None if value is None else float(value)))
        else:
            failed[key] = str(read)
    return found, failed
