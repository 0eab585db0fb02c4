"""Rehearse whole campaigns at the published size: `python -m tools.rehearsal [NAME ...]`.

Each published architecture, with random weights, goes through every stage with a GRACE potential of the
largest published two-layer architecture, also with random weights, and takes its chemical system from
100,000 made-up references. What is told is what such a campaign takes here: memory, seconds per stage, sizes
of tables. What is found is no chemistry. The references are gathered and evaluated by the first campaign; the
others take over its tables. What was finished is not repeated.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import yaml

from benchmarks.shared.commands import limit_threads
from benchmarks.shared.record import machine
from lodestone.columns import Col
from lodestone.runtime.files import write_json, write_text
from lodestone.sampling.mattergen.published import PUBLISHED
from lodestone.workflow.paths import CampaignPaths
from tools.rehearsal.campaigns import CHEMICAL_SYSTEM, campaign, write_template
from tools.rehearsal.checkpoints import PARAMETERS, write_checkpoint
from tools.rehearsal.page import RESULT, tables
from tools.rehearsal.potential import PARAMETERS as LARGE
from tools.rehearsal.potential import export_large
from tools.rehearsal.references import NAME, description, write_references
from tools.rehearsal.watch import WHOLE, watched

ROOT = Path(__file__).resolve().parents[2]
SHARED = ("references.parquet", "references.json", "reference_energies.parquet", "reference_energies.json")
"""Tables of the references, which no checkpoint changes, in the order in which they are made."""


def main() -> None:
    """Run the rehearsals that are asked for, write what they took, and print it."""
    limit_threads(1)
    asked = arguments()
    os.environ["LODESTONE_REFERENCES"] = str(asked.folder / "store")
    potential = once(asked.folder / "potential.json", lambda: made_potential(asked.folder / "grace-2l-large"))
    references = once(asked.folder / "references.json", lambda: made_references(asked))
    for name in asked.names or PUBLISHED:
        once(asked.folder / f"{name}.json", lambda name=name: rehearsal(name, asked))
        if asked.upstream:
            once(asked.folder / f"{name}-upstream.json", lambda name=name: upstream(name, asked))
        result = gathered(asked, potential, references)
        write_json(asked.result, result)
    print(tables(result))


def arguments() -> argparse.Namespace:
    """What is asked for on the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.rehearsal", description=(__doc__ or "").partition("\n\n")[2]
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(PUBLISHED)}; default: all")
    parser.add_argument("--folder", type=Path, default=ROOT / "results" / "rehearsal")
    parser.add_argument("--result", type=Path, default=RESULT, help="file of the result (JSON)")
    parser.add_argument("--structures", type=int, default=2, help="per arm (default: 2)")
    parser.add_argument("--steps", type=int, default=2, help="levels of noise (default: 2)")
    parser.add_argument("--atoms", type=int, default=8, help="per structure, a multiple of 4 (default: 8)")
    parser.add_argument("--crystals", type=int, default=100_000, help="references (default: 100000)")
    parser.add_argument("--cores", type=int, default=1, help="jobs side by side (default: 1)")
    parser.add_argument(
        "--no-upstream", dest="upstream", action="store_false", help="no comparison with upstream's sampler"
    )
    asked = parser.parse_args()
    asked.folder = asked.folder.resolve()
    unknown = [name for name in asked.names if name not in PUBLISHED]
    if unknown:
        parser.error(f"{unknown[0]!r} is none of {', '.join(PUBLISHED)}")
    return asked


def once(record: Path, make: Any) -> dict[str, Any]:
    """What `record` holds; made and written first where it is not there."""
    if not record.is_file():
        print(f"{record.stem}: begun", file=sys.stderr, flush=True)
        write_json(record, make())
        print(f"{record.stem}: finished", file=sys.stderr, flush=True)
    found: dict[str, Any] = json.loads(record.read_text(encoding="utf-8"))
    return found


def made_potential(folder: Path) -> dict[str, Any]:
    """Export the potential; what it takes on the disk."""
    shutil.rmtree(folder, ignore_errors=True)
    began = time.monotonic()
    export_large(folder)
    return {
        "parameters": LARGE,
        "bytes": size(folder),
        "seconds": round(time.monotonic() - began, 1),
    }


def made_references(asked: argparse.Namespace) -> dict[str, Any]:
    """Write the files of references and read them into the store, as a campaign's user does."""
    folder = asked.folder / "alexandria"
    began = time.monotonic()
    write_references(folder, asked.crystals, tuple(CHEMICAL_SYSTEM.split("-")))
    written = time.monotonic() - began
    config = asked.folder / "references.yaml"
    write_text(config, yaml.safe_dump(description(folder), sort_keys=False))
    words = ["-m", "lodestone", "references", "build", "--source", str(config), "--system", CHEMICAL_SYSTEM]
    built = watched("references", [sys.executable, *words], ROOT, dict(os.environ))
    ledger = json.loads((asked.folder / "store" / NAME / "source.json").read_text(encoding="utf-8"))
    return {
        "crystals": ledger["whole"]["rows"],
        "left_out": ledger["whole"]["left_out"],
        "file_bytes": size(folder),
        "write_seconds": round(written, 1),
        "build_seconds": built.wall_seconds,
        "build_peak_bytes": built.peak_bytes[WHOLE],
        "store_bytes": size(asked.folder / "store"),
    }


