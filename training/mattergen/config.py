"""The embedded checkpoint's config.yaml: the published layout with smaller numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from lodestone.sampling.mattergen.checkpoint import ELEMENT_MASK
from lodestone.sampling.mattergen.conditions import SYSTEM
from lodestone.sampling.mattergen.published import embedding, lightning_module

UNCONDITIONAL = 0.15
HIDDEN, BLOCKS, CUTOFF, NEIGHBORS, IMAGES, STEPS = 64, 2, 5.0, 12, 2, 200


def checkpoint_config(
    mean: np.ndarray, std: np.ndarray, density: float, n_atoms: dict[str, dict[int, int]]
) -> dict[str, Any]:
    """Configuration of a chemical_system-conditioned MatterGen of this project's size.

    `mean`, `std`: lattice moments (3, 3) in Å; `density` in atoms/Å³; `n_atoms`: how many training
    structures have how many atoms, for all and by chemical system.
    """
    lattice = {
        "beta_max": 20.0,
        "beta_min": 0.1,
        "limit_density": float(density),
        "limit_var_scaling_constant": 0.25,
    }
    return {
        "data_module": {"average_density": float(density), "num_atoms_counts": n_atoms},
        "lightning_module": {
            **lightning_module(_model(mean, std, lattice), lattice, STEPS, UNCONDITIONAL),
            "optimizer_partial": {"_partial_": True, "_target_": "torch.optim.Adam", "lr": 2.0e-3},
        },
    }


def _model(mean: np.ndarray, std: np.ndarray, lattice: dict[str, float]) -> dict[str, Any]:
    return {
        "_target_": "lodestone.sampling.mattergen.denoiser.PreconditionedDenoiser",
        "atom_type_diffusion": "mask",
        "cell_mean": np.round(mean, 6).tolist(),
        "cell_std": np.round(std, 6).tolist(),
        **lattice,
        "denoise_atom_types": True,
        "element_mask_func": ELEMENT_MASK,
        "gemnet": {
            "_target_": "mattergen.common.gemnet.gemnet_ctrl.GemNetTCtrl",
            "atom_embedding": {
                "_target_": "mattergen.common.gemnet.layers.embedding_block.AtomEmbedding",
                "emb_size": HIDDEN,
                "with_mask_type": True,
            },
            "condition_on_adapt": [SYSTEM],
            "cutoff": CUTOFF,
            "emb_size_atom": HIDDEN,
            "emb_size_edge": HIDDEN,
            "emb_size_trip": 32,
            "emb_size_bil_trip": 32,
            "latent_dim": HIDDEN,
            "max_cell_images_per_dim": IMAGES,
            "max_neighbors": NEIGHBORS,
            "num_blocks": BLOCKS,
            "num_targets": 1,
            "otf_graph": True,
            "regress_stress": True,
        },
        "hidden_dim": HIDDEN,
        "property_embeddings": {},
        "property_embeddings_adapt": {SYSTEM: embedding(SYSTEM, HIDDEN)},
    }
