"""Arms of other samplers in the workflow: searches, strict symmetry, proposals of both generators."""

import polars as pl
import pytest

from lodestone.statistics.plan import ArmPlan, Plan
from lodestone.statistics.sampler_tables import strictness

CAMPAIGN = """\
campaign: beyond
chemical_system: Li-Co-O
model: {checkpoint: embedded}
sampling: {structures: 4, shard: 4, steps: 4, composition: {Li: 1, Co: 1, O: 2}}
constraints:
  volume_15:
    terms: [{kind: volume_per_atom, target: 15}]
    satisfied_within: 0.5
arms:
  - {name: search, sampler: {kind: gss, start: 0.6, period: 1, relax_steps: 3}}
  - {name: random, sampler: {kind: rss, relax_steps: 3}}
  - {name: led, sampler: {kind: symmetric, space_groups: [166, 12]}, constraint: volume_15, strength: 0.3}
  - {name: learned, sampler: {kind: symmetric, generator: learned, training_steps: 2, proposals: 3}}
guidance: {particles: null, start: 0.7}
references: [embedded]
"""
ARMS = ("search", "random", "led", "learned")


@pytest.fixture(scope="module")
def finished(tmp_path_factory, snakemake):
    folder = tmp_path_factory.mktemp("beyond")
    (folder / "beyond.yaml").write_text(CAMPAIGN)
    samples = [f"results/beyond/arms/{arm}/samples/0000.parquet" for arm in ARMS]
    done = snakemake(folder, *samples, "--configfile", "beyond.yaml", "--cores", "2", timeout=900)
    assert done.returncode == 0, done.stderr
    assert not (folder / "results/beyond/arms/unguided").exists()  # nothing else was asked for
    return folder / "results/beyond"


@pytest.fixture(scope="module")
def samples(finished):
    return {arm: pl.read_parquet(finished / f"arms/{arm}/samples/0000.parquet") for arm in ARMS}


def test_every_arm_has_all_of_its_structures_of_the_composition_asked_for(samples):
    for arm, rows in samples.items():
        assert rows.height == 4
        assert {tuple(sorted(z)) for z in rows["numbers"].to_list()} == {(3, 8, 8, 27)}, arm


def test_searches_tell_their_calls_and_strict_arms_what_was_asked(samples):
    for arm in ("search", "random"):
        assert samples[arm]["estimator_calls"].min() > 0
        assert "asked_space_group" not in samples[arm].columns
    assert samples["search"]["estimator_calls"].sum() > samples["random"]["estimator_calls"].sum()
    assert set(samples["led"]["asked_space_group"]) <= {166, 12}


def test_proposals_are_ranked_and_kept(finished):
    for arm, source, most in (("led", "prototypes", 50), ("learned", "learned", 3)):
        found = pl.read_parquet(finished / f"proposals/{arm}.parquet")
        assert 0 < found.height <= most
        assert found["weight"].is_sorted(descending=True)
        assert set(found["source"]) == {source}
    assert (finished / "proposals/learned.pt").is_file()


def test_formula_and_group_are_kept(samples):
    strict = {arm: samples[arm] for arm in ("led", "learned")}
    plan = Plan("beyond", "Co-Li-O", tuple(ArmPlan(arm, "drawn", None, 0.0) for arm in strict), ())
    table = strictness(strict, plan)
    assert table["n"].sum() == table["exact_formula"].sum() == 8
    assert (table["exact_group"] + table["supergroup"] + table["other"]).to_list() == table["n"].to_list()
    assert table["other"].sum() == sum(rows["failed"].sum() for rows in strict.values())
