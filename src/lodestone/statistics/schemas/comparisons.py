"""Columns of rates and of the tests of guidance."""

from __future__ import annotations

from lodestone.columns.column import Column, Table, bounds, count, flag, number, text

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
