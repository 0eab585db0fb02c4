"""The coordination term on 1000 cells of 20 atoms: loss and gradient, ours against the reference's."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.coordination.cells import Cells, Known, known_crystals, random_cells
from benchmarks.shared.record import provenance
from benchmarks.shared.timing import Clocks, ratio_of_medians, timed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lodestone.constraints.clean import CleanEstimate
    from lodestone.constraints.descriptors.coordination import Coordination

SCRIPT = Path(__file__).with_name("reference_code.py")
WIDTH = 1 / 8  # Å; the reference's sharpness, so that both compute the same function
Mix = tuple[list[int], tuple[str, str], float, float]
MIXES: dict[str, Mix] = {
    "Li5Co5O10, O around Co within 2.6 Å": ([3] * 5 + [27] * 5 + [8] * 10, ("Co", "O"), 2.6, 4.0),
    "Fe10B10, B around Fe within 3.16 Å": ([26] * 10 + [5] * 10, ("Fe", "B"), 3.16, 6.0),
}
"""Numbers of the atoms, pair, cutoff (Å), target."""


def run(
    reference: Path, *, structures: int, repeats: int, threads: Sequence[int], seed: int = 1
) -> dict[str, Any]:
    """Measure both sides with each number of threads."""
    rng = np.random.default_rng(seed)
    cases = [
        (title, mix, random_cells(mix[0], n, rng)) for title, mix in MIXES.items() for n in sizes(structures)
    ]
    rows: list[dict[str, Any]] = []
    for n in threads:
        found, known = _measured(reference, cases, repeats, n)
        rows += found
    return {
        **provenance(max(threads)),
        "reference": reference.name,
        "seed": seed,
        "timings": [row | summary(row) for row in rows],
        "known": [
            {
                "title": k.title,
                "count": k.count,
                "ours_hard": _hard(k),
                "ours_smooth": _smooth(k),
                "reference": value,
            }
            for k, value in zip(known_crystals(), known, strict=True)
        ],
    }


def _measured(
    reference: Path, cases: list[tuple[str, Mix, Cells]], repeats: int, threads: int
) -> tuple[list[dict[str, Any]], list[float]]:
    """Ours, the reference, ours again, so that a drift of the machine widens the intervals."""
    import torch

    torch.set_num_threads(threads)
    ours = [_ours(mix, cells, repeats) for _, mix, cells in cases]
    theirs = _reference(reference, [(mix, cells) for _, mix, cells in cases], repeats, threads)
    again = [_ours(mix, cells, repeats) for _, mix, cells in cases]
    rows = []
    for (title, _, cells), first, second, other in zip(cases, ours, again, theirs["timed"], strict=True):
        rows.append(
            {"case": title, "structures": len(cells.cell), "threads": threads}
            | _agreement(first["counts"], other["counts"])
            | {f"ours_{kind}": joined(first[kind], second[kind]) for kind in ("known", "soft")}
            | {"reference": {k: other[k] for k in ("wall", "cpu")}}
        )
    known: list[float] = theirs["known"]
    return rows, known


def sizes(structures: int) -> list[int]:
    """A fifth and the whole, so that the scaling is seen."""
    return sorted({max(1, structures // 5), structures})


def joined(one: Clocks, other: Clocks) -> dict[str, list[float]]:
    """Repeats of both rounds."""
    return {"wall": one.wall + other.wall, "cpu": one.cpu + other.cpu}


def summary(row: dict[str, Any]) -> dict[str, Any]:
    """Medians in seconds, and ratios reference / ours with their intervals."""
    found: dict[str, Any] = {}
    for side in ("ours_known", "ours_soft", "reference"):
        found[f"{side}_median"] = {clock: median(row[side][clock]) for clock in ("wall", "cpu")}
    for clock in ("wall", "cpu"):
        for kind in ("known", "soft"):
            ratio = ratio_of_medians(row["reference"][clock], row[f"ours_{kind}"][clock], paired=False)
            found[f"speedup_{kind}_{clock}"] = [ratio.value, ratio.low, ratio.high]
    return found


def _agreement(ours: list[float], theirs: list[float]) -> dict[str, float]:
    apart = np.abs(np.asarray(ours) - np.asarray(theirs))
    return {"apart_median": float(np.median(apart)), "apart_largest": float(apart.max())}


def _ours(mix: Mix, cells: Cells, repeats: int) -> dict[str, Any]:
    """Loss and gradient of positions and cell: types known, and half of the atoms undecided."""
    from lodestone.sampling.guidance import Objective

    _, pair, cutoff, target = mix
    term = _term(pair, cutoff, target)
    objective = Objective((term,))
    found: dict[str, Any] = {"counts": term.smooth(_clean(cells, pair)).tolist()}
    for kind, soft in (("known", 0.0), ("soft", 0.5)):
        work = _loss_and_gradient(objective, _clean(cells, pair, soft))
        work()
        times = [timed(work) for _ in range(repeats)]
        found[kind] = Clocks([w for w, _ in times], [c for _, c in times])
    return found


def _loss_and_gradient(objective: Any, clean: CleanEstimate) -> Callable[[], object]:
    import torch

    leaves = (clean.frac.requires_grad_(), clean.cell.requires_grad_())
    return lambda: torch.autograd.grad(objective.loss(clean).sum(), leaves)


def _clean(cells: Cells, pair: tuple[str, str], soft: float = 0.0) -> CleanEstimate:
    """A share `soft` of the atoms, evenly spread, is either element of the pair with probability 1/2."""
    import torch
    from ase.data import atomic_numbers

    from lodestone.constraints.clean import CleanEstimate

    n, atoms = cells.numbers.shape
    types = torch.nn.functional.one_hot(torch.tensor(cells.numbers.reshape(-1)) - 1, 100).float()
    if soft:
        undecided = torch.arange(0, n * atoms, round(1 / soft))
        types[undecided] = 0.0
        for symbol in pair:
            types[undecided, atomic_numbers[symbol] - 1] = 0.5
    return CleanEstimate(
        frac=torch.tensor(cells.frac.reshape(-1, 3), dtype=torch.float32),
        cell=torch.tensor(cells.cell, dtype=torch.float32),
        types=types,
        structure_idx=torch.repeat_interleave(torch.arange(n), atoms),
    )


def _term(pair: tuple[str, str], cutoff: float, target: float) -> Coordination:
    from lodestone.constraints.descriptors.coordination import Coordination

    section = {"center": pair[0], "neighbor": pair[1], "target": target, "cutoff": cutoff}
    return Coordination.model_validate({**section, "width": WIDTH, "distance": "l1"})


def _smooth(known: Known) -> float:
    cells = Cells(np.asarray([known.numbers]), known.cell[None], known.frac[None])
    return float(_term(known.pair, known.cutoff, known.count).smooth(_clean(cells, known.pair)))


def _hard(known: Known) -> float | None:
    term = _term(known.pair, known.cutoff, known.count)
    return term.hard(np.asarray(known.numbers), known.cell, known.frac)


def _reference(folder: Path, cases: list[tuple[Mix, Cells]], repeats: int, threads: int) -> dict[str, Any]:
    """What the reference says, from a process of its own."""
    if not (folder / "mattergen" / "diffusion" / "diffusion_loss.py").is_file():
        raise SystemExit(f"--reference {folder}: no mattergen/diffusion/diffusion_loss.py there")
    given = {
        "threads": threads,
        "known": [
            _json(k.pair, k.cutoff, k.count, [k.numbers], k.cell[None], k.frac[None])
            for k in known_crystals()
        ],
        "timed": [
            _json(mix[1], mix[2], mix[3], c.numbers, c.cell, c.frac) | {"repeats": repeats}
            for mix, c in cases
        ],
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as temporary:
        source, target = Path(temporary, "input.json"), Path(temporary, "output.json")
        source.write_text(json.dumps(given), encoding="utf-8")
        command = [
            sys.executable,
            "-W",
            "ignore",
            str(SCRIPT),
            str(folder.resolve()),
            str(source),
            str(target),
        ]
        subprocess.run(command, check=True)
        found: dict[str, Any] = json.loads(target.read_text(encoding="utf-8"))
    return found


def _json(
    pair: tuple[str, str], cutoff: float, target: float, numbers: Any, cell: np.ndarray, frac: np.ndarray
) -> dict[str, Any]:
    return {
        "pair": list(pair), "cutoff": cutoff, "target": target, "numbers": np.asarray(numbers).tolist(),
        "cell": cell.tolist(), "frac": frac.tolist(),
    }  # fmt: skip
