"""Which neighbours are drawn, and which numbers of them meet the target."""

from __future__ import annotations

import pytest

from lodestone.report.viewer import bonds_of, elements_of

PAIR = {"center": "Co", "neighbor": "O", "cutoff": 2.5}


def pairs(term, within=0.5):
    return bonds_of({"c": {"terms": [term], "satisfied_within": within}})["c"]


@pytest.mark.parametrize(
    ("target", "extra", "spans"),
    [
        (4, {}, [(3.5, 4.5)]),
        (4, {"tolerance": 1.0}, [(3.0, 5.0)]),
        ([4, 6], {"tolerance": 0.0}, [(4.0, 6.0)]),
        ({"values": [3, 6]}, {}, [(2.5, 3.5), (5.5, 6.5)]),
        ({"higher": 6}, {}, [(5.5, None)]),
        ({"lower": 2}, {}, [(None, 2.5)]),
    ],
)
def test_a_number_of_neighbours_is_met_within_the_tolerance(target, extra, spans):
    (found,) = pairs({"kind": "coordination", "target": target, **PAIR, **extra})
    assert found["spans"] == spans
    assert (found["center"], found["neighbor"], found["cutoff"]) == (27, 8, 2.5)
    assert found["label"] == "O around Co within 2.5 Å"


def test_a_distribution_is_met_by_the_numbers_that_it_holds():
    term = {"kind": "coordination_distribution", "target": {"4": 0.5, "6": 0.5}, **PAIR}
    assert pairs(term)[0]["spans"] == [(4.0, 4.0), (6.0, 6.0)]


def test_a_length_asks_for_no_number():
    assert pairs({"kind": "bond_length", "target": [1.8, 2.1], **PAIR})[0]["spans"] is None


def test_the_default_cutoff_is_resolved():
    (found,) = pairs({"kind": "coordination", "center": "Co", "neighbor": "O", "target": 4})
    assert found["cutoff"] == pytest.approx(1.26 + 0.66 + 1.0, abs=0.3)


def test_a_constraint_without_pairs_has_none():
    assert pairs({"kind": "volume_per_atom", "target": 10.0}) == []


def test_elements_have_the_usual_colours():
    found = elements_of("Li-O")
    assert found["8"] == {"symbol": "O", "color": "#ff0d0d", "radius": 0.66}
    assert set(found) == {"3", "8"}
