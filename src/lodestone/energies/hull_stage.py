"""The stage hull: from tables of structures and energies to hulls, their audit, and how estimators agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from lodestone.columns import Col
from lodestone.energies import identity
from lodestone.energies.agreement import Judged, agreement, disagreements
from lodestone.energies.audit import hull_audit
from lodestone.energies.errors import add_probability, estimator_errors, reference_errors
from lodestone.energies.evaluation import NOT_SCREENED_IN
from lodestone.energies.hull import hull_table, with_energies
from lodestone.energies.phases import suspect_references
from lodestone.structures import table


@dataclass(frozen=True)
class Side:
    """Candidates and references with their energies by one estimator."""

    candidates: pl.DataFrame
    references: pl.DataFrame
    maker: identity.Identity

    @cached_property
    def suspects(self) -> dict[str, str]:
        """References in quarantine, with the reason."""
        return suspect_references(self.references)

    @cached_property
    def errors(self) -> pl.DataFrame:
        """The estimator's errors, by reference."""
        return reference_errors(self.references, self.suspects)

    @cached_property
    def hull(self) -> pl.DataFrame:
        """Energies above the hull, and the probability of being metastable."""
        found = hull_table(self.candidates, self.references, self.suspects)
        return add_probability(found, self.references, self.errors)

    @property
    def error(self) -> pl.DataFrame:
        """The estimator's errors, summed up."""
        return estimator_errors(self.references, self.suspects, errors=self.errors)

    def audit(self, elements: Sequence[str]) -> pl.DataFrame:
        """What the hull lacks."""
        return hull_audit(self.references, self.candidates, tuple(elements), self.suspects)

    @property
    def judged(self) -> Judged:
        """What agreement is computed of."""
        return Judged(label(self.maker), self.hull, self.maker.get("failure") or self._nothing())

    def _nothing(self) -> str | None:
        """The first reason, where there is not a single energy."""
        both = pl.concat(
            [
                rows.select(Col.ENERGY_PER_ATOM, Col.ENERGY_FAILURE)
                for rows in (self.candidates, self.references)
            ]
        )
        if both[Col.ENERGY_PER_ATOM].null_count() < len(both):
            return None
        evaluated = both.filter(pl.col(Col.ENERGY_FAILURE) != NOT_SCREENED_IN)[
            Col.ENERGY_FAILURE
        ].drop_nulls()
        reason = evaluated[0] if len(evaluated) else "none was asked for"
        return f"no energy of {len(both)} structures, first: {reason}"


def read_side(
    symmetrized: Sequence[Path], energies: Sequence[Path], references: Path, reference_energies: Path
) -> Side:
    """The tables of one estimator; those of `energies` belong to those of `symmetrized`, in order.

    Raises OtherModelError where they were made by different estimators.
    """
    maker = identity.one_maker([reference_energies, *energies])
    pairs = zip(symmetrized, energies, strict=True)
    candidates = [with_energies(table.read_table(s), table.read_table(e)) for s, e in pairs]
    known = with_energies(table.read_table(references), table.read_table(reference_energies))
    return Side(pl.concat(candidates), known, maker or {})


def label(maker: Mapping[str, Any]) -> str:
    """An estimator in words: `grace embedded`."""
    settings = maker.get("settings", {})
    others = [v for k, v in settings.items() if k != "kind" and v and not isinstance(v, Mapping)]
    return " ".join(map(str, [settings.get("kind", "unnamed"), *others]))


def compare(judge: Side, others: Mapping[str, Side]) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """The judge's hull with a column `e_above_hull_<key>` per other; agreement; disagreements."""
    names: list[str] = []
    several = []
    for key, side in [("", judge), *others.items()]:
        found = side.judged
        name = f"{found.name} ({key})" if found.name in names else found.name
        names.append(name)
        several.append(Judged(name, found.hull, found.failure, key))
    columns = [
        judge.hull.select("id", "kind")
        .join(
            side.hull.select("id", "kind", pl.col(Col.E_ABOVE_HULL).alias(Col.E_ABOVE_HULL.by(key))),
            on=["id", "kind"],
            how="left",
            maintain_order="left",
        )
        .select(Col.E_ABOVE_HULL.by(key))
        for key, side in others.items()
    ]
    numbers = {
        name: atoms
        for rows in (judge.candidates, judge.references)
        for name, atoms in rows.select("id", "numbers").iter_rows()
    }
    return (
        pl.concat([judge.hull, *columns], how="horizontal"),
        agreement(several),
        disagreements(several, numbers),
    )
