"""Times of a denoising step as a table, and the profiles of what missed its goal."""

from __future__ import annotations

from benchmarks.shared.pages import Place, Result, interval, table


def tables(result: Result) -> str:
    """Time per step and its ratio to upstream's; profiles of what missed its goal."""
    rows = [
        [
            row["way"], f"{row['wall_per_step'] * 1000:.1f}", f"{row['cpu_per_step'] * 1000:.1f}",
            interval(row["wall_ratio"]), interval(row["cpu_ratio"]),
            "" if row["goal"] is None else f"≤ {row['goal']:g}: {'met' if row['met'] else 'missed'}",
        ]
        for row in result["rows"]
    ]  # fmt: skip
    text = (
        f"Constraint {result['case']}, {result['structures']} structures per batch, "
        f"{result['repeats']} repeats of {result['steps_per_repeat']} steps.\n\n"
        + table(["", "ms per step", "CPU ms per step", "ratio", "ratio of CPU times", "goal"], rows)
    )
    for name, lines in result["profiles"].items():
        text += f"\n\nProfile of `{name}` (goal missed):\n\n```text\n" + "\n".join(lines) + "\n```"
    return text


PLACES = (Place("step", "benchmarks.md", tables),)
