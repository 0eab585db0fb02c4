"""The figure of docs/functions.md, from the result of `functions`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lodestone.columns import Col

COLOURS = {
    "rejection": "#777777",
    "gradient": "#e69f00",
    "particles by the function": "#0072b2",
    "particles by the function, and the gradient": "#009e73",
}


def draw(result: dict[str, Any], target: Path) -> Path:
    """Rates per 1000 network passes with their intervals, one panel per question."""
    import matplotlib as mpl

    mpl.use("svg")
    import matplotlib.pyplot as plt

    from benchmarks.functions.questions import QUESTIONS

    mpl.rcParams["svg.hashsalt"] = "lodestone"
    figure, axes = plt.subplots(1, len(QUESTIONS), figsize=(9.3, 2.6))
    for axis, (question, title) in zip(axes, QUESTIONS.items(), strict=True):
        rows = [row for row in result["rows"] if row["question"] == question]
        for place, row in enumerate(reversed(rows)):
            name = row["arm"].partition(", symmetry")[0]
            value, low, high = row["outcomes"][Col.SATISFIED]["per_1000_passes"]
            axis.errorbar(
                value, place, xerr=[[value - low], [high - value]], marker="o", capsize=3, color=COLOURS[name]
            )
        names = [row["arm"].partition(", symmetry")[0].replace(", and", ",\nand") for row in reversed(rows)]
        axis.set_yticks(range(len(rows)), names, fontsize=8)
        axis.set(
            title=title, xlabel="satisfying structures per 1000 network passes", ylim=(-0.6, len(rows) - 0.4)
        )
        axis.set_xlim(left=0)
    figure.tight_layout()
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target, metadata={"Date": None})
    return target
