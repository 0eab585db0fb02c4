"""Size of a large report, time to build it, and what a reader waits for, as a table."""

from __future__ import annotations

from benchmarks.shared.pages import Place, Result, table


def tables(result: Result) -> str:
    """Size, time to build, and what a reader waits for."""
    built, seen = result["built"], result["opened"]
    head = ["what", "figure"]
    rows = [
        ["structures generated", f"{result['arms'] * result['structures']:,}"],
        ["distinct candidates, all of them listed and shown", f"{built['distinct']:,}"],
        ["building the report, wall time", f"{built['wall']:.1f} s"],
        ["building the report, CPU time", f"{built['cpu']:.1f} s"],
        ["most memory while building", f"{built['peak_megabytes']:.0f} MB"],
        ["size of the file", f"{built['megabytes']:.1f} MB"],
        ["first screen readable after", f"{seen['first_paint'] / 1000:.1f} s"],
        ["table, map and structures ready after", f"{seen['ready'] / 1000:.1f} s"],
        ["every figure drawn after", f"{seen['drawn'] / 1000:.1f} s"],
        ["a letter typed into a filter, median (longest)", _milliseconds(seen["filter"])],
        ["sorting by energy, median (longest)", _milliseconds(seen["sort"])],
        ["showing another structure, median (longest)", _milliseconds(seen["select"])],
        ["frame while scrolling, median (longest)", _milliseconds(seen["frames"])],
        ["memory of the page's JavaScript", f"{seen['heap_megabytes']:.0f} MB"],
    ]  # fmt: skip
    said = (
        f"{result['arms']} arms of {result['structures']:,} imported structures through every stage with the "
        "embedded potential (relaxations of at most two steps). The browser is a headless Chromium "
        f"({seen['version']}) that draws by software, on the processor alone."
    )
    return f"{said}\n\n{table(head, rows)}"


def _milliseconds(times: dict[str, float]) -> str:
    return f"{times['median']:.0f} ms ({times['longest']:.0f} ms)"


PLACES = (Place("report_page", "benchmarks.md", tables),)
