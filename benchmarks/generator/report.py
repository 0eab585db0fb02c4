"""Space groups that the generators name, and the legality of their proposals, as tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.shared.pages import Place, table

WAYS = ("learned", "prototypes", "most frequent")


PARTS = {"low": "P-1, P2_1/m, P2_1/c, C2/m"}


def tables(result: Mapping[str, Any]) -> str:
    """Accuracies by split, crystal system and way; legality."""
    text = []
    for split, distinct in result["distinct"].items():
        chosen = [row for row in result["accuracies"] if row["split"] == split]
        rows = []
        for part in dict.fromkeys(row["part"] for row in chosen):
            by_way = {row["way"]: row for row in chosen if row["part"] == part}
            values = [_share(by_way[way], top) for top in ("top1", "top10") for way in WAYS]
            rows.append([PARTS.get(part, part), by_way[WAYS[0]]["n"], *values])
        head = ["held out", "n", *(f"{way}, {top}, %" for top in ("first", "first ten") for way in WAYS)]
        text.append(
            f"Held out by {split} ({distinct} different ones over {result['examples']} references; "
            f"{result['held']} of {result['folds']} folds):\n\n" + table(head, rows)
        )
    rows = [
        [
            row["generator"], row["proposals"], row["compositions"], row["groups"], row["illegal"],
            row["incompatible"], row["built"], row["outcomes"].get("group", 0),
            row["outcomes"].get("larger group", 0),
            row["built"] - row["outcomes"].get("group", 0) - row["outcomes"].get("larger group", 0),
        ]
        for row in result["legality"]
    ]  # fmt: skip
    head = [
        "generator", "proposals", "compositions", "groups", "illegal", "incompatible for PyXtal", "built",
        "in the group", "in a larger one", "anything else",
    ]  # fmt: skip
    most = (
        f"{100 * result['ceiling']:.0f} % of the references have the most frequent group of their "
        "composition: no first guess from the composition alone finds more."
    )
    return "\n\n".join([*text, most, table(head, rows)])


def _share(row: Mapping[str, Any], top: str) -> str:
    hits, low, high = row[top]
    return "–" if not row["n"] else f"{100 * hits / row['n']:.0f} ({100 * low:.0f} to {100 * high:.0f})"


PLACES = (Place("generator", "proposals.md", tables),)
