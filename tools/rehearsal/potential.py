"""A GRACE potential of the largest published two-layer architecture, with random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.shared.two_layers import SCALE
from lodestone.structures.elements import ELEMENTS

PRESET, SIZE = "GRACE_2LAYER_latest", "large"
"""The package's own preset and the name of its settings: tensorpotential/potentials/presets.py."""
NOT_COVERED = ("Po", "At", "Rn", "Fr", "Ra")
COVERED = tuple(sorted(symbol for symbol in ELEMENTS[:94] if symbol not in NOT_COVERED))
"""The 89 elements of OMat24, which the published models were fitted to."""
NEIGHBORS = 50.0
"""Mean number of neighbours by which sums are divided; that of the published models is not known."""
PARAMETERS = 26_394_284
"""Of GRACE-2L-OMAT-large-ft-AM, as its authors told Matbench Discovery (models/grace/grace-2l-oam-l.yml)."""


def export_large(folder: Path) -> None:
    """Write the SavedModel to `folder`.

    Its cutoff (6 Å) and every size are those of the package's preset. That these are the sizes of the
    published model is told by its number of parameters alone, to the last one.

    Raises:
        RuntimeError: the installed package's preset has not as many parameters as the published model.
    """
    from lodestone.energies.estimators.grace.tensorflow import load_tensorflow, silence
    from lodestone.energies.estimators.grace.weights import Architecture, instructions

    tf = load_tensorflow()
    from tensorpotential import TensorPotential
    from tensorpotential.potentials.registry import REGISTERED_PRESETS

    options: dict[str, Any] = dict(REGISTERED_PRESETS[PRESET]._settings[SIZE])  # noqa: SLF001
    architecture = Architecture(
        preset=PRESET,
        elements=COVERED,
        cutoff=float(options.pop("rcut")),
        neighbors=NEIGHBORS,
        scale=SCALE,
        shifts=(0.0,) * len(COVERED),
        options=options,
    )
    tf.keras.utils.set_random_seed(1)
    with silence():
        potential = TensorPotential(
            potential=instructions(architecture), param_dtype=tf.float32, jit_compile=True
        )
        as_published(sum(int(tf.size(v)) for v in potential.model.trainable_variables))
        potential.save_model(exact_path=str(folder), jit_compile=True)


def as_published(n_parameters: int) -> None:
    """Refuse an architecture that has not as many parameters as the published model.

    Raises:
        RuntimeError: it has more or fewer.
    """
    if n_parameters != PARAMETERS:
        msg = f"{PRESET} ({SIZE}) of the installed tensorpotential has {n_parameters:,} parameters, "
        raise RuntimeError(f"{msg}the published model {PARAMETERS:,}: it is another architecture")
