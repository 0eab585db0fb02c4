"""The first levels as MatterGen's own command draws them, beside those of this package: bit for bit the same?

`python -m tools.rehearsal.upstream NAME CHECKPOINT OUTPUT` compares a checkpoint in a process of its own.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import patch

from lodestone.sampling.mattergen.conditions import SYSTEM
from lodestone.sampling.mattergen.published import PUBLISHED
from tools.rehearsal.campaigns import ASKED as BESIDE
from tools.rehearsal.campaigns import CHEMICAL_SYSTEM

ASKED = {SYSTEM: "-".join(sorted(CHEMICAL_SYSTEM.split("-"))), **BESIDE}
UPSTREAM_SAMPLING = {  # the settings of upstream's generator, which its wheel does not ship
    "sampler_partial": {
        "_target_": "mattergen.diffusion.sampling.classifier_free_guidance."
        "GuidedPredictorCorrector.from_pl_module",
        "N": 1000,
        "eps_t": 0.001,
        "_partial_": True,
        "guidance_scale": 0.0,
        "remove_conditioning_fn": {"_target_": "mattergen.property_embeddings.SetUnconditionalEmbeddingType"},
        "keep_conditioning_fn": {"_target_": "mattergen.property_embeddings.SetConditionalEmbeddingType"},
        "predictor_partials": {
            "pos": {
                "_target_": "mattergen.diffusion.wrapped.wrapped_predictors_correctors."
                "WrappedAncestralSamplingPredictor",
                "_partial_": True,
            },
            "cell": {
                "_target_": "mattergen.common.diffusion.predictors_correctors."
                "LatticeAncestralSamplingPredictor",
                "_partial_": True,
            },
            "atomic_numbers": {
                "_target_": "mattergen.diffusion.d3pm.d3pm_predictors_correctors."
                "D3PMAncestralSamplingPredictor",
                "predict_x0": True,
                "_partial_": True,
            },
        },
        "corrector_partials": {
            "pos": {
                "_target_": "mattergen.diffusion.wrapped.wrapped_predictors_correctors."
                "WrappedLangevinCorrector",
                "_partial_": True,
                "max_step_size": 1e6,
                "snr": 0.4,
            },
            "cell": {
                "_target_": "mattergen.common.diffusion.predictors_correctors.LatticeLangevinDiffCorrector",
                "_partial_": True,
                "max_step_size": 1e6,
                "snr": 0.2,
            },
        },
        "n_steps_corrector": 1,
    },
    "condition_loader_partial": {
        "_partial_": True,
        "_target_": "mattergen.common.data.condition_factory.get_number_of_atoms_condition_loader",
    },
}
LEVELS = 2
STRUCTURES = 2
SEED = 7
PASSES = 2
"""Of a level: corrector and predictor."""


class EnoughError(Exception):
    """The levels looked at are over."""


@dataclass
class Drawn:
    """What a sampler was given and what its network answered, pass by pass: positions, cell, types."""

    states: list[tuple[Any, ...]] = field(default_factory=list)
    scores: list[tuple[Any, ...]] = field(default_factory=list)

    def met(self, *state: Any) -> None:
        """Note a state; raises EnoughError where the levels are over."""
        self.states.append(state)
        if len(self.scores) == PASSES * LEVELS:
            raise EnoughError

    def equals(self, other: Drawn) -> bool:
        """Whether every element of every array is the same in both, and both went through all levels."""
        import torch

        mine, theirs = self.states + self.scores, other.states + other.scores
        whole = len(mine) == len(theirs) == 2 * PASSES * LEVELS + 1
        return whole and all(
            torch.equal(a, b)
            for one, two in zip(mine, theirs, strict=True)
            for a, b in zip(one, two, strict=True)
        )


def asked_of(name: str) -> dict[str, Any]:
    """What a checkpoint is asked for, by property."""
    return {key: ASKED[key] for key in PUBLISHED[name]}


def upstreams(folder: Path, factor: float, asked: dict[str, Any], scratch: Path) -> tuple[Any, Any]:
    """The sampler and a batch of conditions that MatterGen's own command makes of its arguments."""
    import yaml

    from lodestone.sampling.mattergen import compat

    compat.install()  # before the first import of mattergen
    made = SimpleNamespace()

    def caught(sampler: Any, condition_loader: Any, **_: Any) -> list[Any]:
        made.sampler, made.conditions = sampler, next(iter(condition_loader))[0]
        return []

    (scratch / "default.yaml").write_text(yaml.safe_dump(UPSTREAM_SAMPLING, sort_keys=False))
    sys.modules.setdefault("fire", ModuleType("fire"))  # it parses the command line only
    from mattergen import generator
    from mattergen.scripts.generate import main

    with patch.object(generator, "draw_samples_from_sampler", caught):
        main(
            str(scratch / "out"),
            model_path=str(folder),
            batch_size=STRUCTURES,
            properties_to_condition_on=asked,
            sampling_config_path=str(scratch),
            record_trajectories=False,
            diffusion_guidance_factor=factor,
        )
    return made.sampler, made.conditions


