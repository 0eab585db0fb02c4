"""The figure of docs/proposals.md, from the result of `generator`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.generator.report import WAYS

COLOURS = {"learned": "#0072b2", "prototypes": "#e69f00", "most frequent": "#999999"}


def draw(result: Mapping[str, Any], target: Path) -> None:
    """Shares whose space group is first and among the first ten, by crystal system and split."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "lodestone"
    import matplotlib.pyplot as plt

    splits = list(result["distinct"])
    figure, axes = plt.subplots(len(splits), 1, figsize=(8.5, 3.0 * len(splits)), squeeze=False)
    for axis, split in zip(axes[:, 0], splits, strict=True):
        rows = [row for row in result["accuracies"] if row["split"] == split and row["part"] != "low"]
        parts = list(dict.fromkeys(row["part"] for row in rows))
        for k, way in enumerate(WAYS):
            by_part = {row["part"]: row for row in rows if row["way"] == way}
            for i, part in enumerate(parts):
                place = i + (k - 1) * 0.27
                n = by_part[part]["n"]
                ten, low, high = by_part[part]["top10"]
                first, *_ = by_part[part]["top1"]
                if not n:
                    continue
                axis.bar(place, 100 * ten / n, width=0.25, color=COLOURS[way], alpha=0.35)
                label = way if i == 0 else None
                axis.bar(place, 100 * first / n, width=0.25, color=COLOURS[way], label=label)
                axis.plot([place, place], [100 * low, 100 * high], color="#333333", linewidth=0.8)
        axis.set_ylim(0, 100)
        axis.set_ylabel("space group found, %")
        axis.set_title(f"held out by {split}", loc="left", fontsize=10)
        axis.spines[["top", "right"]].set_visible(False)
        axis.set_xticks(range(len(parts)), [f"{p}\nn = {_n(rows, p)}" for p in parts], fontsize=8)
    axes[0, 0].legend(fontsize=8, frameon=False, ncols=3, loc="lower right", bbox_to_anchor=(1.0, 1.0))
    figure.tight_layout()
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target, metadata={"Date": None})
    plt.close(figure)


def _n(rows: list[Mapping[str, Any]], part: str) -> int:
    return int(next(row["n"] for row in rows if row["part"] == part))
