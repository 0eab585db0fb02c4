"""The published checkpoints: their files are known, and what is drawn from them is what MatterGen draws."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
import yaml
from tools.rehearsal.campaigns import ASKED as ASKED_BESIDE
from tools.rehearsal.checkpoints import write_checkpoint

from lodestone.sampling.isolation import Watch
from lodestone.sampling.job import load_model
from lodestone.sampling.loop import LoopOptions, denoise
from lodestone.sampling.mattergen.checkpoint import load_checkpoint
from lodestone.sampling.mattergen.conditions import SYSTEM
from lodestone.sampling.mattergen.diffusion import MatterGenDiffusion
from lodestone.sampling.mattergen.published import (
    HEAVIEST,
    NEVER_DRAWN,
    PUBLISHED,
    configuration,
)
from lodestone.structures.elements import ELEMENTS

DIGESTS = {  # of the published files' section lightning_module without optimiser and scheduler
    "mattergen_base": "fe2f5a17572f467b",
    "chemical_system": "3f94f7aa8ecd4a85",
    "space_group": "d8db201041578cb5",
    "dft_mag_density": "92ef4789decc9e3a",
    "dft_band_gap": "4f6f7e5eb853eb39",
    "ml_bulk_modulus": "3221ab8330a06f4d",
    "dft_mag_density_hhi_score": "67e3c09c9b1ef34a",
    "chemical_system_energy_above_hull": "942d26b07723765b",
    "mp_20_base": "fe2f5a17572f467b",
}
ASKED = {SYSTEM: "Co-Li-O", **ASKED_BESIDE}
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


class EnoughError(Exception):
    """The levels looked at are over."""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Small checkpoints of the published architectures, written once."""
    made: dict[str, Path] = {}

    def folder(name: str) -> Path:
        if name not in made:
            made[name] = write_checkpoint(
                tmp_path_factory.mktemp(name), name, width=16, blocks=1, neighbors=12
            )
        return made[name]

    return folder


def asked_of(name: str) -> dict[str, Any]:
    return {field: ASKED[field] for field in PUBLISHED[name]}


def upstreams(
    folder: Path, factor: float, asked: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Any, Any]:
    """The sampler and a batch of conditions that MatterGen's own command makes of its arguments."""
    monkeypatch.setitem(sys.modules, "fire", ModuleType("fire"))  # it parses the command line only
    from mattergen import generator
    from mattergen.scripts.generate import main

    made = SimpleNamespace()

    def caught(sampler: Any, condition_loader: Any, **_: Any) -> list[Any]:
        made.sampler, made.conditions = sampler, next(iter(condition_loader))[0]
        return []

    monkeypatch.setattr(generator, "draw_samples_from_sampler", caught)
    (tmp_path / "default.yaml").write_text(yaml.safe_dump(UPSTREAM_SAMPLING, sort_keys=False))
    main(
        str(tmp_path / "out"),
        model_path=str(folder),
        batch_size=STRUCTURES,
        properties_to_condition_on=asked,
        sampling_config_path=str(tmp_path),
        record_trajectories=False,
        diffusion_guidance_factor=factor,
    )
    return made.sampler, made.conditions


def settings_of(folder: Path, factor: float, asked: dict[str, Any], **more: Any) -> dict[str, Any]:
    conditions = {field: value for field, value in asked.items() if field != SYSTEM} if factor else {}
    return {
        "chemical_system": "Co-Li-O",
        "model": {"checkpoint": str(folder), "guidance_factor": factor, "conditions": conditions},
        "sampling": {"steps": None, "corrector": "upstream"},
        **more,
    }


