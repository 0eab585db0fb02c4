"""The tables of a rehearsal, and their place in docs/scaling.md."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.shared.pages import between, table, with_origin
from lodestone.runtime.files import write_text

RESULT = Path(__file__).with_name("result.json")
PAGE, MARK = Path("docs/scaling.md"), "rehearsal"


def write(root: Path) -> None:
    """Write the result's tables into the page below `root`."""
    result = json.loads((root / RESULT.relative_to(RESULT.parents[2])).read_text(encoding="utf-8"))
    page = root / PAGE
    write_text(page, between(page.read_text(encoding="utf-8"), MARK, with_origin(tables, result)))
    print(f"{page}: {len(result['checkpoints'])} checkpoints")


def tables(result: dict[str, Any]) -> str:
    """What every campaign took, its stages, its tables, and what the references took."""
    done = result["checkpoints"]
    parts = [_potential(result), _checkpoints(done), _stages(done), _references(result), _tables(done)]
    if result["missing"]:
        parts.append(f"Not run: {', '.join(f'`{name}`' for name in result['missing'])}.")
    return "\n\n".join(parts)


def _potential(result: dict[str, Any]) -> str:
    potential, asked = result["potential"], result["asked"]
    return (
        f"{asked['structures']} structures of {asked['atoms']} atoms per arm, {asked['steps']} levels, "
        f"{_jobs(asked['cores'])} at a time. The potential: {potential['parameters']:,} parameters, "
        f"{potential['bytes'] / 1e6:.0f} MB, exported in {potential['seconds']:.0f} s."
    )


def _jobs(cores: int) -> str:
    return "one job" if cores == 1 else f"{cores} jobs"


def _checkpoints(done: list[dict[str, Any]]) -> str:
    head = [
        "checkpoint", "parameters, 10⁶", "weights, MB", "s per pass and structure", "whole campaign, s",
        "peak of a job, GB (stage)", "results, MB",
        "structures drawn, valid, relaxed, with energy, with hull",
        "first two levels equal upstream's (atoms)",
    ]  # fmt: skip
    rows = []
    for one in done:
        spent = list(one["timing"].values())
        passes = sum(t["passes"] for t in spent)
        peaks = one["peak_bytes"]
        most = max(peaks, key=lambda stage: peaks[stage])
        rows.append(
            [
                f"`{one['name']}`",
                f"{one['parameters'] / 1e6:.2f}",
                f"{one['weights_bytes'] / 1e6:.0f}",
                f"{sum(t['seconds'] for t in spent) / passes:.2f}",
                f"{one['wall_seconds']:.0f}",
                f"{peaks[most] / 1e9:.2f} ({most})",
                f"{one['result_bytes'] / 1e6:.2f}",
                ", ".join(str(n) for n in one["outcomes"].values()),
                _equal(one["upstream"]),
            ]
        )
    return table(head, rows)


def _equal(upstream: dict[str, Any] | None) -> str:
    if upstream is None:
        return "not asked"
    return f"{'yes' if upstream['equal'] else 'NO'} ({', '.join(str(n) for n in upstream['atoms'])})"


def _stages(done: list[dict[str, Any]]) -> str:
    """Seconds per stage; those of the references are only in the campaign that did not take them over."""
    stages = list(dict.fromkeys(stage for one in done for stage in one["stage_seconds"]))
    rows = []
    for one in done:
        shared = " *" if one["shared"] else ""
        seconds = [one["stage_seconds"].get(stage) for stage in stages]
        rows.append([f"`{one['name']}`{shared}", *("–" if s is None else f"{s:.0f}" for s in seconds)])
    text = table(["seconds of all jobs of a stage", *(f"`{stage}`" for stage in stages)], rows)
    if not any(one["shared"] for one in done):
        return text
    return (
        f"{text}\n\n\\* The references and their energies (`references`, `reference_energy`) were made once, "
        "by the campaign without a star, and copied: these campaigns did not run the two stages."
    )


def _references(result: dict[str, Any]) -> str:
    built, done = result["references"], result["checkpoints"]
    first = next((one for one in done if not one["shared"]), None)
    text = (
        f"References: {built['crystals']:,} crystals, written to {built['file_bytes'] / 1e6:.0f} MB of files "
        f"in {built['write_seconds']:.0f} s; `lodestone references build` took "
        f"{built['build_seconds']:.0f} s and {built['build_peak_bytes'] / 1e9:.2f} GB for a store of "
        f"{built['store_bytes'] / 1e6:.0f} MB."
    )
    if first is None:
        return text
    reading = ("references", "reference_energy", "hull", "novelty", "analyse")
    rows = [
        [f"`{stage}`", f"{first['stage_seconds'][stage]:.0f}", f"{first['peak_bytes'][stage] / 1e9:.2f}"]
        for stage in reading
        if stage in first["stage_seconds"] and stage in first["peak_bytes"]
    ]
    return (
        f"{text} {first['tables']['references'][0]} of them were in the chemical system and its sub-systems: "
        f"the campaign's table of references, which these stages read (`{first['name']}`):\n\n"
        + table(["stage", "s", "peak, GB"], rows)
    )


def _tables(done: list[dict[str, Any]]) -> str:
    names = list(dict.fromkeys(name for one in done for name in one["tables"]))
    rows = [
        [f"`{one['name']}`", *(f"{one['tables'][n][0]} ({one['tables'][n][1] / 1e3:.0f} kB)" for n in names)]
        for one in done
    ]
    return table(["rows (size)", *names], rows)
