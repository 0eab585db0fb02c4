"""A GRACE model larger than the embedded one, with random weights: for what depends on its size alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

TWO_LAYERS: dict[str, Any] = {
    "lmax": [3, 2], "indicator_lmax": 1, "max_order": 3, "n_rad_max": [16, 16], "prod_func_n_max": [16, 16],
    "embedding_size": 16, "n_rad_base": 8, "n_mlp_dens": 8, "cutoff_function_order": 5,
}  # fmt: skip
SCALE = 20.0  # of a network with random weights, so that its forces are of some eV/Å


def export_two_layers(folder: Path) -> None:
    """Write a GRACE model of two layers with random weights, made by the package, to `folder`."""
    from lodestone.embedded import WEIGHTS
    from lodestone.energies.estimators.grace.tensorflow import load_tensorflow, silence
    from lodestone.energies.estimators.grace.weights import instructions, read_weights

    tf = load_tensorflow()
    from tensorpotential import TensorPotential

    known, _ = read_weights(WEIGHTS)
    architecture = replace(known, preset="GRACE_2LAYER_latest", options=TWO_LAYERS, scale=SCALE)
    with silence():
        potential = TensorPotential(
            potential=instructions(architecture), param_dtype=tf.float32, jit_compile=True
        )
        potential.save_model(exact_path=str(folder), jit_compile=True)
