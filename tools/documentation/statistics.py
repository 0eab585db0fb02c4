"""docs/statistics.md: which test, which interval, and every table column by column."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from lodestone.columns.candidates import CANDIDATES, PER_CONSTRAINT, PER_ESTIMATOR
from lodestone.columns.column import Column
from lodestone.columns.schemas import TABLES

TEXT = """\
# Statistics

What every test, interval and column of a table means. A campaign asks whether guidance raises the share of
structures that satisfy a constraint. Shares are counted on raw samples, as they leave the sampler;
energies, hulls and Pareto ranks are those of symmetrised structures. `results/<campaign>/statistics/` holds
each table as Parquet and as tab-separated text, in which a missing number reads `not defined`. Shares,
rates and p-values are fractions between 0 and 1.

## Outcomes and their denominators

| outcome | a structure has it if it |
|---|---|
| `satisfied` | satisfies the constraint as generated |
| `satisfied_valid` | also is a valid crystal |
| `persistent` | satisfies it, is valid, and still both after a short relaxation |
| `relaxed_satisfied` | is valid, relaxes, and satisfies it then |

The denominator is every structure that was generated. One whose sampling failed counts as not satisfied
(intention to treat): an arm cannot gain by breaking what it cannot satisfy. The columns `*_finite` follow
the other convention, in which only finite structures are counted. Where no valid structure of any arm could
be relaxed, the estimator is at fault and not the structures, and the last two outcomes are not measured.

## The test

H0: the rate p1 of the guided (or late) arm is at most the rate p2 of the arm that it is compared with. The
test is one-sided because the claim is: guidance raises the rate. It says nothing about a fall; a p near 1
is no evidence of one. With x successes of n, and p = (x1 + x2) / (n1 + n2),

    z = (x1/n1 - x2/n2) / sqrt(p (1 - p) (1/n1 + 1/n2))

and the p-value is the upper tail of the normal distribution (statsmodels `proportions_ztest`, `larger`).
Where an expected count n p or n (1 - p) is below 5 (Cochran, Biometrics 10, 417, 1954), Fisher's exact test
counts in its place; both are in the table, `test_used` and `p_used` say which counts. Where all or none of
the structures of both arms succeed, z is 0/0: it reads `not defined`, and Fisher's p is 1.

The z-test is approximate. Enumerated over all rates, its chance of a false claim is at most 1.25 times the
level for arms of one size (24 to 1000 structures, level 0.025), and up to 1.4 times where one arm, or its
lineages, is four to eight times smaller (125 and 250 against 1000, levels 0.05 to 0.0125); the stricter the
level and the more unequal the arms, the more. `note` names arms of which one is more than twice as large.
Fisher's p beside it is never too eager.

Comparisons: `unguided`, the plain model; `control`, the same recurrence without guidance; `late`, guidance
at the end of the trajectory only and without particles. The arms have seeds of their own and are
independent.

## Lineages

Particles of one lineage share ancestors and are no independent trials. Taking them as such makes intervals
too narrow and the test too eager: of campaigns without any effect, far more than alpha would claim one. So,
where lineages have more than one member, the test that counts takes one structure of each lineage, drawn at
random with a seed of the campaign (`one_per_lineage_*`). z, `p_value`, `fisher_p`, Wilson's and Newcombe's
intervals take every structure as independent and stand beside it for comparison. The draw of one structure
per lineage costs power where members of a lineage differ much.

Intervals over lineages (`cluster_bootstrap_*`) are those of a bootstrap of whole lineages (2000 draws,
percentiles; Field & Welsh, J. R. Stat. Soc. B 69, 369, 2007). For few lineages that is too narrow: of
nominal 95 %, it holds the true rate in 83 to 93 % of samples of 6 to 32 lineages of eight. So they also
hold Wilson's interval with the effective number of trials, rate (1 - rate) / variance between lineages, at
most the structures, with Student's quantile for the lineages (Korn & Graubard, Surv. Methodol. 24, 193,
1998; Dean & Pagano, J. Surv. Stat. Methodol. 3, 484, 2015). Where every lineage has the same share there is
no spread to go by, and Wilson's interval with one trial per lineage is given.

## Intervals

All at level 1 - alpha, two-sided, one at a time: none is adjusted for the number of tests, so an interval
of a difference may leave out 0 where the adjusted test does not reach alpha.

