"""A whole pilot with made-up structures: what it draws, and what it writes."""

import json

import polars as pl
import pytest

from lodestone.pilot.record import COLUMNS, tried_table
from lodestone.pilot.run import run, trial_settings, with_strength

AUTO = {"candidates": [0.1, 0.3, 1.0], "structures": 14, "worst_validity": 0.1, "worst_energy": 0.1}
GUIDED = {
    "campaign": "small",
    "arm": {"name": "v-auto", "kind": "guided", "constraint": "v", "strength": None},
    "guidance": {"backward": None, "start": 0.7},
    "sampling": {"seed": 7, "steps": 20},
    "shard": {"index": 0, "first": 0, "structures": 1},
}
CONTROL = GUIDED | {"arm": {"name": "control", "kind": "control"}, "guidance": None}
SETTINGS = {
    "constraint": "v",
    "seed": 7,
    "auto": AUTO,
    "lineage": 4,
    "guided": GUIDED,
    "control": CONTROL,
}


def samples(strength, step):
    """Made-up raw samples; 0.3 satisfies most often, 1.0 breaks everything."""
    index = list(range(step.first, step.first + step.structures))
    rate = {None: 0, 0.1: 1, 0.3: 3, 1.0: 4}[strength]
    return pl.DataFrame(
        {
            "id": [f"{strength}/{step.index}/{i}" for i in index],
            "lineage": [i // 4 for i in index],
            "valid": [strength != 1.0] * len(index),
            "satisfied": [i % 4 < rate for i in index],
            "e_above_hull": [0.1 + 0.01 * (i % 3) for i in index],
        }
    )


@pytest.fixture(scope="module")
def finished():
    drawn = []

    def draw(strength, step):
        drawn.append((strength, step.index, step.structures))
        return samples(strength, step)

    return (*run(SETTINGS, draw, lambda raw: raw, lambda: 1234.0), drawn)


def test_control_and_candidates_are_drawn_in_whole_lineages(finished):
    document, everything, drawn = finished
    assert drawn == [
        *[(strength, 0, 16) for strength in (None, 0.1, 0.3, 1.0)],
        *[(strength, 1, 16) for strength in (None, 0.1, 0.3)],
    ]
    assert everything.height == document["structures"] == 7 * 16
    assert everything["id"].is_unique().all()
    assert everything.filter(pl.col("round") == 2)["strength"].unique().to_list() == [None, 0.1, 0.3]


def test_the_document_names_the_choice_and_everything_tried(finished):
    document, *_ = finished
    assert (document["strength"], document["within_bounds"], document["passes"]) == (0.3, True, 1234.0)
    assert document["bounds"] == {"worst_validity": 0.1, "worst_energy": 0.1}
    assert [(r["round"], r["arm"], r["strength"], r["n"], r["decision"]) for r in document["tried"]] == [
        (1, "control", None, 16, None),
        (1, "guided", 0.1, 16, "kept"),
        (1, "guided", 0.3, 16, "kept"),
        (1, "guided", 1.0, 16, "out of bounds"),
        (2, "control", None, 32, None),
        (2, "guided", 0.1, 32, "dropped"),
        (2, "guided", 0.3, 32, "chosen"),
    ]
    assert json.loads(json.dumps(document, allow_nan=False)) == document


def test_the_table_has_every_row_and_documented_columns(finished):
    document, *_ = finished
    table = tried_table(document)
    assert table.columns == list(COLUMNS)
    chosen = table.filter(pl.col("decision") == "chosen").row(0, named=True)
    assert (chosen["satisfied_valid"], chosen["rate"], chosen["valid_share"]) == (24, 0.75, 1.0)
    assert chosen["fall"] == 0.0
    assert chosen["energy"] == pytest.approx(0.11)
    refused = table.filter(pl.col("decision") == "out of bounds").row(0, named=True)
    assert (refused["fall"], refused["energy"], refused["rise"]) == (1.0, None, None)


def test_a_pilot_repeats_itself(finished):
    again, everything = run(SETTINGS, samples, lambda raw: raw, lambda: 1234.0)
    assert again == finished[0]
    assert everything.equals(finished[1])


def test_the_seeds_of_a_pilot_are_no_arm_s():
    from lodestone.pilot.halving import Round
    from lodestone.runtime.seeds import derive_seed

    trials = [
        trial_settings(SETTINGS, strength, Round(index, 2, 8, 8 * index))
        for strength in (None, 0.1, 0.3)
        for index in (0, 1)
    ]
    names = {(t["arm"]["name"], t["shard"]["index"]) for t in trials}
    assert len(names) == 6
    assert {t["sampling"]["seed"] for t in trials} == {derive_seed(7, "pilot")}
    seeds = {derive_seed(t["sampling"]["seed"], t["arm"]["name"], t["shard"]["index"], 0) for t in trials}
    arms = {derive_seed(7, name, i, 0) for name in ("control", "v-auto", "unguided") for i in (0, 1)}
    assert len(seeds) == 6
    assert not seeds & arms
    assert [t["guidance"] and t["guidance"]["backward"] for t in trials] == [None, None, 0.1, 0.1, 0.3, 0.3]
    assert trials[-1]["shard"] == {"index": 1, "first": 8, "structures": 8}


def test_the_chosen_strength_fills_what_was_open_and_nothing_else():
    found = with_strength(GUIDED, 0.3)
    assert (found["guidance"]["backward"], found["arm"]["strength"]) == (0.3, 0.3)
    assert GUIDED["guidance"]["backward"] is None
    assert found["sampling"] == GUIDED["sampling"]
    assert found["guidance"]["start"] == 0.7
