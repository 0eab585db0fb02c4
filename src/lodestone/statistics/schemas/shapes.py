"""Columns of Pareto ranks and of distributions."""

from __future__ import annotations

from lodestone.columns.column import Table, count, flag, number, place, text

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