- rates: Wilson (J. Am. Stat. Assoc. 22, 209, 1927);
- differences: Newcombe's, method 10 (Stat. Med. 17, 873, 1998), from two of Wilson's, or from the two
  intervals over lineages;
- risk ratios: Katz (Biometrics 34, 469, 1978), on the log scale; not defined where a rate is 0;
- ratios of costs: MOVER on the log scale (Zou & Donner, Stat. Med. 27, 1693, 2008).

## Families

- confirmatory: constraints declared `primary`, the guided arm of the last strength, outcome `satisfied`,
  against unguided and control. Adjusted by Holm (Scand. J. Stat. 6, 65, 1979) over all of them together:
  the chance of any false claim is at most alpha, whatever the dependence of the tests.
- exploratory: every other row. Adjusted by Benjamini and Hochberg (J. R. Stat. Soc. B 57, 289, 1995): the
  expected share of false claims among those made is at most alpha, for independent or positively dependent
  tests.

A test that is not defined belongs to no family. `significant` is p_adjusted < alpha; a p-value on alpha is
not significant. The verdict on a constraint is *worked* only where `satisfied` is significant against
unguided and against control; that it persists is said only where `persistent` is significant too.

## Minimal detectable effect

The smallest rise above the observed reference rate that the test that counts would find in 80 of 100
campaigns of this size. It is computed for what is tested: with one structure per lineage, n are lineages,
and the reference rate is the mean over lineages of their share of successes, which is what one structure of
each succeeds by on average and uses every structure. Its level is alpha / m with m the defined tests of the
family: Holm's first step, and the strictest step of Benjamini and Hochberg. It is therefore conservative:
where other tests of the family succeed, the level that is left is more generous. Its power is exact: both
binomial distributions are summed over all outcomes that the rule above calls significant, z or Fisher as
each outcome decides (unconditional power; Suissa & Shuster, J. R. Stat. Soc. A 148, 317, 1985). For very
large arms the normal approximation serves; `mde_method` says so. An effect that was *not shown* may still
exist where it is smaller than this.

## Distributions and fronts

Densities are Gaussian kernel densities with Silverman's bandwidth (Density Estimation, 1986; scipy's
`gaussian_kde` by the name `silverman`). The range shown holds 99 % of the values of all groups and every
end of the target; what lies outside is counted in `outside` and is not part of the density. Pareto ranks
are those of non-dominated sorting (Deb et al., IEEE Trans. Evol. Comput. 6, 182, 2002) of (loss,
e_above_hull) over candidates and references together; equal points share a rank.

Uniqueness, novelty and S.U.N. (stable, unique, novel; Zeni et al., Nature 639, 624, 2025) are counted
within an arm. Stability is that of the campaign's estimator without relaxation to its minimum, not of
density functional theory, and novelty is that against the sources of references that were asked.
"""
FURTHER = "`<constraint>.<name>`, for each constraint:\n"
END = "Made by `python -m tools.documentation` from the schemas; not edited by hand.\n"


def statistics_page() -> str:
    """The whole page."""
    parts = [TEXT, "## Tables\n"]
    for name, table in TABLES.items():
        parts += [
            f"### `statistics/{name}.parquet`, `.tsv`\n\nOne row per {table.row}.\n",
            _rows(table.columns),
        ]
    parts += [f"### `candidates.parquet`\n\nOne row per {CANDIDATES.row}; nothing is dropped.\n"]
    parts += [_rows(CANDIDATES.columns | {"e_above_hull_<estimator>": PER_ESTIMATOR})]
    parts += [FURTHER, _rows(PER_CONSTRAINT), END]
    return "\n".join(parts)


def _rows(columns: Mapping[str, Column]) -> str:
    lines = ["| column | type | unit | meaning | null where |", "|---|---|---|---|---|"]
    for name, column in columns.items():
        cells = (f"`{name}`", _kind(column.kind), column.unit, column.meaning, column.missing or "never")
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines) + "\n"


def _kind(kind: pl.DataType) -> str:
    """A type in words."""
    if isinstance(kind, pl.List):
        return f"list of {_kind(_inner(kind))}"
    if isinstance(kind, pl.Array):
        return f"{kind.size} × {_kind(_inner(kind))}"
    words = {pl.String: "text", pl.Boolean: "true/false", pl.Float64: "number"}
    return words.get(type(kind), "whole number")


def _inner(kind: pl.List | pl.Array) -> pl.DataType:
    return kind.inner if isinstance(kind.inner, pl.DataType) else kind.inner()
