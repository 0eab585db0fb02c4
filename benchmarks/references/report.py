"""Building the store of references, and its queries beside a full scan, as a table."""

from __future__ import annotations

from benchmarks.shared.pages import Place, Result, interval, table


def tables(result: Result) -> str:
    """Building the store, and queries beside a full scan."""
    built = result["built"]
    rows = [
        [
            row["system"], row["rows"], f"{row['store_wall'] * 1000:.0f} ({row['slowest'] * 1000:.0f})",
            f"{row['store_cpu'] * 1000:.0f}", f"{row['scan_wall'] * 1000:.0f}",
            f"{row['scan_cpu'] * 1000:.0f}", interval(row["ratio"]),
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


PLACES = (Place("references", "benchmarks.md", tables),)
