"""What the rules ask for every job: the same as asked by itself, and cheap to ask a thousand times."""

from types import SimpleNamespace

import pytest

from lodestone.config import ConfigError
from lodestone.workflow import wiring as wirings
from lodestone.workflow.stages import STAGES
from lodestone.workflow.wiring import stage_settings, wire

CAMPAIGN = """\
campaign: many
chemical_system: Li-Co-O
sampling: {structures: 4, shard: 4}
constraints:
  a: {terms: [{kind: volume_per_atom, target: 14.0}], satisfied_within: 1.0}
  b: {terms: [{kind: energy_above_hull, target: {lower: 0.1}}], satisfied_within: 0.1}
guidance: {strengths: [0.1, 0.2, 0.3], particles: null}
"""


@pytest.fixture
def wiring(tmp_path):
    (tmp_path / "many.yaml").write_text(CAMPAIGN)
    return wire([tmp_path / "many.yaml"])


def test_params_of_every_job_are_those_of_its_stage_and_arm(wiring):
    assert len(wiring.arms) == 10
    for arm in wiring.arms:
        for stage in [one.name for one in STAGES if not one.lacking]:
            found = wiring.settings(stage)(SimpleNamespace(arm=arm))
            assert found == stage_settings(wiring.campaign, stage, arm=arm, shard=None)
        found = wiring.settings("sample")(SimpleNamespace(arm=arm, shard="0000"))
        assert found == stage_settings(wiring.campaign, "sample", arm=arm, shard=0)
        assert found["arm"]["name"] == arm


def test_another_estimator_is_no_arm_s_settings(wiring):
    plain = wiring.settings("reference_energy")(SimpleNamespace())
    with pytest.raises(ValueError, match="no estimator 'none-such'"):
        wiring.settings("reference_energy")(SimpleNamespace(estimator="none-such"))
    assert wiring.settings("reference_energy")(SimpleNamespace()) == plain


def test_an_unknown_arm_is_told_also_after_known_ones(wiring):
    measure = wiring.settings("measure")
    measure(SimpleNamespace(arm="control"))
    with pytest.raises(ConfigError, match="no arm 'nobody'"):
        measure(SimpleNamespace(arm="nobody"))


def test_the_arms_are_listed_once_and_not_for_every_job(wiring, monkeypatch):
    calls, real = [], wirings.arms
    monkeypatch.setattr(wirings, "arms", lambda campaign: calls.append(1) or real(campaign))
    for stage in ("sample", "measure", "relax", "screen"):
        for arm in wiring.arms:
            wiring.settings(stage)(SimpleNamespace(arm=arm, shard="0000"))
    assert len(calls) == 1
