"""Checkpoints of the published architectures with random weights, in the published format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from lodestone.runtime.files import write_atomically
from lodestone.sampling.mattergen.checkpoint import Checkpoint, build
from lodestone.sampling.mattergen.published import configuration

ADAPTERS, LATTICE_HEADS = "cond_", "lattice_out_blocks"
"""In names of parameters: layers that conditions act through, and those that end in a lattice score."""
MATRIX = 2
PARAMETERS = "n_parameters"
"""The key beside the weights that tells how many numbers training would fit."""
SCALES = {
    "dft_mag_density": (0.02, 0.04),
    "hhi_score": (2500.0, 1500.0),
    "dft_band_gap": (0.6, 1.3),
    "ml_bulk_modulus": (1.9, 0.3),
    "energy_above_hull": (0.03, 0.03),
}
"""Plausible mean and standard deviation of what a scaler was fitted to, or of its logarithm."""


def write_checkpoint(folder: Path, name: str, *, seed: int = 1, **sizes: int) -> Path:
    """Write `config.yaml` and `checkpoints/last.ckpt` of a published architecture; returns the folder.

    `sizes` are those of `configuration`: width, blocks, neighbors. The weights are the network's own
    initial ones, drawn with `seed`, but for two things that training gives: conditions tell (new networks
    ignore them), and lattice scores are of order one (those of new networks are so small that the first
    corrector step, which divides by them, blows the cell up).
    """
    import torch

    config = configuration(name, **sizes)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        module = build(config)
        state = module.state_dict()
        n_parameters = sum(p.numel() for p in module.parameters())
        for key, values in state.items():
            _fit(key, state)
            if ADAPTERS in key and values.ndim == MATRIX and not values.any():
                torch.nn.init.normal_(values, std=values.shape[1] ** -0.5)
        rms = _lattice_score(Checkpoint(module.eval(), config, folder, ""))
    for key, values in state.items():
        if LATTICE_HEADS in key and "out_forces" in key:
            values.div_(rms)
    (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(config)
    write_atomically(folder / "config.yaml", lambda path: path.write_text(text, encoding="utf-8"))
    write_atomically(
        folder / "checkpoints" / "last.ckpt",
        lambda path: torch.save({"state_dict": state, PARAMETERS: n_parameters}, path),
    )
    return folder


def _lattice_score(checkpoint: Checkpoint) -> float:
    """Root mean square of the elements of a new network's lattice scores at t = 1, 1/Å."""
    import torch

    from lodestone.sampling.mattergen.diffusion import MatterGenDiffusion

    diffusion = MatterGenDiffusion(checkpoint, properties={}, guidance_factor=0.0)
    with torch.no_grad():
        score = diffusion.score(diffusion.prior([8] * 8), diffusion.times[0])
    return float(score.cell.square().mean().sqrt())


def _fit(key: str, state: dict[str, Any]) -> None:
    """Give a scaler numbers, which are unset memory in a new network."""
    for field, scale in SCALES.items():
        for end, value in zip(("means", "stds"), scale, strict=True):
            if key.endswith(f".{field}.scaler.{end}"):
                state[key].fill_(value)
