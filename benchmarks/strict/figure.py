"""The figure of docs/symmetry.md, from the result of `strict`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.strict.arms import PAPER as GROUPS

COLOURS = {"exact": "#0072b2", "supergroup": "#56b4e9", "other": "#d55e00", "plain": "#777777"}
LABELS = {"exact": "group asked for", "supergroup": "a supergroup", "other": "other or failed"}
PAPER = (42.0, 54.0)  # %, of structures in the group asked for, arXiv 2411.08464


def draw(result: dict[str, Any], target: Path) -> Path:
    """Groups found by crystal system, the four groups of the paper, and guidance inside the subspace."""
    import matplotlib as mpl

    mpl.use("svg")
    import matplotlib.pyplot as plt

    mpl.rcParams["svg.hashsalt"] = "lodestone"
    figure, axes = plt.subplots(1, 3, figsize=(11.5, 3.8), width_ratios=(1.5, 1, 1.1))
    _systems(axes[0], result["strict"])
    _paper(axes[1], result)
    _guidance(axes[2], result)
    figure.tight_layout()
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target, metadata={"Date": None})
    plt.close(figure)
    return target


def _systems(axis: Any, strict: dict[str, Any]) -> None:
    """Shares of verdicts, one bar per crystal system."""
    import numpy as np

    names = [row["system"] for row in strict["assigned"]["systems"]]
    total = {name: dict.fromkeys(("n", "exact", "supergroup", "other", "failed"), 0) for name in names}
    for found in strict.values():
        for row in found["systems"]:
            for key in total[row["system"]]:
                total[row["system"]][key] += row[key]
    base = np.zeros(len(names))
    for counts in total.values():
        counts["other"] += counts["failed"]
    for key, label in LABELS.items():
        height = np.array([100 * counts[key] / counts["n"] for counts in total.values()])
        axis.bar(names, height, bottom=base, color=COLOURS[key], label=label)
        base += height
    axis.set(ylabel="structures, %", title="space group found (spglib, 0.01 Å)", ylim=(0, 118))
    axis.tick_params(axis="x", rotation=35)
    axis.legend(frameon=False, fontsize=7, ncols=3, loc="upper center", columnspacing=1)


def _paper(axis: Any, result: dict[str, Any]) -> None:
    """The group asked for in the four groups of the paper; plain samples that have it."""
    from lodestone.inference.intervals import wilson

    names = list(GROUPS.values())
    for place, group in enumerate(GROUPS):
        rows = [r for found in result["strict"].values() for r in found["groups"] if r["group"] == group]
        n, exact = sum(r["n"] for r in rows), sum(r["exact"] for r in rows)
        plain = result["plain"]
        for label, k, m, colour, shift in (
            ("symmetric subspace", exact, n, COLOURS["exact"], -0.12),
            (
                "plain MatterGen",
                plain["groups"]["0.1"].get(str(group), 0),
                plain["n"],
                COLOURS["plain"],
                0.12,
            ),
        ):
            bounds, rate = wilson(k, m), k / m
            bars = [[100 * (rate - bounds.low)], [100 * (bounds.high - rate)]]
            axis.errorbar(
                place + shift, 100 * rate, yerr=bars, marker="o", capsize=2, color=colour, linestyle="",
                label=label if place == 0 else None,
            )  # fmt: skip
    axis.axhspan(*PAPER, color="#e69f00", alpha=0.3, zorder=0, label="arXiv 2411.08464")
    axis.set_xticks(range(len(names)), names)
    axis.set(
        ylabel="structures in this very group, %",
        ylim=(-3, 103),
        xlim=(-0.4, 3.4),
        title="low-symmetry groups",
    )
    axis.legend(frameon=False, fontsize=8, loc="center", bbox_to_anchor=(0.5, 0.25))


def _guidance(axis: Any, result: dict[str, Any]) -> None:
    """Rates of guided and unguided structures of the same proposals."""
    rows = [
        (f"{row['question']}\n{row['way']}", row["satisfied"] / row["n"], *row["intervals"][0],
         row["satisfied_unguided"] / row["n_unguided"], *row["intervals"][1])
        for row in result["guidance"]
    ] + [
        (f"formation\n{row['target']:g} eV/atom", row["satisfied"] / row["n"], *row["intervals"][0],
         row["satisfied_unguided"] / row["n_unguided"], *row["intervals"][1])
        for row in result["formation"]["rows"]
    ]  # fmt: skip
    for place, (_, *values) in enumerate(rows):
        for label, (rate, low, high), colour, shift in (
            ("guided", values[:3], COLOURS["exact"], -0.1),
            ("unguided", values[3:], COLOURS["plain"], 0.1),
        ):
            bars = [[100 * (rate - low)], [100 * (high - rate)]]
            axis.errorbar(
                place + shift, 100 * rate, yerr=bars, marker="o", capsize=2, color=colour, linestyle="",
                label=label if place == 0 else None,
            )  # fmt: skip
    axis.set_xticks(range(len(rows)), [name for name, *_ in rows], fontsize=7)
    axis.set(
        ylabel="satisfied as generated, %",
        ylim=(-3, 103),
        xlim=(-0.5, len(rows) - 0.5),
        title="guided inside the subspace",
    )
    axis.legend(frameon=False, fontsize=8)
