"""What a satisfying structure costs, as tables."""

from __future__ import annotations

from benchmarks.shared.pages import Place, Result, number, table


def tables(result: Result) -> str:
    """Per constraint, arm and outcome the cost of one success."""
    rows = [
        [
            row["case"], row["arm"], found["outcome"], f"{found['count']:g} of {found['n']}",
            *(_cost(found[f"{unit}_per_success"], digits) for unit, digits in
              (("passes", 0), ("single_passes", 0), ("cpu_seconds", 1))),
        ]
        for row in result["rows"]
        for found in row["outcomes"]
    ]  # fmt: skip
    arms = [
        [
            row["case"], row["arm"], row["lineages"], row["failed"], f"{row['per_structure']['passes']:.0f}",
            f"{row['per_structure']['single_passes']:.0f}", number(row["reference_code_passes"]),
            f"{row['per_structure']['cpu_seconds']:.2f}", f"{row['per_structure']['relax_cpu_seconds']:.2f}",
        ]
        for row in result["rows"]
    ]  # fmt: skip
    return (
        f"{result['structures']} structures per arm, {result['steps']} steps.\n\n"
        + table(
            ["constraint", "arm", "outcome", "count", "passes per success", "single passes per success",
             "CPU s per success"],
            rows,
        )
        + "\n\n"
        + table(
            ["constraint", "arm", "lineages", "failed", "passes per structure", "single passes",
             "passes of the reference's own code", "CPU s per structure", "CPU s of relaxing"],
            arms,
        )
    )  # fmt: skip


def _cost(cost: dict[str, float | None], digits: int) -> str:
    """Value and interval; without any success only the least that a success may cost is known."""
    if cost["value"] is None:
        return "–" if cost["low"] is None else f"over {cost['low']:.{digits}f}"
    high = "∞" if cost["high"] is None else f"{cost['high']:.{digits}f}"
    return f"{cost['value']:.{digits}f} ({cost['low']:.{digits}f} to {high})"


PLACES = (Place("satisfying", "benchmarks.md", tables),)
