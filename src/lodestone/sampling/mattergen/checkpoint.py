"""Loading a MatterGen checkpoint folder, or refusing it.

A checkpoint's config.yaml names the classes that it builds, and upstream's resolver `eval` runs
Python from it. Here only classes on an allow-list are built, no resolver is run, and weights are
read with `weights_only=True`, so that a folder from anywhere cannot run code.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lodestone.embedded import FOLDER
from lodestone.runtime.files import file_hash

EMBEDDED = FOLDER / "mattergen"
HUB_REPOSITORY = "microsoft/mattergen"

ALLOWED = frozenset(
    {
        "lodestone.sampling.mattergen.denoiser.PreconditionedDenoiser",
        "mattergen.adapter.GemNetTAdapter",
        "mattergen.common.data.transform.set_chemical_system_string",
        "mattergen.common.diffusion.corruption.LatticeVPSDE.from_vpsde_config",
        "mattergen.common.diffusion.corruption.NumAtomsVarianceAdjustedWrappedVESDE",
        "mattergen.common.gemnet.gemnet.GemNetT",
        "mattergen.common.gemnet.gemnet_ctrl.GemNetTCtrl",
        "mattergen.common.gemnet.layers.embedding_block.AtomEmbedding",
        "mattergen.common.loss.MaterialsLoss",
        "mattergen.common.utils.data_utils.StandardScalerTorch",
        "mattergen.denoiser.GemNetTDenoiser",
        "mattergen.denoiser.mask_disallowed_elements",
        "mattergen.diffusion.corruption.d3pm_corruption.D3PMCorruption",
        "mattergen.diffusion.corruption.multi_corruption.MultiCorruption",
        "mattergen.diffusion.d3pm.d3pm.MaskDiffusion",
        "mattergen.diffusion.d3pm.d3pm.create_discrete_diffusion_schedule",
        "mattergen.diffusion.diffusion_module.DiffusionModule",
        "mattergen.diffusion.lightning_module.DiffusionLightningModule",
        "mattergen.diffusion.timestep_samplers.UniformTimestepSampler",
        "mattergen.property_embeddings.ChemicalSystemMultiHotEmbedding",
        "mattergen.property_embeddings.EmbeddingVector",
        "mattergen.property_embeddings.NoiseLevelEncoding",
        "mattergen.property_embeddings.PropertyEmbedding",
        "mattergen.property_embeddings.SetEmbeddingType",
        "mattergen.property_embeddings.SpaceGroupEmbeddingVector",
        "mattergen.property_embeddings.ZerosEmbedding",
        "mattergen.diffusion.model_utils.NoiseLevelEncoding",
        "torch.nn.Identity",
    }
)
ELEMENT_MASK = {"_target_": "mattergen.denoiser.mask_disallowed_elements", "_partial_": True}
"""What upstream's generator adds to every checkpoint: only elements that the model knows and, where it is
conditioned on a chemical system, only those of it; it acts in sampling alone."""
TRAINING_ONLY = ("optimizer_partial", "scheduler_partials")


class CheckpointError(ValueError):
    """A checkpoint that cannot or must not be loaded; the message names the file and the fix."""


@dataclass(frozen=True)
class Checkpoint:
    """A loaded model: the lightning module, its configuration and the hash of its files."""

    module: Any
    config: dict[str, Any]
    folder: Path
    sha256: str


def locate(name: str) -> Path:
    """Folder of a checkpoint: `embedded`, an existing folder, or a published name (hub)."""
    if name == "embedded":
        return EMBEDDED
    folder = Path(name)
    if folder.is_dir():
        return folder.resolve()
    from huggingface_hub import hf_hub_download

    try:
        for file in ("checkpoints/last.ckpt", "config.yaml"):
            found = hf_hub_download(HUB_REPOSITORY, f"checkpoints/{name}/{file}")
    except Exception as error:
        message = (
            f"model.checkpoint: {name!r} is neither a folder nor could it be fetched from the hub "
            f"repository {HUB_REPOSITORY} ({type(error).__name__}). Without a connection, put "
            "config.yaml and checkpoints/last.ckpt into a folder and name the folder."
        )
        raise CheckpointError(message) from error
    return Path(found).parent


def load_checkpoint(folder: Path, *, steps: int | None = None) -> Checkpoint:
    """Load a checkpoint folder (config.yaml, checkpoints/last.ckpt) on the CPU, ready to sample.

    `steps` sets the number of noise levels of the type diffusion, whose absorbing schedule has the
    same marginals at every number of steps.
    """
    weights = folder / "checkpoints" / "last.ckpt"
    for file in (folder / "config.yaml", weights):
        if not file.is_file():
            raise CheckpointError(
                f"{file}: missing; a checkpoint folder has config.yaml and checkpoints/last.ckpt"
            )
    config = read_config(folder / "config.yaml")
    module = build(config, steps=steps)
    module.load_state_dict(_read_weights(weights), strict=True)
    module.requires_grad_(requires_grad=False)
    module.eval()
    return Checkpoint(module, config, folder, file_hash(folder))


def read_config(path: Path) -> dict[str, Any]:
    """Read and vet a checkpoint's config.yaml: plain YAML, allowed classes only, no resolvers."""
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path}: not plain YAML ({error})") from error
    if not isinstance(config, dict) or "lightning_module" not in config:
        raise CheckpointError(f"{path}: has no section lightning_module")
    module = {k: v for k, v in config["lightning_module"].items() if k not in TRAINING_ONLY}
    for where, key, value in _walk(module, "lightning_module"):
        if key == "_target_" and value not in ALLOWED:
            raise CheckpointError(
                f"{path}: {where}: refuses to build {value!r}; a checkpoint may only build "
                "MatterGen's own model classes"
            )
        if isinstance(value, str) and "${" in value:
            raise CheckpointError(f"{path}: {where}: refuses the interpolation {value!r}; write the value")
        if key in {"_args_", "_convert_", "_recursive_"} and key != "_recursive_":
            raise CheckpointError(f"{path}: {where}: {key} is not allowed")
    return {**config, "lightning_module": module}


