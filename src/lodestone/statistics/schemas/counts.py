"""Columns of attrition, diversity, quality and cost."""

from __future__ import annotations

from lodestone.columns.column import Table, bounds, count, flag, number, text

_BY_LINEAGE = "Wilson, or over lineages where structures share them"
_NOTE = {"note": text("what is not defined, and why", "nothing is to be said")}
_NOTHING = "nothing was generated"
_SCREENED, _JUDGED = "nothing passed the screen", "nothing was compared with references"

ATTRITION = Table(
    "arm × stage",
    {
        "arm": text("name of the arm"),
        "stage": text("generated, finite, valid, screened, unique, novel, energy, below_hull_cut"),
        "entered": count("structures that the stage before left"),
        "survived": count("of these, those that this stage leaves"),
        "lost": count("entered - survived; every structure is lost at one stage at most"),
        "share_of_generated": number("survived / generated", _NOTHING),
        **bounds("ci", "share_of_generated", _BY_LINEAGE, _NOTHING),
        "share_of_entered": number("survived / entered", "nothing entered"),
    },
)
REASONS = Table(
    "arm × stage × reason",
    {
        "arm": text("name of the arm"),
        "stage": text("where the structures were lost"),
        "reason": text("why; measured numbers that differ read …"),
        "count": count("structures lost for it"),
    },
)
DIVERSITY = Table(
    "arm",
    {
        "arm": text("name of the arm"),
        "n": count("structures generated"),
        "screened": count("structures that passed the screen"),
        "distinct": count("clusters of duplicates among the screened, within the arm"),
        "distinct_half": count("the same at half the threshold of fingerprints", "not computed"),
        "distinct_double": count("the same at twice the threshold", "not computed"),
        "unique_share": number(
            "distinct / screened; it falls the more is sampled: compare arms of one size only",
            _SCREENED,
        ),
        **bounds(
            "unique",
            "unique_share",
            f"{_BY_LINEAGE}; the first of each cluster counts as a success of its own",
            _SCREENED,
        ),
        "distinct_formulas": count("reduced formulas among the distinct structures"),
        "distinct_space_groups": count("space groups among the distinct structures"),
        "judged": count("distinct structures that were compared with references"),
        "novel": count("of these, those that no reference matches"),
        "novel_share": number("novel / judged", _JUDGED),
        **bounds("novel", "novel_share", _BY_LINEAGE, _JUDGED),
        "stable_below": number("e_above_hull up to which a structure counts as stable", unit="eV/atom"),
        "sun": count("valid, stable, unique (first of its cluster) and novel structures"),
        "sun_rate": number("sun / n", _NOTHING),
        **bounds("sun", "sun_rate", _BY_LINEAGE, _NOTHING),
        **_NOTE,
    },
)
_RAW = "the arm has no valid structure, or no energies"
QUALITY = Table(
    "constraint × arm",
    {
        "constraint": text("name of the constraint"),
        "arm": text("name of the arm"),
        "n": count("structures generated"),
        "valid": count("valid crystals among them"),
        "max_force_median": number("median over raw valid structures of the longest force", _RAW, "eV/Å"),
        "max_force_upper_quartile": number("upper quartile of the same", _RAW, "eV/Å"),
        "energy_median": number("median energy of raw valid structures", _RAW, "eV/atom"),
        "relaxed": count("valid structures that were relaxed without failure"),
        "converged": count("of these, those whose forces fell below the threshold"),
        "converged_share": number("converged / relaxed", "relaxed is 0"),
        **bounds("converged", "converged_share", _BY_LINEAGE, "relaxed is 0"),
        "persistent": count("structures that are persistent under the constraint"),
        "distinct_persistent": count("different crystals among them"),
        "distinct_persistent_formulas": count("reduced formulas among them"),
        "relax_failures": count("valid structures whose relaxation failed"),
        **_NOTE,
    },
)


_EMPTY = "nothing was generated, or the outcome was not measured"
_PASSES = "passes are not known, or nothing succeeded; of an upper bound: it has none"
_SECONDS = "sampling was not timed, or nothing succeeded; of an upper bound: it has none"
_RATIO = "rejection itself, no unguided arm, or either has no success; of an upper bound: it has none"
_SAME = f"{_RATIO}; or the two arms were not timed on one kind of device"
_MOVER = "both intervals joined on the log scale (MOVER)"
COST = Table(
    "constraint × sampled arm × outcome",
    {
        "constraint": text("name of the constraint"),
        "method": text("rejection (the unguided arm), control, guided or late"),
        "arm": text("name of the arm"),
        "strength": number("strength of guidance; 0 without", unit="Å"),
        "chosen_by_pilot": flag("whether a pilot chose the strength"),
        "pilot_passes": number("network passes of that pilot, once per constraint; nowhere else", "no pilot"),
        "outcome": text("an outcome, or distinct_persistent: the first of each persistent crystal"),
        "n": count("structures sampled"),
        "successes": count("structures with the outcome"),
        "rate": number("successes / n", _EMPTY),
        **bounds("rate", "the rate", _BY_LINEAGE, _EMPTY),
        "passes_per_structure": number("network passes per structure", "unknown to the checkpoint"),
        "seconds_per_structure": number("wall time of sampling per structure", "not timed", "s"),
        "device": text("where it was timed", "not timed"),
        "passes_per_success": number("passes_per_structure / rate", _PASSES),
        **bounds("passes_per_success", "it", "from the bounds of the rate", _PASSES),
        "seconds_per_success": number("seconds_per_structure / rate", _SECONDS, "s"),
        **bounds("seconds_per_success", "it", "from the bounds of the rate", _SECONDS),
        "ratio": number("passes per success over those of rejection; below 1 is cheaper", _RATIO),
        **bounds("ratio", "the ratio", _MOVER, _RATIO),
        "seconds_ratio": number("seconds per success over those of rejection", _SAME),
        **bounds("seconds_ratio", "that ratio", _MOVER, _SAME),
        **_NOTE,
    },
)
