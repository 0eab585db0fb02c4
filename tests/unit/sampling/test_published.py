"""The published checkpoints: their files are known, and what is drawn from them is what MatterGen draws."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tools.rehearsal.checkpoints import write_checkpoint
from tools.rehearsal.upstream import (
    LEVELS,
    PASSES,
    STRUCTURES,
    Drawn,
    EnoughError,
    asked_of,
    first_levels,
    settings_of,
)

from lodestone.sampling.job import load_model
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


def assert_first_levels_agree(folder: Path, factor: float, asked: dict[str, Any], scratch: Path) -> None:
    theirs, mine, atoms = first_levels(folder, factor, asked, scratch)
    assert len(atoms) == STRUCTURES
    assert mine.equals(theirs)


def test_a_single_number_that_differs_is_told() -> None:
    def drawn(last: float) -> Drawn:
        found = Drawn()
        for _ in range(PASSES * LEVELS):
            found.met(torch.zeros(2))
            found.scores.append((torch.ones(2),))
        with pytest.raises(EnoughError):
            found.met(torch.tensor([0.0, last]))
        return found

    assert drawn(0.5).equals(drawn(0.5))
    assert not drawn(0.5).equals(drawn(0.5 + 1e-7))
    assert not Drawn().equals(Drawn())


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
def test_the_first_levels_are_those_of_upstreams_command(name: str, folders: Any, tmp_path: Path) -> None:
    assert_first_levels_agree(folders(name), 1.0, asked_of(name), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", PUBLISHED)
def test_the_first_levels_without_conditions_too(name: str, folders: Any, tmp_path: Path) -> None:
    assert_first_levels_agree(folders(name), 0.0, {}, tmp_path)


CASES = [
    *((name, factor) for name in PUBLISHED for factor in (0.0, 1.0)),
    *(("chemical_system_energy_above_hull", factor) for factor in (0.5, 2.0)),
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