def first_levels_agree(
    folder: Path, factor: float, asked: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sampler, conditions = upstreams(folder, factor, asked, tmp_path, monkeypatch)
    scores: dict[str, list[Any]] = {"theirs": [], "mine": []}
    states: dict[str, list[Any]] = {"theirs": [], "mine": []}
    their_score = sampler._score_fn

    def theirs(x: Any, t: torch.Tensor) -> Any:
        states["theirs"].append((x["pos"], x["cell"], x["atomic_numbers"]))
        if len(scores["theirs"]) == 2 * LEVELS:
            raise EnoughError
        found = their_score(x=x, t=t)
        scores["theirs"].append((found["pos"], found["cell"], found["atomic_numbers"]))
        return found

    monkeypatch.setattr(sampler, "_score_fn", theirs)
    torch.manual_seed(7)
    with pytest.raises(EnoughError):
        sampler.sample(conditions)

    mine, _ = load_model(settings_of(folder, factor, asked), "cpu")
    my_score = mine.score

    def ours(state: Any, t: torch.Tensor) -> Any:
        states["mine"].append((state.frac, state.cell, state.numbers))
        if len(scores["mine"]) == 2 * LEVELS:
            raise EnoughError
        found = my_score(state, t)
        scores["mine"].append((found.frac, found.cell, found.logits))
        return found

    monkeypatch.setattr(mine, "score", ours)
    torch.manual_seed(7)
    with pytest.raises(EnoughError):
        denoise(
            mine,
            mine.prior(conditions["num_atoms"].tolist()),
            mine.score,
            options=LoopOptions(),
            watch=Watch(STRUCTURES),
        )
    assert len(states["mine"]) == 2 * LEVELS + 1
    for found, expected in zip(
        states["mine"] + scores["mine"], states["theirs"] + scores["theirs"], strict=True
    ):
        for a, b in zip(found, expected, strict=True):
            assert torch.equal(a, b)


@pytest.mark.parametrize("name", PUBLISHED)
def test_configurations_are_those_of_the_published_files(name: str) -> None:
    section = configuration(name)["lightning_module"]
    digest = hashlib.sha256(json.dumps(section, sort_keys=True).encode()).hexdigest()
    assert digest[:16] == DIGESTS[name]


def test_the_elements_are_those_of_upstreams_generator() -> None:
    from mattergen.common.utils.globals import SELECTED_ATOMIC_NUMBERS

    known = ELEMENTS[: ELEMENTS.index(HEAVIEST) + 1]
    mine = [number for number, symbol in enumerate(known, 1) if symbol not in NEVER_DRAWN]
    assert mine == SELECTED_ATOMIC_NUMBERS


@pytest.mark.slow
@pytest.mark.parametrize("name", PUBLISHED)
def test_the_first_levels_are_those_of_upstreams_command(
    name: str, folders: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first_levels_agree(folders(name), 1.0, asked_of(name), tmp_path, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mattergen_base", "chemical_system_energy_above_hull"])
def test_the_first_levels_without_conditions_too(
    name: str, folders: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first_levels_agree(folders(name), 0.0, {}, tmp_path, monkeypatch)


CASES = [
    ("mattergen_base", 0.0),
    ("mattergen_base", 1.0),
    *(("chemical_system_energy_above_hull", factor) for factor in (0.0, 0.5, 1.0, 2.0)),
    ("space_group", 1.0),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "factor"), CASES)
def test_every_type_is_inside_the_system(name: str, factor: float, folders: Any) -> None:
    asked = asked_of(name)
    masked = factor == 0 or SYSTEM not in asked
    mine, _ = load_model(settings_of(folders(name), factor, asked, masked=masked), "cpu")
    torch.manual_seed(3)
    state = mine.prior([4, 7])
    likely = torch.softmax(mine.score(state, mine.times[0]).logits, dim=1)
    inside = [ELEMENTS.index(symbol) for symbol in ("Co", "Li", "O")]
    assert likely[:, inside].sum(dim=1).tolist() == pytest.approx([1.0] * 11, abs=1e-6)
    assert (likely[:, inside] > 0).all()


@pytest.mark.slow
def test_without_a_mask_types_are_those_that_upstream_allows(folders: Any) -> None:
    mine, _ = load_model(settings_of(folders("mattergen_base"), 0.0, {}), "cpu")
    torch.manual_seed(3)
    likely = torch.softmax(mine.score(mine.prior([4, 7]), mine.times[0]).logits, dim=1)
    assert likely[:, [ELEMENTS.index(symbol) for symbol in (*NEVER_DRAWN, "U")]].max() == 0
    assert (likely > 0).sum(dim=1).tolist() == [76] * 11


@pytest.mark.slow
def test_every_condition_is_off_in_the_unconditional_half(folders: Any) -> None:
    name = "chemical_system_energy_above_hull"
    checkpoint = load_checkpoint(folders(name), steps=10)
    asked = asked_of(name)
    torch.manual_seed(3)
    state = MatterGenDiffusion(checkpoint, properties=asked, guidance_factor=1.0).prior([4, 7])
    t = torch.tensor(0.8)

    def score(factor: float, **others: Any) -> Any:
        return MatterGenDiffusion(checkpoint, properties=asked | others, guidance_factor=factor).score(
            state, t
        )

    without, once, thrice = score(0.0), score(1.0), score(3.0)
    assert not torch.allclose(without.cell, once.cell, rtol=1e-2)
    assert torch.allclose(thrice.cell, torch.lerp(without.cell, once.cell, 3.0), rtol=1e-2, atol=1e-3)
    assert torch.equal(score(0.0, energy_above_hull=0.4).cell, without.cell)
    # a number keeps what is behind its point
    assert not torch.equal(score(1.0, energy_above_hull=0.4).cell, once.cell)
    assert not torch.equal(score(1.0, energy_above_hull=0.0).cell, once.cell)
