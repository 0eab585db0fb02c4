"""A pilot that was stopped draws the same structures as an undisturbed one, and nothing twice."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from lodestone.pilot.halving import Round
from lodestone.pilot.run import Sampler
from lodestone.runtime.signals import Stopped
from lodestone.workflow.adapter import stage_settings

CAMPAIGN = """\
campaign: small
chemical_system: Li-Co-O
sampling: {batch_size: 4, steps: 6}
constraints: {volume: {terms: [{kind: volume_per_atom, target: 14.0}], satisfied_within: 1.0}}
guidance: {strengths: auto}
"""
CHECKPOINT = {"data_module": {"num_atoms_counts": {"all": {4: 1}}}}
STEPS = [Round(0, 2, 8, 0), Round(1, 1, 4, 8)]


def small():
    """The network without weight of the tests of memory."""
    path = Path(__file__).parents[1] / "runtime" / "test_memory.py"
    spec = importlib.util.spec_from_file_location("test_memory_of_sampling", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Small(100)


@pytest.fixture
def sampler(tmp_path):
    (tmp_path / "small.yaml").write_text(CAMPAIGN)
    settings = stage_settings("pilot", tmp_path / "small.yaml", "volume-auto", None)
    return lambda name: Sampler(small(), CHECKPOINT, settings, tmp_path / name, "cpu")


def test_stopped_between_batches_and_between_rounds_it_goes_on(sampler, monkeypatch):
    asked = []
    monkeypatch.setattr("lodestone.runtime.signals._requests", asked)
    whole = sampler("whole")
    expected = [whole(None, step) for step in STEPS]

    asked.append("SIGUSR2")
    with pytest.raises(Stopped, match="0 of 8 structures finished, batch 0 at level 0 of 2"):
        sampler("stopped")(None, STEPS[0])
    asked.clear()
    second = sampler("stopped")
    assert second(None, STEPS[0]).equals(expected[0])
    asked.append("SIGUSR2")
    with pytest.raises(Stopped, match="before round 2 of pilot-volume-control"):
        second(None, STEPS[1])
    asked.clear()
    third = sampler("stopped")
    found = [third(None, step) for step in STEPS]
    assert all(one.equals(other) for one, other in zip(found, expected, strict=True))
    assert len(third.diffusion.asked) < len(whole.diffusion.asked) / 2
    assert third.passes == whole.passes
    assert [t.structures for t in third.timings] == [t.structures for t in whole.timings] == [8, 4]
    assert sum(t.passes for t in third.timings) == third.passes


def test_what_is_there_is_given_even_where_it_was_asked_to_stop(sampler, monkeypatch):
    first = sampler("state")
    expected = [first(None, step) for step in STEPS]
    monkeypatch.setattr("lodestone.runtime.signals._requests", ["SIGUSR2"])
    again = sampler("state")
    assert all(again(None, step).equals(rows) for step, rows in zip(STEPS, expected, strict=True))
    assert again.diffusion.asked == []
