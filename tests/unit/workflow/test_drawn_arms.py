"""Arms that another sampler draws: from the file to the jobs and what these depend on."""

import re

import ase.build
import ase.io
import pytest

from lodestone.config import ConfigError, load_campaign
from lodestone.config.arms import arms, shards
from lodestone.operations.plan import plan
from lodestone.sampling.samplers.base import Job
from lodestone.sampling.samplers.registry import drawer, sampler_models
from lodestone.structures.formulas import asked, counts_of
from lodestone.workflow.paths import CampaignPaths
from lodestone.workflow.sampling_settings import learns, proposed
from lodestone.workflow.settings import passes_per_arm
from lodestone.workflow.stages import jobs, place, settings

FILE = """\
campaign: drawn
chemical_system: Li-Co-O
model: {{checkpoint: embedded}}
sampling: {{structures: 20, shard: 20, steps: 10{known}}}
constraints:
  volume_15:
    terms: [{{kind: volume_per_atom, target: 15}}]
    satisfied_within: 0.5
references: [embedded]
arms: {arms}
"""
KNOWN = ", composition: {Li: 1, Co: 1, O: 2}, formula_units: [1, 2]"
ALL = (
    "[{name: search, sampler: gss}, {name: random, sampler: {kind: rss}}, {name: strict, sampler: symmetric}"
    ", {name: led, sampler: {kind: symmetric, generator: learned}, constraint: volume_15, strength: 0.2}]"
)


@pytest.fixture
def campaign(tmp_path):
    def made(text=ALL, known=KNOWN):
        path = tmp_path / "drawn.yaml"
        path.write_text(FILE.format(arms=text, known=known))
        return load_campaign(path)

    return made


def arm(campaign, name):
    return next(one for one in arms(campaign) if one.name == name)


def sample(campaign, name):
    one = arm(campaign, name)
    return settings("sample", campaign, arm=one, shard=shards(campaign, one)[0])


def test_every_sampler_of_the_configuration_can_be_made_and_no_other():
    assert {"gss", "mattergen", "rss", "symmetric"} <= set(sampler_models())
    with pytest.raises(ValueError, match=r"no sampler 'magic'; there are: .*gss"):
        drawer(Job({"sampler": {"kind": "magic"}}, "cpu"))


def test_a_name_alone_is_the_sampler_with_its_defaults(campaign):
    short, long = campaign("[{name: a, sampler: gss}]"), campaign("[{name: a, sampler: {kind: gss}}]")
    assert sample(short, "a") == sample(long, "a")
    assert sample(short, "a")["sampler"] == sampler_models()["gss"]().model_dump(mode="json")


def test_they_follow_the_guided_arms(campaign):
    found = arms(campaign())
    drawn = [(one.name, one.kind, one.sampler) for one in found if one.sampler]
    assert drawn == [
        ("search", "drawn", "gss"),
        ("random", "drawn", "rss"),
        ("strict", "drawn", "symmetric"),
        ("led", "drawn", "symmetric"),
    ]
    assert [one.name for one in found[-4:]] == [name for name, _, _ in drawn]
    assert not any(one.imported for one in found)


def test_a_search_depends_on_the_forces_and_a_strict_arm_on_none(campaign):
    one = campaign()
    for name in ("search", "random"):
        assert sample(one, name)["search"]["energy"]["estimator"] == {"kind": "grace", "model": "embedded"}
        assert sample(one, name)["guidance"] is None
    assert "search" not in sample(one, "strict")
    assert "sampler" not in sample(one, "unguided")


def test_guidance_acts_in_full_inside_a_strict_arm_with_a_constraint(campaign):
    one = campaign()
    led, guided = sample(one, "led"), sample(one, "volume_15-s0.1")
    assert led["guidance"] == guided["guidance"] | {"backward": 0.2}
    assert (led["particles"], led["constraint"]) == (guided["particles"], guided["constraint"])
    assert sample(one, "strict")["particles"] is None
    assert [part.structures for part in shards(one, arm(one, "led"))] == [16, 4]  # whole lineages of eight


