"""Conditions of the model in a campaign: validated with it, in the samples' settings, and per arm."""

from __future__ import annotations

from typing import Any

import pytest

from lodestone.config.arms import arms, shards
from lodestone.config.campaign import Campaign
from lodestone.workflow.cost import passes_per_structure
from lodestone.workflow.sampling_settings import sample

BOTH = "chemical_system_energy_above_hull"


def campaign(**more: Any) -> Campaign:
    document = {
        "campaign": "c",
        "chemical_system": "Li-Co-O",
        "constraints": {
            "v": {"terms": [{"kind": "volume_per_atom", "target": 9.0}], "satisfied_within": 0.5}
        },
        "energy": {"estimator": {"kind": "ase", "calculator": "ase.calculators.lj:LennardJones"}},
        **more,
    }
    return Campaign.model_validate(document)


def settings(asked: Campaign, name: str) -> dict[str, Any]:
    arm = next(arm for arm in arms(asked) if arm.name == name)
    return sample(asked, arm, shards(asked, arm)[0])


def test_samples_of_the_embedded_checkpoint_are_what_they_were() -> None:
    found = settings(campaign(), "unguided")
    assert found["model"] == {"checkpoint": "embedded", "guidance_factor": 1.0}
    assert not {"masked", "mask_added"} & set(found)


def test_conditions_are_in_the_settings_of_a_sample() -> None:
    found = settings(
        campaign(model={"checkpoint": BOTH, "conditions": {"energy_above_hull": 0.05}}), "unguided"
    )
    assert found["model"]["conditions"] == {"energy_above_hull": 0.05}
    assert found["mask_added"]
    assert "masked" not in found


@pytest.mark.parametrize(
    ("model", "masked"),
    [
        ({"checkpoint": "mattergen_base"}, True),
        ({"checkpoint": "mattergen_base", "elements": "any"}, False),
        ({"checkpoint": BOTH, "guidance_factor": 0.0}, True),
        ({"checkpoint": "embedded", "guidance_factor": 0.0}, True),
        ({"checkpoint": "embedded", "guidance_factor": 2.0}, False),
    ],
)
def test_a_mask_stands_where_no_condition_does(model: dict[str, Any], masked: bool) -> None:
    assert settings(campaign(model=model), "unguided").get("masked", False) == masked


def test_what_the_checkpoint_does_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match="not trained on 'hhi_score'"):
        campaign(model={"checkpoint": BOTH, "conditions": {"hhi_score": 1.0}})


@pytest.mark.parametrize("system", ["U-O", "Li-Xe", "Tc-O"])
def test_elements_that_mattergen_never_draws_are_refused(system: str) -> None:
    with pytest.raises(ValueError, match="never drawn by MatterGen"):
        campaign(chemical_system=system, model={"checkpoint": "chemical_system"})


def test_arms_may_differ_in_conditions() -> None:
    near = {"kind": "mattergen", "conditions": {"energy_above_hull": 0.0}, "guidance_factor": 2.0}
    asked = campaign(
        model={"checkpoint": BOTH, "conditions": {"energy_above_hull": 0.2}},
        arms=[
            {"name": "near", "sampler": near},
            {"name": "free", "sampler": near | {"conditions": {}, "guidance_factor": 0.0}},
        ],
    )
    found = settings(asked, "near")
    assert found["sampler"] == near
    assert settings(asked, "free")["masked"]
    assert "masked" not in found
    by_name = {arm.name: passes_per_structure(asked, arm, 100) for arm in arms(asked)}
    assert by_name["near"] == 2 * by_name["unguided"] == 2 * by_name["free"]


def test_an_arm_with_conditions_that_the_checkpoint_does_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match="not trained on 'space_group'"):
        campaign(
            arms=[{"name": "cubic", "sampler": {"kind": "mattergen", "conditions": {"space_group": 225}}}]
        )
