"""Times of loss and gradient of the coordination term, and counts in known crystals, as tables."""

from __future__ import annotations

from benchmarks.shared.pages import Place, Result, interval, number, table


def tables(result: Result) -> str:
    """Times of loss and gradient, agreement, and neighbour counts of known crystals."""
    rows = []
    for row in result["timings"]:
        medians = [row[f"{side}_median"]["wall"] * 1000 for side in ("ours_known", "ours_soft", "reference")]
        rows.append([
            row["case"], row["structures"], row["threads"], *(f"{t:.3g}" for t in medians),
            interval(row["speedup_known_wall"]), interval(row["speedup_soft_wall"]),
            interval(row["speedup_known_cpu"]),
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
            [k["title"], f"{k['count']:g}", number(k["ours_hard"]), f"{k['ours_smooth']:.2f}",
             f"{k['reference']:.2f}"]
            for k in result["known"]
        ],
    )  # fmt: skip
    return f"{times}\n\n{counts}"


PLACES = (Place("coordination", "benchmarks.md", tables),)
