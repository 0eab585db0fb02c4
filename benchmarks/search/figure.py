"""The figure of docs/search.md, from the result of `search`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.search.report import LABELS

COLOURS = {"gss": "#0072b2", "diffusion": "#e69f00", "rss": "#777777"}


def draw(result: Mapping[str, Any], target: Path) -> Path:
    """Coverage against calls: of single runs, mean and standard error, and of all runs pooled."""
    import matplotlib as mpl
    import numpy as np

    mpl.use("svg")
    import matplotlib.pyplot as plt

    mpl.rcParams["svg.hashsalt"] = "lodestone"
    cases = result["cases"]
    figure, axes = plt.subplots(2, len(cases), figsize=(3.6 * len(cases) + 0.4, 5.6), squeeze=False)
    for column, case in enumerate(cases):
        single, pooled = axes[:, column]
        for method, label in LABELS.items():
            m = case["methods"][method]
            mean, error = 100 * np.array(m["run_mean"]), 100 * np.array(m["run_error"])
            single.plot(case["grid"], mean, color=COLOURS[method], label=label)
            single.fill_between(
                case["grid"], mean - error, mean + error, color=COLOURS[method], alpha=0.2, linewidth=0
            )
            calls, coverage = m["pooled"]
            pooled.plot(np.array(calls) / 1000, 100 * np.array(coverage), color=COLOURS[method])
        single.set(title=f"{case['title']}\n{case['union']} minima", xlabel="calls of one run")
        pooled.set(xlabel="calls of pooled runs, thousands", ylim=(0, 100))
        for level in (50, 80):
            pooled.axhline(level, color="#cccccc", linewidth=0.8, zorder=0)
        single.title.set_fontsize(9)
    for row in axes:
        row[0].set_ylabel("minima found, %")
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=3, frameon=False, fontsize=8)
    figure.tight_layout(rect=(0, 0.05, 1, 1))
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target, metadata={"Date": None})
    plt.close(figure)
    return target
