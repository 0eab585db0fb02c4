"""Columns of the tables of statistics: rates, tests, counts, costs, other samplers, Pareto ranks, shapes."""

from __future__ import annotations

from lodestone.columns.column import (
    ABOVE_HULL,
    Column,
    Table,
    bounds,
    count,
    flag,
    measured,
    number,
    place,
    text,
)
from lodestone.columns.names import Col

EMPTY = "nothing was generated, or the outcome was not measured"
EITHER = f"{EMPTY}, in either arm"
ALONE = "every structure of the arm is a lineage of its own"
BOTH_ALONE = "every structure of both arms is a lineage of its own, or a group is empty"

_STRENGTH = measured(Col.STRENGTH, "strength of guidance; 0 without")
_HEAD: dict[str, Column] = {
    "constraint": text("name of the constraint"),
    "primary": flag("whether the configuration declares the constraint primary"),
    "arm": text("name of the arm"),
    Col.ARM_KIND: text("unguided, control, guided or late"),
    "guided_by": text("the constraint that guided the arm", "unguided and control"),
    **_STRENGTH,
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
    Col.REFERENCE_ARM: text("name of that arm"),
}
_TEST: dict[str, Column] = {
    "n_reference": count("structures generated in the reference arm"),
    "successes_reference": count("structures with the outcome in the reference arm"),
    Col.RATE_REFERENCE: number("successes_reference / n_reference", EITHER),
    "difference": number("rate - rate_reference", EITHER),
    **bounds("diff", "the difference", "Newcombe, which takes structures as independent", EITHER),
    "risk_ratio": number("rate / rate_reference", f"{EITHER}, or rate_reference is 0"),
    **bounds("risk_ratio", "the risk ratio", "Katz, on the log scale", f"{EITHER}, or a rate is 0"),
    "z": number("z of the two-proportion test on all structures", f"{EITHER}, or all or none succeed"),
    "p_value": number("one-sided p of that test, unadjusted", f"{EITHER}, or all or none succeed"),
    "fisher_p": number("one-sided p of Fisher's exact test on all structures, unadjusted", EITHER),
    Col.TEST_USED: text(
        "the test that counts: z, or fisher where an expected count is below 5; where lineages are shared, "
        "of one structure per lineage",
        EITHER,
    ),
    Col.P_USED: number("p of the test that counts, unadjusted", EITHER),
    "family": text("confirmatory or exploratory"),
    "adjustment": text("holm (confirmatory) or benjamini-hochberg (exploratory)"),
    Col.P_ADJUSTED: number("p_used, adjusted within the family of all constraints", EITHER),
    Col.SIGNIFICANT: flag("whether p_adjusted is below alpha", EITHER),
}
_DETECTABLE: dict[str, Column] = {
    Col.MINIMAL_DETECTABLE_EFFECT: number(
        "smallest rise above mde_rate_reference that the test that counts finds with 80 % power at mde_level",
        f"{EITHER}, the reference rate is 1, or not even a rise to 1 would be found so often",
    ),
    "mde_level": number("the level that the correction surely leaves: alpha / tests of the family", EITHER),
    Col.MDE_N: count("units of the test that counts: structures, or lineages where they are shared"),
    Col.MDE_N_REFERENCE: count("the same in the reference arm"),
    Col.MDE_RATE_REFERENCE: number(
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
        Col.SHARE_OF_GENERATED: number("survived / generated", _NOTHING),
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
        Col.UNIQUE_SHARE: number(
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
        Col.NOVEL_SHARE: number("novel / judged", _JUDGED),
        **bounds("novel", "novel_share", _BY_LINEAGE, _JUDGED),
        **measured(Col.STABLE_BELOW, "e_above_hull up to which a structure counts as stable"),
        "sun": count("valid, stable, unique (first of its cluster) and novel structures"),
        Col.SUN_RATE: number("sun / n", _NOTHING),
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
        Col.VALID: count("valid crystals among them"),
        **measured(Col.MAX_FORCE_MEDIAN, "median over raw valid structures of the longest force", _RAW),
        **measured(Col.MAX_FORCE_UPPER_QUARTILE, "upper quartile of the same", _RAW),
        **measured(Col.ENERGY_MEDIAN, "median energy of raw valid structures", _RAW),
        "relaxed": count("valid structures that were relaxed without failure"),
        "converged": count("of these, those whose forces fell below the threshold"),
        "converged_share": number("converged / relaxed", "relaxed is 0"),
        **bounds("converged", "converged_share", _BY_LINEAGE, "relaxed is 0"),
        Col.PERSISTENT: count("structures that are persistent under the constraint"),
        Col.DISTINCT_PERSISTENT: count("different crystals among them"),
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
        **_STRENGTH,
        "chosen_by_pilot": flag("whether a pilot chose the strength"),
        "pilot_passes": number("network passes of that pilot, once per constraint; nowhere else", "no pilot"),
        "outcome": text("an outcome, or distinct_persistent: the first of each persistent crystal"),
        "n": count("structures sampled"),
        "successes": count("structures with the outcome"),
        "rate": number("successes / n", _EMPTY),
        **bounds("rate", "the rate", _BY_LINEAGE, _EMPTY),
        Col.PASSES_PER_STRUCTURE: number("network passes per structure", "unknown to the checkpoint"),
        **measured(Col.SECONDS_PER_STRUCTURE, "wall time of sampling per structure", "not timed"),
        "device": text("where it was timed", "not timed"),
        Col.PASSES_PER_SUCCESS: number("passes_per_structure / rate", _PASSES),
        **bounds("passes_per_success", "it", "from the bounds of the rate", _PASSES),
        **measured(Col.SECONDS_PER_SUCCESS, "seconds_per_structure / rate", _SECONDS),
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
        Col.ESTIMATOR_CALLS: count("evaluations of energy and forces of the whole arm"),
        Col.CALLS_PER_STRUCTURE: number("estimator_calls / n", _NONE),
        "distinct": count("distinct structures that passed the screen"),
        "calls_per_distinct": number("estimator_calls / distinct", "distinct is 0"),
        "below_hull_cut": count("of the distinct ones, those below the cut of the plots above the hull"),
        "calls_per_below_hull_cut": number("estimator_calls / below_hull_cut", "below_hull_cut is 0"),
        **measured(Col.LOWEST_ENERGY, "lowest energy at the end of a search", _NO_STRUCTURE),
        **measured(Col.LOWEST_E_ABOVE_HULL, "lowest energy above the hull", "no structure has a hull"),
    },
)
STRICTNESS = Table(
    "arm of the sampler symmetric × space group asked for",
    {
        "arm": text("name of the arm"),
        Col.SPACE_GROUP: place("number of the space group asked for"),
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
        Col.FORMULA: text("reduced formula"),
        Col.SPACE_GROUP: place("space group number of a candidate", "a reference, or none was found"),
        Col.SATISFIED: flag("whether the symmetrised structure satisfies the constraint", "not measurable"),
        Col.LOSS: number("loss of the symmetrised structure, in the unit of the constraint's first term"),
        **measured(Col.E_ABOVE_HULL, ABOVE_HULL),
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