def rehearsal(name: str, asked: argparse.Namespace) -> dict[str, Any]:
    """What the campaign of one checkpoint took."""
    weights, template = checkpoint(name, asked.folder), asked.folder / "template.extxyz"
    write_template(template, asked.atoms)
    document = campaign(
        name, weights, asked.folder / "grace-2l-large", [description(asked.folder / "alexandria")],
        structures=asked.structures, steps=asked.steps, template=template,
    )  # fmt: skip
    config = asked.folder / f"{name}.yaml"
    write_text(config, yaml.safe_dump(document, sort_keys=False))
    results = ROOT / "results" / document["campaign"]
    shared = take_over(asked.folder / "shared", results)
    words = [sys.executable, "-m", "snakemake", "--configfile", str(config), "--profile", "profiles/local"]
    took = watched(name, [*words, "--cores", str(asked.cores)], ROOT, dict(os.environ))
    if not shared:
        keep(results, asked.folder / "shared")
    return {
        "name": name,
        "parameters": parameters(weights),
        "weights_bytes": (weights / "checkpoints" / "last.ckpt").stat().st_size,
        "shared": shared,
        "wall_seconds": took.wall_seconds,
        "stage_seconds": took.stage_seconds,
        "peak_bytes": took.peak_bytes,
        "tables": table_sizes(results),
        "result_bytes": size(results),
        "timing": {
            path.parent.name: json.loads(path.read_text(encoding="utf-8"))
            for path in sorted((results / "timing").glob("*/*.json"))
        },
    }


def upstream(name: str, asked: argparse.Namespace) -> dict[str, Any]:
    """Whether the first levels of one checkpoint are upstream's, told by a process of its own."""
    weights = checkpoint(name, asked.folder)
    output = asked.folder / "upstream.json"
    output.unlink(missing_ok=True)
    words = [sys.executable, "-m", "tools.rehearsal.upstream", name, str(weights), str(output)]
    took = watched(f"{name}, upstream", words, ROOT, dict(os.environ))
    found: dict[str, Any] = json.loads(output.read_text(encoding="utf-8"))
    return {**found, "peak_bytes": took.peak_bytes[WHOLE]}


def checkpoint(name: str, folder: Path) -> Path:
    """The folder of a checkpoint, which is written where it is not there."""
    weights = folder / "checkpoints" / name
    if not (weights / "checkpoints" / "last.ckpt").is_file():
        write_checkpoint(weights, name)
    return weights


def parameters(weights: Path) -> int:
    """Numbers that training would fit in a checkpoint."""
    import torch

    return int(torch.load(weights / "checkpoints" / "last.ckpt", mmap=True, weights_only=True)[PARAMETERS])


def take_over(kept: Path, results: Path) -> bool:
    """Put the tables of the references that another campaign made into this one; whether there were any."""
    if not all((kept / table).is_file() for table in SHARED):
        return False
    results.mkdir(parents=True, exist_ok=True)
    for table in SHARED:
        if not (results / table).is_file():
            shutil.copyfile(kept / table, results / table)
    return True


def keep(results: Path, kept: Path) -> None:
    """Keep the tables of the references for the other campaigns."""
    kept.mkdir(parents=True, exist_ok=True)
    for table in SHARED:
        shutil.copyfile(results / table, kept / table)


def table_sizes(results: Path) -> dict[str, list[int]]:
    """Rows and bytes of the main tables of a campaign, those of all arms together."""
    import polars as pl

    paths = CampaignPaths(campaign=results.name, root=results.parent)
    tables = {
        "samples": sorted(results.glob("arms/*/samples/*.parquet")),
        "references": [paths.references],
        "reference energies": [paths.reference_energies],
        "hull": [paths.hull],
        "candidates": [paths.candidates],
    }
    found = {
        name: [
            sum(pl.scan_parquet(path).select(pl.len()).collect().item() for path in files),
            sum(path.stat().st_size for path in files),
        ]
        for name, files in tables.items()
    }
    return found | {"report": [1, paths.report.stat().st_size]}


def outcomes(candidates: Path) -> dict[str, int]:
    """How many structures got how far: drawn, valid, relaxed, with an energy, with a distance to the hull."""
    import polars as pl

    rows = pl.read_parquet(candidates)
    there = {
        "relaxed": Col.ENERGY_RELAXED,
        "with an energy": Col.ENERGY_PER_ATOM,
        "with a distance to the hull": Col.E_ABOVE_HULL,
    }
    return {
        "drawn": rows.height,
        "valid": int(rows[Col.VALID].sum()),
        **{name: rows[column].is_not_null().sum() for name, column in there.items()},
    }


def size(folder: Path) -> int:
    """Bytes of all files of a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def gathered(
    asked: argparse.Namespace, potential: dict[str, Any], references: dict[str, Any]
) -> dict[str, Any]:
    """Everything that has been finished so far."""
    done = []
    for name in PUBLISHED:
        record, other = asked.folder / f"{name}.json", asked.folder / f"{name}-upstream.json"
        if record.is_file():
            one = json.loads(record.read_text(encoding="utf-8"))
            one["outcomes"] = outcomes(
                ROOT / "results" / f"rehearsal-{name.replace('_', '-')}" / "candidates.parquet"
            )
            one["upstream"] = json.loads(other.read_text(encoding="utf-8")) if other.is_file() else None
            done.append(one)
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "command": shlex.join(["python", "-m", "tools.rehearsal", *sys.argv[1:]]),
        "machine": machine(1),
        "asked": {key: getattr(asked, key) for key in ("structures", "steps", "atoms", "crystals", "cores")},
        "potential": potential,
        "references": references,
        "checkpoints": done,
        "missing": [name for name in PUBLISHED if name not in {one["name"] for one in done}],
    }


if __name__ == "__main__":
    main()
