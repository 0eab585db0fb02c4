"""Columns of the tables of statistics. Rates, shares and p-values are fractions between 0 and 1."""

from __future__ import annotations

import polars as pl

Schema = dict[str, pl.DataType]

_TEXT: pl.DataType = pl.String()
_COUNT: pl.DataType = pl.Int64()
_NUMBER: pl.DataType = pl.Float64()
_FLAG: pl.DataType = pl.Boolean()

_HEAD: Schema = {
    "constraint": _TEXT,
    "primary": _FLAG,
    "arm": _TEXT,
    "arm_kind": _TEXT,
    "guided_by": _TEXT,
    "strength": _NUMBER,  # Å
}
_RATE: Schema = {"n": _COUNT, "successes": _COUNT} | dict.fromkeys(["rate", "ci_low", "ci_high"], _NUMBER)
_FINITE: Schema = {"n_finite": _COUNT} | dict.fromkeys(
    ["rate_finite", "ci_low_finite", "ci_high_finite"], _NUMBER
)
_LINEAGES: Schema = {
    "n_lineages": _COUNT,
    "cluster_bootstrap_low": _NUMBER,
    "cluster_bootstrap_high": _NUMBER,
}

RATES: Schema = _HEAD | {"outcome": _TEXT} | _RATE | _FINITE | _LINEAGES | {"note": _TEXT}

SUCCESS: Schema = (
    _HEAD
    | {"comparison": _TEXT, "reference_arm": _TEXT, "outcome": _TEXT}
    | _RATE
    | {"n_reference": _COUNT, "successes_reference": _COUNT}
    | dict.fromkeys(
        [
            *["rate_reference", "difference", "diff_low", "diff_high"],
            *["risk_ratio", "risk_ratio_low", "risk_ratio_high", "z", "p_value", "fisher_p"],
        ],
        _NUMBER,
    )
    | {"test_used": _TEXT, "p_used": _NUMBER, "family": _TEXT, "adjustment": _TEXT}
    | {"p_adjusted": _NUMBER, "significant": _FLAG, "minimal_detectable_effect": _NUMBER}
    | _FINITE
    | {"n_finite_reference": _COUNT}
    | dict.fromkeys(
        ["rate_finite_reference", "difference_finite", "p_value_finite", "fisher_p_finite"], _NUMBER
    )
    | _LINEAGES
    | {"n_lineages_reference": _COUNT}
    | dict.fromkeys(
        [
            *["cluster_bootstrap_diff_low", "cluster_bootstrap_diff_high"],
            *["one_per_lineage_rate", "one_per_lineage_rate_reference"],
            *["one_per_lineage_p_value", "one_per_lineage_fisher_p"],
        ],
        _NUMBER,
    )
    | {"note": _TEXT}
)

ATTRITION: Schema = {
    "arm": _TEXT,
    "stage": _TEXT,
    "entered": _COUNT,
    "survived": _COUNT,
    "lost": _COUNT,
    "share_of_generated": _NUMBER,
    "ci_low": _NUMBER,
    "ci_high": _NUMBER,
    "share_of_entered": _NUMBER,
}
REASONS: Schema = {"arm": _TEXT, "stage": _TEXT, "reason": _TEXT, "count": _COUNT}

PARETO: Schema = {
    "constraint": _TEXT,
    "id": _TEXT,
    "kind": _TEXT,  # candidate | reference
    "arm": _TEXT,
    "formula": _TEXT,
    "space_group": pl.Int32(),
    "satisfied": _FLAG,
    "loss": _NUMBER,
    "e_above_hull": _NUMBER,  # eV/atom
    "rank": pl.Int32(),  # 1 = not dominated
}

DIVERSITY: Schema = (
    {"arm": _TEXT}
    | dict.fromkeys(
        [
            *["n", "screened", "distinct", "distinct_half", "distinct_double"],
            *["distinct_formulas", "distinct_space_groups", "judged"],
        ],
        _COUNT,
    )
    | {"novel": _COUNT, "novel_share": _NUMBER, "novel_low": _NUMBER, "novel_high": _NUMBER}
    | {"stable_below": _NUMBER, "sun": _COUNT}
    | {"sun_rate": _NUMBER, "sun_low": _NUMBER, "sun_high": _NUMBER, "note": _TEXT}
)

QUALITY: Schema = (
    {"constraint": _TEXT, "arm": _TEXT, "n": _COUNT, "valid": _COUNT}
    | dict.fromkeys(
        [
            *["max_force_median", "max_force_upper_quartile"],  # eV/Å, raw valid structures
            "energy_median",  # eV/atom, raw valid structures
        ],
        _NUMBER,
    )
    | {"relaxed": _COUNT, "converged": _COUNT}
    | dict.fromkeys(["converged_share", "converged_low", "converged_high"], _NUMBER)
    | dict.fromkeys(["persistent", "distinct_persistent", "distinct_persistent_formulas"], _COUNT)
    | {"relax_failures": _COUNT, "note": _TEXT}
)

COST: Schema = (
    {
        "constraint": _TEXT,
        "method": _TEXT,  # rejection (the unguided arm), control, guided or late
        "arm": _TEXT,
        "strength": _NUMBER,  # Å
        "chosen_by_pilot": _FLAG,
        "pilot_passes": _NUMBER,  # network passes of the pilot, once per constraint; in no other column
        "outcome": _TEXT,  # one of the four, or distinct_persistent: the first structures of their crystals
        "n": _COUNT,  # structures sampled
        "successes": _COUNT,
    }
    | dict.fromkeys(["rate", "rate_low", "rate_high"], _NUMBER)  # by lineage where structures share them
    | {
        "passes_per_structure": _NUMBER,  # network passes, as counted by campaign/cost.py
        "seconds_per_structure": _NUMBER,  # wall time of sampling, from the timings of the arm's shards
        "device": _TEXT,  # where those were taken
    }
    | dict.fromkeys(  # cost of one success; null: not defined, a null upper bound: without bound
        [
            *["passes_per_success", "passes_per_success_low", "passes_per_success_high"],
            *["seconds_per_success", "seconds_per_success_low", "seconds_per_success_high"],
            *["ratio", "ratio_low", "ratio_high"],  # passes per success over those of rejection
            *["seconds_ratio", "seconds_ratio_low", "seconds_ratio_high"],  # the same of seconds
        ],
        _NUMBER,
    )
    | {"note": _TEXT}
)

DISTRIBUTIONS: Schema = {
    "constraint": _TEXT,
    "term": pl.Int32(),  # place among the constraint's terms
    "quantity": _TEXT,
    "unit": _TEXT,
    "group": _TEXT,  # arm, or "references"
    "form": _TEXT,  # histogram | kde | counts
    "x": _NUMBER,  # left edge of the bin, grid point of the density, or neighbour count
    "width": _NUMBER,
    "y": _NUMBER,  # probability density per unit of x; share for counts
    "n": _COUNT,  # values that were used
    "outside": _COUNT,  # finite values outside the range shown
    "undefined": _COUNT,  # structures without a value
}
