"""CHGNet (Deng et al., Nat. Mach. Intell. 5, 1031, 2023) as an estimator; weights are in its package."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lodestone.energies.evaluation import Evaluation
from lodestone.runtime.files import file_hash

if TYPE_CHECKING:
    from ase import Atoms

HEAVIEST = 94  # atomic number, Pu: the last that the model has an embedding for
GIGAPASCAL = 1 / 160.21766208  # eV/Å³


class ChgnetEstimator:
    """CHGNet 0.3.0 (or another bundled version), evaluated in batches."""

    def __init__(self, version: str = "0.3.0", batch_size: int = 8) -> None:
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
        with contextlib.redirect_stdout(io.StringIO()):
            self._model = CHGNet.load(model_name=version, use_device="cpu", verbose=False)
        self._model.graph_converter.set_isolated_atom_response("ignore")
        self.cutoff = float(self._model.graph_converter.atom_graph_cutoff)
        self.elements = frozenset(chemical_symbols[1 : HEAVIEST + 1])

    @property
    def described(self) -> dict[str, Any]:
        """What is recorded of it."""
        import chgnet

        (weights,) = (Path(chgnet.__file__).parent / "pretrained" / self._version).glob("*.pth.tar")
        return {
            "model": self._version, "sha256": file_hash(weights), "package": "chgnet", "device": "cpu",
            "precision": "float32",
        }  # fmt: skip

    def evaluate(self, structures: Sequence[Atoms]) -> list[Evaluation]:
        """Evaluate structures with CHGNet.

        CHGNet divides by the signed volume of the cell, so a left-handed one turns its stress around.
        """
        return [
            Evaluation(
                energy=float(row["e"]) * len(atoms),
                forces=np.asarray(row["f"], dtype=float),
                stress=np.asarray(row["s"], dtype=float)
                * GIGAPASCAL
                * np.sign(np.linalg.det(atoms.cell.array)),
            )
            for atoms, row in zip(structures, self._predicted(structures, "efs"), strict=True)
        ]

    def energy_only(self, structures: Sequence[Atoms]) -> list[Evaluation]:
        """Energies without forces and stress; the order is kept."""
        return [
            Evaluation.energy_alone(len(atoms), float(row["e"]) * len(atoms))
            for atoms, row in zip(structures, self._predicted(structures, "e"), strict=True)
        ]

    def _predicted(self, structures: Sequence[Atoms], task: str) -> list[dict[str, Any]]:
        from pymatgen.io.ase import AseAtomsAdaptor

        if not structures:
            return []
        crystals = [AseAtomsAdaptor.get_structure(a) for a in structures]
        found = self._model.predict_structure(crystals, task=task, batch_size=self._batch_size)
        return found if isinstance(found, list) else [found]


def handedness(atoms: Atoms) -> float:
    """1 for a right-handed cell, -1 for a left-handed one."""
    return float(np.sign(np.linalg.det(atoms.cell.array)))
