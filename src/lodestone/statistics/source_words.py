"""What a reader must know of the sources of references that did not come, or not completely."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

LONGEST = 200  # characters of a reason


def source_notes(sources: Sequence[Mapping[str, Any]]) -> list[str]:
    """A sentence for each source that is not complete, with the reason; one more where nothing came."""
    found = [_note(source) for source in sources if source["state"] != "complete"]
    if sources and not any(source["rows"] for source in sources):
        found.append(
            "No known crystal was compared with: every structure counts as new, and there is no hull."
        )
    return found


def _note(source: Mapping[str, Any]) -> str:
    without = f" without {', '.join(source['missing'])}" if source["missing"] else ""
    compared = (
        f"Compared with {source['name']}{without}"
        if source["rows"]
        else f"Not compared with {source['name']}"
    )
    return f"{compared}: {brief(source['failure'], source['name'])}."


def brief(failure: str | None, name: str) -> str:
    """The first reason alone, cut where it is long: `references.json` has them all, whole."""
    if not failure:
        return "no reason recorded"
    first = failure.removeprefix(f"{name}: ").partition("; ")[0].rstrip(".")
    return first if len(first) <= LONGEST else f"{first[:LONGEST]}…"
