import json

import pytest

from lodestone.config import arms
from lodestone.operations.plan import disk, plan, plan_text
from lodestone.sampling.passes import times
from lodestone.sampling.timing import Timing, path_of, path_of_pilot, read_arm, read_rate, write
from lodestone.schema.errors import ConfigError
from lodestone.text import duration
from lodestone.workflow.cost import denoising_steps, evaluations_per_pass, passes_per_structure
from lodestone.workflow.paths import CampaignPaths


def passes(campaign, name, steps=100):
    (arm,) = [arm for arm in arms(campaign) if arm.name == name]
    return passes_per_structure(campaign, arm, steps)


def test_plain_and_backward_guided_sampling_take_two_passes_per_step(campaign):
    for arm in arms(campaign()):
        assert passes(campaign(), arm.name) == 200


def test_recurrence_costs_a_pass_per_repeat_below_its_start(campaign):
    twice = campaign(guidance={"recurrence": 2, "start": 0.7})
    assert passes(twice, "unguided") == 200
    assert passes(twice, "control") == passes(twice, "co_o_4-s0.1") == 200 + 69
    assert passes(twice, "co_o_4-late") == 200 + 4
    assert passes(campaign(guidance={"recurrence": 3, "start": 1.0}), "control") == 200 + 2 * 99


def test_the_corrector_inside_the_recurrence_is_repeated_too(campaign):
    inside = campaign(guidance={"recurrence": 2, "algorithm": 1, "start": 0.7})
    # the sample itself is the mean of the last step, which nothing corrects
    assert passes(inside, "control") == 200 + 2 * 69 - 2


def test_forward_guidance_costs_half_a_pass_where_it_acts(campaign):
    forward = campaign(guidance={"forward": 0.2, "start": 1.0, "stop": 0.5, "late": False})
    assert passes(forward, "co_o_4-s0.1") == 200 + 0.5 * 50
    assert passes(forward, "control") == 200
    sparse = campaign(guidance={"forward": 0.2, "start": 1.0, "period": 2})
    assert passes(sparse, "co_o_4-s0.1") == 200 + 0.5 * 49


def test_particles_use_the_pass_of_the_corrector(campaign):
    particles = {"times": [0.5, 0.2], "count": 5}
    steered = campaign(guidance={"particles": particles})
    assert passes(steered, "co_o_4-s0.1") == passes(steered, "co_o_4-late") == 200
    inside = campaign(guidance={"particles": particles, "algorithm": 1})
    assert passes(inside, "co_o_4-s0.1") == 199 + 2
    alone = campaign(guidance={"particles": particles | {"return": "one_per_lineage"}})
    assert passes(alone, "co_o_4-s0.1") == 5 * 200
    assert passes(alone, "co_o_4-late") == 200


def test_times_run_from_one_to_one_step():
    import numpy as np

    assert np.allclose(times(40), np.linspace(1, 1 / 40, 40))


def test_both_halves_are_evaluated_where_they_are_mixed(campaign):
    factors = {0: 1, 1.0: 1, 2.0: 2, 0.5: 2}
    for factor, halves in factors.items():
        assert evaluations_per_pass(campaign(model={"guidance_factor": factor})) == halves


CONFIG = """\
lightning_module:
  optimizer_partial: {lr: "${oc.env:LR}"}
  diffusion_module:
    corruption:
      discrete_corruptions:
        atomic_numbers: {d3pm: {schedule: {kind: standard, num_steps: 321}}}
    model: {property_embeddings: {}}
"""


def test_steps_come_from_the_campaign_or_from_the_checkpoint(campaign, tmp_path):
    assert denoising_steps(campaign(sampling={"steps": 50})) == 50
    assert denoising_steps(campaign(model={"checkpoint": "chemical_system"})) == 1000
    folder = tmp_path / "weights"
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "checkpoints" / "last.ckpt").touch()
    (folder / "config.yaml").write_text(CONFIG)
    own = campaign(model={"checkpoint": str(folder)})
    assert denoising_steps(own) == 321
    broken = tmp_path / "broken"
    folder.rename(broken)
    (broken / "config.yaml").write_text("lightning_module: [1]")
    with pytest.raises(ConfigError, match=r"model\.checkpoint: cannot be used"):
        campaign(model={"checkpoint": str(broken)})


def test_a_plan_adds_up(campaign, tmp_path):
    small = campaign(sampling={"steps": 10})
    found = plan(small, CampaignPaths(campaign="small", root=tmp_path))
    assert [cost.arm for cost in found.arms] == [arm.name for arm in arms(small)]
    assert found.structures == 8 * 20 == sum(cost.structures for cost in found.arms)
    assert found.passes == 160 * 20
    assert found.jobs["sample"] == 8 * 3
    assert found.jobs["relax"] == 8
    assert found.jobs["hull"] == 1
    assert found.disk_bytes == disk(160, 10) > 8_000_000
    assert json.loads(json.dumps(found.as_dict()))["jobs_total"] == 24 + 7 * 8 + 7


def test_the_passes_of_pilots_are_counted(campaign, tmp_path):
    auto = {
        "strengths": {"auto": {"candidates": [0.1, 0.3, 1], "structures": 10}},
        "recurrence": 2,
        "start": 0.7,
    }
    steered = auto | {"particles": {"count": 4}}
    strengths = ("strengths: [0.1, 0.3]", "late: true")
    small = campaign(strengths, sampling={"steps": 10}, guidance=steered)
    found = plan(small, CampaignPaths(campaign="small", root=tmp_path))
    # 3 lineages in the first round of 3 candidates, as many again in the second of 2
    each = control = 20 + 6
    assert [(p.constraint, p.rounds, p.structures) for p in found.pilots] == [
        ("co_o_4", 2, 12 * (3 + 2) + 24),
        ("volume_15", 2, 12 * (3 + 2) + 24),
    ]
    assert found.pilots[0].passes == 60 * each + 24 * control
    assert found.passes == sum(cost.passes for cost in found.arms) + 2 * found.pilots[0].passes
    assert found.jobs["pilot"] == 2
    assert "pilot of co_o_4" in plan_text(found)
    assert "up to 84 " in plan_text(found)
    assert json.loads(json.dumps(found.as_dict()))["pilots"][0]["constraint"] == "co_o_4"


