"""Which settings differ, and which of them make numbers incomparable."""

from __future__ import annotations

import pytest
from made_sides import side

from lodestone.comparison.document import compare
from lodestone.comparison.settings import INCOMPARABLE, MISSING, differences

COUNTS = {"unguided": (10, 100), "control": (12, 100), "volume-s0.1": (40, 100)}
CONFIG = {
    "model": {"checkpoint": "embedded"},
    "energy": {"estimator": {"kind": "grace", "model": "embedded"}, "batch_size": 4},
    "references": [{"name": "embedded", "path": None}],
    "screen": {"min_distance": 0.7},
    "deduplicate": {"threshold": 0.1},
    "guidance": {"strengths": [0.1]},
}


def changed(**other):
    return side(COUNTS, config=CONFIG | other)


def found(b, **options):
    return {d.key: d for d in differences(changed(), b, **options)}


def test_equal_settings_do_not_differ():
    assert found(changed()) == {}


@pytest.mark.parametrize(
    ("other", "key"),
    [
        ({"model": {"checkpoint": "mattergen_base"}}, "model.checkpoint"),
        ({"energy": CONFIG["energy"] | {"estimator": {"kind": "chgnet"}}}, "energy.estimator.kind"),
        ({"references": [{"name": "oqmd", "path": None}]}, "references.0.name"),
        ({"screen": {"min_distance": 1.0}}, "screen.min_distance"),
        ({"deduplicate": {"threshold": 0.2}}, "deduplicate.threshold"),
    ],
)
def test_what_makes_numbers_incomparable_is_warned_of(other, key):
    assert found(changed(**other))[key].warning


@pytest.mark.parametrize(
    ("other", "key"),
    [
        ({"guidance": {"strengths": [0.2]}}, "guidance.strengths"),
        ({"energy": CONFIG["energy"] | {"batch_size": 8}}, "energy.batch_size"),
    ],
)
def test_what_does_not_is_only_told(other, key):
    assert found(changed(**other))[key].warning is None


def test_a_key_of_one_campaign_alone_is_told():
    difference = found(changed(novelty={"threshold": 0.1}))["novelty.threshold"]
    assert (difference.a, difference.b) == (MISSING, 0.1)


def test_another_tolerance_of_a_constraint_cautions_its_sentence():
    document = compare(side(COUNTS), side(COUNTS, within=0.5))
    assert document["settings"][0]["key"] == "constraints.volume.satisfied_within"
    (constraint,) = document["constraints"]
    assert constraint["sentence"].endswith(
        f"Not comparable as it stands: {INCOMPARABLE['constraints.*.satisfied_within']}."
    )


def test_renamed_constraints_are_compared_key_by_key():
    renamed = {name.replace("volume", "v10"): count for name, count in COUNTS.items()}
    other = side(renamed, constraint="v10", config=CONFIG, within=0.5)
    keys = [d.key for d in differences(changed(), other, {"volume": "v10"})]
    assert keys == ["constraints.v10.satisfied_within"]


def test_a_constraint_of_one_campaign_alone_is_no_setting_that_differs():
    lone = {"terms": [{"kind": "density", "target": 3.0}], "satisfied_within": 0.1}
    mine = CONFIG.get("constraints", {})
    assert found(changed(constraints=mine | {"dense": lone})) == {}


def test_arms_that_began_from_the_same_noise_are_told():
    seeded = CONFIG | {"sampling": {"seed": 7}}
    fewer = COUNTS | {"control": (0, COUNTS["control"][1])}
    noise = compare(side(COUNTS, config=seeded), side(fewer, config=seeded))["noise"]
    assert "seed 7" in noise
    assert noise.endswith("The same structures altogether: unguided, volume-s0.1.")  # not control
    assert compare(side(COUNTS, config=seeded), side(COUNTS, config=seeded))["noise"] is None
    other = CONFIG | {"sampling": {"seed": 8}}
    assert compare(side(COUNTS, config=seeded), side(fewer, config=other))["noise"] is None
    assert compare(side(COUNTS), side(fewer))["noise"] is None
