"""Columns that several modules use, by name, with their unit and what a reader calls them: written once.

A member is its name: it serves as a key of a row, in polars, in JSON and in files like the text itself.
"""

from __future__ import annotations

from enum import StrEnum


class Col(StrEnum):
    """A column of the tables; `unit` and `label` are those of figures, heads of tables and the documentation."""

    unit: str
    label: str

    def __new__(cls, name: str, label: str, unit: str = "") -> Col:
        """A member whose value is the column's name in the tables."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.label, member.unit = label, unit
        return member

    @property
    def title(self) -> str:  # type: ignore[override]
        """Label and unit, as an axis or a head of a table says it."""
        return f"{self.label} ({self.unit})" if self.unit else self.label

    E_ABOVE_HULL = "e_above_hull", "energy above the hull", "eV/atom"
    ENERGY_PER_ATOM = "energy_per_atom", "energy", "eV/atom"
    ENERGY_FAILURE = "energy_failure", "why there is no energy"
    HULL_NOTE = "hull_note", "note on the hull"
    FORMULA = "formula", "formula"
    SPACE_GROUP = "space_group", "space group"
    SPACE_GROUP_SYMBOL = "space_group_symbol", "space group"
    IS_REPRESENTATIVE = "is_representative", "first of its duplicates"
    REFERENCE_ID = "reference_id", "known crystal"
    BEST_RANK = "best_rank", "place among the best"
    BEST_FOR = "best_for", "best for"
    SATISFIED = "satisfied", "satisfied"
    PERSISTENT = "persistent", "persistent"
    LINEAGE = "lineage", "lineage"
    VOLUME_PER_ATOM = "volume_per_atom", "volume per atom", "Å³"
