"""Targets: forms, gaps to sets, and what survives JSON."""

from __future__ import annotations

import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from lodestone.constraints import AnyTerm, term_models
from lodestone.constraints.descriptors.coordination import Coordination
from lodestone.constraints.descriptors.coordination_distribution import CoordinationDistribution
from lodestone.constraints.descriptors.volume_per_atom import VolumePerAtom
from lodestone.constraints.targets import Bounds, Target, parse

FREE = Bounds()
NUMBER = st.floats(-30, 30)
ENDS = st.tuples(NUMBER, NUMBER).map(sorted).filter(lambda ends: ends[0] < ends[1])
TARGETS = st.one_of(
    NUMBER,
    ENDS,
    ENDS.map(lambda ends: {"range": ends}),
    st.lists(NUMBER, min_size=1, max_size=5).map(lambda numbers: {"values": numbers}),
    NUMBER.map(lambda end: {"lower": end}),
    NUMBER.map(lambda end: {"higher": end}),
).map(lambda data: parse(data, FREE))


def outside(target: Target, value: float) -> float:
    """Distance to the nearest interval, written out."""
    far = float("inf")
    return min(
        max(0.0, (-far if low is None else low) - value, value - (far if high is None else high))
        for low, high in target.spans()
    )


@given(TARGETS, NUMBER)
def test_the_gap_is_the_signed_distance_to_the_set(target: Target, value: float) -> None:
    gap = target.gap(value)
    assert abs(gap) == pytest.approx(outside(target, value), abs=1e-12)
    if gap:
        assert outside(target, value - gap) == pytest.approx(0, abs=1e-9)


@given(TARGETS, NUMBER, NUMBER)
def test_the_distance_to_a_set_is_1_lipschitz(target: Target, one: float, other: float) -> None:
    assert abs(abs(target.gap(one)) - abs(target.gap(other))) <= abs(one - other) + 1e-9


@given(TARGETS, st.lists(NUMBER, min_size=1, max_size=6))
def test_tensors_and_numbers_agree(target: Target, values: list[float]) -> None:
    found = target.gap(torch.tensor(values, dtype=torch.float64))
    assert found.tolist() == pytest.approx([target.gap(v) for v in values], abs=1e-12)


@given(TARGETS, NUMBER)
def test_the_slope_is_one_outside_and_nothing_inside(target: Target, value: float) -> None:
    leaf = torch.tensor([value], dtype=torch.float64, requires_grad=True)
    target.gap(leaf).sum().backward()
    if outside(target, value) > 1e-6:
        assert leaf.grad.tolist() == [1.0]
    elif not target.is_thin and all(abs(value - n) > 1e-6 for n in target.numbers):
        assert leaf.grad.tolist() == [0.0]


@given(TARGETS)
def test_a_target_survives_json(target: Target) -> None:
    assert parse(json.loads(json.dumps(target.plain())), FREE) == target


def test_the_forms_in_words_and_as_spans() -> None:
    seen = {
        json.dumps(data): (target.words(), target.spans(), target.gap(5.0))
        for data in (4, [6, 8], {"range": [6, 8]}, {"values": [6, 3, 4.5, 3]}, {"lower": 0.5}, {"higher": 20})
        for target in [parse(data, FREE)]
    }
    assert seen == {
        "4": ("4", [(4, 4)], 1),
        "[6, 8]": ("6 to 8", [(6, 8)], -1),
        '{"range": [6, 8]}': ("6 to 8", [(6, 8)], -1),
        '{"values": [6, 3, 4.5, 3]}': ("3, 4.5 or 6", [(3, 3), (4.5, 4.5), (6, 6)], 0.5),
        '{"lower": 0.5}': ("at most 0.5", [(None, 0.5)], 4.5),
        '{"higher": 20}': ("at least 20", [(20, None)], -15),
    }


@pytest.mark.parametrize("kind", term_models())
def test_settings_of_every_term_survive_json_with_the_same_meaning(kind: str) -> None:
    adapter = TypeAdapter(AnyTerm)
    term = adapter.validate_python({"kind": kind} | dict(term_models()[kind].example))
    dumped = term.model_dump(mode="json")
    again = adapter.validate_python(json.loads(json.dumps(dumped)))
    assert again.model_dump(mode="json") == dumped
    assert again.target == term.target
    assert again.spans() == term.spans()
    assert again.describe().partition(" within")[0] == term.describe().partition(" within")[0]


def test_the_default_cutoff_is_recorded() -> None:
    term = Coordination(center="Co", neighbor="O", target=4)
    assert term.cutoff is None
    assert term.model_dump(mode="json")["cutoff"] == pytest.approx(1.26 + 0.66 + 1.0)
    assert Coordination(center="Co", neighbor="O", target=4, cutoff=2.6).model_dump()["cutoff"] == 2.6


@pytest.mark.parametrize("keys", [(4, 6), ("4", "6")])
def test_a_distribution_takes_numbers_and_texts_as_keys(keys: tuple[object, object]) -> None:
    target = dict.fromkeys(keys, 0.5)
    term = CoordinationDistribution(center="Co", neighbor="O", target=target)
    assert term.target.dense(8) == [0, 0, 0, 0, 0.5, 0, 0.5, 0]
    assert term.model_dump(mode="json")["target"] == {"4": 0.5, "6": 0.5}
    assert term.gap(0.3) == 0.3


def test_thirds_may_be_rounded() -> None:
    term = CoordinationDistribution(center="Co", neighbor="O", target={4: 0.333, 5: 0.333, 6: 0.333})
    assert sum(term.target.dense(7)) == pytest.approx(1)


def test_a_tolerance_of_0_needs_a_set() -> None:
    assert VolumePerAtom(target=[10, 12], tolerance=0).tolerance == 0
    assert VolumePerAtom(target={"lower": 12}, tolerance=0).tolerance == 0
    for thin in (10, {"values": [10, 12]}):
        with pytest.raises(ValidationError, match="0 is out of range"):
            VolumePerAtom(target=thin, tolerance=0)
