import pytest
import yaml

from lodestone.operations.arrays import arrays, together
from lodestone.operations.forecast import finished_after, shard_that_fits
from lodestone.operations.plan import plan, plan_text
from lodestone.operations.profile import ProfileError, read_profile
from lodestone.workflow.jobs import Needs
from lodestone.workflow.paths import CampaignPaths
from lodestone.workflow.stages import NEEDS

RULES = {name: Needs(1, {"mem_mb": 1000, "runtime": 60}) for name in NEEDS}
PROFILE = {
    "executor": "submitit",
    "jobs": 500,
    "default-resources": {"slurm_partition": "gpu", "runtime": 30},
    "set-resources": {"sample": {"gpus": 1, "runtime": 120}},
}


@pytest.fixture
def on(tmp_path):
    """A profile changed by overrides, beside the rules."""

    def on(**keys):
        content = PROFILE | {key.replace("_", "-"): value for key, value in keys.items()}
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(content))
        return read_profile(tmp_path, NEEDS), RULES

    return on


def found(campaign, on):
    return {(array.name, array.rules): array for array in arrays(campaign, *on)}


def of_rule(campaign, on):
    return {rule: array for array in arrays(campaign, *on) for rule in array.rules}


def test_a_rule_is_an_array_of_what_its_jobs_ask_for(campaign, on):
    every = of_rule(campaign(), on())
    absent = {"pilot", "term_reference_energy", "import_structures", "other_energy"}
    absent |= {"train_generator", "propose"}
    assert list(every) == [rule for rule in NEEDS if rule not in absent]
    sample = every["sample"]
    assert (sample.jobs, sample.calls, sample.waves, sample.at_once) == (24, 1, 1, 24)
    assert sample.asks == "gpu, 1 GPU, 1 CPU, 1000MB, 120 min"
    assert sample.parameters["gpus_per_node"] == 1
    # the rule's own time wins over the default, the profile's word for the rule over both
    assert every["relax"].asks == "gpu, 1 CPU, 1000MB, 60 min"
    assert (every["relax"].jobs, every["hull"].jobs) == (8, 1)


def test_threads_are_those_of_the_rule_or_of_the_profile(campaign, on):
    every = of_rule(campaign(), on(set_threads={"relax": 4}))
    assert (every["relax"].parameters["cpus_per_task"], every["energy"].parameters["cpus_per_task"]) == (4, 1)


def test_large_arrays_are_cut_and_bounded(campaign, on):
    many = campaign(sampling={"structures": 800, "shard": 8})  # 8 arms of 100 shards
    settings = {"submitit_array_limit": 100, "submitit_array_parallelism": 16}
    whole = of_rule(many, on(jobs=1000, **settings))["sample"]
    assert (whole.jobs, whole.calls, whole.waves, whole.at_once) == (800, 8, 1, 8 * 16)
    waves = of_rule(many, on(jobs=300, **settings))["sample"]
    assert (waves.calls, waves.waves, waves.at_once) == (3 + 3 + 2, 3, 3 * 16)
    assert of_rule(many, on(jobs="unlimited"))["sample"].at_once == 256


def test_rules_that_run_here_are_not_submitted(campaign, on):
    here = of_rule(campaign(), on(submitit_here=["screen"], submitit_here_parallel=3))["screen"]
    assert (here.here, here.calls, here.at_once, here.asks) == (True, 0, 3, "")
    local = of_rule(campaign(), on(submitit_cluster="local"))["sample"]
    assert (local.here, local.at_once) == (True, 24)


CURATE = {"symmetrize": "curate", "screen": "curate", "deduplicate": "curate"}


def test_a_group_adds_the_times_of_its_steps(campaign, on):
    groups = found(campaign(), on(groups=CURATE))
    curate = groups["curate", ("symmetrize", "screen", "deduplicate")]
    assert (curate.jobs, curate.minutes) == (8, 180)
    assert curate.parameters["slurm_mem"] == "1000MB"
    assert not any(name in CURATE for name, _ in groups)


def test_steps_of_a_group_that_run_side_by_side_add_their_memory(campaign, on):
    # deduplicate and energy both wait for screen only
    both = on(groups=CURATE | {"energy": "curate"}, set_resources={"energy": {"runtime": 100}})
    curate = found(campaign(), both)["curate", ("symmetrize", "screen", "deduplicate", "energy")]
    assert curate.minutes == 60 + 60 + 100
    assert (curate.parameters["slurm_mem"], curate.parameters["cpus_per_task"]) == ("2000MB", 2)


def test_jobs_of_a_group_that_are_not_connected_stay_apart(campaign, on):
    groups = found(campaign(), on(groups=CURATE | {"measure": "curate"}))
    assert groups["curate", ("measure",)].jobs == 8
    assert groups["curate", ("symmetrize", "screen", "deduplicate")].jobs == 8


def test_group_components_join_arms(campaign, on):
    joined = arrays(campaign(), *on(groups=CURATE, group_components={"curate": 3}))
    memory = [(array.jobs, array.parameters["slurm_mem"]) for array in joined if array.name == "curate"]
    assert memory == [(2, "3000MB"), (1, "2000MB")]  # 3 + 3 + 2 arms


def test_a_group_with_a_rule_of_the_whole_campaign_is_one_job(campaign, on):
    groups = found(campaign(), on(groups={"energy": "end", "hull": "end"}))
    assert groups["end", ("energy", "hull")].jobs == 1


def test_shards_of_an_arm_grouped_with_what_needs_them_are_one_job(campaign, on):
    together = found(campaign(), on(groups={"sample": "draw", "measure": "draw"}))
    draw = together["draw", ("sample", "measure")]
    assert (draw.jobs, draw.parameters["gpus_per_node"], draw.minutes) == (8, 3, 180)
    alone = found(campaign(), on(groups={"sample": "draw"}))
    assert alone["draw", ("sample",)].jobs == 24


