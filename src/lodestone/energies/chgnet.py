"""CHGNet (Deng et al., Nat. Mach. Intell. 5, 1031, 2023) as an estimator; weights are in its package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lodestone.energies.evaluation import Evaluation

if TYPE_CHECKING:
    from ase import Atoms

KIND = "chgnet"
GIGAPASCAL = 1 / 160.21766208  # eV/Å³


class ChgnetEstimator:
    """CHGNet 0.3.0 (or another bundled version), evaluated in batches."""

    def __init__(self, version: str = "0.3.0", batch_size: int = 8) -> None:
        import logging
        import warnings

        logging.getLogger("chgnet").setLevel(logging.ERROR)
        warnings.filterwarnings("ignore", module="chgnet")
        from chgnet.model import CHGNet

        self.name = f"chgnet-{version}"
        self._batch_size = batch_size
        self._model = CHGNet.load(model_name=version, use_device="cpu", verbose=False)
        self._model.graph_converter.set_isolated_atom_response("ignore")
        self.cutoff = float(self._model.graph_converter.atom_graph_cutoff)

    def evaluate(self, structures: Sequence[Atoms]) -> list[Evaluation]:
        """Evaluate structures with CHGNet."""
        from pymatgen.io.ase import AseAtomsAdaptor

        if not structures:
            return []
        found = self._model.predict_structure(
            [AseAtomsAdaptor.get_structure(a) for a in structures],
            task="efs",
            batch_size=self._batch_size,
        )
        rows = found if isinstance(found, list) else [found]
        return [
            Evaluation(
                energy=float(row["e"]) * len(atoms),
                forces=np.asarray(row["f"], dtype=float),
                stress=np.asarray(row["s"], dtype=float) * GIGAPASCAL,
            )
            for atoms, row in zip(structures, rows, strict=True)
        ]


def create(settings: Mapping[str, Any], batch_size: int) -> ChgnetEstimator:
    """From `{kind: chgnet, version: "0.3.0"}`; more than 8 structures a batch only cost memory."""
    return ChgnetEstimator(settings.get("version", "0.3.0"), min(batch_size, 8))
