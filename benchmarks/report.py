"""Results as Markdown, and docs/benchmarks.md with the tables of the last results in it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.duplicates_report import duplicates
from benchmarks.energies_report import energies
from benchmarks.report_page import report_page

Result = dict[str, Any]


def markdown(name: str, result: Result) -> str:
    """One result: its tables, and machine, date and command."""
    from benchmarks.pages import PAGES, WHOLE

    tables = TABLES | {key: table for key, (_, table) in PAGES.items()} | WHOLE
    chosen = tables.get(name, steering)  # any other name is a plan of steering.yaml
    return f"{chosen(result)}\n\n{origin(result)}\n"


def update(document: Path, results: Path) -> list[str]:
    """Write the tables of every result between its marks in `document`; return the names found."""
    from lodestone.runtime.files import write_text

    text, found = document.read_text(encoding="utf-8"), []
    for name in TABLES:
        path = results / f"{name}.json"
        if path.is_file():
            table = markdown(name, json.loads(path.read_text(encoding="utf-8")))
            text = between(text, name, table)
            found.append(name)
    write_text(document, text)
    return found


def between(text: str, name: str, table: str) -> str:
    """The text with what stands between the marks of `name` replaced.

    Raises:
        ValueError: the marks are not there once.
    """
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    changed, n = pattern.subn(lambda _: f"{begin}\n\n{table}\n{end}", text)
    if n != 1:
        raise ValueError(f"the marks {begin} and {end} stand there {n} times, not once")
    return changed


def origin(result: Result) -> str:
    """Where the figures come from."""
    machine = result["machine"]
    versions = ", ".join(f"{k} {v}" for k, v in machine["versions"].items())
    return (
        f"{result['date']}; {machine['cpu']}, {machine['cores']} cores, torch threads: "
        f"{machine['torch_threads']}, load at the end {machine['load_at_end']:g}; {versions}. "
        f"`{result['command']}`"
    )


def coordination(result: Result) -> str:
    """Times of loss and gradient, agreement, and neighbour counts of known crystals."""
    rows = []
    for row in result["timings"]:
        times = [row[f"{side}_median"]["wall"] * 1000 for side in ("ours_known", "ours_soft", "reference")]
        rows.append([
            row["case"], row["structures"], row["threads"], *(f"{t:.3g}" for t in times),
            _interval(row["speedup_known_wall"]), _interval(row["speedup_soft_wall"]),
            _interval(row["speedup_known_cpu"]),
            f"{row['apart_median']:.2g} ({row['apart_largest']:.2g})",
        ])  # fmt: skip
    times = table(
        ["cells of 20 atoms", "n", "threads", "ours, ms", "ours, half of the types open, ms", "reference, ms",
         "reference / ours", "the same, types open", "the same, CPU time",
         "counts differ by, median (largest)"],
        rows,
    )  # fmt: skip
    counts = table(
        ["crystal", "true count", "ours, hard", "ours, smooth", "reference, smooth"],
        [
            [k["title"], f"{k['count']:g}", _number(k["ours_hard"]), f"{k['ours_smooth']:.2f}",
             f"{k['reference']:.2f}"]
            for k in result["known"]
        ],
    )  # fmt: skip
    return f"{times}\n\n{counts}"


def step(result: Result) -> str:
    """Time per step and its ratio to upstream's; profiles of what missed its goal."""
    rows = [
        [
            row["way"], f"{row['wall_per_step'] * 1000:.1f}", f"{row['cpu_per_step'] * 1000:.1f}",
            _interval(row["wall_ratio"]), _interval(row["cpu_ratio"]),
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


def satisfying(result: Result) -> str:
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
            f"{row['per_structure']['single_passes']:.0f}", _number(row["reference_code_passes"]),
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


def steering(result: Result) -> str:
    """Rates of every arm with intervals by lineage, and p against what it is compared with."""
    several = len({(r["checkpoint"], r["seed"]) for r in result["rows"]}) > 1
    order = list(dict.fromkeys(r["case"] for r in result["rows"]))
    rows = [
        [
            row["case"], *([Path(row["checkpoint"]).name, row["seed"]] if several else []), row["arm"],
            row["n"], row["lineages"], f"{100 * row['valid']:.0f}",
            *(_percent(row["outcomes"][o]["rate"]) for o in SHOWN), _percent(row["distinct_persistent"]),
            row["formulas"], f"{row['passes']:.0f}", f"{row['cpu_seconds']:.2f}", *_tests(row),
        ]
        for case in order for row in result["rows"] if row["case"] == case
    ]  # fmt: skip
    head = [
        "constraint", *(["checkpoint", "seed"] if several else []), "arm", "n", "lineages", "valid, %",
        "satisfied, %", "persistent, %", "relaxed, then satisfied, %", "distinct persistent, %", "formulas",
        "passes per structure", "CPU s per structure", "p persistent: unguided, control, late",
        "p relaxed: unguided, control, late",
    ]  # fmt: skip
    return table(head, rows)


def null(result: Result) -> str:
    """How many of the repeats were called significant, and how many may be."""
    rows = [
        [way, f"{found['significant']} of {result['repeats']}", f"{min(found['p']):.2g}"]
        for way, found in result["ways"].items()
    ]
    return (
        f"{result['structures']} structures per arm, {result['steps']} steps; "
        f"{100 * result['rate_unguided']:.0f} % of the plain arms satisfy the question. "
        f"At a level of 5 % up to {result['bound']} of {result['repeats']} are expected "
        "(97.5 % point of the binomial distribution).\n\n"
        + table(["arm against a plain one", "called significant", "smallest p"], rows)
    )


def slurm(result: Result) -> str:
    """Calls of SLURM's commands and wall time of the same jobs, by executor."""
    rows = [
        [
            row["way"], row["calls"]["sbatch"],
            sum(row["calls"][name] for name in ("squeue", "sacct")), row["calls"]["scontrol"],
            f"{row['seconds']:.0f}" if row["ended"] else f"killed after {row['seconds']:.0f}",
            f"{row['made']} of {result['jobs']}",
        ]
        for row in result["rows"]
    ]  # fmt: skip
    return (
        f"{result['jobs']} jobs of a second, 8 slots, {result['slurm']}, {result['official']}.\n\n"
        + table(["executor", "sbatch", "squeue and sacct", "scontrol", "s", "jobs done"], rows)
    )


SHOWN = ("satisfied", "persistent", "relaxed_satisfied")


def references(result: Result) -> str:
    """Building the store, and queries beside a full scan."""
    built = result["built"]
    rows = [
        [
            row["system"], row["rows"], f"{row['store_wall'] * 1000:.0f} ({row['slowest'] * 1000:.0f})",
            f"{row['store_cpu'] * 1000:.0f}", f"{row['scan_wall'] * 1000:.0f}",
            f"{row['scan_cpu'] * 1000:.0f}", _interval(row["ratio"]),
        ]
        for row in result["rows"]
    ]  # fmt: skip
    head = ["system with sub-systems", "references", "store, ms (slowest)", "store, CPU ms", "full scan, ms",
            "full scan, CPU ms", "scan / store"]  # fmt: skip
    return (
        f"{built['crystals']:,} crystals in {built['systems']:,} chemical systems, {built['files']} files, "
        f"{built['megabytes']:.0f} MB; built in {built['wall']:.0f} s ({built['cpu']:.0f} s of CPU time) "
        f"with {built['peak_megabytes']:.0f} MB of memory at most, making the crystals included. Queries: "
        f"medians of {result['repeats']} fresh processes, imports not counted, polars {result['polars']}, "
        "one thread.\n\n" + table(head, rows)
    )


def _percent(rate: Sequence[float]) -> str:
    return "{:.0f} ({:.0f}–{:.0f})".format(*(100 * r for r in rate))


def _tests(row: dict[str, Any]) -> list[str]:
    found = []
    for outcome in ("persistent", "relaxed_satisfied"):
        p = row["outcomes"][outcome]["p"]
        values = [p.get(name) for name in ("unguided", "control", "late")]
        found.append(", ".join("–" if v is None else f"{v:.1g}" for v in values) if p else "")
    return found


TABLES: dict[str, Callable[[Result], str]] = {
    "coordination": coordination,
    "step": step,
    "satisfying": satisfying,
    "steering-confirm": steering,
    "null": null,
    "slurm": slurm,
    "energies": energies,
    "references": references,
    "report_page": report_page,
    "duplicates": duplicates,
}


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; the first column is left, all others right aligned."""
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(str(cell) for cell in row) + " |" for row in rows)])


def _interval(values: Sequence[float]) -> str:
    return "{:.3g} ({:.3g} to {:.3g})".format(*values)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:g}"


def _cost(cost: dict[str, float | None], digits: int) -> str:
    """Value and interval; without any success only the least that a success may cost is known."""
    if cost["value"] is None:
        return "–" if cost["low"] is None else f"over {cost['low']:.{digits}f}"
    high = "∞" if cost["high"] is None else f"{cost['high']:.{digits}f}"
    return f"{cost['value']:.{digits}f} ({cost['low']:.{digits}f} to {high})"
