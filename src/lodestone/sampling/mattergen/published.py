"""What MatterGen's authors published: names, what each checkpoint is conditioned on, and its architecture.

Plain data, so that a campaign is checked without the network's libraries. The numbers are those of the
config.yaml files beside the weights (Zeni et al., Nature 639, 624, 2025; repository microsoft/mattergen).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PUBLISHED: Mapping[str, tuple[str, ...]] = {
    "mattergen_base": (),
    "chemical_system": ("chemical_system",),
    "space_group": ("space_group",),
    "dft_mag_density": ("dft_mag_density",),
    "dft_band_gap": ("dft_band_gap",),
    "ml_bulk_modulus": ("ml_bulk_modulus",),
    "dft_mag_density_hhi_score": ("dft_mag_density", "hhi_score"),
    "chemical_system_energy_above_hull": ("chemical_system", "energy_above_hull"),
    "mp_20_base": (),
}
"""Names on the hub, and the properties that each was trained to be conditioned on."""
STEPS = 1000
"""Noise levels of all of them."""
WIDTH = 512
"""Width of every hidden layer of theirs."""
BLOCKS, NEIGHBORS = 4, 50
"""Interaction blocks, and most neighbours of an atom."""
UNCONDITIONAL = 0.2
"""Share of their training structures whose conditions were dropped, all of a structure at once."""
DENSITY = 0.05771451654022283  # atoms per Å³ of the training set
NEVER_DRAWN = ("He", "Ne", "Ar", "Kr", "Tc", "Xe", "Pm")
"""Elements up to bismuth that MatterGen's generator excludes, beside all that are heavier."""
HEAVIEST = "Bi"
LOGARITHMIC = ("ml_bulk_modulus",)
"""Properties that are scaled by their logarithm."""
ALONE = ("chemical_system", "space_group")
"""Properties that are embedded by kind and not by value."""

_EMBEDDINGS = "mattergen.property_embeddings"


def configuration(
    name: str, *, width: int = WIDTH, blocks: int = BLOCKS, neighbors: int = NEIGHBORS
) -> dict[str, Any]:
    """The section `lightning_module` of a published config.yaml, less what training alone needs.

    `width` of hidden layers, interaction `blocks` and `neighbors` of an atom: fewer make trials of the same
    architecture quick.
    """
    lattice = {
        "beta_max": 20,
        "beta_min": 0.1,
        "limit_density": DENSITY,
        "limit_var_scaling_constant": 0.25,
    }
    network = _model(PUBLISHED[name], width, blocks, neighbors)
    return {"lightning_module": lightning_module(network, lattice, STEPS, UNCONDITIONAL)}


def lightning_module(
    network: dict[str, Any], lattice: dict[str, float], steps: int, unconditional: float
) -> dict[str, Any]:
    """The section around a network: its diffusion, its loss, and how often conditions were dropped.

    `lattice` are the numbers of the lattice's noise process; `steps` its levels; `unconditional` the share of
    training structures without conditions.
    """
    return {
        "_target_": "mattergen.diffusion.lightning_module.DiffusionLightningModule",
        "diffusion_module": {
            "_target_": "mattergen.diffusion.diffusion_module.DiffusionModule",
            "corruption": _corruption(lattice, steps),
            "loss_fn": {
                "_target_": "mattergen.common.loss.MaterialsLoss",
                "d3pm_hybrid_lambda": 0.01,
                **{f"include_{field}": True for field in ("atomic_numbers", "cell", "pos")},
                "reduce": "sum",
                "weights": {"atomic_numbers": 1.0, "cell": 1.0, "pos": 0.1},
            },
            "model": network,
            "pre_corruption_fn": {
                "_target_": f"{_EMBEDDINGS}.SetEmbeddingType",
                "dropout_fields_iid": False,
                "p_unconditional": unconditional,
            },
        },
    }


def _corruption(lattice: dict[str, float], steps: int) -> dict[str, Any]:
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
                        "num_steps": steps,
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


def _model(fields: tuple[str, ...], width: int, blocks: int, neighbors: int) -> dict[str, Any]:
    network: dict[str, Any] = {
        "_target_": "mattergen.common.gemnet.gemnet.GemNetT",
        "atom_embedding": {
            "_target_": "mattergen.common.gemnet.layers.embedding_block.AtomEmbedding",
            "emb_size": width,
            "with_mask_type": True,
        },
        "cutoff": 7.0,
        "emb_size_atom": width,
        "emb_size_edge": width,
        "latent_dim": width,
        "max_cell_images_per_dim": 5,
        "max_neighbors": neighbors,
        "num_blocks": blocks,
        "num_targets": 1,
        "otf_graph": True,
        "regress_stress": True,
        "scale_file": "/scratch/amlt_code/mattergen/common/gemnet/gemnet-dT.json",
    }
    if fields:
        network |= {
            "_target_": "mattergen.common.gemnet.gemnet_ctrl.GemNetTCtrl",
            "condition_on_adapt": list(fields),
        }
    return {
        "_target_": "mattergen.adapter.GemNetTAdapter" if fields else "mattergen.denoiser.GemNetTDenoiser",
        "atom_type_diffusion": "mask",
        "denoise_atom_types": True,
        "gemnet": network,
        "hidden_dim": width,
        "property_embeddings": {},
        "property_embeddings_adapt": {field: embedding(field, width) for field in fields},
    }


def embedding(field: str, width: int) -> dict[str, Any]:
    """How a network of some width takes a property."""
    by_value = {"_target_": "mattergen.diffusion.model_utils.NoiseLevelEncoding", "d_model": width}
    by_kind = {
        "chemical_system": "ChemicalSystemMultiHotEmbedding",
        "space_group": "SpaceGroupEmbeddingVector",
    }
    scaler: dict[str, Any] = {"_target_": "mattergen.common.utils.data_utils.StandardScalerTorch"}
    if field in LOGARITHMIC:
        scaler["log10_transform"] = True
    if field in ALONE:
        scaler = {"_target_": "torch.nn.Identity"}
        by_value = {"_target_": f"{_EMBEDDINGS}.{by_kind[field]}", "hidden_dim": width}
    return {
        "_target_": f"{_EMBEDDINGS}.PropertyEmbedding",
        "conditional_embedding_module": by_value,
        "name": field,
        "scaler": scaler,
        "unconditional_embedding_module": {
            "_target_": f"{_EMBEDDINGS}.EmbeddingVector",
            "hidden_dim": width,
        },
    }
