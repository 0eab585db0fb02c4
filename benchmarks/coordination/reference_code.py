"""The reference implementation's own coordination loss, in a process of its own.

Run as `python reference_code.py FOLDER INPUT.json OUTPUT.json`: FOLDER is the checkout whose `mattergen`
is used. It must not share a process with ours: it is a fork of the same package under the same
name. Nothing of it is changed; modules that it imports and this loss does not use are stood in for.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any


def main(folder: str, source: str, target: str) -> None:
    """Counts on every crystal of `known` and `timed`, and times of the latter."""
    sys.path[:0] = [folder, str(Path(__file__).parents[2])]
    _importable(folder)
    import torch

    given = json.loads(Path(source).read_text(encoding="utf-8"))
    torch.set_num_threads(given["threads"])
    result: dict[str, Any] = {"known": [_counts(case)[0] for case in given["known"]], "timed": []}
    for case in given["timed"]:
        found = {"counts": _counts(case)}
        if case["repeats"]:
            found |= _times(case)
        result["timed"].append(found)
    Path(target).write_text(json.dumps(result), encoding="utf-8")


def _importable(folder: str) -> None:
    from lodestone.sampling.mattergen import compat

    compat.install()
    for name in ("mattersim", "mattersim.datasets", "mattersim.datasets.utils", "mattersim.forcefield",
                 "mattersim.forcefield.m3gnet"):  # fmt: skip
        compat.stand_in(name, {})
    compat.stand_in("mattersim.datasets.utils.convertor", {"ChemGraphBatchConvertor": None})
    compat.stand_in("mattersim.forcefield.m3gnet.m3gnet", {"M3Gnet": None})
    import mattergen

    where = Path(mattergen.__file__).resolve()
    if not where.is_relative_to(Path(folder).resolve()):
        raise SystemExit(f"imported {where}, which is not below {folder}")


def _graph(case: dict[str, Any]) -> Any:
    """The batch as its sampler builds it: x̂₀ whose positions and cells require gradients."""
    import torch
    from mattergen.common.data.chemgraph import ChemGraphBatch

    n, atoms = len(case["numbers"]), len(case["numbers"][0])
    return ChemGraphBatch(
        atomic_numbers=torch.tensor(case["numbers"]).flatten(),
        num_atoms=torch.full((n,), atoms),
        pos=torch.tensor(case["frac"]).flatten(0, 1).requires_grad_(),
        cell=torch.tensor(case["cell"]).requires_grad_(),
        batch=torch.repeat_interleave(torch.arange(n), atoms),
        alpha={k: (torch.tensor(1.0), torch.tensor(1.0)) for k in ("pos", "cell")},
    )


def _counts(case: dict[str, Any]) -> list[float]:
    """Its smooth neighbour counts, with the sharpness that its loss uses (8 / Å)."""
    from mattergen.diffusion.diffusion_loss import compute_species_pair
    from pymatgen.core import Element

    first, second = (Element(symbol).Z for symbol in case["pair"])
    graph = _graph(case)
    found = compute_species_pair(
        cell=graph.cell, frac=graph.pos, atomic_numbers=graph.atomic_numbers, num_atoms=graph.num_atoms,
        type_A=first, type_B=second, kernel="sigmoid", r_cut=case["cutoff"], alpha=8.0,
    )  # fmt: skip
    return [float(v) for v in found]


def _times(case: dict[str, Any]) -> dict[str, Any]:
    """Loss and gradients through its sampler's own method, without the network."""
    import torch
    from mattergen.diffusion import diffusion_loss
    from mattergen.diffusion.sampling.pc_sampler import PredictorCorrector

    from benchmarks.shared.timing import timed

    importlib.reload(diffusion_loss)  # it keeps pairs, targets and batch size of its first call
    # l1: with huber its loss is a mean over the batch at the first call, and l1 from the second on
    target = {"mode": "l1", "-".join(case["pair"]): [case["target"], case["cutoff"]]}
    sampler = SimpleNamespace(
        diffusion_loss_fn=diffusion_loss.make_combined_loss({"environment": target}),
        diffusion_loss_weight=[0.01, 0.01, True],
        print_loss_history=False,
    )
    graph, n = _graph(case), len(case["numbers"])
    t = torch.full((n,), 0.3)

    def once() -> None:
        score = {"pos": torch.zeros_like(graph.pos), "cell": torch.zeros_like(graph.cell)}
        with torch.no_grad():  # as in its loop; the method turns gradients on where it needs them
            PredictorCorrector._backward_guidance(sampler, graph, t, score)  # noqa: SLF001

    once()
    found = [timed(once) for _ in range(case["repeats"])]
    return {"wall": [w for w, _ in found], "cpu": [c for _, c in found]}


if __name__ == "__main__":
    main(*sys.argv[1:4])
