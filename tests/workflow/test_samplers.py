"""Arms of other samplers go through the whole workflow: searches, strict symmetry, both kinds of proposals."""

import polars as pl
import pytest

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
  - {name: strict, sampler: {kind: symmetric, proposals: 4}}
  - {name: learned, sampler: {kind: symmetric, generator: learned, training_steps: 2, proposals: 3}}
  - {name: led, sampler: {kind: symmetric, space_groups: [166, 12]}, constraint: volume_15, strength: 0.3}
guidance: {strengths: [0.1], late: false, particles: null, start: 0.7}
references: [embedded]
energy: {relax: {steps: 1}}
"""
EXTRA = ("search", "random", "strict", "learned", "led")


@pytest.fixture(scope="module")
def finished(tmp_path_factory, snakemake):
    folder = tmp_path_factory.mktemp("beyond")
    (folder / "beyond.yaml").write_text(CAMPAIGN)
    done = snakemake(folder, "--configfile", "beyond.yaml", "--cores", "2", timeout=600)
    assert done.returncode == 0, done.stderr
    return folder / "results/beyond"


@pytest.fixture(scope="module")
def candidates(finished):
    return pl.read_parquet(finished / "candidates.parquet")


def test_every_arm_has_all_of_its_structures(candidates):
    counts = dict(candidates.group_by("arm").len().iter_rows())
    assert counts == dict.fromkeys(("unguided", "control", "volume_15-s0.1", *EXTRA), 4)


def test_a_search_tells_what_it_cost(finished, candidates):
    table = pl.read_parquet(finished / "statistics/search.parquet")
    assert dict(table.select("arm", "sampler").iter_rows()) == {"search": "gss", "random": "rss"}
    for row in table.iter_rows(named=True):
        own = candidates.filter(pl.col("arm") == row["arm"])
        assert row["estimator_calls"] == own["estimator_calls"].sum() > 0
    assert candidates.filter(pl.col("arm") == "unguided")["estimator_calls"].null_count() == 4


def test_strict_arms_keep_formula_and_group(finished, candidates):
    strict = candidates.filter(pl.col("asked_space_group").is_not_null())
    assert set(strict["arm"]) == {"strict", "learned", "led"}
    assert strict.filter(~pl.col("failed"))["formula"].unique().to_list() == ["LiCoO2"]
    table = pl.read_parquet(finished / "statistics/strictness.parquet")
    assert table["n"].sum() == strict.height
    assert table["exact_formula"].sum() == strict.height
    assert set(table.filter(pl.col("arm") == "led")["space_group"]) <= {166, 12}
    assert (table["exact_group"] + table["supergroup"] + table["other"]).to_list() == table["n"].to_list()


def test_the_arm_guided_inside_the_subspace_is_tested(finished):
    success = pl.read_parquet(finished / "statistics/success.parquet")
    assert "led" in success["arm"].unique().to_list()
    assert "strict" not in success["arm"].unique().to_list()


def test_the_report_speaks_of_both(finished):
    page = (finished / "report.html").read_text()
    assert "Structure search" in page
    assert "Strict symmetry" in page
