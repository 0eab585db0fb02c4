"""Columns of candidates.parquet: every column of every stage, one row per generated structure."""

from __future__ import annotations

import polars as pl

from lodestone.columns.column import Column, Table, flag, number, place, text

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
        f"{lead}cell": Column(CELL, f"lattice vectors {which}, row by row", missing, "Å"),
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
    "lineage": place("particles of one lineage share it; else each structure has its own"),
    "failed": flag("whether sampling failed; the structure then satisfies nothing"),
    "failure": text("why it failed", "it did not"),
    "t_failed": number("diffusion time at which it failed, from 1 (noise) to 0", "it did not"),
    "seed": Column(pl.Int64(), "seed of its batch", "imported"),
    "ancestry": Column(
        pl.List(pl.Int32()), "the particle's ancestors within the arm, after each resampling", "imported"
    ),
    "estimator_calls": place("evaluations of energy and forces that its search took", _NO_SEARCH),
    "search_steps": place("steps of the relaxation that finished its search", _NO_SEARCH),
    "search_converged": flag("whether that relaxation came to rest", _NO_SEARCH),
    "search_energy": number("energy at the end of its search", f"{_NO_SEARCH}, or failed", "eV/atom"),
    "asked_space_group": Column(pl.Int16(), "space group that it was asked to have", _NOT_SYMMETRIC),
    "asked_orbits": text("Wyckoff positions that its atoms were asked to occupy", _NOT_SYMMETRIC),
    "proposal": place("place of its proposal in the ranking, from 0", _NOT_SYMMETRIC),
    "imported_id": text("identifier in the file that it comes from", "not imported"),
}
_MEASURED: Group = {
    "volume_per_atom": number("volume over number of atoms", "not finite", "Å³"),
    "min_distance": number("shortest distance of two atoms", "not finite, or no atoms", "Å"),
    "valid": flag("whether it is a valid crystal (finite, sane volume, no atoms too close)"),
    "invalid_reason": text("why it is not", "it is"),
    "formula": text("reduced formula", "an atom's type was never decided"),
    "n_atoms": place("atoms in the cell"),
}
_RELAXED: Group = {
    **_structure("relaxed", "after the short relaxation"),
    "energy_raw": number("energy before relaxation", _UNRELAXED, "eV/atom"),
    "max_force_raw": number("longest force on an atom before", _UNRELAXED, "eV/Å"),
    "energy_relaxed": number("energy after relaxation", _UNRELAXED, "eV/atom"),
    "max_force_relaxed": number("longest force on an atom after", _UNRELAXED, "eV/Å"),
    "relax_steps": place("steps taken; 0 where it was not relaxed"),
    "relax_converged": flag("whether forces on atoms and cell fell below the threshold"),
    "relax_failure": text("why it was not relaxed", "it was"),
}
_CURATED: Group = {
    **_structure("sym", "of the symmetrised standard primitive cell"),
    "space_group": place("space group number", _NO_SYMMETRY),
    "space_group_symbol": text("Hermann-Mauguin symbol", _NO_SYMMETRY),
    "symprec": number("tolerance that the group was found with", _NO_SYMMETRY, "Å"),
    "displacement": number("farthest that an atom was moved", _NO_SYMMETRY, "Å"),
    "symmetrize_failure": text("why no group was found", "one was"),
    "passed": flag("whether it passed the screen"),
    "screen_reason": text("why it did not", "it did"),
    "on_system": flag("whether it holds exactly the elements asked for"),
    "representative": text("id of the first structure of its cluster of duplicates", _SCREENED_OUT),
    "multiplicity": place("structures of that cluster within the arm", _SCREENED_OUT),
    "is_representative": flag("whether it is that first structure"),
    "is_representative_half": flag("the same at half the threshold of fingerprints"),
    "is_representative_double": flag("the same at twice the threshold"),
    "duplicates_failure": text("why it could not be compared with the others", "it could"),
    "known": flag("whether a reference matches it", _NOT_LEADING),
    "reference_source": text("source of the nearest reference", f"{_NOT_LEADING}, or none is near"),
    "reference_id": text("identifier of the nearest reference", f"{_NOT_LEADING}, or none is near"),
    "reference_distance": number("fingerprint distance to it", f"{_NOT_LEADING}, or none is near"),
}
_JUDGED: Group = {
    "energy_per_atom": number("energy of the symmetrised cell", "screened out or failed", "eV/atom"),
    "energy_failure": text("why there is no energy", "there is"),
    "e_above_hull": number(
        "energy above the hull of the references; negative below it", _NO_ENERGY, "eV/atom"
    ),
    "e_above_hull_combined": number("above the hull of references and candidates", _NO_ENERGY, "eV/atom"),
    "hull_note": text("no hull and why, lower bound, or quarantined", "nothing is to be said"),
    "p_metastable": number(
        "probability that the true e_above_hull is below 0.1 eV/atom, by the estimator's errors",
        f"{_NO_ENERGY}; or no error is known",
    ),
    "best_rank": place("rank among the best candidates; 1 is best", "not among them"),
    "best_for": text("the constraint that it is listed for", "not among them"),
}

CANDIDATES = Table("generated structure", _SAMPLES | _MEASURED | _RELAXED | _CURATED | _JUDGED)

PER_CONSTRAINT: Group = {
    "values": Column(VALUES, "value of each term, as generated", "", "that of the term"),
    "loss": number("loss as generated", "a term has no value", "that of the first term"),
    "satisfied": flag("whether it satisfies the constraint as generated"),
    "persistent": flag("satisfies it, is valid, and still both after the short relaxation"),
    "relaxed_satisfied": flag("valid, relaxed, and satisfies it then"),
    "relaxed_values": Column(VALUES, "value of each term after relaxation", _UNRELAXED, "that of the term"),
    "processed_values": Column(VALUES, "value of each term, symmetrised", _SCREENED_OUT, "that of the term"),
    "processed_loss": number("loss of the symmetrised structure", _SCREENED_OUT, "that of the first term"),
    "processed_satisfied": flag("whether that satisfies the constraint", _SCREENED_OUT),
    "pareto_rank": place(
        "rank in (processed_loss, e_above_hull); 1 = not dominated", "not ranked: see pareto"
    ),
}
"""Columns `<constraint>.<name>`."""

PER_ESTIMATOR = number("e_above_hull by a further estimator", "no energy, or no hull, by it", "eV/atom")
"""Columns `e_above_hull_<estimator>`."""


def column_of(name: str) -> Column | None:
    """The description of a column of candidates.parquet; None where it has none."""
    if name in CANDIDATES.columns:
        return CANDIDATES.columns[name]
    constraint, dot, rest = name.rpartition(".")
    if constraint and dot:
        return PER_CONSTRAINT.get(rest)
    return PER_ESTIMATOR if name.startswith("e_above_hull_") else None
