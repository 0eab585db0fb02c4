"""Successive halving with made-up rates."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lodestone.pilot.halving import (
    CHOSEN,
    DROPPED,
    KEPT,
    REFUSED,
    Bounds,
    Change,
    Evidence,
    decide,
    half,
    halve,
    out_of_bounds,
    schedule,
)

BOUNDS = Bounds(worst_validity=0.1, worst_energy=0.1)
NONE = Change(None, None, None)
FINE = Change(0.0, -0.1, 0.1)
BAD = Change(0.5, 0.3, 0.7)


def known(strength, successes=0, n=32, fall=FINE, rise=FINE):
    return Evidence(strength, n, successes, n, successes, fall, rise)


def assess_with(rates, bad=()):
    """Assesses with fixed rates; `bad` names (round, strength) that are out of bounds."""
    calls = []

    def assess(step, strengths):
        calls.append((step.index, tuple(strengths)))
        n = step.first + step.structures
        return [
            known(s, round(rates[s] * n), n, fall=BAD if (step.index, s) in bad else FINE) for s in strengths
        ]

    return assess, calls


def run(rates, bad=(), structures=32):
    assess, calls = assess_with(rates, bad)
    return halve(tuple(rates), schedule(len(rates), structures), assess, BOUNDS), calls


def test_the_better_half_goes_on_until_one_is_left():
    outcome, calls = run({0.03: 0.25, 0.1: 0.5, 0.3: 0.75, 1.0: 0.0})
    assert calls == [(0, (0.03, 0.1, 0.3, 1.0)), (1, (0.1, 0.3))]
    assert (outcome.strength, outcome.within_bounds) == (0.3, True)
    assert [(d.round, d.evidence.strength, d.decision) for d in outcome.decisions] == [
        (0, 0.03, DROPPED),
        (0, 0.1, KEPT),
        (0, 0.3, KEPT),
        (0, 1.0, DROPPED),
        (1, 0.1, DROPPED),
        (1, 0.3, CHOSEN),
    ]
    assert outcome.reason == "48 of 64 satisfied and valid: place 1 of 2 within the bounds"


def test_the_best_is_refused_where_it_is_out_of_bounds():
    outcome, _ = run({0.1: 0.25, 0.3: 0.5, 1.0: 1.0}, bad={(0, 1.0)})
    assert outcome.strength == 0.3
    (refused,) = [d for d in outcome.decisions if d.evidence.strength == 1.0]
    assert refused.decision == REFUSED
    assert refused.reason == "the share of valid structures falls by 0.50 (0.30 to 0.70), over 0.1"


def test_one_candidate_within_bounds_ends_the_pilot():
    outcome, calls = run({0.1: 0.0, 0.3: 0.5, 1.0: 1.0}, bad={(0, 0.3), (0, 1.0)})
    assert outcome.strength == 0.1
    assert len(calls) == 1


def test_all_out_of_bounds_leaves_the_weakest_and_says_so():
    outcome, calls = run({0.1: 0.0, 0.3: 0.5, 1.0: 1.0}, bad={(0, s) for s in (0.1, 0.3, 1.0)})
    assert (outcome.strength, outcome.within_bounds, len(calls)) == (0.1, False, 1)
    assert outcome.reason == "the weakest, since every candidate is out of bounds"
    assert [d.decision for d in outcome.decisions] == [CHOSEN, REFUSED, REFUSED]


def test_what_was_dropped_comes_back_where_the_better_ones_turn_out_to_be_out_of_bounds():
    rates = {0.03: 0.125, 0.1: 0.25, 0.3: 0.5, 1.0: 0.75}
    outcome, _ = run(rates, bad={(1, 0.3), (1, 1.0)})
    assert (outcome.strength, outcome.within_bounds) == (0.1, True)
    (chosen,) = [d for d in outcome.decisions if d.decision == CHOSEN]
    assert (chosen.round, chosen.evidence.strength) == (0, 0.1)


def test_ties_go_to_the_stronger():
    outcome, calls = run({0.03: 0.5, 0.1: 0.5, 0.3: 0.5, 1.0: 0.25})
    assert calls[1] == (1, (0.1, 0.3))
    assert outcome.strength == 0.3
    assert outcome.reason.endswith("place 1 of 2 within the bounds, ties to the stronger")


def test_without_any_success_the_strongest_within_bounds_is_chosen():
    outcome, _ = run({0.03: 0.0, 0.1: 0.0, 0.3: 0.0, 1.0: 0.0}, bad={(0, 1.0)})
    assert (outcome.strength, outcome.within_bounds) == (0.3, True)


def test_a_bound_is_broken_only_where_the_whole_interval_lies_beyond_it():
    cases = {
        Change(0.4, -0.05, 0.7): False,  # a small pilot: could be chance
        Change(0.4, 0.1, 0.7): False,
        Change(0.4, 0.11, 0.7): True,
        Change(0.4, None, None): False,  # nothing can be said
        NONE: False,
    }
    for change, broken in cases.items():
        assert bool(out_of_bounds(known(0.1, fall=change), BOUNDS)) is broken
        assert bool(out_of_bounds(known(0.1, rise=change), BOUNDS)) is broken
    both = out_of_bounds(known(0.1, fall=BAD, rise=BAD), BOUNDS)
    assert both.count(" and ") == 1
    assert "eV/atom" in both


def test_rates_and_not_counts_are_compared():
    few, many = known(0.1, 4, 8), known(0.3, 5, 32)
    assert [d.decision for d in decide(0, [few, many], BOUNDS)] == [KEPT, DROPPED]
    assert replace(few, n=0).rate == 0.0


def test_rounds_double_and_hold_whole_lineages():
    found = schedule(4, 10, lineage=4)
    assert [(r.index, r.candidates, r.structures, r.first) for r in found] == [(0, 4, 12, 0), (1, 2, 12, 12)]
    assert [r.candidates for r in schedule(9, 1)] == [9, 5, 3, 2]
    assert [r.first + r.structures for r in schedule(9, 3)] == [3, 6, 12, 24]


@given(
    st.lists(st.integers(1, 40), min_size=2, max_size=20, unique=True),
    st.data(),
    st.integers(1, 50),
    st.integers(1, 5),
)
def test_any_pilot_ends_with_one_of_its_candidates(candidates, data, structures, lineage):
    strengths = [c / 10 for c in candidates]
    rates = {s: data.draw(st.sampled_from([0.0, 0.5, 1.0])) for s in strengths}
    bad = data.draw(st.sets(st.tuples(st.integers(0, 4), st.sampled_from(strengths)), max_size=30))
    rounds = schedule(len(strengths), structures, lineage)
    assess, calls = assess_with(rates, bad)
    outcome = halve(strengths, rounds, assess, BOUNDS)
    assert outcome.strength in strengths
    assert [d.decision for d in outcome.decisions].count(CHOSEN) == 1
    assert len(calls) <= len(rounds)
    # the schedule, which the plan counts, is never exceeded
    assert all(len(asked) <= rounds[i].candidates for i, asked in calls)
    assert all(r.structures % lineage == 0 for r in rounds)
    last = {d.evidence.strength: d.decision for d in outcome.decisions}
    spared = {s for s, decision in last.items() if decision != REFUSED} - {outcome.strength}
    if not outcome.within_bounds:
        assert not spared
        assert outcome.strength == min(strengths)


@pytest.mark.parametrize(("n", "left"), [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3)])
def test_half_is_rounded_up(n, left):
    assert half(n) == left
