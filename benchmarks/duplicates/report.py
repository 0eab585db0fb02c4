"""Runs of the deduplication, its error and the trial with known answers, as tables."""

from __future__ import annotations

from typing import Any

from benchmarks.shared.pages import Place, Result, interval, table


def tables(result: Result) -> str:
    """Runs of the stage, the ratio to the formula, and the trial."""
    return "\n\n".join([_stages(result), _speed(result), _trial(result["trial"])])


def _stages(result: dict[str, Any]) -> str:
    head = ["structures", "formulas", "method", "wall s", "CPU s", "fingerprints, CPU s", "comparing, CPU s",
            "confirmation, CPU s", "memory, MB", "distinct at ½, 1, 2 × threshold", "pairs confirmed",
            "refused", "by the matcher"]  # fmt: skip
    rows = []
    for row in result["stages"]:
        pairs = row["confirmations"]
        rows.append([
            f"{row['structures']:,}", f"{row['formulas']:,}", row["method"], f"{row['wall']:.1f}",
            f"{row['cpu']:.1f}", f"{row['fingerprints']:.1f}", f"{row['clustering']:.1f}",
            f"{pairs['seconds']:.1f}", f"{row['peak_megabytes']:.0f}",
            ", ".join(f"{n:,}" for n in row["unique"]), f"{pairs['same']:,}", f"{pairs['different']:,}",
            f"{pairs['matched']:,}",
        ])  # fmt: skip
    found = result["novelty"]
    looked_up = (
        f"Looking up: {found['structures']:,} structures among {found['references']:,} references, of which "
        f"{found['compared']:,} have one of their compositions, {found['known']:,} known: "
        f"{found['wall']:.1f} s (CPU s: fingerprints {found['fingerprints']:.1f}, comparing "
        f"{found['clustering']:.1f}, confirmation {found['confirmations']['seconds']:.1f}), "
        f"{found['peak_megabytes']:.0f} MB."
    )
    runs = f"{result['processes']} processes with one thread each.\n\n" + table(head, rows)
    return f"{runs}\n\n{looked_up}"


def _speed(result: dict[str, Any]) -> str:
    speed, ase = result["speed"], result["ase"]
    decisions, times = speed["decisions"], speed["microseconds"]
    return " ".join([
        f"A fingerprint costs {times['together']:.0f} µs of CPU time, {times['formula']:.0f} µs by the",
        f"formula as written: {interval(speed['ratio'])} times as much ({speed['atoms']:.1f} atoms on",
        f"average, {speed['repeats']} repeats). Over {speed['pairs']:,} pairs the distances differ by at",
        f"most {speed['error']:.1e}. {decisions['pairs']:,} decisions inside the double gate take pymatgen's",
        f"reduction and matcher {interval(decisions['ratio'])} times the CPU time, with",
        f"{decisions['other_answers']} other answers. Beside ASE's comparator (`ase_ga`),",
        f"{ase['pairs']} pairs of {ase['structures']} structures: correlation {ase['correlation']:.4f},",
        f"differences {ase['median']:.4f} in the median and {ase['largest']:.4f} at most.",
    ])  # fmt: skip


def _trial(trial: dict[str, Any]) -> str:
    head = ["pairs", "n", "wrong, two stages", "%", "wrong, fingerprint alone", "%"]
    rows = []
    for row in trial["rows"]:
        cells = [row["name"], f"{row['pairs']:,}"]
        for rule in ("two_stage", "fingerprint"):
            found = row[rule]
            cells += [f"{found['wrong']:,}", _percent(found, row["pairs"])]
        rows.append(cells)
    return (
        f"{trial['prototypes']} decorated prototypes; {trial['left_out']:,} pairs of one formula left out, "
        "because at some tolerance their symmetry is the same.\n\n" + table(head, rows)
    )


def _percent(found: dict[str, Any], n: int) -> str:
    if not n:
        return "–"
    return f"{100 * found['wrong'] / n:.2f} ({100 * found['low']:.2f}–{100 * found['high']:.2f})"


PLACES = (Place("duplicates", "benchmarks.md", tables),)
