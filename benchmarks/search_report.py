"""The result of the search benchmark as Markdown and as the figure of docs/search.md."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

LABELS = {"gss": "gss", "diffusion": "diffusion, then relaxation", "rss": "rss"}
COLOURS = {"gss": "#0072b2", "diffusion": "#e69f00", "rss": "#777777"}
SHOWN = 40  # missed minima in a table


def search(result: Mapping[str, Any]) -> str:
    """What every method found and at what cost, their ratios, and what one found and the other did not."""
    from benchmarks.report import table

    rows = [
        [
            case["title"], LABELS[method], m["structures"], m["failed"], m["not_converged"],
            f"{m['calls']:,}", f"{m['calls_per_structure']:.0f}", f"{m['relaxation_steps']:.0f}",
            f"{m['found']} of {case['union']}",
            f"{100 * m['run_mean'][-1]:.1f} ± {100 * m['run_error'][-1]:.1f}",
            *(_calls(m["calls_at"][level], m["calls"]) for level in ("0.25", "0.5", "0.8")),
            "never" if m["calls_per_lowest"] is None else f"{m['calls_per_lowest']:,.0f}",
        ]
        for case in result["cases"] for method in LABELS for m in [case["methods"][method]]
    ]  # fmt: skip
    head = ["case", "method", "structures", "failed", "not converged", "calls", "calls per structure",
            "relaxation steps", "minima found", "coverage of one run, %", "calls at 25 %", "calls at 50 %",
            "calls at 80 %", "calls per hit of the lowest"]  # fmt: skip
    ratios = [
        [case["title"], name, *(_ratio(case[kind][name]) for kind in ("ratios", "ratios_several"))]
        for case in result["cases"]
        for name in case["ratios"]
    ]
    runs = "; ".join(
        f"{case['title']}: {case['runs']} runs per method, at least {case['budget']} calls each"
        for case in result["cases"]
    )
    text = (
        f"{result['steps']} denoising steps. {runs}.\n\n"
        + table(head, rows)
        + "\n\n"
        + table(["case", "ratio of calls", "all minima", "minima that several runs found"], ratios)
    )
    for case in result["cases"]:
        for name, found in case["missed"].items():
            text += f"\n\n{case['title']}, {name}: {len(found)}"
            if found and name.startswith("rss"):
                text += (f", the lowest {SHOWN}" if len(found) > SHOWN else "") + ".\n\n" + _missed(found)
            else:
                text += "."
    return text


def _missed(found: list[dict[str, Any]]) -> str:
    from benchmarks.report import table

    rows = [
        [
            f"{1000 * m['above_lowest']:.0f}", m["space_group"] or "–", f"{m['volume_per_atom']:.1f}",
            m["hits"], m["runs"],
        ]
        for m in found[:SHOWN]
    ]  # fmt: skip
    return table(["above the lowest, meV/atom", "space group", "volume, Å³/atom", "hits", "runs"], rows)


def _calls(value: float | None, all_calls: int) -> str:
    return f"over {all_calls:,}" if value is None else f"{value:,.0f}"


def _ratio(found: Mapping[str, Any]) -> str:
    """Value with interval; bounds where a method did not get there."""
    if found["bound"] is None:
        return "neither got there"
    known = found["low"] is not None
    interval = f"{found['low']:.2g} to {found['high']:.2g}" if known else "no interval"
    return f"{found['bound']} {found['value']:.2g} ({interval})".strip()


def publish(result: Mapping[str, Any], docs: Path) -> None:
    """Put the tables between their marks in docs/search.md, and draw its figure."""
    from benchmarks.report import between, origin

    from lodestone.runtime.files import write_text

    page = docs / "search.md"
    text = f"{search(result)}\n\n{origin(dict(result))}\n"
    write_text(page, between(page.read_text(encoding="utf-8"), "search", text))
    figure(result, docs / "figures" / "search-coverage.svg")


def figure(result: Mapping[str, Any], target: Path) -> Path:
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