def test_proposals_are_made_before_the_arms_that_ask_for_them(campaign):
    one = campaign()
    assert [found.name for found in proposed(one)] == ["strict", "led"]
    assert [found.name for found in proposed(one) if learns(one, found)] == ["led"]
    extra = [(job.rule, job.arm) for job in jobs(one) if job.rule in {"propose", "train_generator"}]
    assert extra == [("train_generator", "led"), ("propose", "strict"), ("propose", "led")]
    found = settings("propose", one, arm=arm(one, "strict"))
    assert found["compositions"] == [{"Li": 1, "Co": 1, "O": 2}, {"Li": 2, "Co": 2, "O": 4}]
    with pytest.raises(ValueError, match="propose need an arm whose sampler"):
        settings("propose", one, arm=arm(one, "unguided"))


def test_their_files_tell_their_jobs():
    paths = CampaignPaths(campaign="drawn")
    for path, stage in ((paths.proposals("led"), "propose"), (paths.generator("led"), "train_generator")):
        assert place(path.relative_to(paths.directory).as_posix()).stage == stage


def test_a_random_search_costs_no_pass_and_the_plan_says_what_it_leaves_out(campaign):
    one = campaign()
    assert passes_per_arm(one)["random"] == 0
    assert passes_per_arm(one)["search"] == passes_per_arm(one)["unguided"] == 20
    assert plan(one, CampaignPaths(campaign="drawn")).searches == ("search", "random")


@pytest.mark.parametrize(
    ("text", "known", "key", "wrong"),
    [
        ("[{name: a, sampler: gsx}]", "", "arms[0].sampler", "did you mean 'gss'"),
        ("[{name: a, sampler: {kind: gsx}}]", "", "arms[0].sampler.kind", "did you mean 'gss'"),
        ("[{name: a, sampler: {kind: gss, stength: 1}}]", "", "arms[0].sampler.stength", "strength"),
        ("[{name: a, sampler: gss, role: guided}]", "", "arms[0].role", "beside a sampler"),
        (
            "[{name: a, sampler: gss, constraint: volume_15}]",
            "",
            "arms[0].constraint",
            "follows no constraint",
        ),
        ("[{name: a, sampler: symmetric, strength: 0.1}]", KNOWN, "arms[0].strength", "without a constraint"),
        ("[{name: a, sampler: gss, structures: x.cif}]", "", "arms[0].sampler", "beside structures"),
        ("[{name: a, sampler: symmetric}]", "", "arms[0].sampler.compositions", "no formula"),
        (
            "[{name: a, sampler: {kind: symmetric, compositions: [LiCoO2, LiO2]}}]",
            "",
            "arms[0].sampler.compositions[1]",
            "LiO2 is not of Co, Li, O",
        ),
        ("[{name: pilot, sampler: gss}]", "", "arms[0].name", "taken by a folder"),
    ],
)
def test_faults_are_named(campaign, text, known, key, wrong):
    with pytest.raises(ConfigError, match=wrong) as error:
        campaign(text, known)
    assert f": {key}: " in str(error.value)


@pytest.mark.parametrize(
    ("sampler", "fix", "wrong"),
    [
        ("gss", "{fix: [cell]", "moves what sampling.template.fix holds: cell"),
        ("rss", "{fix: [types], atoms: [0]", "needs the types of all atoms"),
        ("symmetric", "{fix: [types]", "knows no sampling.template"),
    ],
)
def test_a_template_that_a_sampler_cannot_keep_is_refused(campaign, tmp_path, sampler, fix, wrong):
    crystal = tmp_path / "crystal.cif"
    ase.io.write(crystal, ase.build.bulk("LiO", "rocksalt", a=4.2))
    known = f", template: {fix}, file: {crystal}}}"
    with pytest.raises(ConfigError, match=re.escape(wrong)):
        campaign(f"[{{name: a, sampler: {sampler}}}]", known)


@pytest.mark.parametrize("formula", ["", "licoo2", "LiCoO2O", "Li0CoO2", "Li-Co", "2LiCo"])
def test_what_is_no_formula(formula):
    with pytest.raises(ValueError, match="no formula"):
        counts_of(formula)


def test_own_formulas_win_over_the_composition_of_the_campaign(campaign):
    sampling = campaign().sampling
    assert asked(["Li3CoO4"], sampling.composition, sampling.formula_units) == [{"Li": 3, "Co": 1, "O": 4}]
    assert asked(None, sampling.composition, sampling.formula_units)[1] == {"Li": 2, "Co": 2, "O": 4}
