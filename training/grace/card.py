"""The card of the embedded GRACE model: how good it is on what it has not seen, and how it was made."""

from __future__ import annotations

import platform
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from lodestone.runtime.files import write_json, write_text
from lodestone.structures import table
from training.grace.labels import HELD_OUT, SEED
from training.mattergen.card import asset_hashes

if TYPE_CHECKING:
    from lodestone.energies.evaluation import Estimator
    from training.grace.fit import Fit

GIGAPASCAL = 160.21766208  # per eV/Å³
ALL_DISTORTED = "all distorted"


def held_out_errors(test: pl.DataFrame, estimator: Estimator) -> list[dict[str, Any]]:
    """Errors per kind of held-out structure: energy in meV/atom, forces in eV/Å, stress in GPa."""
    found = estimator.evaluate(table.to_ase(test))
    rows = []
    for (kind, energy, forces, stress), e in zip(
        test.select("kind", "energy", "forces", "stress").iter_rows(), found, strict=True
    ):
        rows.append(
            {
                "kind": kind,
                "n_atoms": len(e.forces),
                "energy": 1000 * (e.energy - energy) / len(e.forces),
                "force": e.forces.ravel() - np.asarray(forces),
                "stress": (e.stress.ravel() - np.asarray(stress)) * GIGAPASCAL,
            }
        )
    kinds = sorted({r["kind"] for r in rows} - {"relaxed"})
    groups = [("relaxed", ["relaxed"]), (ALL_DISTORTED, kinds), *((k, [k]) for k in kinds)]
    return [_errors(name, [r for r in rows if r["kind"] in members]) for name, members in groups]


def card_data(
    errors: list[dict[str, Any]], settings: Fit, sizes: dict[str, int], cost: dict[str, float]
) -> dict[str, Any]:
    """Everything the card says, as JSON-able data."""
    packages = ("tensorpotential", "tensorflow-cpu", "chgnet", "pymatgen", "numpy")
    return {
        "errors": errors,
        "labels": sizes,
        "fit": asdict(settings),
        "cost": cost,
        "seeds": {"split_and_distortions": SEED, "fit": settings.seed},
        "held_out_fraction": HELD_OUT,
        "versions": {name: version(name) for name in packages},
        "machine": f"one core, {platform.machine()}",
    }


def write_card(data: dict[str, Any], folder: Path) -> None:
    """Write card.json, with the hash of the weights beside it, and card.md."""
    write_json(folder / "card.json", {**data, "sha256": asset_hashes(folder, ["weights.npz"])})
    write_text(folder / "card.md", _text(data))


def _errors(name: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    energy = np.array([r["energy"] for r in rows])
    force = np.concatenate([r["force"] for r in rows])
    stress = np.concatenate([r["stress"] for r in rows])
    return {
        "kind": name,
        "structures": len(rows),
        "energy_mae": round(float(np.abs(energy).mean()), 1),
        "energy_median": round(float(np.median(np.abs(energy))), 1),
        "energy_rmse": round(float(np.sqrt((energy**2).mean())), 1),
        "force_mae": round(float(np.abs(force).mean()), 3),
        "force_rmse": round(float(np.sqrt((force**2).mean())), 3),
        "stress_mae": round(float(np.abs(stress).mean()), 2),
    }


def _text(data: dict[str, Any]) -> str:
    lines = [
        f"| {e['kind']} | {e['structures']} | {e['energy_mae']:.0f} | {e['energy_median']:.0f} "
        f"| {e['energy_rmse']:.0f} | {e['force_mae']:.3f} | {e['force_rmse']:.3f} | {e['stress_mae']:.1f} |"
        for e in data["errors"]
    ]
    fit, sizes = data["fit"], data["labels"]
    return TEMPLATE.format(
        table="\n".join(lines),
        packages=", ".join(f"{k} {v}" for k, v in data["versions"].items()),
        preset=fit["preset"],
        cutoff=fit["cutoff"],
        epochs=fit["epochs"],
        fit_seed=fit["seed"],
        seed=data["seeds"]["split_and_distortions"],
        minutes=data["cost"]["processor_seconds"] / 60,
        label_minutes=data["cost"].get("label_processor_seconds", 0) / 60,
        parameters=int(data["cost"]["parameters"]),
        **sizes,
    )


TEMPLATE = """\
# Embedded GRACE model

A small GRACE potential for B, Ca, Co, Cu, Fe, Li, Nd, O, P, Si, fitted by this project to CHGNet 0.3.0
labels. **For trying the software, not for science**: it imitates CHGNet, which imitates PBE(+U), and
it is far less accurate than the published GRACE models, which are one config line away
(`energy: {{estimator: {{kind: grace, model: GRACE-2L-OMAT-large-ft-AM}}}}`).

## How good it is

Against CHGNet, on structures whose prototype and composition were never part of the fit, nor were
distorted copies of them. Energies in meV/atom, forces in eV/Å (per component), stress in GPa.

| held-out structures | n | energy MAE | median | energy RMSE | force MAE | force RMSE | stress MAE |
|---|---|---|---|---|---|---|---|
{table}

`relaxed`: CHGNet minima. `strained`: 3 % strain and 0.06 Å rattle. `compressed`: to 0.84-0.97 of the
lengths. `stretched`: to 1.03-1.28. `rattled`: 5 % strain and 0.12-0.5 Å, like raw samples of a
diffusion model. `swapped`: atoms exchanged, 4 % strain, 0.05-0.3 Å. `random`: random positions.
Closest atoms at 0.95 Å; labels with forces above 40 eV/Å are left out.

## How it was made

- Structures: AFLOW prototypes (bundled with pymatgen) decorated with the elements of the case studies,
  relaxed with CHGNet. {relaxed} relaxed structures and {distorted} distorted copies were fitted;
  {test} structures were held out. The split is by prototype and composition; a held-out structure
  that relaxed to the same crystal as a fitted one was left out of both.
- Model: preset {preset}, cutoff {cutoff} Å, {parameters} parameters; energy shifts per element by
  least squares.
- Before, presets of one and two layers and cutoffs of 5 and 6 Å were compared in short fits on the same
  held-out structures; nothing else was tuned on them.
- Fit: {epochs} epochs of Adam on energies, forces and stresses, {minutes:.1f} CPU-minutes on one core,
  after about {label_minutes:.0f} CPU-minutes of labels. Seeds: {seed} (split, distortions), {fit_seed} (fit).
- Versions: {packages}.

## Rebuilding

- The SavedModel from the weights: `python -m lodestone.energies.estimators.grace build` (at set-up or first
  use; into the environment's `share/lodestone`, `results/.cache`, or `$LODESTONE_CACHE`).
- The weights themselves: `python -m training.scripts.references SYSTEM` per system, then
  `python -m training.scripts.grace label` and `python -m training.scripts.grace fit`. All are resumable.

## Licences

`weights.npz` holds numbers fitted by this project and is under the project's licence (MIT). The code that
turns them into a model, `tensorpotential`, is under the Academic Software Licence (academic, non-commercial
use); it is installed from its publisher, and neither it nor a file written by it is part of this
repository. CHGNet: modified BSD. pymatgen: MIT; AFLOW prototypes as cited in pymatgen.
"""
