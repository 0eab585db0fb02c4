"""The section `energy` of a campaign: which potential judges by default, and several of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lodestone.config import Campaign, ConfigError, load_campaign
from lodestone.workflow.potentials import key, others
from lodestone.workflow.settings import resolved
from lodestone.workflow.stages import jobs, settings
from lodestone.workflow.wiring import Wiring

TEXT = """\
campaign: c
chemical_system: Li-Co-O
model: {checkpoint: embedded}
constraints:
  hull: {terms: [{kind: energy_above_hull, target: {lower: 0.1}}], satisfied_within: 0.1}
  volume: {terms: [{kind: volume_per_atom, target: 15}], satisfied_within: 0.5}
"""
PUBLISHED = "GRACE-2L-OMAT-large-ft-AM"


@pytest.fixture
def load(tmp_path: Path):
    def loaded(more: str = "", **overrides: Any) -> Campaign:
        path = tmp_path / "c.yaml"
        path.write_text(TEXT + more)
        return load_campaign(path, overrides)

    return loaded


@pytest.mark.parametrize("energy", ["", "energy: {batch_size: 8}\n", "energy: {estimator: {kind: grace}}\n"])
def test_the_default_model_follows_the_checkpoint_and_is_seen(load, energy: str) -> None:
    trying, real = load(energy), load(energy, model={"checkpoint": "chemical_system"})
    assert resolved(trying)["energy"]["estimator"] == {"kind": "grace", "model": "embedded"}
    assert resolved(real)["energy"]["estimator"] == {"kind": "grace", "model": PUBLISHED}
    assert settings("energy", real)["energy"]["estimator"]["model"] == PUBLISHED


def test_a_model_that_is_named_wins(load) -> None:
    named = "energy: {estimator: {kind: grace, model: %s}}\n"
    assert load(named % PUBLISHED).energy.estimator.model == PUBLISHED
    real = load(named % "embedded", model={"checkpoint": "chemical_system"})
    assert real.energy.estimator.model == "embedded"
    assert load("energy: {estimator: {kind: chgnet}}\n").energy.estimator.kind == "chgnet"


def test_so_do_the_models_of_several(load) -> None:
    several = "energy: {estimators: [{kind: chgnet}, {kind: grace}]}\n"
    for checkpoint, model in (("embedded", "embedded"), ("chemical_system", PUBLISHED)):
        found = load(several, model={"checkpoint": checkpoint})
        assert [e.kind for e in found.energy.estimators] == ["chgnet", "grace"]
        assert found.energy.estimators[1].model == model
        assert found.energy.estimator.kind == "chgnet"


def test_a_term_s_grace_follows_too(tmp_path: Path) -> None:
    text = TEXT.replace("target: {lower: 0.1}}", "target: {lower: 0.1}, estimator: {kind: grace}}")
    (tmp_path / "t.yaml").write_text(text)
    assert load_campaign(tmp_path / "t.yaml").constraints["hull"].terms[0].estimator.model == "embedded"
    real = load_campaign(tmp_path / "t.yaml", {"model": {"checkpoint": "chemical_system"}})
    assert real.constraints["hull"].terms[0].estimator.model == PUBLISHED


@pytest.mark.parametrize(
    ("energy", "where", "says"),
    [
        (
            "{estimator: {kind: chgnet}, estimators: [{kind: grace}, {kind: chgnet}]}",
            "energy.estimators",
            "stands beside energy.estimator",
        ),
        ("{estimators: [{kind: chgnet}, {kind: chgnet}]}", "energy.estimators.1", "chgnet is there twice"),
        ("{estimators: [{kind: mace}]}", "energy.estimators.0.kind", "'mace' is not known"),
        ("{estimators: {kind: grace}}", "energy.estimators", ""),
        (
            "{estimators: [{kind: grace, model: GRACE-9L}]}",
            "energy.estimators.0.model",
            "is no published name",
        ),
    ],
)
def test_faults_name_file_line_and_key(load, energy: str, where: str, says: str) -> None:
    with pytest.raises(ConfigError) as error:
        load(f"energy: {energy}\n")
    (line,) = str(error.value).splitlines()
    assert "c.yaml:7" in line
    assert where in line.replace("[", ".").replace("]", "")
    assert says in line
    assert "allowed" in line


def test_the_embedded_potential_among_several_must_know_the_elements(load) -> None:
    with pytest.raises(ConfigError, match=r"embedded model of energy\.estimators"):
        load(
            "energy: {estimators: [{kind: chgnet}, {kind: grace, model: embedded}]}\n",
            model={"checkpoint": "chemical_system"},
            chemical_system="Cu-Au",
        )


def test_one_estimator_in_a_list_is_the_judge_alone(load) -> None:
    one, listed = load(), load("energy: {estimators: [{kind: grace}]}\n")
    for stage in ("energy", "reference_energy", "relax", "hull", "measure", "analyse"):
        assert settings(stage, one) == settings(stage, listed), stage
    assert [job for job in jobs(listed) if job.rule == "other_energy"] == []
    assert Wiring(listed).several.agreement == {}
    assert "others" not in settings("hull", one)
    assert "optional" not in settings("energy", one)


def test_every_arm_has_a_job_by_every_estimator(load) -> None:
    found = load("energy: {estimators: [{kind: grace}, {kind: chgnet}, {kind: ase, calculator: emt}]}\n")
    wiring = Wiring(found)
    names = [key(estimator) for estimator in others(found)]
    assert [name.partition("-")[0] for name in names] == ["chgnet", "ase"]
    arms = list(wiring.arms)
    wanted = {(arm, name) for arm in arms for name in names}
    assert {(job.arm, job.estimator) for job in jobs(found) if job.rule == "other_energy"} == wanted
    assert [job.estimator for job in jobs(found) if job.rule == "term_reference_energy"] == names
    assert len(wiring.several.energies) == len(arms) * 2
    assert settings("hull", found)["others"] == names
    made = {path.name for path in wiring.several.makers}
    assert made == {"energy.json", "reference_energies.json", *(f"{name}.json" for name in names)}
    part = settings("energy", found, estimator=names[0])
    assert part["energy"]["estimator"]["kind"] == "chgnet"
    assert part["optional"] is True
    assert part["assets"] == {}
    assert json.loads(json.dumps(part)) == part
    assert settings("energy", found)["energy"]["estimator"] == {"kind": "grace", "model": "embedded"}


def test_an_estimator_that_a_term_needs_is_not_optional(tmp_path: Path) -> None:
    text = TEXT.replace("target: {lower: 0.1}}", "target: {lower: 0.1}, estimator: {kind: chgnet}}")
    (tmp_path / "t.yaml").write_text(f"{text}energy: {{estimators: [{{kind: grace}}, {{kind: chgnet}}]}}\n")
    found = load_campaign(tmp_path / "t.yaml")
    assert "optional" not in settings("energy", found, estimator=key(others(found)[0]))
    assert [job.rule for job in jobs(found)].count("term_reference_energy") == 1
