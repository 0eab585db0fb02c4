"""How often the potential is asked: the counts are those of runs that never end early."""

from types import SimpleNamespace

import torch

from lodestone.config.arms import arms
from lodestone.constraints.clean import CleanEstimate
from lodestone.runtime.stopwatch import POTENTIAL
from lodestone.sampling.particles import LookAhead
from lodestone.sampling.passes import guided_passes
from lodestone.workflow.evaluations import after_sampling, gradients, while_sampling
from lodestone.workflow.sampling_settings import steering

HULL = {
    "low": {
        "terms": [{"kind": "energy_above_hull", "target": {"lower": 0.1}}],
        "satisfied_within": 0.1,
    }
}
LOOKING = {"particles": {"count": 4, "times": [0.4, 0.2, 0.1], "look_ahead": 30}}


def asked(campaign, **sections):
    found = campaign(**sections)
    return {arm.name: while_sampling(found, arm, 100) for arm in arms(found)}


def test_particles_that_look_ahead_ask_at_each_of_their_times(campaign):
    found = asked(campaign, guidance=LOOKING)
    guided = {name for name, number in found.items() if number}
    assert {found[name] for name in guided} == {3 * 31}
    assert guided == {n for n in found if "-s" in n}
    one = {"particles": {**LOOKING["particles"], "return": "one_per_lineage"}}
    assert set(asked(campaign, guidance=one).values()) == {0.0, 4.0 * 3 * 31}


def test_particles_that_do_not_look_ahead_ask_nothing(campaign):
    blind = {"particles": {**LOOKING["particles"], "look_ahead": 0}}
    assert set(asked(campaign, guidance=blind).values()) == {0.0}


def test_a_term_of_energy_asks_at_every_guided_pass(campaign):
    bare = {"particles": None, "strengths": [0.1], "start": 0.5, "backward_steps": 2}
    found = campaign(constraints=HULL, guidance=bare)
    arm = next(arm for arm in arms(found) if arm.constraint == "low")
    levels = guided_passes(steering(found, arm), 100)
    assert 45 <= levels <= 55
    assert while_sampling(found, arm, 100) == 2 * levels
    assert while_sampling(found, arm, None) is None
    assert gradients({"backward_steps": 1, "forward": 0.3}) == 2


def test_afterwards_each_structure_is_relaxed_and_has_an_energy(campaign):
    assert after_sampling(campaign(energy={"relax": {"steps": 20}})) == 22


class Counting:
    """A potential whose forces never vanish."""

    name = "counting"

    def __init__(self):
        self.structures = 0

    def evaluate(self, structures):
        import numpy as np

        from lodestone.energies.evaluation import Evaluation

        self.structures += len(structures)
        return [
            Evaluation(energy=0.0, forces=np.full((len(a), 3), 0.3), stress=np.eye(3) * 0.01)
            for a in structures
        ]


def test_the_stopwatch_counts_what_the_potential_was_asked():
    potential = Counting()
    clean = CleanEstimate(
        frac=torch.rand(4, 3),
        cell=(5 * torch.eye(3)).repeat(2, 1, 1),
        types=torch.nn.functional.one_hot(torch.tensor([2, 7, 2, 7]), 100).float(),
        structure_idx=torch.tensor([0, 0, 1, 1]),
    )
    before = SimpleNamespace(**vars(POTENTIAL))
    LookAhead(potential, lambda _: None, 5).relaxed(clean)
    assert POTENTIAL.evaluations - before.evaluations == potential.structures == 2 * 6
    assert POTENTIAL.seconds > before.seconds
