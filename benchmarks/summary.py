"""The short table of docs/guidance.md: the confirmed default, and on how many runs each claim holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

OUTCOMES = ("satisfied", "persistent", "relaxed_satisfied")
ARMS = ("unguided", "control", "late", "default")


def update(document: Path, results: Path) -> None:
    """Write the summary between its marks in `document`."""
    import json

    from benchmarks.report import between, origin

    from lodestone.runtime.files import write_text

    found = json.loads(results.read_text(encoding="utf-8"))
    text = f"{confirmed(found)} {validity(found)}\n\n{origin(found)}\n"
    write_text(document, between(document.read_text(encoding="utf-8"), "summary", text))


def confirmed(result: dict[str, Any]) -> str:
    """Per constraint and outcome the range of rates over seeds and checkpoints, and the p-values."""
    from benchmarks.report import table

    rows = result["rows"]
    runs = sorted({(r["checkpoint"], r["seed"]) for r in rows})
    lines = []
    for case in dict.fromkeys(r["case"] for r in rows if r["arm"] == "default"):
        for outcome in OUTCOMES:
            own = [r for r in rows if r["case"] == case and r["arm"] == "default"]
            shares = [_range(rows, case, arm, outcome) for arm in ARMS]
            lines.append([f"`{case}`", outcome.replace("_", " "), *shares, *_holds(own, outcome, len(runs))])
    head = [
        "constraint", "outcome", *(f"{arm}, %" for arm in ARMS),
        "above unguided", "above control", "above late",
    ]  # fmt: skip
    return table(head, lines) + (
        f"\n\nLowest to highest of {len(runs)} runs, in brackets the mean. "
        "*Above*: in how many runs p < 0.05, and the largest p."
    )


def validity(result: dict[str, Any]) -> str:
    """The range of shares of valid structures, arm by arm."""
    parts = []
    for arm in ARMS:
        found = [100 * r["valid"] for r in result["rows"] if r["arm"] == arm]
        parts.append(f"{arm} {min(found):.0f}–{max(found):.0f} %")
    return "Valid structures: " + ", ".join(parts) + "."


def _range(rows: list[dict[str, Any]], case: str, arm: str, outcome: str) -> str:
    found = [100 * r["outcomes"][outcome]["rate"][0] for r in rows if r["case"] == case and r["arm"] == arm]
    return f"{min(found):.0f}–{max(found):.0f} ({sum(found) / len(found):.0f})"


def _holds(own: list[dict[str, Any]], outcome: str, runs: int) -> list[str]:
    cells = []
    for name in ("unguided", "control", "late"):
        p = [r["outcomes"][outcome]["p"][name] for r in own]
        known = [1.0 if value is None else value for value in p]
        cells.append(f"{sum(value < 0.05 for value in known)} of {runs} ({max(known):.1g})")
    return cells