def settings_of(folder: Path, factor: float, asked: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The settings of a job that draws the same."""
    conditions = {key: value for key, value in asked.items() if key != SYSTEM} if factor else {}
    return {
        "chemical_system": ASKED[SYSTEM],
        "model": {"checkpoint": str(folder), "guidance_factor": factor, "conditions": conditions},
        "sampling": {"steps": None, "corrector": "upstream"},
        **more,
    }


def first_levels(
    folder: Path, factor: float, asked: dict[str, Any], scratch: Path
) -> tuple[Drawn, Drawn, list[int]]:
    """Upstream's first levels and this package's, from one seed, and the atoms of the structures.

    `factor` is that of classifier-free guidance, `scratch` a folder for upstream's settings.
    """
    from lodestone.sampling.isolation import Watch
    from lodestone.sampling.job import load_model
    from lodestone.sampling.loop import LoopOptions, denoise

    sampler, conditions = upstreams(folder, factor, asked, scratch)
    theirs, mine = Drawn(), Drawn()
    their_score = sampler._score_fn  # noqa: SLF001

    def their_pass(x: Any, t: Any) -> Any:
        theirs.met(x["pos"], x["cell"], x["atomic_numbers"])
        found = their_score(x=x, t=t)
        theirs.scores.append((found["pos"], found["cell"], found["atomic_numbers"]))
        return found

    with patch.object(sampler, "_score_fn", their_pass):
        _until_enough(lambda: sampler.sample(conditions))

    model, _ = load_model(settings_of(folder, factor, asked), "cpu")
    my_score = model.score

    def my_pass(state: Any, t: Any) -> Any:
        mine.met(state.frac, state.cell, state.numbers)
        found = my_score(state, t)
        mine.scores.append((found.frac, found.cell, found.logits))
        return found

    atoms = conditions["num_atoms"].tolist()
    with patch.object(model, "score", my_pass):
        _until_enough(
            lambda: denoise(
                model, model.prior(atoms), model.score, options=LoopOptions(), watch=Watch(STRUCTURES)
            )
        )
    return theirs, mine, atoms


def _until_enough(draw: Callable[[], object]) -> None:
    import torch

    torch.manual_seed(SEED)
    try:
        draw()
    except EnoughError:
        return
    raise RuntimeError("the sampler ended before its first levels were over")


def compare(name: str, folder: Path) -> dict[str, Any]:
    """Whether the first levels of a checkpoint are upstream's, with its conditions (JSON-able)."""
    import torch

    torch.set_num_threads(1)
    began = time.monotonic()
    torch.manual_seed(SEED)  # of the numbers of atoms
    with tempfile.TemporaryDirectory() as scratch:
        theirs, mine, atoms = first_levels(folder, 1.0, asked_of(name), Path(scratch))
    return {
        "equal": mine.equals(theirs),
        "levels": LEVELS,
        "atoms": atoms,
        "seconds": round(time.monotonic() - began, 1),
    }


def main(name: str, folder: str, output: str) -> None:
    """Compare, and write what was found as JSON."""
    from lodestone.runtime.files import write_json

    write_json(Path(output), compare(name, Path(folder)))


if __name__ == "__main__":
    main(*sys.argv[1:])