def test_a_pilot_s_timing_lies_where_the_plan_looks_for_it(tmp_path):
    paths = CampaignPaths(campaign="small", root=tmp_path)
    write(path_of_pilot(paths.pilot("co_o_4")), Timing("cpu", 4, 80.0, 40.0))
    assert read_rate(paths.directory / "timing").seconds_per_pass == 0.5


def test_the_timings_of_an_arm_are_those_of_its_main_device(tmp_path):
    for i, timing in enumerate(
        (Timing("cpu", 4, 80.0, 40.0), Timing("cuda", 8, 160.0, 1.0), Timing("cuda", 8, 160.0, 2.0))
    ):
        write(tmp_path / f"{i:04d}.json", timing)
    assert read_arm(tmp_path) == Timing("cuda", 16, 320.0, 3.0)
    assert read_arm(tmp_path / "none") is None


def test_hours_come_from_the_shards_of_the_campaign_once_they_are_timed(campaign, tmp_path):
    small = campaign(sampling={"steps": 10})
    paths = CampaignPaths(campaign="small", root=tmp_path)
    assert "stored" in plan_text(plan(small, paths))
    write(paths.timing("unguided", 0), Timing("cpu", structures=8, passes=160, seconds=80.0))
    write(paths.timing("unguided", 1), Timing("cpu", structures=8, passes=160, seconds=240.0))
    write(paths.timing("control", 0), Timing("NVIDIA X1", structures=1, passes=20, seconds=0.1))
    found = plan(small, paths)
    assert found.device == "cpu"
    assert found.hours == pytest.approx(160 * 20 * 1.0 / 3600)
    text = plan_text(found)
    assert "CPU-hours of sampling   0.89 on cpu" in text
    assert "1 (16 structures of this campaign)" in text
    other = plan(small, paths, device="x1")
    assert other.hours == pytest.approx(160 * 20 * 0.005 / 3600)
    assert "GPU-hours of sampling   0.00 on NVIDIA X1" in plan_text(other)


def test_reference_energies_by_other_estimators_of_terms_are_counted(campaign, tmp_path):
    by_other = {
        "stable": {
            "terms": [{"kind": "energy_above_hull", "target": 0, "estimator": {"kind": "chgnet"}}],
            "satisfied_within": 0.1,
        },
        "stable_too": {
            "terms": [{"kind": "energy_above_hull", "target": 0}],
            "satisfied_within": 0.1,
        },
    }
    paths = CampaignPaths(campaign="small", root=tmp_path)
    assert "term_reference_energy" not in plan(campaign(), paths).jobs
    assert plan(campaign(constraints=by_other), paths).jobs["term_reference_energy"] == 1


def test_the_time_that_snakemake_plans_is_told_where_it_is_long(campaign, tmp_path):
    paths = CampaignPaths(campaign="small", root=tmp_path)
    assert "snakemake plans" not in plan_text(plan(campaign(), paths))
    many = plan(campaign(sampling={"structures": 12_000, "shard": 8}), paths)
    assert many.jobs["sample"] == 8 * 1500
    assert many.planning_seconds == pytest.approx(24.12, abs=0.01)
    assert "about 24 s at each start; larger shards (sampling.shard)" in plan_text(many)


def test_many_arms_are_told_by_kind(campaign, tmp_path):
    strengths = [round(0.01 * i, 2) for i in range(1, 31)]
    found = plan(campaign(guidance={"strengths": strengths}), CampaignPaths(campaign="small", root=tmp_path))
    assert len(found.arms) == 64
    rows = plan_text(found).splitlines()[2:8]
    assert [row.split("  ")[0] for row in rows] == [
        "arm",
        "unguided",
        "control",
        "guided (60 arms)",
        "late (2 arms)",
        "all",
    ]
    assert rows[3].split()[3:5] == ["180", "1,200"]


def test_a_timing_lies_where_the_plan_looks_for_it():
    paths = CampaignPaths(campaign="small")
    assert path_of(paths.samples("unguided", 3)) == paths.timing("unguided", 3)


def test_what_is_no_timing_is_passed_over(tmp_path):
    (tmp_path / "arm").mkdir()
    for name, text in (("a", "{"), ("b", "[]"), ("c", '{"device": "cpu"}')):
        (tmp_path / "arm" / f"{name}.json").write_text(text)
    write(tmp_path / "arm" / "d.json", Timing("cpu", 0, 0.0, 0.0))
    assert read_rate(tmp_path) is None


def test_unknown_numbers_are_called_so(campaign, tmp_path, monkeypatch):
    monkeypatch.setattr("lodestone.workflow.cost._trained_steps", lambda _: None)
    found = plan(campaign(), CampaignPaths(campaign="small", root=tmp_path))
    assert found.passes is found.steps is None
    text = plan_text(found)
    assert "unknown (no readable checkpoint)" in text
    assert text.splitlines()[3].split() == ["unguided", "3", "20", "unknown", "unknown"]


def test_durations_are_readable():
    assert [duration(s) for s in (5, 89.6, 600, 5399, 7200)] == ["5 s", "90 s", "10 min", "90 min", "2.0 h"]
