"""Minima found by every method and at what cost, as tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.shared.pages import Place, table

LABELS = {"gss": "gss", "diffusion": "diffusion, then relaxation", "rss": "rss"}


SHOWN = 40  # missed minima in a table


def tables(result: Mapping[str, Any]) -> str:
    """What every method found and at what cost, their ratios, and what one found and the other did not."""
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


PLACES = (Place("search", "search.md", tables),)
