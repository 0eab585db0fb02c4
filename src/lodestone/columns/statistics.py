"""Columns of the tables of statistics: rates, tests, counts, costs, other samplers, Pareto ranks, shapes."""

from __future__ import annotations

from lodestone.columns.column import Column, Table, bounds, count, flag, number, place, text

EMPTY = "nothing was generated, or the outcome was not measured"
EITHER = f"{EMPTY}, in either arm"
ALONE = "every structure of the arm is a lineage of its own"
BOTH_ALONE = "every structure of both arms is a lineage of its own, or a group is empty"

_HEAD: dict[str, Column] = {
    "constraint": text("name of the constraint"),
    "primary": flag("whether the configuration declares the constraint primary"),
    "arm": text("name of the arm"),
    "arm_kind": text("unguided, control, guided or late"),
    "guided_by": text("the constraint that guided the arm", "unguided and control"),
    "strength": number("strength of guidance; 0 without", unit="Å"),
}
_RATE: dict[str, Column] = {
    "n": count("structures generated, failed ones included (intention to treat); 0 where not measured"),
    "successes": count("structures with the outcome; a failed structure has none"),
    "rate": number("successes / n", EMPTY),
    **bounds("ci", "the rate", "Wilson, which takes structures as independent", EMPTY),
}
_FINITE: dict[str, Column] = {
    "n_finite": count("structures whose sampling did not fail and whose numbers are finite"),
    "rate_finite": number("successes / n_finite: the other convention", "n_finite is 0"),
    "ci_low_finite": number("lower bound of rate_finite: Wilson", "n_finite is 0"),
    "ci_high_finite": number("upper bound of rate_finite: Wilson", "n_finite is 0"),
}
_LINEAGES: dict[str, Column] = {
    "n_lineages": count("independent lineages; n without particles"),
    **bounds("cluster_bootstrap", "the rate", "over lineages; goes before ci where given", ALONE),
}
_NOTE = {"note": text("what is not defined, and why", "nothing is to be said")}
_OUTCOME = {"outcome": text("satisfied, satisfied_valid, persistent or relaxed_satisfied")}

RATES = Table("constraint × arm × outcome", _HEAD | _OUTCOME | _RATE | _FINITE | _LINEAGES | _NOTE)

_AGAINST: dict[str, Column] = {
    "comparison": text("unguided, control or late: what the arm is compared with"),
    "reference_arm": text("name of that arm"),
}
_TEST: dict[str, Column] = {
    "n_reference": count("structures generated in the reference arm"),
    "successes_reference": count("structures with the outcome in the reference arm"),
    "rate_reference": number("successes_reference / n_reference", EITHER),
    "difference": number("rate - rate_reference", EITHER),
    **bounds("diff", "the difference", "Newcombe, which takes structures as independent", EITHER),
    "risk_ratio": number("rate / rate_reference", f"{EITHER}, or rate_reference is 0"),
    **bounds("risk_ratio", "the risk ratio", "Katz, on the log scale", f"{EITHER}, or a rate is 0"),
    "z": number("z of the two-proportion test on all structures", f"{EITHER}, or all or none succeed"),
    "p_value": number("one-sided p of that test, unadjusted", f"{EITHER}, or all or none succeed"),
    "fisher_p": number("one-sided p of Fisher's exact test on all structures, unadjusted", EITHER),
    "test_used": text(
        "the test that counts: z, or fisher where an expected count is below 5; where lineages are shared, "
        "of one structure per lineage",
        EITHER,
    ),
    "p_used": number("p of the test that counts, unadjusted", EITHER),
    "family": text("confirmatory or exploratory"),
    "adjustment": text("holm (confirmatory) or benjamini-hochberg (exploratory)"),
    "p_adjusted": number("p_used, adjusted within the family of all constraints", EITHER),
    "significant": flag("whether p_adjusted is below alpha", EITHER),
}
_DETECTABLE: dict[str, Column] = {
    "minimal_detectable_effect": number(
        "smallest rise above mde_rate_reference that the test that counts finds with 80 % power at mde_level",
        f"{EITHER}, the reference rate is 1, or not even a rise to 1 would be found so often",
    ),
    "mde_level": number("the level that the correction surely leaves: alpha / tests of the family", EITHER),
    "mde_n": count("units of the test that counts: structures, or lineages where they are shared"),
    "mde_n_reference": count("the same in the reference arm"),
    "mde_rate_reference": number(
        "the observed reference rate, or lineages' mean share; the true one may differ, above all near 0",
        EITHER,
    ),
    "mde_method": text(
        "exact (both binomial distributions summed over) or normal approximation (very large arms)",
        f"{EITHER}, or the reference rate is 1",
    ),
}
_FINITE_TEST: dict[str, Column] = {
    "n_finite_reference": count("finite structures of the reference arm"),
    "rate_finite_reference": number("successes_reference / n_finite_reference", "n_finite_reference is 0"),
    "difference_finite": number("rate_finite - rate_finite_reference", "an arm has no finite structure"),
    "p_value_finite": number(
        "one-sided p of the z-test among finite structures, taken as independent",
        "an arm has none, or all or none succeed",
    ),
    "fisher_p_finite": number(
        "one-sided p of Fisher's test among finite structures, taken as independent", "an arm has none"
    ),
}
_LINEAGE_TEST: dict[str, Column] = {
    "n_lineages_reference": count("independent lineages of the reference arm", BOTH_ALONE),
    **bounds(
        "cluster_bootstrap_diff",
        "the difference",
        "both intervals over lineages, joined as Newcombe joins two of Wilson's",
        BOTH_ALONE,
    ),
    "one_per_lineage_rate": number("rate of one structure of each lineage, drawn at random", BOTH_ALONE),
    "one_per_lineage_rate_reference": number("the same in the reference arm", BOTH_ALONE),
    "one_per_lineage_p_value": number(
        "one-sided p of the z-test on those, unadjusted", f"{BOTH_ALONE}, or all or none succeed"
    ),
    "one_per_lineage_fisher_p": number("one-sided p of Fisher's test on those, unadjusted", BOTH_ALONE),
}

