"""Columns of candidates.parquet: every column of every stage, one row per generated structure."""

from __future__ import annotations

import polars as pl

from lodestone.columns.column import ABOVE_HULL, Column, Table, flag, measured, number, place, text
from lodestone.columns.names import Col

Group = dict[str, Column]

NUMBERS, CELL, FRAC = pl.List(pl.Int16()), pl.Array(pl.Float64(), 9), pl.List(pl.Float64())
VALUES = pl.List(pl.Float64())
_FAILED = "sampling failed"
_NO_SEARCH, _NOT_SYMMETRIC = "not of a search", "not drawn by the sampler symmetric"
_UNRELAXED = "not valid, or the relaxation failed"
_NO_ENERGY = "no energy, or no hull: see hull_note"
_SCREENED_OUT = "screened out"
_NOT_LEADING = "not the first of its cluster, or no novelty search"
_NO_SYMMETRY = "no space group was found: see symmetrize_failure"


def _structure(prefix: str, which: str, missing: str = "") -> Group:
    lead = f"{prefix}_" if prefix else ""
    return {
        f"{lead}numbers": Column(NUMBERS, f"atomic numbers {which}", missing),
        f"{lead}cell": Column(CELL, f"lattice vectors {which}, row by row", missing, Col.CELL.unit),
        f"{lead}frac": Column(FRAC, f"fractional coordinates {which}, atom by atom", missing),
    }


_SAMPLES: Group = {
    "id": text("`<campaign>/<arm>/<shard>/<index>`"),
    **_structure("", "as generated"),
    "arm": text("name of the arm"),
    "shard": place("shard that it was drawn in"),
    "index": place("number within the arm, from 0"),
    "batch": place("first structure of its batch within the shard", "imported"),
    "batch_size": place("structures of that batch", "imported, or drawn by an earlier version"),
    Col.LINEAGE: place("particles of one lineage share it; else each structure has its own"),
    "failed": flag("whether sampling failed; the structure then satisfies nothing"),
    "failure": text("why it failed", "it did not"),
    "t_failed": number("diffusion time at which it failed, from 1 (noise) to 0", "it did not"),
    "seed": Column(pl.Int64(), "seed of its batch", "imported"),
    Col.ANCESTRY: Column(
        pl.List(pl.Int32()), "the particle's ancestors within the arm, after each resampling", "imported"
    ),
    Col.ESTIMATOR_CALLS: place("evaluations of energy and forces that its search took", _NO_SEARCH),
    "search_steps": place("steps of the relaxation that finished its search", _NO_SEARCH),
    Col.SEARCH_CONVERGED: flag("whether that relaxation came to rest", _NO_SEARCH),
    **measured(Col.SEARCH_ENERGY, "energy at the end of its search", f"{_NO_SEARCH}, or failed"),
    Col.ASKED_SPACE_GROUP: Column(pl.Int16(), "space group that it was asked to have", _NOT_SYMMETRIC),
    Col.ASKED_ORBITS: text("Wyckoff positions that its atoms were asked to occupy", _NOT_SYMMETRIC),
    "proposal": place("place of its proposal in the ranking, from 0", _NOT_SYMMETRIC),
    "imported_id": text("identifier in the file that it comes from", "not imported"),
}
_MEASURED: Group = {
    **measured(Col.VOLUME_PER_ATOM, "volume over number of atoms", "not finite"),
    **measured(Col.MIN_DISTANCE, "shortest distance of two atoms", "not finite, or no atoms"),
    Col.VALID: flag("whether it is a valid crystal (finite, sane volume, no atoms too close)"),
    Col.INVALID_REASON: text("why it is not", "it is"),
    Col.FORMULA: text("reduced formula", "an atom's type was never decided"),
    Col.N_ATOMS: place("atoms in the cell"),
}
_RELAXED: Group = {
    **_structure("relaxed", "after the short relaxation"),
    **measured(Col.ENERGY_RAW, "energy before relaxation", _UNRELAXED),
    **measured(Col.MAX_FORCE_RAW, "longest force on an atom before", _UNRELAXED),
    **measured(Col.ENERGY_RELAXED, "energy after relaxation", _UNRELAXED),
    **measured(Col.MAX_FORCE_RELAXED, "longest force on an atom after", _UNRELAXED),
    Col.RELAX_STEPS: place("steps taken; 0 where it was not relaxed"),
    Col.RELAX_CONVERGED: flag("whether forces on atoms and cell fell below the threshold"),
    Col.RELAX_FAILURE: text("why it was not relaxed", "it was"),
}
_CURATED: Group = {
    **_structure("sym", "of the symmetrised standard primitive cell"),
    Col.SPACE_GROUP: place("space group number", _NO_SYMMETRY),
    Col.SPACE_GROUP_SYMBOL: text("Hermann-Mauguin symbol", _NO_SYMMETRY),
    **measured(Col.SYMPREC, "tolerance that the group was found with", _NO_SYMMETRY),
    **measured(Col.DISPLACEMENT, "farthest that an atom was moved", _NO_SYMMETRY),
    Col.SYMMETRIZE_FAILURE: text("why no group was found", "one was"),
    Col.PASSED: flag("whether it passed the screen"),
    Col.SCREEN_REASON: text("why it did not", "it did"),
    "on_system": flag("whether it holds exactly the elements asked for"),
    Col.REPRESENTATIVE: text("id of the first structure of its cluster of duplicates", _SCREENED_OUT),
    Col.MULTIPLICITY: place("structures of that cluster within the arm", _SCREENED_OUT),
    Col.IS_REPRESENTATIVE: flag("whether it is that first structure"),
    "is_representative_half": flag("the same at half the threshold of fingerprints"),
    "is_representative_double": flag("the same at twice the threshold"),
    "duplicates_failure": text("why it could not be compared with the others", "it could"),
    Col.KNOWN: flag("whether a reference matches it", _NOT_LEADING),
    Col.REFERENCE_SOURCE: text("source of the nearest reference", f"{_NOT_LEADING}, or none is near"),
    Col.REFERENCE_ID: text("identifier of the nearest reference", f"{_NOT_LEADING}, or none is near"),
    Col.REFERENCE_DISTANCE: number("fingerprint distance to it", f"{_NOT_LEADING}, or none is near"),
}
_JUDGED: Group = {
    **measured(Col.ENERGY_PER_ATOM, "energy of the symmetrised cell", "screened out or failed"),
    Col.ENERGY_FAILURE: text("why there is no energy", "there is"),
    **measured(Col.E_ABOVE_HULL, ABOVE_HULL, _NO_ENERGY),
    **measured(Col.E_ABOVE_HULL_COMBINED, "above the hull of references and candidates", _NO_ENERGY),
    Col.HULL_NOTE: text("no hull and why, lower bound, or quarantined", "nothing is to be said"),
    Col.P_METASTABLE: number(
        "probability that the true e_above_hull is below 0.1 eV/atom, by the estimator's errors",
        f"{_NO_ENERGY}; or no error is known",
    ),
    Col.BEST_RANK: place("rank among the best candidates; 1 is best", "not among them"),
    Col.BEST_FOR: text("the constraint that it is listed for", "not among them"),
}

