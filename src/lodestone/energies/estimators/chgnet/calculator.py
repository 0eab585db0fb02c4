"""CHGNet (Deng et al., Nat. Mach. Intell. 5, 1031, 2023) as an estimator; weights are in its package."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lodestone.energies.evaluation import Evaluation
from lodestone.runtime.device import for_torch
from lodestone.runtime.files import file_hash
from lodestone.runtime.fitting import fitted
from lodestone.runtime.headroom import available, require

if TYPE_CHECKING:
    from ase import Atoms
    from chgnet.graph import CrystalGraph
    from torch import Tensor

HEAVIEST = 94  # atomic number, Pu: the last that the model has an embedding for
BYTES = {"efs": (95e3, 82e3), "e": (22e3, 20e3)}  # per bond, per angle; with forces and without
MARGIN = 1.25  # of an estimate
LARGEST = 5e8  # bytes per atom that no crystal takes; where this fits, no bonds are counted
GIGAPASCAL = 1 / 160.21766208  # eV/Å³
TENSORS = (
    *("atomic_number", "atom_frac_coord", "atom_graph", "neighbor_image", "directed2undirected"),
    *("undirected2directed", "bond_graph", "lattice"),
)
"""What of a graph the model computes with."""


class ChgnetEstimator:
    """CHGNet 0.3.0 (or another bundled version), evaluated in batches.

    A batch that does not fit into memory is halved; a structure that does not fit alone is failed, with the
    reason. On CPUs, what a batch takes is estimated from its bonds and from the angles between the short
    ones; a GPU's memory is tried.
    """

    def __init__(self, version: str = "0.3.0", batch_size: int = 8, device: str | None = None) -> None:
        """`device` is torch's; None for that of the job (`lodestone.runtime.device`).

        Raises:
            DeviceError: the job asks for a GPU, and torch can use none.
        """
        import contextlib
        import io
        import logging
        import warnings

        logging.getLogger("chgnet").setLevel(logging.ERROR)
        warnings.filterwarnings("ignore", module="chgnet")
        from ase.data import chemical_symbols
        from chgnet.model import CHGNet

        self.name = f"chgnet-{version}"
        self._version, self._batch_size = version, batch_size
        self._device = for_torch() if device is None else device
        with contextlib.redirect_stdout(io.StringIO()):
            self._model = CHGNet.load(model_name=version, use_device=self._device, verbose=False)
        self._model.eval()
        self._model.graph_converter.set_isolated_atom_response("ignore")
        self.cutoff = float(self._model.graph_converter.atom_graph_cutoff)
        self.elements = frozenset(chemical_symbols[1 : HEAVIEST + 1])

    @property
    def described(self) -> dict[str, Any]:
        """What is recorded of it."""
        import chgnet

        (weights,) = (Path(chgnet.__file__).parent / "pretrained" / self._version).glob("*.pth.tar")
        return {
            "model": self._version, "sha256": file_hash(weights), "package": "chgnet",
            "device": "cpu" if self._device == "cpu" else "gpu", "precision": "float32",
        }  # fmt: skip

    def evaluate(self, structures: Sequence[Atoms]) -> list[Evaluation]:
        """Evaluate structures with CHGNet.

        CHGNet divides by the signed volume of the cell, so a left-handed one turns its stress around.
        """
        return self._fitted(
            structures,
            "efs",
            lambda atoms, row: Evaluation(
                energy=float(row["e"]) * len(atoms),
                forces=np.asarray(row["f"], dtype=float),
                stress=np.asarray(row["s"], dtype=float)
                * GIGAPASCAL
                * np.sign(np.linalg.det(atoms.cell.array)),
            ),
        )

    def energy_only(self, structures: Sequence[Atoms]) -> list[Evaluation]:
        """Energies without forces and stress; the order is kept."""
        return self._fitted(
            structures,
            "e",
            lambda atoms, row: Evaluation.energy_alone(len(atoms), float(row["e"]) * len(atoms)),
        )

    def _fitted(
        self,
        structures: Sequence[Atoms],
        task: str,
        evaluation: Callable[[Atoms, dict[str, Any]], Evaluation],
    ) -> list[Evaluation]:
        """Evaluations in batches of so many structures, in order; fewer where they do not fit."""

        def batches(chosen: list[int]) -> list[list[int]]:
            return [chosen[i : i + self._batch_size] for i in range(0, len(chosen), self._batch_size)]

        def call(batch: list[int]) -> list[Evaluation]:
            these = [structures[i] for i in batch]
            self._require(these, task)
            return [evaluation(*pair) for pair in zip(these, self._predicted(these, task), strict=True)]

        def lost(i: int, reason: str) -> Evaluation:
            return Evaluation.failed(len(structures[i]), f"{self.name}: {reason}")

        # only the batch that does not fit is split: other structures keep their company, and their last bits
        return fitted(len(structures), batches, call, halve=lambda _: False, lost=lost)

    def _require(self, structures: Sequence[Atoms], task: str) -> None:
        """Raise TooLargeError where the host's memory does not suffice for these structures together."""
        if self._device != "cpu":
            return
        from matscipy.neighbours import neighbour_list

        left, atoms = available(), sum(map(len, structures))
        if left is None or LARGEST * atoms < left:
            return
        converter, bonds, pairs = self._model.graph_converter, 0, 0
        for one in structures:
            bonds += len(neighbour_list("i", one, float(converter.atom_graph_cutoff)))
            short = np.bincount(neighbour_list("i", one, float(converter.bond_graph_cutoff)))
            pairs += int((short * (short - 1)).sum())
        per_bond, per_pair = BYTES[task]
        what = f"{atoms} atoms with {bonds} bonds and {pairs} angles"
        require(MARGIN * (per_bond * bonds + per_pair * pairs), what)

    def _predicted(self, structures: Sequence[Atoms], task: str) -> list[dict[str, Any]]:
        from pymatgen.io.ase import AseAtomsAdaptor

        graphs = [self._model.graph_converter(AseAtomsAdaptor.get_structure(a)) for a in structures]
        if self._device != "cpu":
            graphs = sent(graphs, self._device)
        return fetched(self._model(graphs, task=task), task, [len(a) for a in structures])