def build(config: dict[str, Any], *, steps: int | None = None) -> Any:
    """Build the lightning module of a vetted configuration, with random weights."""
    from lodestone.sampling.mattergen import compat

    compat.install()
    from hydra.utils import instantiate
    from omegaconf import OmegaConf

    tree = OmegaConf.create(config["lightning_module"])
    model = tree.diffusion_module.model
    if model.get("element_mask_func") is None:  # published files leave it to the generator
        model.element_mask_func = ELEMENT_MASK
    if steps is not None:
        schedule = tree.diffusion_module.corruption.discrete_corruptions.atomic_numbers.d3pm.schedule
        if schedule.get("kind", "standard") != "standard":
            raise CheckpointError(f"sampling.steps: not possible for a {schedule.kind!r} type schedule")
        schedule.num_steps = steps
    return instantiate(tree)


def trained_steps(config: dict[str, Any]) -> int:
    """Number of noise levels that the checkpoint was trained with."""
    corruption = config["lightning_module"]["diffusion_module"]["corruption"]
    return int(corruption["discrete_corruptions"]["atomic_numbers"]["d3pm"]["schedule"]["num_steps"])


def _read_weights(path: Path) -> dict[str, Any]:
    import pickle

    import torch
    from omegaconf import DictConfig, ListConfig
    from omegaconf.base import ContainerMetadata, Metadata
    from omegaconf.nodes import AnyNode

    plain = [DictConfig, ListConfig, ContainerMetadata, Metadata, AnyNode]
    try:
        with torch.serialization.safe_globals(plain):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        first = str(error).strip().splitlines()[0]
        raise CheckpointError(f"{path}: refused or unreadable: {first}") from error
    if not isinstance(content, dict) or "state_dict" not in content:
        raise CheckpointError(f"{path}: has no state_dict")
    state: dict[str, Any] = content["state_dict"]
    return state


def _walk(value: Any, where: str) -> Iterator[tuple[str, str, Any]]:
    """Every (path, key, leaf) of nested mappings and lists."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from (
                _walk(inner, f"{where}.{key}")
                if isinstance(inner, dict | list)
                else [(f"{where}.{key}", str(key), inner)]
            )
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from (
                _walk(inner, f"{where}[{index}]")
                if isinstance(inner, dict | list)
                else [(f"{where}[{index}]", "", inner)]
            )
