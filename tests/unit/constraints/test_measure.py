"""Distances, combination and the hard check."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lodestone.constraints import term_models
from lodestone.constraints.descriptors.coordination import Coordination
from lodestone.constraints.descriptors.volume_per_atom import VolumePerAtom
from lodestone.constraints.measurement import measure
from lodestone.constraints.targets import combine, distance, scalar_distance

CELL, FRAC = np.eye(3) * 4.2, np.array([[0, 0, 0], [0.5, 0.5, 0.5]])


def test_every_descriptor_file_is_found() -> None:
    assert {"coordination", "volume_per_atom"} <= set(term_models())


def test_measure_of_a_known_crystal() -> None:
    terms = [VolumePerAtom(target=37.0), Coordination(center="Cs", neighbor="Cl", target=8.0, cutoff=3.8)]
    found = measure(terms, 2.0, 0.5, np.array([55, 17]), CELL, FRAC)
    assert found.values == [pytest.approx(4.2**3 / 2), 8.0]
    assert found.satisfied
    assert found.loss == pytest.approx(scalar_distance(4.2**3 / 2 - 37, "huber", 1.5), abs=1e-5)


def test_missing_element_is_not_satisfied_and_has_no_loss() -> None:
    terms = [Coordination(center="Cs", neighbor="Cl", target=0.0, cutoff=3.8)]
    found = measure(terms, 2.0, 0.5, np.array([11, 17]), CELL, FRAC)
    assert found.values == [None]
    assert found.loss is None
    assert not found.satisfied


def test_a_term_tolerance_overrides_the_constraint() -> None:
    volume = 4.2**3 / 2
    strict = VolumePerAtom(target=volume + 0.3, tolerance=0.1)
    loose = VolumePerAtom(target=volume + 0.3)
    assert not measure([strict], 2.0, 0.5, np.array([55, 17]), CELL, FRAC).satisfied
    assert measure([loose], 2.0, 0.5, np.array([55, 17]), CELL, FRAC).satisfied


@given(st.floats(-50, 50), st.sampled_from(["l1", "l2", "huber"]), st.floats(0.1, 5))
def test_tensor_and_scalar_distances_agree(gap: float, name: str, delta: float) -> None:
    tensor = distance(torch.tensor(gap, dtype=torch.float64), name, delta)
    assert float(tensor) == pytest.approx(scalar_distance(gap, name, delta), rel=1e-9, abs=1e-12)
    assert scalar_distance(gap, name, delta) >= 0


def test_huber_is_continuous_with_slope_one_beyond_delta() -> None:
    assert scalar_distance(1.5, "huber", 1.5) == pytest.approx(0.75)
    assert scalar_distance(3.0, "huber", 1.5) - scalar_distance(2.0, "huber", 1.5) == pytest.approx(1)


def test_combination_is_a_weighted_norm() -> None:
    assert combine([3.0, 2.0], [1.0, 2.0], 2.0) == pytest.approx(5.0)
    assert combine([3.0], [2.0], 2.0) == 6.0