def sent(graphs: Sequence[CrystalGraph], device: str) -> list[CrystalGraph]:
    """The graphs of a batch on a device, in one copy per kind of number; upstream makes eight per graph."""
    import copy

    import torch

    parts = [getattr(graph, name) for graph in graphs for name in TENSORS]
    there: dict[int, Tensor] = {}
    for kind in dict.fromkeys(part.dtype for part in parts):
        mine = [i for i, part in enumerate(parts) if part.dtype == kind]
        joined = torch.cat([parts[i].detach().flatten() for i in mine]).to(device)
        there.update(zip(mine, joined.split([parts[i].numel() for i in mine]), strict=True))
    moved = (there[i].view(part.shape).requires_grad_(part.requires_grad) for i, part in enumerate(parts))
    copies = [copy.copy(graph) for graph in graphs]
    for graph in copies:
        for name in TENSORS:
            setattr(graph, name, next(moved))
    return copies


def fetched(found: dict[str, Any], task: str, n_atoms: Sequence[int]) -> list[dict[str, Any]]:
    """What the model found, per structure: `e` (eV/atom), and `f` (n_atoms, 3), `s` (3, 3) where asked.

    All of a batch comes from its device in one copy; upstream makes one per structure and property.
    """
    import torch

    shapes: dict[str, list[tuple[int, ...]]]
    shapes = {"e": [()] * len(n_atoms), "f": [(n, 3) for n in n_atoms], "s": [(3, 3)] * len(n_atoms)}
    keys = [key for key in shapes if key in task]
    flat = torch.cat([part.detach().flatten() for key in keys for part in found[key]]).cpu().numpy()
    rows: list[dict[str, Any]] = [{} for _ in n_atoms]
    first = 0
    for key in keys:
        for row, shape in zip(rows, shapes[key], strict=True):
            after = first + int(np.prod(shape, dtype=int))
            row[key] = flat[first:after].reshape(shape)
            first = after
    return rows


def handedness(atoms: Atoms) -> float:
    """1 for a right-handed cell, -1 for a left-handed one."""
    return float(np.sign(np.linalg.det(atoms.cell.array)))
