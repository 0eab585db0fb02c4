"""Columns of the tables about other samplers: what a search took, and how strict a symmetry was kept."""

from __future__ import annotations

from lodestone.columns.column import Table, bounds, count, number, place, text

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