CANDIDATES = Table("generated structure", _SAMPLES | _MEASURED | _RELAXED | _CURATED | _JUDGED)

PER_CONSTRAINT: Group = {
    "values": Column(VALUES, "value of each term, as generated", "", "that of the term"),
    Col.LOSS: number("loss as generated", "a term has no value", "that of the first term"),
    Col.SATISFIED: flag("whether it satisfies the constraint as generated"),
    Col.PERSISTENT: flag("satisfies it, is valid, and still both after the short relaxation"),
    Col.RELAXED_SATISFIED: flag("valid, relaxed, and satisfies it then"),
    Col.RELAXED_VALUES: Column(VALUES, "value of each term after relaxation", _UNRELAXED, "that of the term"),
    Col.PROCESSED_VALUES: Column(
        VALUES, "value of each term, symmetrised", _SCREENED_OUT, "that of the term"
    ),
    Col.PROCESSED_LOSS: number("loss of the symmetrised structure", _SCREENED_OUT, "that of the first term"),
    Col.PROCESSED_SATISFIED: flag("whether that satisfies the constraint", _SCREENED_OUT),
    Col.PARETO_RANK: place(
        "rank in (processed_loss, e_above_hull); 1 = not dominated", "not ranked: see pareto"
    ),
}
"""Columns `<constraint>.<name>`."""

PER_ESTIMATOR = number(
    "e_above_hull by a further estimator", "no energy, or no hull, by it", Col.E_ABOVE_HULL.unit
)
"""Columns `e_above_hull_<estimator>`."""


def column_of(name: str) -> Column | None:
    """The description of a column of candidates.parquet; None where it has none."""
    if name in CANDIDATES.columns:
        return CANDIDATES.columns[name]
    constraint, dot, rest = name.rpartition(".")
    if constraint and dot:
        return PER_CONSTRAINT.get(rest)
    return PER_ESTIMATOR if name.startswith(Col.E_ABOVE_HULL.by("")) else None
