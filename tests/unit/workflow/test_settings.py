# ruff: noqa: E501  (an edit per line)
"""A slice holds what its stage uses and nothing else: an edit reruns what it touches."""

import ast
import json

import pytest

from lodestone.config import arms, shards
from lodestone.workflow.code import files, meaning
from lodestone.workflow.settings import resolved
from lodestone.workflow.stages import BY_NAME, STAGES, settings
from lodestone.workflow.stages import code as code_of

WHOLE = {"record", "report", "figures"}  # they show every setting
OTHERS = [stage.name for stage in STAGES if not stage.lacking]
HASHED = [stage for stage in STAGES if not isinstance(stage.code, str)]


def slices(campaign):
    """Every slice by stage; those of `sample` by arm and shard."""
    found = {stage: settings(stage, campaign) for stage in OTHERS}
    for arm in arms(campaign):
        for shard in shards(campaign, arm):
            found[f"sample {arm.name} {shard.index}"] = settings("sample", campaign, arm=arm, shard=shard)
        if arm.piloted:
            found[f"pilot {arm.constraint}"] = settings("pilot", campaign, arm=arm)
    return {name: json.dumps(part, sort_keys=True) for name, part in found.items()}


def changed(before, after):
    """Stages whose slices differ, as far as both campaigns have them."""
    one, other = slices(before), slices(after)
    return {name for name in one.keys() & other.keys() if one[name] != other[name]}


GUIDED_ARMS = (
    "co_o_4-s0.1",
    "co_o_4-s0.3",
    "co_o_4-late",
    "volume_15-s0.1",
    "volume_15-s0.3",
    "volume_15-late",
)
EVERY_SAMPLE = {f"sample {arm} {i}" for arm in ("unguided", "control", *GUIDED_ARMS) for i in range(3)}
UNGUIDED, CONTROL = ({f"sample {arm} {i}" for i in range(3)} for arm in ("unguided", "control"))
GUIDED = {name for name in EVERY_SAMPLE if "-" in name}
STEERED = {name for name in GUIDED if "late" not in name}
CO_O_4 = {name for name in EVERY_SAMPLE if "co_o_4" in name}
ESTIMATING = {"relax", "energy", "reference_energy", "other_energy", "term_reference_energy"}

TOUCHES = {
    "deduplicate.threshold": (("threshold: 0.10", "threshold: 0.12"), {"deduplicate"}),
    "deduplicate.ltol": (("threshold: 0.10", "threshold: 0.10\n  ltol: 0.3"), {"deduplicate", "novelty", "analyse"}),
    "deduplicate.sigma": (("threshold: 0.10", "threshold: 0.10\n  sigma: 0.2"), {"deduplicate", "novelty"}),
    "novelty.threshold": (("deduplicate:", "novelty: {threshold: 0.2}\ndeduplicate:"), {"novelty"}),
    "satisfied_within": (("0.5\n  volume", "0.4\n  volume"), {"measure", "relax", "analyse"}),
    "primary": (("0.5\n  volume", "0.5\n    primary: false\n  volume"), {"analyse"}),
    "target": (("target: 4,", "target: 5,"), {"measure", "relax", "analyse"} | CO_O_4),
    "seed": (("seed: 7", "seed: 8"), {"analyse"} | EVERY_SAMPLE),
    "more structures": (("structures: 20", "structures: 24"), {name for name in EVERY_SAMPLE if name.endswith(" 2")}),
    "composition": (("  atoms: {min: 1, max: 10}", "  composition: {Li: 1, Co: 1, O: 2}"), EVERY_SAMPLE),
    "batch_size of sampling": (("seed: 7", "seed: 7\n  batch_size: 4"), EVERY_SAMPLE),
    "tf32": (("seed: 7", "seed: 7\n  tf32: true"), EVERY_SAMPLE),
    "tf32 off": (("seed: 7", "seed: 7\n  tf32: false"), set()),
    "guidance.start": (("strengths:", "start: 0.6\n  strengths:"), STEERED | CONTROL),
    "guidance.late_start": (("strengths:", "late_start: 0.1\n  strengths:"), GUIDED - STEERED),
    "guidance.recurrence": (("strengths:", "recurrence: 2\n  strengths:"), EVERY_SAMPLE - UNGUIDED | {"analyse"}),
    "guidance.forward": (("strengths:", "forward: 0.2\n  strengths:"), GUIDED | {"analyse"}),
    "particles": (("strengths:", "particles: null\n  strengths:"), STEERED),
    "particles.beta": (("strengths:", "particles: {beta: 2.0}\n  strengths:"), STEERED),
    "guidance_factor": (("guidance_factor: 1.0", "guidance_factor: 2.0"), EVERY_SAMPLE),
    "estimator": (("{kind: grace, model: embedded}", "{kind: chgnet}"), ESTIMATING | STEERED),
    "batch_size of energies": (("energy:", "energy:\n  batch_size: 16"), ESTIMATING),
    "relax.steps": (("energy:", "energy:\n  relax: {steps: 20}"), {"relax"}),
    "symmetrize": (("deduplicate:", "symmetrize: {max_displacement: 0.2}\ndeduplicate:"), {"symmetrize"}),
    "screen.distance_fraction": (("deduplicate:", "screen: {distance_fraction: 0.5}\ndeduplicate:"), {"screen"}),
    "screen.min_distance": (("deduplicate:", "screen: {min_distance: 0.5}\ndeduplicate:"), {"screen"} | ESTIMATING | STEERED),
    "report.best": (("deduplicate:", "report: {best: 5}\ndeduplicate:"), {"analyse"}),
    "statistics.alpha": (("deduplicate:", "statistics: {alpha: 0.01}\ndeduplicate:"), {"analyse"}),
    "hull.shown_below": (("deduplicate:", "hull: {shown_below: 0.2}\ndeduplicate:"), {"analyse"}),
}  # fmt: skip


