"""A variant is chosen on Snakemake's command line: its own jobs, its own folder, no mark on the others."""

import re

import pytest

VARIANTS = """\
variants:
  quick: {sampling: {structures: 4}, constraints: {dense: {terms: [{kind: density, target: {higher: 4}}],
    satisfied_within: 0}}}
"""
NAMED = re.compile(r"results/[a-z-]+/arms/[a-z_]+-s0\.1/samples/\d+\.parquet")


@pytest.fixture
def planned(snakemake, jobs, tmp_path):
    """Jobs by rule and the samples of the guided arm that a dry run announces."""

    def plan(text, *arguments):
        (tmp_path / "house.yaml").write_text(text)
        process = snakemake(tmp_path, "--configfile", "house.yaml", "-n", *arguments)
        return jobs(process), sorted(set(NAMED.findall(process.stdout + process.stderr)))

    return plan


def test_the_variant_has_its_own_jobs_in_its_own_folder(planned, campaign_text):
    plain, samples = planned(campaign_text + VARIANTS)
    assert plain["sample"] == 7  # two shards per arm, but a lineage of eight is never split
    assert samples == ["results/house/arms/volume-s0.1/samples/0000.parquet"]
    quick, samples = planned(campaign_text + VARIANTS, "--config", "variant=quick")
    assert quick["sample"] == 4
    assert samples == ["results/house-quick/arms/dense-s0.1/samples/0000.parquet"]


def test_other_keys_go_over_a_variant(planned, campaign_text):
    more = ("--config", "variant=quick", "sampling={structures: 12}")
    assert planned(campaign_text + VARIANTS, *more)[0]["sample"] == 11  # three per arm, two where guided


def test_an_unknown_variant_ends_before_any_job(snakemake, tmp_path, campaign_text):
    (tmp_path / "house.yaml").write_text(campaign_text + VARIANTS)
    process = snakemake(tmp_path, "--configfile", "house.yaml", "--config", "variant=quik")
    assert process.returncode == 2
    assert "--config: variant: 'quik' is not known, did you mean 'quick'?; allowed: quick" in process.stderr
    assert not (tmp_path / "results").exists()


def test_variants_that_are_not_chosen_rerun_nothing(finished, snakemake, jobs, campaign_text):
    (finished / "house.yaml").write_text(campaign_text + VARIANTS)
    try:
        assert jobs(snakemake(finished, "--configfile", "house.yaml", "-n", house=finished)) == {}
    finally:
        (finished / "house.yaml").write_text(campaign_text)
