"""Rehearse whole campaigns at the published size: `python -m tools.rehearsal [NAME ...]`.

Each published architecture, with random weights, goes through every stage with a two-layer GRACE potential,
also with random weights. What is told is what such a campaign takes here: memory, seconds per stage, sizes of
tables. What is found is no chemistry. A rehearsal that was finished is not repeated.
"""

from __future__ import annotations

import argparse
import calendar
import json
import re
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import yaml

from benchmarks.shared.two_layers import export_two_layers
from lodestone.runtime.files import write_json, write_text
from lodestone.sampling.mattergen.published import PUBLISHED
from lodestone.text import columns
from tools.rehearsal.campaigns import campaign
from tools.rehearsal.checkpoints import write_checkpoint

ROOT = Path(__file__).resolve().parents[2]
STARTED = re.compile(r"^Job (\d+): ")
FINISHED = re.compile(r"^Finished jobid: (\d+) \(Rule: (\w+)\)")
STAMP = re.compile(r"^\[(\w{3} \w{3} +\d+ [\d:]+ \d{4})\]$")


def main() -> None:
    """Run the rehearsals that are asked for, and print their table."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.rehearsal", description=(__doc__ or "").partition("\n\n")[2]
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(PUBLISHED)}; default: all")
    parser.add_argument("--folder", type=Path, default=ROOT / "results" / "rehearsal")
    parser.add_argument("--structures", type=int, default=4, help="per arm (default: 4)")
    parser.add_argument("--steps", type=int, default=4, help="levels of noise (default: 4)")
    parser.add_argument("--atoms", type=int, default=20, help="per structure (default: 20)")
    parser.add_argument(
        "--references", action="append", default=[], help="source of references; default: embedded"
    )
    asked = parser.parse_args()
    unknown = [name for name in asked.names if name not in PUBLISHED]
    if unknown:
        parser.error(f"{unknown[0]!r} is none of {', '.join(PUBLISHED)}")
    potential = asked.folder / "two-layers"
    if not potential.is_dir():
        export_two_layers(potential)
    done = [rehearsal(name, potential, asked) for name in asked.names or PUBLISHED]
    print(table(done))


def rehearsal(name: str, potential: Path, asked: argparse.Namespace) -> dict[str, Any]:
    """What the campaign of one checkpoint took."""
    record = asked.folder / f"{name}.json"
    if record.is_file():
        found: dict[str, Any] = json.loads(record.read_text(encoding="utf-8"))
        return found
    weights = asked.folder / "checkpoints" / name
    if not (weights / "checkpoints" / "last.ckpt").is_file():
        write_checkpoint(weights, name)
    document = campaign(
        name, weights, potential, asked.references or ["embedded"],
        structures=asked.structures, steps=asked.steps, atoms=asked.atoms,
    )  # fmt: skip
    config = asked.folder / f"{name}.yaml"
    write_text(config, yaml.safe_dump(document, sort_keys=False))
    words = [sys.executable, "-m", "snakemake", "--configfile", str(config), "--profile", "profiles/local"]
    began = time.monotonic()
    with subprocess.Popen(words, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None  # it is a pipe
        lines = [line.rstrip("\n") for line in process.stderr]
    if process.returncode:
        raise SystemExit("\n".join([*lines[-40:], f"{name}: the campaign failed; the same command goes on"]))
    results = ROOT / "results" / document["campaign"]
    found = {
        "name": name,
        "wall_seconds": round(time.monotonic() - began, 1),
        "peak_bytes": children_peak(),
        "weights_bytes": (weights / "checkpoints" / "last.ckpt").stat().st_size,
        "stage_seconds": stage_seconds(lines),
        "result_bytes": sum(path.stat().st_size for path in results.rglob("*") if path.is_file()),
        "timing": {
            path.parent.name: json.loads(path.read_text(encoding="utf-8"))
            for path in sorted((results / "timing").glob("*/*.json"))
        },
    }
    write_json(record, found)
    return found


def children_peak() -> int:
    """The largest resident memory of any process of the campaigns so far, bytes."""
    import resource

    return 1024 * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss


def stage_seconds(lines: list[str]) -> dict[str, float]:
    """Seconds of all jobs of each rule, from Snakemake's log, whose stamps are whole seconds."""
    started: dict[str, int] = {}
    seconds: dict[str, float] = defaultdict(float)
    now = 0
    for line in lines:
        if (stamp := STAMP.match(line)) is not None:
            now = calendar.timegm(time.strptime(stamp[1], "%a %b %d %H:%M:%S %Y"))
        elif (begun := STARTED.match(line)) is not None:
            started[begun[1]] = now
        elif (end := FINISHED.match(line)) is not None and end[1] in started:
            seconds[end[2]] += now - started[end[1]]
    return dict(seconds)


def table(done: list[dict[str, Any]]) -> str:
    """The rehearsals side by side."""
    stages = list(dict.fromkeys(stage for one in done for stage in one["stage_seconds"]))
    head = (
        "checkpoint",
        "weights, MB",
        "peak, GB",
        "results, MB",
        "s per pass",
        "wall, s",
        *(f"{s}, s" for s in stages),
    )
    rows = [head]
    for one in done:
        spent = list(one["timing"].values())
        passes = sum(t["passes"] for t in spent)
        rate = sum(t["seconds"] for t in spent) / passes if passes else 0.0
        rows.append(
            (
                one["name"],
                f"{one['weights_bytes'] / 1e6:.0f}",
                f"{one['peak_bytes'] / 1e9:.2f}",
                f"{one['result_bytes'] / 1e6:.1f}",
                f"{rate:.3f}",
                f"{one['wall_seconds']:.0f}",
                *(f"{one['stage_seconds'].get(stage, 0):.0f}" for stage in stages),
            )
        )
    return columns(rows, right=range(1, len(head)))


if __name__ == "__main__":
    main()