@pytest.mark.parametrize("key", TOUCHES)
def test_an_edit_changes_the_slices_of_the_stages_that_use_it(key, campaign):
    edit, touched = TOUCHES[key]
    assert changed(campaign(), campaign(edit)) - WHOLE == touched


def test_comments_layout_and_the_order_of_elements_change_nothing(campaign):
    edit = (("seed: 7", "seed: 7  # of luck"), ("  threshold: 0.10", "  # how alike\n  threshold: 0.1"))
    assert changed(campaign(), campaign(*edit)) == set()
    assert changed(campaign(), campaign(("Li-Co-O", "O-Co-Li"))) <= WHOLE


def test_matcher_tolerances_do_not_count_where_fingerprints_alone_decide(campaign):
    alone = ("threshold: 0.10", "threshold: 0.10\n  method: fingerprint")
    other = ("threshold: 0.10", "threshold: 0.10\n  method: fingerprint\n  ltol: 0.5")
    assert changed(campaign(alone), campaign(other)) - WHOLE == {"analyse"}


def test_another_strength_leaves_the_arms_that_are_there(campaign):
    more = ("strengths: [0.1, 0.3]", "strengths: [0.05, 0.1, 0.3]")
    assert not any(name.startswith("sample") for name in changed(campaign(), campaign(more)))


AUTO = ("strengths: [0.1, 0.3]", "strengths: {auto: {structures: 8}}")
PILOTS = {"pilot co_o_4", "pilot volume_15"}
PILOT_TOUCHES = {
    "candidates": (("structures: 8}}", "candidates: [0.1, 0.2]}}"), PILOTS),
    "bounds": (("structures: 8}}", "structures: 8, worst_energy: 0.2}}"), PILOTS),
    "target": (("target: 4,", "target: 5,"), {"pilot co_o_4", "sample co_o_4-auto 0"}),
    "satisfied_within": (("0.5\n  volume", "0.4\n  volume"), {"pilot co_o_4"}),
    "seed": (("seed: 7", "seed: 8"), PILOTS | {"sample co_o_4-auto 0", "sample unguided 0"}),
    "estimator": (("{kind: grace, model: embedded}", "{kind: chgnet}"), PILOTS | {"sample co_o_4-auto 0"}),
    "alpha": (("deduplicate:", "statistics: {alpha: 0.01}\ndeduplicate:"), set()),
    "more structures": (("structures: 20", "structures: 24"), set()),
}


@pytest.mark.parametrize("key", PILOT_TOUCHES)
def test_a_pilot_depends_on_how_its_constraint_is_sampled_and_judged(key, campaign):
    edit, touched = PILOT_TOUCHES[key]
    shown = {name for name in slices(campaign(AUTO)) if name.startswith("pilot") or name.endswith("0")}
    found = changed(campaign(AUTO), campaign(AUTO, edit)) & shown
    watched = PILOTS | {"sample co_o_4-auto 0", "sample unguided 0"}
    assert found & watched == touched


def test_the_pilot_of_a_campaign_with_given_strengths_is_refused(campaign):
    with pytest.raises(ValueError, match="need an arm whose strength a pilot chooses"):
        settings("pilot", campaign(), arm=arms(campaign())[2])
    with pytest.raises(ValueError, match="need an arm whose strength a pilot chooses"):
        settings("pilot", campaign(AUTO))


def test_what_a_pilot_chooses_is_left_open(campaign):
    found = campaign(AUTO, guidance={"particles": {"count": 4}})
    for arm in arms(found)[2:]:
        part = settings("sample", found, arm=arm, shard=shards(found, arm)[0])
        assert part["guidance"]["backward"] is part["arm"]["strength"] is None
    pilot = settings("pilot", found, arm=arms(found)[2])
    assert pilot["lineage"] == 4
    assert pilot["guided"]["particles"]["count"] == 4
    assert pilot["control"]["guidance"] is pilot["control"]["particles"] is None
    assert list(pilot["constraints"]) == ["co_o_4"]


