"""The embedded checkpoint's config.yaml: the published layout with smaller numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

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
            "_target_": "mattergen.diffusion.lightning_module.DiffusionLightningModule",
            "diffusion_module": {
                "_target_": "mattergen.diffusion.diffusion_module.DiffusionModule",
                "corruption": _corruption(lattice),
                "loss_fn": {
                    "_target_": "mattergen.common.loss.MaterialsLoss",
                    "d3pm_hybrid_lambda": 0.01,
                    "include_atomic_numbers": True,
                    "include_cell": True,
                    "include_pos": True,
                    "reduce": "sum",
                    "weights": {"atomic_numbers": 1.0, "cell": 1.0, "pos": 0.1},
                },
                "model": _model(mean, std, lattice),
                "pre_corruption_fn": {
                    "_target_": "mattergen.property_embeddings.SetEmbeddingType",
                    "dropout_fields_iid": False,
                    "p_unconditional": 0.15,
                },
            },
            "optimizer_partial": {"_partial_": True, "_target_": "torch.optim.Adam", "lr": 2.0e-3},
        },
    }


def _corruption(lattice: dict[str, float]) -> dict[str, Any]:
    return {
        "_target_": "mattergen.diffusion.corruption.multi_corruption.MultiCorruption",
        "discrete_corruptions": {
            "atomic_numbers": {
                "_target_": "mattergen.diffusion.corruption.d3pm_corruption.D3PMCorruption",
                "d3pm": {
                    "_target_": "mattergen.diffusion.d3pm.d3pm.MaskDiffusion",
                    "dim": 101,
                    "schedule": {
                        "_target_": "mattergen.diffusion.d3pm.d3pm.create_discrete_diffusion_schedule",
                        "kind": "standard",
                        "num_steps": STEPS,
                    },
                },
                "offset": 1,
            }
        },
        "sdes": {
            "cell": {
                "_target_": "mattergen.common.diffusion.corruption.LatticeVPSDE.from_vpsde_config",
                "vpsde_config": lattice,
            },
            "pos": {
                "_target_": "mattergen.common.diffusion.corruption.NumAtomsVarianceAdjustedWrappedVESDE",
                "limit_info_key": "num_atoms",
                "sigma_max": 5.0,
                "wrapping_boundary": 1.0,
            },
        },
    }


def _model(mean: np.ndarray, std: np.ndarray, lattice: dict[str, float]) -> dict[str, Any]:
    embeddings = "mattergen.property_embeddings"
    return {
        "_target_": "lodestone.sampling.mattergen.denoiser.PreconditionedDenoiser",
        "atom_type_diffusion": "mask",
        "cell_mean": np.round(mean, 6).tolist(),
        "cell_std": np.round(std, 6).tolist(),
        **lattice,
        "denoise_atom_types": True,
        "element_mask_func": {
            "_partial_": True,
            "_target_": "mattergen.denoiser.mask_disallowed_elements",
        },
        "gemnet": {
            "_target_": "mattergen.common.gemnet.gemnet_ctrl.GemNetTCtrl",
            "atom_embedding": {
                "_target_": "mattergen.common.gemnet.layers.embedding_block.AtomEmbedding",
                "emb_size": HIDDEN,
                "with_mask_type": True,
            },
            "condition_on_adapt": ["chemical_system"],
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
        "property_embeddings_adapt": {
            "chemical_system": {
                "_target_": f"{embeddings}.PropertyEmbedding",
                "conditional_embedding_module": {
                    "_target_": f"{embeddings}.ChemicalSystemMultiHotEmbedding",
                    "hidden_dim": HIDDEN,
                },
                "name": "chemical_system",
                "scaler": {"_target_": "torch.nn.Identity"},
                "unconditional_embedding_module": {
                    "_target_": f"{embeddings}.EmbeddingVector",
                    "hidden_dim": HIDDEN,
                },
            }
        },
    }
