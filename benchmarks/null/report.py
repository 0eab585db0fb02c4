"""How often guidance of strength 0 was called a success, as a table."""

from __future__ import annotations

from benchmarks.shared.pages import Place, Result, table


def tables(result: Result) -> str:
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


PLACES = (Place("null", "benchmarks.md", tables),)