def test_slices_are_plain_json(campaign):
    for part in slices(campaign()).values():
        assert json.loads(part) == json.loads(json.dumps(json.loads(part)))
    assert resolved(campaign())["sampling"]["atoms"] == {
        "min": 1,
        "max": 10,
        "exactly": None,
        "distribution": None,
    }


def test_the_arms_of_a_sample_are_steered_as_their_kind_says(campaign):
    found = campaign(guidance={"recurrence": 2, "start": 0.7, "particles": {"count": 4, "look_ahead": 7}})
    steering = {
        arm.name: settings("sample", found, arm=arm, shard=shards(found, arm)[0]) for arm in arms(found)
    }
    unguided, control = steering["unguided"], steering["control"]
    assert unguided["guidance"] is unguided["constraint"] is unguided["particles"] is None
    assert unguided["loop"] == {"recurrence": 1, "start": 1.0, "algorithm": 2}
    assert control["guidance"] is control["constraint"] is control["particles"] is None
    assert control["loop"] == {"recurrence": 2, "start": 0.7, "algorithm": 2}
    late, guided = steering["co_o_4-late"], steering["co_o_4-s0.3"]
    assert late["particles"] is None
    assert late["guidance"] | {"start": 0.7} == guided["guidance"]
    assert late["guidance"]["start"] == late["loop"]["start"] == 0.05
    assert guided["guidance"]["backward"] == 0.3
    assert guided["particles"]["count"] == 4
    assert guided["particles"]["look_ahead"] == 7
    # how many structures the estimator takes at once is its own affair
    assert guided["look_ahead"]["energy"] == {"estimator": {"kind": "grace", "model": "embedded"}}
    assert not any("look_ahead" in steering[name] for name in ("unguided", "control", "co_o_4-late"))
    assert guided["constraint"]["terms"][0]["center"] == "Co"


def test_rebuilt_embedded_assets_change_the_stages_that_use_them(campaign, monkeypatch):
    before = slices(campaign())
    for user in ("lodestone.workflow.assets", "lodestone.energies.estimators.grace"):
        monkeypatch.setattr(f"{user}.known_hash", lambda path: f"another {path.name}")
    touched = {name for name, part in slices(campaign()).items() if part != before[name]}
    assert touched == EVERY_SAMPLE | ESTIMATING | {"references"}


def test_unknown_stages_are_refused(campaign):
    with pytest.raises(
        ValueError,
        match="no stage 'samples'; there are: references, reference_energy, term_reference_energy, pilot, train_gen",
    ):
        settings("samples", campaign())
    with pytest.raises(ValueError, match="need an arm and a shard"):
        settings("sample", campaign())
    with pytest.raises(ValueError, match="no stage 'samples'"):
        code_of("samples")


def test_every_stage_has_code_behind_it():
    for stage in HASHED:
        assert all(files([pattern]) for pattern in stage.code), stage.name
        assert len(code_of(stage.name)) == 16
    assert {stage.name for stage in STAGES} - {stage.name for stage in HASHED} == {"pilot", "sample"}
    assert code_of("sample") == "sample-2"
    assert code_of("pilot") == "pilot-1"


def test_code_follows_imports_and_leaves_out_what_only_moves_data():
    names = {path.name for path in files(BY_NAME["relax"].code)}
    assert {"persistence.py", "relax.py", "calculator.py", "measurement.py", "volume_per_atom.py"} <= names
    moving = {"runtime", "config", "schema", "cli", "operations"}
    hashed = {path for stage in HASHED if stage.name != "record" for path in files(stage.code)}
    assert not any(moving & set(path.parts) for path in hashed)


def test_the_meaning_of_code_is_not_its_comments():

    def of(text):
        return meaning(ast.parse(text))

    plain = "def f(x):\n    return x + 1\n"
    assert of(plain) == of('"""What it is."""\ndef f(x):\n    """Add."""\n    return (x +  1)  # one\n')
    assert of(plain) != of("def f(x):\n    return x + 2\n")
    assert of("def f():\n    '''Only text.'''\n") == of("def f():\n    '''Other text.'''\n")


def test_code_of_plugins_of_other_packages_counts_where_it_is_used(monkeypatch):
    before = {stage.name: code_of(stage.name) for stage in STAGES}
    monkeypatch.setattr("lodestone.plugins.digest", lambda group: "abc" if group == "estimators" else "")
    touched = {stage.name for stage in STAGES if code_of(stage.name) != before[stage.name]}
    assert touched == {"relax", "energy", "reference_energy", "other_energy", "term_reference_energy"}
