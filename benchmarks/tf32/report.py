"""Drift of scores and differences of samples as tables."""

from __future__ import annotations

from typing import Any

from benchmarks.shared.pages import Place, Result, table

FIELDS = ("positions", "cell", "types", "guided positions", "guided cell")
SIDES = ("float32", "TF32", "float32, another seed", "TF32, another seed")


def tables(result: Result) -> str:
    """How far scores are off at some levels, and how samples differ."""
    drift = [[f"{row['t']:.2f}", *(f"{row[name]:.1e}" for name in FIELDS)] for row in result["drift"]]
    rows = [line for arm in result["arms"] for line in _arm(arm)]
    twins = [
        f"{arm['arm']}, {arm['over']['TF32']['same_formula']} of {arm['sides']['TF32']['n']} structures have "
        f"the formula of their twin in float32, and {arm['over']['TF32']['same_volume']} its volume to 1 %"
        for arm in result["arms"]
    ]
    return (
        f"Constraint {result['case']}, {result['steps']} steps, {result['layers']} dense layers.\n\n"
        + table(["t", *FIELDS], drift)
        + "\n\n"
        + table(
            ["arm", "side", "structures", "failed", "valid", "satisfied", "Å³/atom", "formulas",
             "valid, less float32", "satisfied, less float32", "Å³/atom, less float32",
             "p of volumes", "p of formulas"],
            rows,
        )
        + f"\n\n{'; '.join(twins)}."
    )  # fmt: skip


def _arm(arm: dict[str, Any]) -> list[list[str]]:
    rows = []
    for name in SIDES:
        side, over = arm["sides"][name], arm["over"].get(name)
        n = side["n"]
        differences = ["", "", "", "", ""]
        if over is not None:
            differences = [
                _points(over["valid"]), _points(over["satisfied"]), _interval(over["volume"], "{:+.2f}"),
                f"{over['volumes_p']:.2f}", f"{over['formulas_p']:.2f}",
            ]  # fmt: skip
        counts = [f"{n}", f"{side['failed']}", f"{side['valid'] / n:.0%}", f"{side['satisfied'] / n:.0%}"]
        mean = f"{side['volume']:.2f} ± {side['volume_std']:.2f}"
        rows.append([arm["arm"], name, *counts, mean, f"{side['formulas']}", *differences])
    return rows


def _points(found: list[float]) -> str:
    return _interval([100 * x for x in found], "{:+.0f}") + " points"


def _interval(found: list[float], style: str) -> str:
    value, low, high = (style.format(x) for x in found)
    return f"{value} ({low} to {high})"


PLACES = (Place("tf32", "scaling.md", tables),)
