"""Formation energy as a target of guidance inside the symmetric subspace, by the embedded potential."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.strict.arms import STEERED, drawn, proposals_of, unguided
from benchmarks.strict.judge import verdicts

if TYPE_CHECKING:
    import polars as pl
    from torch import Tensor

    from lodestone.constraints.clean import CleanEstimate
    from lodestone.constraints.context import Potential
    from lodestone.sampling.mattergen.diffusion import MatterGenDiffusion

TARGETS, WITHIN = (-1.5,), 0.05  # eV/atom
REFUSED = 10.0  # eV/atom; the gap of a structure that the guards of the potential refuse
ESTIMATOR = {"kind": "grace", "model": "embedded"}


@dataclass(frozen=True)
class FormationEnergy:
    """An objective: the formation energy per atom at a target, eV/atom.

    `elements` has the energy per atom of the lowest reference of each element, by the same potential. The
    gradient is that of forces and stress; atoms are taken as their most probable element.
    """

    potential: Potential
    elements: dict[int, float]
    target: float

    def gap(self, clean: CleanEstimate) -> Tensor:
        """|E_f - target|, (n_structures,)."""
        import torch

        from lodestone.energies.differentiable import potential_energy

        numbers = clean.types.detach().argmax(dim=1) + 1
        energy, refused = potential_energy(
            clean.frac, clean.cell, numbers, clean.structure_idx, self.potential.evaluate
        )
        pure = clean.sum_atoms(torch.tensor([self.elements[int(z)] for z in numbers]).to(energy))
        known = torch.tensor([reason is None for reason in refused], device=energy.device)
        return torch.where(known, ((energy - pure) / clean.n_atoms - self.target).abs(), REFUSED)

    def loss(self, clean: CleanEstimate) -> Tensor:
        """The same as the gap."""
        return self.gap(clean)


def run(diffusion: MatterGenDiffusion, *, steered: int) -> dict[str, Any]:
    """Structures of each target beside the unguided ones, in the proposals of the guided arms of `strict`."""
    from lodestone.sampling.guidance import GuidanceOptions
    from lodestone.sampling.loop import LoopOptions
    from lodestone.sampling.shard import Steering

    chosen = [p for group, n in STEERED.items() for p in proposals_of(group, n)]
    potential = embedded()
    elements = pure_energies(potential)
    plain = formation(
        drawn(diffusion, "unguided", chosen, steered, "assigned", unguided()), potential, elements
    )
    rows = []
    for target in TARGETS:
        asked: Any = FormationEnergy(potential, elements, target)
        steering = Steering(asked, GuidanceOptions(0.1, start=0.3), LoopOptions())
        found = drawn(diffusion, f"formation{target:g}", chosen, steered, "assigned", steering)
        rows.append({"target": target, "within": WITHIN, **_rates(found, potential, elements, target, plain)})
    values = sorted(value for value in plain if value is not None)
    quartiles = [values[int(q * (len(values) - 1))] for q in (0.25, 0.5, 0.75)] if values else []
    return {
        "estimator": "GRACE embedded", "elements": elements, "rows": rows, "unguided_quartiles": quartiles,
    }  # fmt: skip


def _rates(
    found: pl.DataFrame,
    potential: Potential,
    elements: dict[int, float],
    target: float,
    plain: Sequence[float | None],
) -> dict[str, Any]:
    from lodestone.inference.intervals import wilson
    from lodestone.inference.tests import larger

    guided = formation(found, potential, elements)
    met, met_plain = (
        sum(value is not None and abs(value - target) <= WITHIN for value in values)
        for values in (guided, plain)
    )
    test = larger(met, len(guided), met_plain, len(plain))
    kept = verdicts(found)
    bounds = [wilson(k, n) for k, n in ((met, len(guided)), (met_plain, len(plain)))]
    return {
        "n": len(guided), "satisfied": met, "n_unguided": len(plain), "satisfied_unguided": met_plain,
        "intervals": [[b.low, b.high] for b in bounds], "z": test.z, "p": test.p_used,
        "without_energy": sum(value is None for value in guided), "valid": kept["valid"],
        "kept": kept["exact"] + kept["supergroup"], "formula": kept["formula"], "failed": kept["failed"],
    }  # fmt: skip


def embedded() -> Potential:
    """The embedded potential behind its guards."""
    import polars as pl

    from lodestone.constraints.context import Potential
    from lodestone.energies.estimators import estimator_and_guards

    settings = {"energy": {"estimator": ESTIMATOR, "batch_size": 32}}
    return Potential("grace", lambda: estimator_and_guards(settings), pl.DataFrame)


def pure_energies(potential: Potential) -> dict[int, float]:
    """Energy per atom of the lowest embedded reference of each element, by the potential."""
    from pathlib import Path

    import polars as pl

    import lodestone.embedded
    from lodestone.structures.elements import ELEMENTS
    from lodestone.structures.table import to_ase

    table = pl.read_parquet(Path(lodestone.embedded.__file__).parent / "references.parquet")
    lowest = {}
    for symbol in ("Co", "Li", "O"):
        z = ELEMENTS.index(symbol) + 1
        own = table.filter(pl.col("numbers").list.eval(pl.element() == z).list.all())
        found = zip(to_ase(own), potential.evaluate(to_ase(own)), strict=True)
        lowest[z] = min(float(e.energy) / len(a) for a, e in found if not isinstance(e, str))
    return lowest


def formation(rows: pl.DataFrame, potential: Potential, elements: dict[int, float]) -> list[float | None]:
    """Formation energy per atom (eV) as generated; None where the guards refuse a structure or it failed."""
    from lodestone.structures.table import to_ase

    values: list[float | None] = []
    structures = to_ase(rows)
    for atoms, failed, found in zip(
        structures, rows["failed"], _evaluated(structures, rows["failed"].to_list(), potential), strict=True
    ):
        if failed or isinstance(found, str):
            values.append(None)
        else:
            values.append((float(found.energy) - sum(elements[int(z)] for z in atoms.numbers)) / len(atoms))
    return values


def _evaluated(structures: Sequence[Any], failed: Sequence[bool], potential: Potential) -> list[Any]:
    sound = [atoms for atoms, bad in zip(structures, failed, strict=True) if not bad]
    found = iter(potential.evaluate(sound))
    return ["failed" if bad else next(found) for bad in failed]