def test_a_value_that_cannot_be_asked_for_is_refused(campaign, on):
    with pytest.raises(ProfileError, match=r"config.yaml: .*sample: gpus is 'two'"):
        arrays(campaign(), *on(set_resources={"sample": {"gpus": "two"}}))


def test_pilots_and_other_estimators_are_among_the_arrays(campaign, on):
    auto = campaign(("strengths: [0.1, 0.3]", "strengths: auto"))
    assert of_rule(auto, on())["pilot"].jobs == 2


def test_jobs_start_where_one_has_ended():
    assert finished_after([], 4) == 0
    assert finished_after([1, 1, 1], 4) == 1
    assert finished_after([3, 1, 1, 1], 2) == 3
    assert finished_after([1.0] * 5, 2) == 3


def test_the_shard_that_fits_leaves_a_tenth_and_whole_lineages():
    assert shard_that_fits(100, 2.0, 60) == 45
    assert shard_that_fits(100, 2.0, 60, lineage=4) == 44
    assert shard_that_fits(100, 200.0, 60, lineage=4) == 4


def on_cluster(campaign, on, tmp_path, **more):
    return plan(campaign, CampaignPaths(campaign="small", root=tmp_path), on=on, **more)


def test_the_hours_of_a_cluster_follow_from_how_many_run_at_a_time(campaign, on, tmp_path):
    small = campaign(sampling={"steps": 10, "structures": 24})  # 24 shards of 8, 160 passes each
    one = on_cluster(small, on(), tmp_path, seconds_per_pass=3600 / 160)
    assert one.cluster.hours == pytest.approx(1.0)
    assert one.hours == pytest.approx(24.0)
    few = on_cluster(small, on(submitit_array_parallelism=5), tmp_path, seconds_per_pass=3600 / 160)
    assert few.cluster.hours == pytest.approx(5.0)
    assert "sampling is done after  5.0 h" in plan_text(few)
    assert few.cluster.warnings == ()


def test_pilots_come_before_what_they_steer(campaign, on, tmp_path):
    auto = {"strengths": {"auto": {"candidates": [0.1, 0.3], "structures": 10}}, "particles": None}
    steered = campaign(("strengths: [0.1, 0.3]", "late: false"), sampling={"steps": 10}, guidance=auto)
    found = on_cluster(steered, on(), tmp_path, seconds_per_pass=1.0)
    shard = 8 * 20 / 3600
    assert found.cluster.hours == pytest.approx(found.pilots[0].hours + shard)


def test_a_shard_that_is_too_long_is_warned_of_with_the_one_that_fits(campaign, on, tmp_path):
    small = campaign(sampling={"steps": 10}, guidance={"particles": None})
    slow = on_cluster(small, on(), tmp_path, seconds_per_pass=3 * 3600 / 160)
    (warning,) = slow.cluster.warnings
    assert "a shard of 8 structures takes about 3.0 h, its time limit is 120 min" in warning
    assert "SLURM will requeue it once" in warning
    assert warning.endswith("sampling.shard: 4 fits")
    assert f"warning: {warning}" in plan_text(slow)
    assert on_cluster(small, on(), tmp_path, seconds_per_pass=1.9 * 3600 / 160).cluster.warnings == ()


def test_a_shard_that_never_fits_and_fails_in_the_end_is_told_so(campaign, on, tmp_path):
    small = campaign(sampling={"steps": 10})
    (warning,) = on_cluster(small, on(), tmp_path, seconds_per_pass=3600.0).cluster.warnings
    assert "requeue it about 81 times" in warning
    assert "no shard fits" in warning
    assert "fails after 20 returns" in warning


def test_jobs_below_what_an_array_could_hold_are_warned_of(campaign, on, tmp_path):
    found = on_cluster(campaign(), on(jobs=10), tmp_path)
    (warning,) = found.cluster.warnings
    assert "jobs: 10 is less than the 24 jobs of sample: they go in 3 waves" in warning
    assert " 3 or more " in plan_text(found)


def test_a_gpu_is_unknown_until_it_was_measured(campaign, on, tmp_path):
    found = on_cluster(campaign(), on(), tmp_path)
    assert (found.hours, found.cluster.hours, found.device) == (None, None, "gpu")
    text = plan_text(found)
    assert "unknown for the embedded model on GPUs: no measurement; the first finished shard" in text
    assert "--seconds-per-pass X" in text
    assert "sampling is done after  unknown" in text
    cpu = on_cluster(campaign(), on(set_resources={}), tmp_path)
    assert cpu.device == "cpu"
    assert cpu.cluster.hours > 0


def test_jobs_of_a_group_that_ask_for_different_texts_are_refused(campaign, on):
    two = {"screen": {"slurm_partition": "cpu"}}
    with pytest.raises(
        ProfileError, match=r"config.yaml: .*curate: Resource slurm_partition is a string but"
    ):
        arrays(campaign(), *on(groups=CURATE, set_resources=two))


def test_the_steps_of_a_group_are_added_up():
    first = [({"mem_mb": 10, "runtime": 5, "_cores": 1, "slurm_partition": "a"}, 1)]
    second = [
        ({"mem_mb": 4, "runtime": 7, "_cores": 2, "gpus": 1, "slurm_partition": "a"}, 3),
        ({"mem_mb": 9, "runtime": 3, "_cores": 1, "slurm_partition": "a"}, 1),
    ]
    found = together([first, second])
    asked = {"mem_mb": 21, "runtime": 12, "_cores": 7, "gpus": 3, "slurm_partition": "a"}
    assert {name: found[name] for name in asked} == asked