SUCCESS = Table(
    "constraint × guided or late arm × comparison × outcome",
    _HEAD
    | _AGAINST
    | _OUTCOME
    | _RATE
    | _TEST
    | _DETECTABLE
    | _FINITE
    | _FINITE_TEST
    | _LINEAGES
    | _LINEAGE_TEST
    | _NOTE,
)


_BY_LINEAGE = "Wilson, or over lineages where structures share them"
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


_NO_STRUCTURE = "no structure of the search came through"
_NONE = "nothing was generated"

SEARCH = Table(
    "arm drawn by a search",
    {
        "arm": text("name of the arm"),
        "sampler": text("gss or rss"),
        "n": count("structures generated"),
        "failed": count("of these, those whose search failed"),
        "converged": count("of these, those whose finishing relaxation came to rest"),
        "estimator_calls": count("evaluations of energy and forces of the whole arm"),
        "calls_per_structure": number("estimator_calls / n", _NONE),
        "distinct": count("distinct structures that passed the screen"),
        "calls_per_distinct": number("estimator_calls / distinct", "distinct is 0"),
        "below_hull_cut": count("of the distinct ones, those below the cut of the plots above the hull"),
        "calls_per_below_hull_cut": number("estimator_calls / below_hull_cut", "below_hull_cut is 0"),
        "lowest_energy": number("lowest energy at the end of a search", _NO_STRUCTURE, "eV/atom"),
        "lowest_e_above_hull": number("lowest energy above the hull", "no structure has a hull", "eV/atom"),
    },
)
STRICTNESS = Table(
    "arm of the sampler symmetric × space group asked for",
    {
        "arm": text("name of the arm"),
        "space_group": place("number of the space group asked for"),
        "symbol": text("its Hermann-Mauguin symbol"),
        "n": count("structures generated"),
        "failed": count("of these, those whose sampling failed"),
        "exact_formula": count("those with exactly the atoms asked for"),
        "exact_group": count("those in which spglib finds exactly this group (symprec 0.01 Å), as generated"),
        "supergroup": count("those in which it finds a supergroup of it: the atoms have come to lie higher"),
        "other": count("all others, the failed ones among them"),
        "kept_share": number("(exact_group + supergroup) / n", _NONE),
        **bounds("kept", "kept_share", "Wilson", _NONE),
    },
)


PARETO = Table(
    "constraint × ranked structure: screened first members of clusters of all arms, and references",
    {
        "constraint": text("name of the constraint"),
        "id": text("identifier of the candidate or reference"),
        "kind": text("candidate or reference"),
        "arm": text("arm of a candidate", "a reference"),
        "formula": text("reduced formula"),
        "space_group": place("space group number of a candidate", "a reference, or none was found"),
        "satisfied": flag("whether the symmetrised structure satisfies the constraint", "not measurable"),
        "loss": number("loss of the symmetrised structure, in the unit of the constraint's first term"),
        "e_above_hull": number("energy above the hull of the references; negative below it", unit="eV/atom"),
        "rank": place("Pareto rank in (loss, e_above_hull), both minimised; 1 = not dominated"),
    },
)
_GROUP = {"group": text("an arm, or references")}
DISTRIBUTIONS = Table(
    "constraint × term × group × form × point",
    {
        "constraint": text("name of the constraint"),
        "term": place("place of the term among the constraint's, from 0"),
        "quantity": text("what the term measures"),
        "unit": text("unit of x; empty where there is none"),
        **_GROUP,
        "form": text("histogram, kde (Gaussian, bandwidth by Silverman's rule) or counts (of single atoms)"),
        "x": number("left edge of a bin, grid point of a density, or number of neighbours", "no value"),
        "width": number("width of the bin; 1 for counts", "kde, or no value"),
        "y": number("density per unit of x, 1 when integrated; for counts a share", "no value"),
        "n": count("values that were used"),
        "outside": count("finite values beyond the range shown, left out of y"),
        "undefined": count("structures without a value"),
    },
)
JOINT = Table(
    "constraint × pair of terms × group × grid point",
    {
        "constraint": text("name of the constraint"),
        "term_x": place("place of the first term among the constraint's, from 0"),
        "term_y": place("place of the second"),
        "quantity_x": text("what the first term measures"),
        "unit_x": text("unit of x; empty where there is none"),
        "quantity_y": text("what the second term measures"),
        "unit_y": text("unit of y; empty where there is none"),
        **_GROUP,
        "x": number("grid point; the grid is the same for all groups of a pair", "no density: see note"),
        "y": number("grid point", "no density: see note"),
        "density": number(
            "two-dimensional Gaussian kernel density (Silverman's rule), per unit of x and of y",
            "no density: see note",
        ),
        "n": count("structures with both values inside the range shown: those used"),
        "outside": count("structures with both values, one of them beyond the range shown"),
        "undefined": count("structures that lack a value"),
        "note": text("why there is no density: fewer than three points, or points on a line", "a density"),
    },
)
